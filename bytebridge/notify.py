"""Tells systemd how the service is (sd_notify), and learns from it what it expects: no library needed."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Supervisor:
    """notify_socket: where to tell, None without systemd. watchdog_usec: told at least this often [µs].

    journal: standard error is the journal itself.
    """

    notify_socket: str | None
    watchdog_usec: int | None
    journal: bool


def supervisor(environ: Mapping[str, str], stderr: TextIO, pid: int) -> Supervisor:
    """pid: of the daemon, since a watchdog may be meant for another process."""
    usec = environ.get("WATCHDOG_USEC", "")
    ours = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
    return Supervisor(
        notify_socket=environ.get("NOTIFY_SOCKET") or None,
        watchdog_usec=int(usec) if ours and usec.isdecimal() and int(usec) else None,
        journal=_is_journal(stderr, environ.get("JOURNAL_STREAM", "")),
    )


def _is_journal(stream: TextIO, device_and_inode: str) -> bool:
    """The variable reaches every child: it counts only while the stream still is that socket."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return device_and_inode == f"{status.st_dev}:{status.st_ino}"


class Notifier:
    """Sends to systemd's socket; without one it stays silent.

    path: $NOTIFY_SOCKET, a file or, with a leading @, an abstract name. What cannot be delivered is dropped:
    systemd's own time-outs judge a service that does not speak.
    """

    def __init__(
        self,
        path: str | None,
        watchdog_usec: int | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._address = "\0" + path[1:] if path and path.startswith("@") else path
        self._monotonic_ns = monotonic_ns
        # half the limit, as sd_watchdog_enabled(3) advises
        self.watchdog_every_s = watchdog_usec / 2_000_000 if watchdog_usec and path else None

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={_line(status)}")

    def watchdog(self) -> None:
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """`ready` ends the reload. systemd accepts it only with the time on its own monotonic clock."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={_line(status)}")

    def extend(self, seconds: float) -> None:
        """Asks for more time to start or stop, as a long migration needs it."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, *lines: str) -> bool:
        """Whether systemd has it."""
        if self._address is None:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return False
        return True


def _line(text: str) -> str:
    return " ".join(text.split())
