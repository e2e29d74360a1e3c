"""CPU, wall clock and peak memory of what runs inside."""

import resource
import time
from contextlib import contextmanager


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def measured():
    """A dict that holds cpu_s, wall_s and rss_mib (the process's peak so far) afterwards."""
    figures = {}
    began, used = time.perf_counter(), cpu()
    yield figures
    figures["cpu_s"] = cpu() - used
    figures["wall_s"] = time.perf_counter() - began
    figures["rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
