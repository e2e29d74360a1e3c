"""HTTP connections on which the headers of an answer have their time as a whole, however slowly they drip in.

A socket's time-out begins anew with each byte, so that of itself it bounds nothing.
"""

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Receiver(io.RawIOBase):
    """What arrives at a socket, until `ends` when that is set [monotonic s]."""

    def __init__(self, arriving: io.RawIOBase, sock: socket.socket) -> None:
        self._arriving, self._sock = arriving, sock
        self.ends: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ends is not None:
            left = self.ends - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
        return self._arriving.readinto(buffer)

    def close(self) -> None:
        self._arriving.close()
        super().close()


class _Response(HTTPResponse):
    """An answer whose headers are complete within the time-out of its socket, or it ends there."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self._sock = sock
        self._receiver = _Receiver(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._receiver)

    def begin(self) -> None:
        each = self._sock.gettimeout()
        self._receiver.ends = time.monotonic() + each if each is not None else None
        super().begin()
        self._receiver.ends = None
        self._sock.settimeout(each)


class _Plain(HTTPConnection):
    response_class = _Response


class _Secure(HTTPSConnection):
    response_class = _Response


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class TimelyAdapter(HTTPAdapter):
    """For a session of `requests`."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
