"""`make torture`: the installed daemon under load, killed again and again; in the end nothing is lost and nothing double.

python tests/torture/run.py --kills 200                  a hundred on SQLite, a hundred on PostgreSQL
python tests/torture/run.py --kills 20 --on sqlite       on one of them
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bytebridge.sandbox.web import Fault
from torture.firm import SENDERS, Firm
from world import wait_for

READY_S = 3.0
ROUND = 25  # kills, then a quiet point
LONGEST_LIFE_S = 4.0
SERVER = "BYTEBRIDGE_TEST_POSTGRESQL_URL"
TAKEN_OVER_S = 45.0


@dataclass
class Report:
    """ready: seconds from each start to READY=1; worked: of the processor until then."""

    kills: int = 0
    ready: list = field(default_factory=list)
    worked: list = field(default_factory=list)
    took_over: list = field(default_factory=list)
    noticed: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)

    def lines(self):
        yield f"  {self.kills:8}  SIGKILL"
        if self.ready:
            median, most = statistics.median(self.ready), max(self.ready)
            cpu, most_cpu = statistics.median(self.worked), max(self.worked)
            clock = f"median {median:.2f} s, longest {most:.2f} s"
            yield f"  {len(self.ready):8}  starts to READY=1: {clock}; of the processor {cpu:.2f} s and {most_cpu:.2f} s"
        for name, seconds in (("another took over", self.took_over), ("woken, it noticed", self.noticed)):
            if seconds:
                yield f"  {len(seconds):8}  SIGSTOP: {name} after {', '.join(f'{one:.1f}' for one in seconds)} s"
        for kind, count in sorted(self.counts.items()):
            yield f"  {count:8}  {kind}"


def torture(firm, kills, *, stops=(), report=None, tell=lambda _report: None):
    """So many deaths with a quiet point after each `ROUND`. stops: seconds that a process sleeps, at the end.

    tell: called after each quiet point.
    """
    report = report or Report()
    while report.kills < kills:
        with bustle(firm):
            for _ in range(min(ROUND, kills - report.kills)):
                live_and_die(firm, report)
        firm.judge()
        tell(report)
    for number, seconds in enumerate(stops):
        with bustle(firm):
            sleep_and_wake(firm, seconds, report, in_a_letter=number % 2 == 1)
        firm.judge()
    report.counts = firm.counts
    return report


@contextmanager
def bustle(firm, *, weather=True):
    """People work, answers break and administrators adjust until the end of the block."""
    over, failed = threading.Event(), []

    def every(seconds, work):
        def loop():
            try:
                while not over.wait(firm.chance.uniform(seconds / 2, seconds * 3 / 2)):
                    work()
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=loop)
        thread.start()
        return thread

    threads = [every(0.3, firm.act), every(8.0, firm.adjust)]
    if weather:
        threads += [every(0.25, firm.spoil), every(2.5, firm.cut_database)]
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed, failed


def live_and_die(firm, report):
    """One life: killed after some time, in the middle of some call, or before it was ready."""
    how = firm.chance.choice(("time", "time", "call", "start"))
    if how == "start":
        daemon = firm.daemon()
        daemon.ready(firm.chance.uniform(0.1, 2.0))
    else:
        daemon = firm.up()
        report.ready.append(daemon.ready_after)
        report.worked.append(daemon.worked())
        life = firm.chance.uniform(0.05, LONGEST_LIFE_S)
        if how == "call":
            die_in_a_call(firm, daemon, life)
        else:
            _wait_for_death(daemon, life)
    firm.disturbed.append(time.monotonic())
    daemon.kill()
    report.kills += 1
    firm.end_lease()


def die_in_a_call(firm, daemon, life):
    """Killed while one of the systems holds its request: which is then carried out, or is not."""
    writes, countdown, lost = firm.chance.random() < 0.6, firm.chance.randint(1, 4), firm.chance.random() < 0.5
    left = [countdown]

    def reached(write):
        if write == writes:
            left[0] -= 1
            if left[0] == 0:
                os.kill(daemon.process.pid, signal.SIGKILL)
                return lost
        return False

    faults = []
    for system in firm.world.systems:
        fault = Fault(match=lambda request: reached(request.method != "GET"), cut="before", stored=False)
        faults.append((system, fault))
        with system.lock:
            system.faults.appendleft(fault)
    firm.mail.reached = lambda stage: reached(stage == "AFTER_DATA")
    _wait_for_death(daemon, life)
    firm.mail.reached = lambda _stage: None
    for system, fault in faults:
        with system.lock:
            if fault in system.faults:
                system.faults.remove(fault)


def _wait_for_death(daemon, life):
    until, pause = time.monotonic() + life, threading.Event()
    while time.monotonic() < until and daemon.process.poll() is None:
        pause.wait(0.02)


def sleep_and_wake(firm, seconds, report, *, in_a_letter=False):
    """A daemon is stopped for so long; where there is a lease another takes over, and the first one leaves it alone.

    in_a_letter: it is stopped in the middle of handing over a mail; else at a random moment.
    """
    first, second = firm.up(), None
    if not firm.database.startswith("sqlite"):
        second = firm.up("localhost")
        wait_for(lambda: first.works or second.works, "one of them to work", seconds=TAKEN_OVER_S)
    stopped = stop(firm, first, second, in_a_letter=in_a_letter)
    if second is not None:
        if not first.works:
            first, second = second, first
        wait_for(lambda: second.works, "the other one to take over", seconds=TAKEN_OVER_S)
        report.took_over.append(time.monotonic() - stopped)
    _wait_for_death(first, stopped + seconds - time.monotonic())
    woken, said, before = time.monotonic(), len(first.lines), writes_of(firm, first)
    first.signal(signal.SIGCONT)
    firm.disturbed.append(woken)
    if second is not None:
        wait_for(lambda: not first.works, "it to notice", seconds=10)
        report.noticed.append(time.monotonic() - woken)
        _wait_for_death(first, 8.0)
        after = writes_of(firm, first)
        assert after == before, f"after it woke it wrote: {after[len(before) :]}"
        done = [line for line in first.lines[said:] if '"entry_posted"' in line or '"notice_sent"' in line]
        assert not done, f"after it woke it said: {done}"
        second.end()
    else:
        _wait_for_death(first, 5.0)
    first.end()
    firm.disturbed.append(time.monotonic())
    firm.end_lease()


def stop(firm, first, second, *, in_a_letter):
    """Stops whichever works; the moment."""

    def now():
        working = first if second is None or first.works else second
        working.signal(signal.SIGSTOP)
        firm.disturbed.append(time.monotonic())

    if not in_a_letter:
        _wait_for_death(first, firm.chance.uniform(1, 4))
        now()
        return firm.disturbed[-1]
    halted = threading.Event()

    def reached(stage):
        if stage == "RCPT" and not halted.is_set():
            now()
            halted.set()

    firm.mail.reached = reached
    assert halted.wait(60), "no letter went out"
    firm.mail.reached = lambda _stage: None
    return firm.disturbed[-1]


def writes_of(firm, daemon):
    """Calls that change something, and letters, of this daemon."""
    calls = [
        f"{request.method} {request.path}"
        for system in firm.world.systems
        for request in list(system.requests)
        if request.method != "GET" and request.headers.get("host", "").startswith(daemon.host)
    ]
    return calls + [identity for _, identity, by, _ in list(firm.mail.kept) if by == SENDERS[daemon.host]]


@contextmanager
def database(kind, folder):
    """URL of a fresh store."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/bytebridge.db"
        return
    server = sa.make_url(os.environ.get(SERVER) or "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
    name = f"torture_{os.getpid()}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _progress(report):
    print(f"  {report.kills:8}  killed so far, the ledger agrees with the world", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="in all")
    parser.add_argument("--on", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    parser.add_argument("--stop", type=float, default=90.0, help="seconds that a stopped daemon sleeps; 0: none does")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # daemons and database go with it
    slow = False
    for number, kind in enumerate(arguments.on):
        kills = arguments.kills // len(arguments.on) + (number < arguments.kills % len(arguments.on))
        print(f"{kind}, seed {arguments.seed}", flush=True)
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="torture-") as folder,
            database(kind, folder) as url,
            Firm(folder, url, arguments.seed) as firm,
        ):
            report = torture(firm, kills, stops=[arguments.stop] * 2 if arguments.stop else [], tell=_progress)
        print("\n".join(report.lines()))
        print(f"nothing lost, nothing double, in {time.monotonic() - began:.0f} s", flush=True)
        slow |= max(report.ready, default=0) > READY_S
    if slow:
        print(f"a start took longer than {READY_S:g} s")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
