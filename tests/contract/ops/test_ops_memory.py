"""Memory that the daemon no longer needs goes back to the system."""

import subprocess
import sys

import pytest

# small blocks, each second one kept at the end: the C library alone gives nothing of that back
PROGRAM = """
import ctypes, os
from pathlib import Path
from bytebridge import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [libc.malloc(60_000) for _ in range(1000)]
for block in blocks:
    ctypes.memset(block, 1, 60_000)
for block in blocks[:-1]:
    libc.free(block)
before = resident()
memory.give_back()
print(before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the size")
def test_freed_blocks_below_one_in_use_are_given_back():
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(said.stdout) > 40_000_000
