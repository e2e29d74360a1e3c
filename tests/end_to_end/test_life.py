"""Years of a daemon in minutes: full and lost disks, locks, clocks that are set, last week's backup."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from world import COMMAND, wait_for

HOUR = 3600
WEEK = 7 * 24 * HOUR


@pytest.fixture
def ana(world):
    return world.shop.customer("ana@example.com", "Ana", "Pérez")


class Disk:
    """A small file system of its own, seen by the programs started on it, at the store's place."""

    def __init__(self, world, size):
        self.world, self.place = world, world.folder / "disk"
        self.place.mkdir()
        world.configure((f"{world.folder}/bytebridge.db", f"{self.place}/bytebridge.db"))
        script = f"mount -t tmpfs -o size={size} none {self.place} && echo ready && exec sleep 600"
        self._holder = subprocess.Popen(
            ["unshare", *self._as_root(), "--mount", "sh", "-c", script], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout.readline() == "ready\n"
        # its files as this process sees them
        self.inside = Path(f"/proc/{self._holder.pid}/root") / self.place.relative_to("/")

    @staticmethod
    def _as_root():
        return [] if os.getuid() == 0 else ["--user", "--map-root-user"]

    def command(self):
        user = [] if os.getuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={self._holder.pid}", *user, "--mount", "--wdns=/", COMMAND]

    def run(self, *arguments, timeout=150):
        line = [*self.command(), "--config", str(self.world.config), *arguments]
        return self.world.finish(self.start(line), timeout=timeout)

    def start(self, line):
        return subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.world.environment()
        )

    def remount(self, how):
        subprocess.run([*self.command()[:-1], "mount", "-o", f"remount,{how}", str(self.place)], check=True)

    def fill(self):
        with (self.inside / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def clear(self):
        (self.inside / "filler").unlink()

    def end(self):
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()


@pytest.fixture
def disk(world):
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.fail("needs unshare and nsenter of util-linux")
    one = Disk(world, "32m")
    yield one
    one.end()


def test_full_disk_is_said_and_nothing_is_lost_once_there_is_room(world, ana, disk):
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    assert disk.run("poll").code == 0
    disk.fill()
    ticket = world.desk.open("ana@example.com", "Error")
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    world.pass_time(2)
    done = disk.run("poll")
    assert done.code == 1
    assert "has room" in done.line
    assert len(world.desk.replies(ticket)) == 0
    disk.clear()
    world.pass_time(2)
    assert disk.run("poll").code == 0
    world.pass_time(60)
    assert disk.run("poll").code == 0
    assert disk.run("balance", "ana@example.com").out.startswith("105 ")
    assert len(world.desk.replies(ticket)) == 1
    assert len(world.mail.messages) == 2
    assert disk.run("db", "verify").code == 0


def test_doctor_names_a_disk_that_fills_up(world, disk):
    assert disk.run("poll").code == 0
    assert "disk of the store" not in disk.run("doctor").out
    disk.fill()
    filler = disk.inside / "filler"
    os.truncate(filler, filler.stat().st_size - 3 * 2**20)
    assert re.search(r"✗ the disk of the store is full, or soon: [23] MiB are left", disk.run("doctor").out)


def test_daemon_on_a_full_disk_stops_so_that_its_supervisor_starts_it_again(world, ana, disk):
    process = disk.start([*disk.command(), "--config", str(world.config), "run"])
    wait_for(lambda: world.desk.requests, "the first pass")
    disk.fill()
    customers = [world.shop.customer(f"{number}@example.com", "A", "B") for number in range(200)]
    for customer in customers:
        world.shop.buy(customer, {"SERVDOLIA60": 1})
    done = world.finish(process)
    assert done.code == 1
    broken = [line for line in done.err.splitlines() if '"event": "store_broken"' in line]
    assert broken
    assert "has room" in broken[0]
    disk.clear()
    world.pass_time(2)
    for _ in range(5):
        assert disk.run("poll").code == 0
        world.pass_time(HOUR)
    assert set(Counter(mail.message["To"] for mail in world.mail.messages).values()) == {1}
    assert disk.run("reconcile", "--dry-run").code == 0


def test_read_only_store_is_read_and_not_written(world, ana, disk):
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    assert disk.run("poll").code == 0
    disk.remount("ro")
    assert disk.run("balance", "ana@example.com").out.startswith("60 ")
    for command in (("poll",), ("adjust", "ana@example.com", "5", "--reason", "x"), ("run",)):
        done = disk.run(*command)
        assert done.code == 1
        said = [line for line in done.err.splitlines() if line.startswith("bytebridge: ")]
        assert len(said) == 1
        assert "rights" in said[0]
    disk.remount("rw")
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    world.pass_time(2)
    assert disk.run("poll").code == 0
    assert disk.run("balance", "ana@example.com").out.startswith("120 ")


def test_daemon_does_not_write_to_a_file_that_was_deleted(world, ana):
    daemon = world.daemon()
    daemon.saw("service_ready")
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    wait_for(lambda: world.mail.messages, "the letter")
    for left in (*world.folder.glob("bytebridge.db"), *world.folder.glob("bytebridge.db-*")):
        left.unlink()
    daemon.saw("store_broken")
    assert "deleted or replaced" in daemon.events("store_broken")[0]["error"]
    assert daemon.process.wait(15) == 1
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    done = world.run("run")
    assert done.code == 1
    assert "db restore" in done.err.splitlines()[-1]
    assert len(world.mail.messages) == 1
    assert not world.database.exists()


def test_daemon_waits_out_a_lock(world, ana):
    """Somebody else writes for a long time: the daemon is alive meanwhile, and goes on by itself."""
    daemon = world.daemon()
    daemon.saw("service_ready")
    with sqlite3.connect(world.database, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        asked = len(world.shop.requests)
        world.shop.buy(ana, {"SERVDOLIA60": 1})
        wait_for(lambda: len(world.shop.requests) > asked, "a pass that wants to write")
        assert world.run("accounts", "list").code == 0
        holder.execute("ROLLBACK")
    holder.close()
    wait_for(lambda: world.mail.messages, "the letter")
    assert world.balances() == {"ana@example.com": 60}
    assert daemon.end()[0] == 0


def set_clock(clock, seconds):
    """In one step: the daemon reads the file at any moment."""
    (new := clock.with_name("new")).write_text(str(seconds))
    new.replace(clock)


def test_clock_set_back_does_not_silence_the_jobs(world, ana, tmp_path_factory):
    clock = tmp_path_factory.mktemp("clock") / "ahead"
    set_clock(clock, 0)
    daemon = world.daemon(BYTEBRIDGE_TEST_CLOCK=str(clock))
    daemon.saw("service_ready")
    set_clock(clock, -3 * HOUR)
    daemon.saw("clock_moved")
    assert abs(daemon.events("clock_moved")[0]["seconds"] + 3 * HOUR) < 5
    asked = len(world.shop.requests)
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    wait_for(lambda: len(world.shop.requests) > asked + 3, "passes go on")
    set_clock(clock, 0)
    wait_for(lambda: len(daemon.events("clock_moved")) == 2, "the clock is right again")
    wait_for(lambda: world.mail.messages, "the letter")
    assert daemon.end()[0] == 0
    assert world.balances() == {"ana@example.com": 60}


def test_nightly_run_that_is_late_is_run_once(world, tmp_path_factory):
    """The machine slept over half past three: the scheduler's own grace of a second would drop the run."""
    clock = tmp_path_factory.mktemp("clock") / "ahead"
    set_clock(clock, 0)
    daemon = world.daemon(BYTEBRIDGE_TEST_CLOCK=str(clock))
    daemon.saw("service_ready")
    set_clock(clock, 25 * HOUR)
    daemon.saw("reconcile_finished")
    asked = len(world.shop.requests)
    wait_for(lambda: len(world.shop.requests) > asked + 2, "later passes")
    assert len(daemon.events("reconcile_finished")) == 1
    assert daemon.end()[0] == 0


@pytest.mark.parametrize("ahead", [-2 * 24 * HOUR, 2 * 24 * HOUR])
def test_start_with_a_wrong_clock(world, ana, ahead):
    """What happened meanwhile is booked and told once when the clock is right; doctor says what is wrong."""
    world.shop.buy(ana, {"SERVDOLIA60": 1})
    wrong = {"BYTEBRIDGE_TEST_AHEAD": str(ahead)}
    found = world.run("doctor", "--json", **wrong)
    assert found.code in (1, 3)
    assert any("clock" in finding["what"] for finding in found.json["findings"] if finding["level"] != "well")
    daemon = world.daemon(**wrong)
    wait_for(lambda: world.mail.messages, "the letter")
    assert daemon.end()[0] == 0
    ticket = world.desk.open("ana@example.com", "Error")
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.settle()
    assert world.balances() == {"ana@example.com": 45}
    assert len(world.mail.messages) == 1
    assert len(world.desk.replies(ticket)) == 1
    assert world.show("reconcile", "--dry-run")["drift"] == []


def test_last_weeks_backup_is_made_right_by_the_next_pass_and_tells_nobody_twice(world, ana):
    world.shop.buy(ana, {"SERVDOLIA60": 2})
    old = world.desk.open("ana@example.com", "Error")
    world.desk.resolve(old, kind="consulta", minutes=10)
    world.settle()
    copy = world.folder / "monday.db"
    assert world.run("db", "backup", str(copy)).code == 0
    world.pass_time(WEEK)
    later = world.desk.open("ana@example.com", "Otra")
    world.desk.resolve(later, kind="intervencion", minutes=50)
    world.desk.reopen(old)
    world.desk.resolve(old, minutes=40)
    world.settle()
    for name in ("bea", "carl"):  # the next pass reads the shop first: history comes in another order than it came
        ticket = world.desk.open(f"{name}@example.com", "Urgente")
        world.desk.resolve(ticket, kind="consulta", minutes=10)
        world.settle()
    for name in ("carl", "bea", "ana"):
        buyer = ana if name == "ana" else world.shop.customer(f"{name}@example.com", name.title(), "Gil")
        world.shop.buy(buyer, {"SERVDOLIA60": 1})
    world.settle()
    world.desk.reopen(later)
    world.desk.resolve(later, minutes=70)
    world.settle()
    before, told = world.balances(), world.received()
    assert before == {"ana@example.com": 60, "bea@example.com": 45, "carl@example.com": 45}

    assert "another bytebridge" not in world.run("db", "restore", "--dry-run", str(copy)).err
    assert world.run("db", "restore", str(copy)).code == 0
    assert world.balances() == {"ana@example.com": 105}
    for _ in range(5):
        world.poll()
        world.pass_time(HOUR)
    assert world.balances() == before
    assert world.received() == told
    held = world.show("notices", "list", "--state", "held")["notices"]
    assert {(one["kind"], one["to"]) for one in held} >= {("purchase", "bea@example.com")}
    assert world.run("db", "verify").code == 0
    fresh = world.desk.open("bea@example.com", "Nueva")
    world.desk.resolve(fresh, kind="consulta", minutes=10)
    world.settle()
    assert len(world.desk.replies(fresh)) == 1


def test_ends_while_the_store_is_being_made(world):
    """A stop that comes during the migration ends it all, and the next start begins where it can."""
    daemon = world.daemon()
    daemon.saw("service_started")
    daemon.signal(signal.SIGTERM)
    assert daemon.process.wait(10) in (0, -signal.SIGTERM)
    again = world.daemon()
    again.saw("service_ready")
    assert again.end()[0] == 0


@pytest.mark.parametrize("left", [None, b""])
def test_who_only_looks_is_told_too_that_the_store_is_gone(world, left):
    world.poll()
    for file in world.folder.glob("bytebridge.db*"):
        file.unlink()
    if left is not None:
        world.database.write_bytes(left)
    assert "✗ the store at" in world.run("doctor").out
    for command in (("balance", "ana@example.com"), ("poll", "--dry-run")):
        done = world.run(*command)
        assert done.code == 1
        assert "is empty or gone" in done.line
        assert "`bytebridge db restore`" in done.line
