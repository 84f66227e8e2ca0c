import pytest

from made_up.measured import Study


@pytest.fixture
def study(tmp_path):
    """A small trained model on files, to be measured by the script."""
    return Study(tmp_path)
