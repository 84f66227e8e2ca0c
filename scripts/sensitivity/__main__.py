"""python -m sensitivity measure ...: the measures of a network of your own, without Python."""

from sensitivity.base.command import run
from sensitivity.commands.command import main

if __name__ == "__main__":
    run(main)
