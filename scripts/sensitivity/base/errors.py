"""The errors that a user can cause and can mend: one sentence, no traceback."""


class SensitivityError(Exception):
    """Something in the input is wrong; the message says what, and what to do about it."""


class DamagedFile(SensitivityError):
    """A file is truncated, altered, or not the one that its name promises."""


OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""What PyTorch's errors say of memory, of the machine's and of a GPU's: its own allocator's, the
driver's (an AcceleratorError), and those of cuBLAS, cuSOLVER and cuSPARSE."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has no memory left.

    PyTorch's OutOfMemoryError is known by its name, since not all that ask have loaded PyTorch.
    """
    known = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return known or any(sign in str(error) for sign in OUT_OF_MEMORY)
