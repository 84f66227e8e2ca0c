"""The examples in the docstrings of the metrics run as they stand."""

import doctest

import pytest

from sensitivity import jacobian, regions

PUBLIC = {
    name: getattr(home, name)
    for home, names in (
        (jacobian, ("jacobian_norms", "jacobian", "affine_map")),
        (regions, ("transitions", "count_transitions", "sampled_transitions")),
    )
    for name in names
}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_runs_as_it_stands(name):
    (example,) = doctest.DocTestFinder().find(PUBLIC[name], name, globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
