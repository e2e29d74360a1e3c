"""Memory that was freed, given back to the system: the C library keeps it, and a daemon's size would seem to grow."""

import ctypes

GIVE_BACK_EVERY_S = 300.0


def give_back() -> None:
    """Does nothing where the C library has no such call, as musl has none."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
