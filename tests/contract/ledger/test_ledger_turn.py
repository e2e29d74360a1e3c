"""One job at a time on one store, whichever process and thread it is in."""

import os
import signal
import subprocess
import sys
import time

from bytebridge.ledger.engine import Store
from bytebridge.ledger.lock import turn

HOLDER = """
import sys, time
from bytebridge.ledger.engine import Store
from bytebridge.ledger.lock import turn
with turn(Store(sys.argv[1]), "copies") as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_a_turn_is_one_jobs_until_it_ends(store, url):
    other = Store(url)
    with turn(store, "copies") as first:
        with turn(other, "copies") as second, turn(store, "copies") as third, turn(other, "letters") as elsewhere:
            assert (first, second, third, elsewhere) == (True, False, False, True)
        with turn(other, "copies") as again:
            assert not again, "those who did not have it gave nothing up"
    with turn(other, "copies") as free:
        assert free
    other.close()


def test_a_turn_dies_with_its_process(store, url):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "True\n"
    with turn(store, "copies") as mine:
        assert not mine
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    ends = time.monotonic() + 20
    while time.monotonic() < ends:  # a server notices the broken connection in its own time
        with turn(store, "copies") as mine:
            if mine:
                return
    raise AssertionError("the turn is still held")
