"""The small HTTP server of the daemon: health, metrics and, on loopback only, the status page."""

import ipaddress
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bytebridge.errors import BytebridgeError, SettingsError
from bytebridge.logs import log
from bytebridge.monitor import Monitor

TEXT, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
POLICY = "Content-Security-Policy"
HEADERS = {
    "Cache-Control": "no-store",
    POLICY: "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    kind: str
    body: bytes


Answer = Callable[[str, str], Reply]
"""The reply to a path, given the Host header too."""


def _text(status: int, words: str) -> Reply:
    return Reply(status, TEXT, f"{words}\n".encode())


class StatusServer:
    """Answers in threads of its own until `stop`."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.2,), name="status", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(listen: str, monitor: Monitor, page: Callable[[], str], script: str = "") -> StatusServer:
    """Listens on `listen` ("127.0.0.1:9464", "[::1]:9464"); SettingsError when that address cannot be had.

    page: makes the HTML of `/`, which names customers and is therefore shown on loopback only. script: source
    expression of the one script that page may run.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    local = is_loopback(host)

    script_policy = f"script-src {script}; " if script else ""

    def answer(path: str, host_header: str) -> Reply:
        # a page of the internet whose name is made to point here would otherwise read this one
        if local and not is_loopback(_host(host_header)):
            return _text(421, "not a name of this machine")
        return _reply(path, monitor, page if local else None)

    try:
        return StatusServer(_Server((host, int(port)), answer, script_policy))
    except OSError as error:
        expected = f"an address that is free on this machine ({error.strerror})"
        raise SettingsError([f"service.listen: {listen}: expected: {expected}"]) from error


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _host(header: str) -> str:
    """The Host header without its port."""
    return header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]


def _reply(path: str, monitor: Monitor, page: Callable[[], str] | None) -> Reply:
    match path:
        case "/healthz":
            return _text(*monitor.healthz())
        case "/readyz":
            return _text(*monitor.readyz())
        case "/metrics":
            return Reply(200, METRICS, monitor.exposition())
        case "/" if page is not None:
            return _page(page)
        case "/":
            return _text(404, "the status page is shown on a loopback address only: see service.listen")
    return _text(404, "not found")


def _page(page: Callable[[], str]) -> Reply:
    try:
        return Reply(200, HTML, page().encode())
    except BytebridgeError as error:
        return _text(503, str(error))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a slow reader must not hold up the end of the daemon

    def __init__(self, address: tuple[str, int], answer: Answer, script_policy: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.answer = answer
        self.headers = {**HEADERS, POLICY: script_policy + HEADERS[POLICY]}
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (the library's signature)
        log("job_crashed", job="status", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = 10  # seconds; a silent client gives its thread back
    protocol_version = "HTTP/1.1"
    server_version = "bytebridge"
    sys_version = ""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        reply = self.server.answer(self.path.partition("?")[0], self.headers.get("Host", ""))
        if reply.status >= 400:
            log("page_refused", path=self.path, status=reply.status)
        self._send(reply)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the library refuses by itself; it says 501 for a method that has no function here."""
        self.close_connection = True  # a body that may follow is not read
        self._send(_text(405, "only GET") if code == 501 else _text(code, "bad request"))

    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds and are not worth a line each."""

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        allow = {"Allow": "GET"} if reply.status == 405 else {}
        closing = {"Connection": "close"} if self.close_connection else {}
        length = {"Content-Type": reply.kind, "Content-Length": str(len(reply.body))}
        assert isinstance(self.server, _Server)
        for name, value in {**length, **self.server.headers, **allow, **closing}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
