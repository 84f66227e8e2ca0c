"""The errors that a user can cause and can mend: one sentence, no traceback."""


class SensitivityError(Exception):
    """Something in the input is wrong; the message says what, and what to do about it."""


class DamagedFile(SensitivityError):
    """A file is truncated, altered, or not the one that its name promises."""
