"""The fingerprint looks for imports and docstrings in every statement, wherever it stands."""

import ast
from pathlib import Path

from sensitivity.files import provenance

BLOCKS = '''
"""m"""
import a
if x: import b
elif y: import c
else: import d
for i in x: import e
else: import f
while x: import g
else: import h
with x: import i
try: import j
except A: import k
else: import l
finally: import m
try: pass
except* B: import n
match x:
    case 1: import o
class C:
    """c"""
    import p
    def f(self):
        """f"""
        import q
        return lambda: (x if y else z)
async def g():
    """g"""
    async for i in x: import r
    async with x:
        def h():
            """h"""
            from s import t
'''


def test_no_statement_is_overlooked():
    """In every kind of block, in all of this package, and in the tests."""
    files = [*provenance.SCRIPTS.rglob("*.py"), *Path(__file__).parents[1].rglob("*.py")]
    for source in [BLOCKS, *(path.read_text(encoding="utf-8") for path in files)]:
        tree = ast.parse(source)
        found = {node for node in provenance.statements(tree) if isinstance(node, ast.stmt)}
        assert found == {node for node in ast.walk(tree) if isinstance(node, ast.stmt)}


def test_docstrings_are_left_out_in_every_kind_of_block():
    tree = ast.parse(BLOCKS)
    provenance.without_docs(tree)
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    assert texts == [1]
