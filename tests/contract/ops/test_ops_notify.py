import os
import socket
import sys
import time
from pathlib import Path

import pytest

from bytebridge.notify import Notifier, supervisor


@pytest.fixture(params=["file", "abstract"])
def systemd(request, tmp_path):
    """A real datagram socket and the text that $NOTIFY_SOCKET would hold for it."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@bytebridge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name[1:] if name.startswith("@") else name)
        receiver.settimeout(5)
        yield receiver, name


def told(receiver):
    return receiver.recv(4096).decode().split("\n")


def test_life_of_a_service(systemd):
    receiver, name = systemd
    notifier = Notifier(name, monotonic_ns=lambda: 5_000_001_999)
    notifier.ready("reading shop, erp")
    assert told(receiver) == ["READY=1", "STATUS=reading shop, erp"]
    notifier.status("outbox: 3 letters")
    assert told(receiver) == ["STATUS=outbox: 3 letters"]
    notifier.watchdog()
    assert told(receiver) == ["WATCHDOG=1"]
    notifier.reloading()
    assert told(receiver) == ["RELOADING=1", "MONOTONIC_USEC=5000001"]
    notifier.extend(90)
    assert told(receiver) == ["EXTEND_TIMEOUT_USEC=90000000"]
    notifier.stopping("finishing")
    assert told(receiver) == ["STOPPING=1", "STATUS=finishing"]


def test_reload_carries_the_clock_that_systemd_reads(systemd):
    receiver, name = systemd
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(name).reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert before <= int(told(receiver)[1].removeprefix("MONOTONIC_USEC=")) <= after


def test_status_cannot_smuggle_in_another_assignment(systemd):
    receiver, name = systemd
    Notifier(name).status("down\nREADY=1")
    assert told(receiver) == ["STATUS=down READY=1"]


def test_one_message_is_one_datagram_and_no_descriptor_is_left(systemd):
    receiver, name = systemd
    notifier = Notifier(name)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        notifier.watchdog()
        assert told(receiver) == ["WATCHDOG=1"]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("path", [None, "", "/nowhere/notify", "@bytebridge-nobody-listens"])
def test_without_systemd_it_is_silent(path):
    notifier = Notifier(path)
    notifier.ready("well")
    notifier.stopping("")


@pytest.mark.parametrize(
    ("usec", "path", "every_s"), [(120_000_000, "@x", 60.0), (None, "@x", None), (120_000_000, None, None)]
)
def test_watchdog_is_fed_twice_in_its_time(usec, path, every_s):
    assert Notifier(path, usec).watchdog_every_s == every_s


@pytest.mark.parametrize(
    ("environ", "usec"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 120_000_000),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "42"}, 120_000_000),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "41"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_of_the_environment(environ, usec):
    assert supervisor(environ, sys.stderr, 42).watchdog_usec == usec


def test_journal_only_while_standard_error_still_is_its_socket(tmp_path):
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "other").open("w") as other:
        status = os.fstat(journal.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}", "NOTIFY_SOCKET": "/run/notify"}
        assert supervisor(environ, journal, 1).journal
        assert supervisor(environ, journal, 1).notify_socket == "/run/notify"
        assert not supervisor(environ, other, 1).journal
        assert not supervisor({}, journal, 1).journal
