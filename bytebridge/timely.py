"""HTTP connections on which the headers of an answer have their time as a whole, however slowly they drip in.

A socket's time-out begins anew with each byte, so that of itself it bounds nothing.
"""

import io
import socket
import ssl
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
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


class _Line:
    """The one connection of a session, in the place of the pool that `requests` asks for one.

    A pool looks at each character of an address twice more, and with a hundred ids in it that takes longer than all
    the rest. It is encoded already, and goes out as it is.
    """

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
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

    def _answer(
        self, method: str, url: str, body: Any, headers: Mapping[str, str], timeout: Timeout
    ) -> BaseHTTPResponse:
        connection = self._connection
        if not connection.is_connected:
            connection.close()
            connection.timeout = Timeout.resolve_default_timeout(timeout.connect_timeout)
            connection.connect()
        connection.timeout = Timeout.resolve_default_timeout(timeout.read_timeout)
        with suppress(BrokenPipeError):  # it may have answered without having heard all
            connection.request(method, url, body, headers, preload_content=False, decode_content=False)
        return connection.getresponse()

    def close(self) -> None:
        self._connection.close()


class TimelyAdapter(HTTPAdapter):
    """For a session of `requests` with one host. After an answer that was not read to its end it must be closed."""

    _line: _Line | None = None

    def get_connection_with_tls_context(self, request: PreparedRequest, verify: Any, *_: Any, **_more: Any) -> Any:
        if self._line is None:
            where, trust = self.build_connection_pool_key_attributes(request, verify)
            host, port = where["host"], where["port"]
            if where["scheme"] == "https":
                self._line = _Line(_Secure(host, port or _Secure.default_port, **trust))
            else:
                self._line = _Line(_Plain(host, port or _Plain.default_port))
        return self._line

    def close(self) -> None:
        super().close()
        if self._line is not None:
            self._line.close()
