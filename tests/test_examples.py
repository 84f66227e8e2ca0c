"""The examples in the docstrings of the metrics and of paths run as they stand."""

import doctest

import pytest

from sensitivity import jacobian, paths, regions

PUBLIC = {
    name: getattr(home, name)
    for home, names in (
        (jacobian, jacobian.__all__),
        (regions, regions.__all__),
        (paths, paths.__all__),
    )
    for name in names
}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_runs_as_it_stands(name):
    examples = doctest.DocTestFinder().find(PUBLIC[name], name)
    assert any(example.examples for example in examples)
    for example in examples:
        assert doctest.DocTestRunner().run(example).failed == 0
