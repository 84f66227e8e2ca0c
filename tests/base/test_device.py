import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from sensitivity.base import device
from sensitivity.base.errors import SensitivityError


@pytest.fixture(autouse=True)
def _restored(monkeypatch, tmp_path):
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fills = torch.utils.deterministic.fill_uninitialized_memory
    monkeypatch.setattr(device, "_held", [])
    monkeypatch.setattr(device.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with threadpool_limits():  # which it puts back
        yield
    for lock in device._held:
        lock.release()
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)
    torch.utils.deterministic.fill_uninitialized_memory = fills


@pytest.fixture
def two_gpus(monkeypatch):
    """A machine with two GPUs, of which only the bookkeeping is there."""
    gpus = types.SimpleNamespace(current=None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda index: types.SimpleNamespace(uuid=f"GPU-{'ab'[index]}"),
    )
    monkeypatch.setattr(torch.cuda, "set_device", lambda where: setattr(gpus, "current", where))
    gpus.capabilities = [(9, 0), (9, 0)]
    capability = gpus.capabilities.__getitem__
    monkeypatch.setattr(torch.cuda, "get_device_capability", capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {'AB'[index]}")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_80", "sm_90", "compute_120"])
    return gpus


def test_the_cpu():
    assert device.prepare("cpu", threads=1) == torch.device("cpu")
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()


THREADS = """
import sys
from threadpoolctl import threadpool_info
from sensitivity.base import device
device.prepare("cpu", threads=int(sys.argv[1]))
print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_numpys_products_get_as_many_threads_as_pytorchs(threads):
    """Where the environment does not say how many: outside of Snakemake, which sets these."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", THREADS, str(threads)]
    scripts = Path(device.__file__).resolve().parents[2]
    printed = subprocess.check_output(command, cwd=scripts, env=environment, text=True, timeout=120)
    assert printed.strip() == f"{{{threads}}}"


def test_cuda_without_a_gpu_is_an_error_at_once(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SensitivityError, match="no CUDA device on this machine; choose the device"):
        device.prepare("cuda")
    assert device.prepare("auto") == torch.device("cpu")


def test_concurrent_jobs_take_different_gpus(two_gpus):
    assert device.prepare("auto") == torch.device("cuda", 0)
    assert device.prepare("cuda") == torch.device("cuda", 1)  # as if from another process
    assert two_gpus.current == torch.device("cuda", 1)
    assert device.prepare("cuda").index in (0, 1)  # more jobs than GPUs: shared
    device._held[0].release()
    assert device.prepare("cuda") == torch.device("cuda", 0)


def test_the_same_gpu_is_the_same_by_any_number(two_gpus, monkeypatch):
    """As under CUDA_VISIBLE_DEVICES=1,0: what was GPU 1 is now GPU 0."""
    device.prepare("cuda")
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda index: types.SimpleNamespace(uuid=f"GPU-{'ba'[index]}"),
    )
    assert device.prepare("cuda") == torch.device("cuda", 0)  # the other one


def test_the_cpu_is_taken_where_it_is_asked_for(two_gpus):
    assert device.prepare("cpu") == torch.device("cpu")
    assert two_gpus.current is None


def test_tf32_is_off_where_full_precision_is_asked_for():
    matmul = torch.backends.cuda.matmul
    assert not matmul.allow_tf32
    matmul.allow_tf32 = True
    try:
        with device.full_precision():
            assert not matmul.allow_tf32
        assert matmul.allow_tf32
    finally:
        matmul.allow_tf32 = False


class TestTooOld:
    """GPUs that the installed PyTorch has no code for."""

    def test_another_gpu_is_taken(self, two_gpus, caplog):
        two_gpus.capabilities[0] = (6, 1)
        assert device.prepare("cuda") == torch.device("cuda", 1)
        assert "GPU A (sm_61) can't be used: this PyTorch is built for sm_80, sm_90" in caplog.text

    def test_auto_takes_the_cpu_with_a_warning(self, two_gpus, caplog):
        two_gpus.capabilities[:] = [(6, 1), (7, 0)]
        assert device.prepare("auto") == torch.device("cpu")
        assert "sm_61" in caplog.text
        assert "sm_70" in caplog.text

    def test_asked_for_it_is_an_error_at_once(self, two_gpus):
        two_gpus.capabilities[:] = [(6, 1), (7, 0)]
        with pytest.raises(SensitivityError, match=r"sm_61.*set device: cpu"):
            device.prepare("cuda")

    @pytest.mark.parametrize(
        ("built", "capability", "runs"),
        [
            (["sm_80"], (8, 6), True),
            (["sm_86"], (8, 0), False),
            (["sm_80"], (9, 0), False),
            (["compute_80"], (9, 0), True),
            (["compute_90"], (8, 0), False),
            (["sm_90a"], (9, 0), True),
            (["sm_100a"], (10, 3), False),
            (["sm_100f"], (10, 3), True),
            (["sm_120"], (12, 0), True),
            (["gfx90a"], (9, 0), True),
            ([], (3, 0), True),
        ],
    )
    def test_what_runs_where(self, built, capability, runs):
        assert device.has_code_for(capability, built) is runs
