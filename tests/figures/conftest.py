"""A made-up study in the project's file formats, with values such as the real one has."""

import pytest

from made_up.study import DATASETS, made_up_boundaries, made_up_stages, made_up_study
from sensitivity.figures import FigureData


@pytest.fixture(scope="session")
def make_study():
    """`make_study(datasets=..., count=...)`: a made-up study."""
    return made_up_study


@pytest.fixture(scope="session")
def study():
    """A made-up study of two data sets; frozen, and no test changes its tables."""
    return made_up_study()


@pytest.fixture(scope="session")
def make_boundaries():
    """`make_boundaries(pixels=True)`: a record of figure 3."""
    return made_up_boundaries


@pytest.fixture
def settings():
    return {"datasets": list(DATASETS), "seed": 0}


@pytest.fixture
def main():
    """Settings of a figure that shows the main data set alone."""
    return {"datasets": ["mnist5k"], "seed": 0}


@pytest.fixture(scope="session")
def stages():
    """A made-up study with models at several shares of random labels, and after several steps."""
    return FigureData(models=made_up_stages())
