"""The graph in CONTRIBUTING.md of the rules is that of the workflow."""

import importlib
import subprocess
import sys

from workflow.conftest import ROOT

rule_graph = importlib.import_module("rule_graph")


def test_the_graph_is_current(clone):
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js"]
    graph = subprocess.run(command, cwd=clone.folder, capture_output=True, text=True, check=True)
    (drawn,) = rule_graph.BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert drawn == rule_graph.simplified(graph.stdout)
    for rule in ("fetch", "train", "measures", "networks", "statistics", "claims", "figures"):
        assert f"{rule} -->" in drawn


def test_rules_of_a_kind_are_one_node():
    graph = "flowchart TB\n\tid0[all]\n\tid1[figure_gap]\n\tid2[figure_arch]\n\tid3[table_points]\n"
    graph += "\tid1 --> id0\n\tid2 --> id0\n\tid3 --> id1\n"
    assert rule_graph.simplified(graph).split("\n")[1:] == [
        "    figures --> all",
        "    statistics --> figures",
        "",
    ]
