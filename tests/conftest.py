import signal
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from threadpoolctl import threadpool_limits

from pretended import pretend as pretend_a_gpu
from pretended import unavailable

HERE = Path(__file__).resolve().parent
FIRST = {"slurm": 0, "workflow": 1}

# No example is late: a machine may have other things to do.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items):
    """What takes longest first: the cluster (minutes of waiting, if there is SLURM), workflows."""
    items.sort(key=lambda item: FIRST.get(item.path.relative_to(HERE).parts[0], len(FIRST)))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """As in a job; several workers share the machine's cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1, user_api="blas"):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", autouse=True)
def _interruptible():
    """What a shell puts in the background ignores interrupts, and so would its children."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def pretend():
    """`with pretend() as gpu:` makes a GPU (tests/gpu/pretended), where one can be."""
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    return pretend_a_gpu
