"""What the simulated systems share: real HTTP on 127.0.0.1, a log of requests, faults on demand."""

import json
import socket
import struct
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """query: decoded pairs in order; `raw_query` as it came; header names in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    raw_query: str
    headers: dict
    body: bytes

    def arg(self, name, default=None):
        return dict(self.query).get(name, default)


@dataclass(frozen=True)
class Reply:
    """fault: how the answer goes out, when the system itself spoils it (its `reply` and `match` mean nothing)."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict = field(default_factory=dict)
    fault: "Fault | None" = None


def json_reply(value, status=200, **headers):
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():  # half a character can only be told by its escape
        text = json.dumps(value)
    return Reply(status, text.encode(), "application/json", headers)


@dataclass
class Fault:
    """One broken answer. match: which requests it waits for (None: the next).

    reply: answered instead of asking the system. Else `cut`: the request is carried out (`stored`) or not, and
    the connection dies before ("before") or in the middle of ("middle") the answer; `delay_s`: answers late.
    """

    match: Callable | None = None
    reply: Reply | None = None
    cut: str | None = None
    stored: bool = True
    delay_s: float = 0.0


class Simulator:
    """A remote system on a port of its own. Subclasses answer in `handle`.

    now: its clock [epoch s]. requests: everything that was asked. outside: requests that its notes do not
    know; a test that leaves any there has failed.
    """

    def __init__(self, now=time.time, port=0):
        self.now = now
        self.requests = []
        self.outside = []
        self.faults = deque()
        self.lock = threading.RLock()
        self._port = port
        self._server = None

    def handle(self, request):
        raise LookupError(request.path)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            disable_nagle_algorithm = (
                True  # head and body are two packets: the second would wait for an acknowledgement
            )

            def do(self):
                simulator._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do  # noqa: N815

            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                return super().date_time_string(simulator.now() if timestamp is None else timestamp)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a client that was killed while it waited is ordinary here

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def fail_next(self, status, times=1, *, body=b"", content_type="text/html", match=None, headers=None):
        for _ in range(times):
            self.faults.append(Fault(match, Reply(status, body, content_type, headers or {})))

    def cut_next(self, *, stored=True, middle=False, match=None):
        """The next request is carried out (or not), then its connection dies."""
        self.faults.append(Fault(match, cut="middle" if middle else "before", stored=stored))

    def refuse(self, request, why):
        """Notes a request outside the contract; the answer says so loudly."""
        self.outside.append(f"{request.method} {request.path}?{unquote(request.raw_query)}: {why}")
        return Reply(599, f"outside the notes: {why}".encode(), "text/plain")

    def _serve(self, handler):
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("content-length") or 0)
        request = Request(
            handler.command,
            unquote(parts.path),
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            parts.query,
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(length) if length else b"",
        )
        with self.lock:
            self.requests.append(request)
            fault = next((f for f in self.faults if f.match is None or f.match(request)), None)
            if fault is not None:
                self.faults.remove(fault)
            if fault is not None and fault.reply is not None:
                reply = fault.reply
            elif fault is not None and fault.cut and not fault.stored:
                reply = Reply(500)
            else:
                reply = self._handled(request)
        self._write(handler, reply, fault or reply.fault)

    def _handled(self, request):
        try:
            return self.handle(request)
        except Exception as error:  # a mistake in here must fail the test, not look like a broken network
            traceback.print_exc()
            return self.refuse(request, f"the simulator failed: {error!r}")

    def _write(self, handler, reply, fault):
        if fault is not None and fault.delay_s:
            time.sleep(fault.delay_s)
        if fault is not None and fault.cut == "before":
            self._hang_up(handler)
            return
        body = b"" if handler.command == "HEAD" or reply.status == 304 else reply.body
        handler.send_response(reply.status)
        handler.send_header("Content-Type", reply.content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if fault is not None and fault.cut == "middle":
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            self._hang_up(handler)
        else:
            handler.wfile.write(body)

    def _hang_up(self, handler):
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
