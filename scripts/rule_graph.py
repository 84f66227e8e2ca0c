"""Draw the graph of a workflow's rules in a document: one node for all figures, one for all tables.

Between the document's line "```mermaid" and the end of that block stands what this program writes.
The graph comes from Snakemake (`snakemake --rulegraph mermaid-js`), on the standard input.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

TOGETHER = {"figure_": "figures", "table_": "statistics", "claims_table": "claims"}
NODE = re.compile(r"^\s*(id\d+)\[(\w+)\]", re.MULTILINE)
EDGE = re.compile(r"^\s*(id\d+) --> (id\d+)", re.MULTILINE)
BLOCK = re.compile(r"(?<=^```mermaid\n).*?(?=^```)", re.MULTILINE | re.DOTALL)


def main(argv: Sequence[str] | None = None) -> None:
    """Put the graph into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path, help="Markdown that holds a block of mermaid")
    document = parser.parse_args(argv).document
    text = document.read_text(encoding="utf-8")
    document.write_text(BLOCK.sub(simplified(sys.stdin.read()), text), encoding="utf-8")


def simplified(graph: str) -> str:
    """Snakemake's graph without colours, and with all figures and all tables taken together."""
    names = {node: _together(rule) for node, rule in NODE.findall(graph)}
    edges = {(names[start], names[end]) for start, end in EDGE.findall(graph)}
    lines = [f"    {start} --> {end}" for start, end in sorted(edges) if start != end]
    return "\n".join(["flowchart LR", *lines, ""])


def _together(rule: str) -> str:
    return next((name for prefix, name in TOGETHER.items() if rule.startswith(prefix)), rule)


if __name__ == "__main__":
    main()
