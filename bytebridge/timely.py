"""HTTP connections on which an answer has its time as a whole, however slowly it drips in.

A socket's time-out begins anew with each byte, so that of itself it bounds nothing; and who reads a body waits inside
the libraries for the end of what they make nothing of, as sizes of chunks, trailers and empty blocks of gzip are.
"""

import io
import socket
import ssl
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

FRESH_S = 30.0  # an answer that lay unread for longer is asked for anew
BUFFER = 65_536  # bytes taken from the socket at once: each time costs two calls of the system


class _Receiver(io.RawIOBase):
    """What arrives at a socket until `ends` [monotonic s], each piece within `each` seconds."""

    def __init__(self, arriving: io.RawIOBase, sock: socket.socket, each: float, ends: float) -> None:
        self._arriving, self._sock, self._each = arriving, sock, each
        self.ends = ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, self._each))
        return self._arriving.readinto(buffer)

    def close(self) -> None:
        self._arriving.close()
        super().close()


class _Response(HTTPResponse):
    """An answer whose headers are complete within the time-out of its socket and all of it within `total_s`."""

    def __init__(self, sock: socket.socket, *args: Any, total_s: float, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        began, each = time.monotonic(), sock.gettimeout() or total_s
        self._ends = began + total_s
        self._receiver = _Receiver(self.fp.detach(), sock, each, min(began + each, self._ends))
        self.fp = io.BufferedReader(self._receiver, BUFFER)

    def begin(self) -> None:
        super().begin()
        self._receiver.ends = self._ends


class _Line:
    """The one connection of a session, in the place of the pool that `requests` asks for one.

    A pool looks at each character of an address twice more, and with a hundred ids in it that takes longer than all
    the rest. It is encoded already, and goes out as it is.
    """

    def __init__(self, connection: HTTPConnection, total_s: float) -> None:
        self._connection = connection
        self._asked: tuple[str, dict[str, str], float] | None = None  # a GET on its way, when it left [monotonic s]
        connection.response_class = partial(_Response, total_s=total_s)  # type: ignore[assignment]
        weakref.finalize(self, connection.close)

    def urlopen(
        self, method: str, url: str, body: Any, headers: Mapping[str, str], timeout: Timeout, **_more: Any
    ) -> BaseHTTPResponse:
        """An answer whose body is still to be read: whoever leaves some of it unread closes the line."""
        try:
            return self._answer(method, url, body, headers, timeout)
        except (ConnectTimeoutError, NewConnectionError) as error:
            self.close()
            raise MaxRetryError(self, url, error) from error  # type: ignore[arg-type]
        except TimeoutError as error:
            self.close()
            raise ReadTimeoutError(self, url, "no answer in time") from error  # type: ignore[arg-type]
        except ssl.SSLError as error:
            self.close()
            raise SSLError(error) from error
        except (HTTPException, OSError) as error:
            self.close()
            raise ProtocolError("the connection broke off", error) from error

    @property
    def is_open(self) -> bool:
        return self._connection.is_connected

    def ask(self, url: str, headers: Mapping[str, str], timeout: Timeout) -> None:
        """Sends a GET on the open line: its answer is for whoever calls `urlopen` for the same next, if soon."""
        self._send("GET", url, None, headers, timeout)
        self._asked = url, dict(headers), time.monotonic()

    def awaits(self, url: str, headers: Mapping[str, str]) -> bool:
        """Whether this GET was sent, so lately that its answer may still be taken for what is."""
        if self._asked is None:
            return False
        *sent, at = self._asked
        return sent == [url, dict(headers)] and time.monotonic() - at < FRESH_S

    def _answer(
        self, method: str, url: str, body: Any, headers: Mapping[str, str], timeout: Timeout
    ) -> BaseHTTPResponse:
        awaited, was, self._asked = self.awaits(url, headers), self._asked, None
        connection = self._connection
        if awaited:
            return connection.getresponse()
        if was is not None or not connection.is_connected:
            connection.close()  # or that answer would be taken for this one
            connection.timeout = Timeout.resolve_default_timeout(timeout.connect_timeout)
            connection.connect()
        self._send(method, url, body, headers, timeout)
        return connection.getresponse()

    def _send(self, method: str, url: str, body: Any, headers: Mapping[str, str], timeout: Timeout) -> None:
        connection = self._connection
        connection.timeout = Timeout.resolve_default_timeout(timeout.read_timeout)
        with suppress(BrokenPipeError):  # it may have answered without having heard all
            connection.request(method, url, body, headers, preload_content=False, decode_content=False)

    def close(self) -> None:
        self._asked = None
        self._connection.close()


class TimelyAdapter(HTTPAdapter):
    """For a session of `requests` with one host. After an answer that was not read to its end it must be closed.

    total_s: for an answer, from when it is waited for.
    """

    _line: _Line | None = None

    def __init__(self, total_s: float) -> None:
        super().__init__()
        self._total_s = total_s

    def get_connection_with_tls_context(self, request: PreparedRequest, verify: Any, *_: Any, **_more: Any) -> Any:
        if self._line is None:
            where, trust = self.build_connection_pool_key_attributes(request, verify)
            host, port = where["host"], where["port"]
            if where["scheme"] == "https":
                connection: HTTPConnection = HTTPSConnection(host, port or HTTPSConnection.default_port, **trust)
            else:
                connection = HTTPConnection(host, port or HTTPConnection.default_port)
            self._line = _Line(connection, self._total_s)
        return self._line

    @property
    def is_open(self) -> bool:
        """Whether a request would go out on the line as it is."""
        return self._line is not None and self._line.is_open

    def ask(self, request: PreparedRequest, read_s: float) -> None:
        """Sends a GET ahead on the open line: who sends it next has the answer. OSError or HTTPException on failure."""
        if self._line is not None:
            self._line.ask(self.request_url(request, {}), request.headers, Timeout(read=read_s))

    def awaits(self, request: PreparedRequest) -> bool:
        """Whether this GET was sent ahead, and its answer is not yet too old."""
        return self._line is not None and self._line.awaits(self.request_url(request, {}), request.headers)

    def close(self) -> None:
        super().close()
        if self._line is not None:
            self._line.close()
