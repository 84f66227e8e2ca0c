"""A known state of PyTorch around a computation, whatever its caller has switched on.

A result must not depend on the `autocast` or `inference_mode` that a training loop is in.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch


@contextmanager
def known_state(gradients: bool = False, dtype: torch.dtype = torch.float32) -> Iterator[None]:
    """As in a fresh process: no autocast, inference mode or anomaly detection; the CPU as default.

    Gradients are recorded if asked for; `dtype` is the default one. At the end all is as before,
    the random states of PyTorch, NumPy and Python among it.
    """
    with ExitStack() as stack:
        for device_type in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device_type):
                stack.enter_context(torch.autocast(device_type, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(gradients))
        if torch.is_anomaly_enabled():
            stack.enter_context(torch.autograd.set_detect_anomaly(False))
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(dtype)
        gpus = torch.cuda.is_available() and torch.cuda.is_initialized()
        stack.enter_context(torch.random.fork_rng(range(torch.cuda.device_count()) if gpus else []))
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        stack.callback(random.setstate, random.getstate())
        yield
