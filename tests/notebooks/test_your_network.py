"""The notebook runs from its folder, as it is, and shows what its text promises."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("default")  # of the kernel's client
def test_your_network():
    notebook = nbformat.read(NOTEBOOKS / "your_network.ipynb", as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=1500, kernel_name="python3", resources=resources).execute()
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert not [o for o in outputs if o.get("name") == "stderr"]  # no warnings
    figures = [o for o in outputs if "image/png" in o.get("data", {})]
    tables = [o for o in outputs if "text/html" in o.get("data", {})]
    assert (len(figures), len(tables)) == (3, 2)
    text = "".join(o.text for o in outputs if o.output_type == "stream")
    accuracy = float(text.split("test accuracy ")[1].split()[0])
    assert accuracy > 0.9
    found = int(text.split(" regions on a square")[0].split()[-1])
    assert 500 < found < 20_000
    kept = nbformat.read(NOTEBOOKS / "your_network.ipynb", as_version=4)
    shown = [cell.get("outputs") for cell in kept.cells if cell.cell_type == "code"]
    assert sum(map(len, shown)) == len(outputs), "keep the outputs with the notebook"
