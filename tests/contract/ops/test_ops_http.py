import http.client
import io
import json
import logging
import socket
import threading

import pytest

from bytebridge import logs
from bytebridge.errors import SettingsError, StoreBusy
from bytebridge.metrics import Snapshot
from bytebridge.monitor import Monitor
from bytebridge.status_server import is_loopback, serve

PAGE = "<!doctype html><p>saldo: 105 créditos</p>"


@pytest.fixture
def monitor(clock):
    return Monitor({"shop": 300}, Snapshot, clock, "1")


@pytest.fixture
def started(monitor):
    """Starts a server and gives back a function that asks it: status, headers, text."""
    servers = []

    def start(listen="127.0.0.1:0", page=lambda: PAGE):
        server = serve(listen, monitor, page)
        servers.append(server)

        def ask(path, method="GET", host=None, body=None):
            connection = http.client.HTTPConnection("::1" if "[" in listen else "127.0.0.1", server.port, timeout=5)
            headers = {} if host is None else {"Host": host}
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

        ask.port = server.port
        return ask

    yield start
    for server in servers:
        server.stop()


def test_health_and_readiness(started, monitor, clock):
    ask = started()
    assert ask("/healthz")[::2] == (200, "ok\n")
    assert ask("/readyz")[0] == 503
    monitor.set_ready(ready=True)
    assert ask("/readyz?verbose")[::2] == (200, "ready\n")
    clock.now += 901
    assert ask("/healthz")[::2] == (503, "shop: no good answer for 901 s\n")


def test_metrics_are_prometheus_text(started):
    status, headers, text = started()("/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE bytebridge_passes_total counter" in text


def test_page_on_loopback(started):
    status, headers, text = started()("/")
    assert (status, text) == (200, PAGE)
    assert headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing"])
def test_every_answer_carries_the_security_headers(started, path):
    _, headers, _ = started()(path)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["server"].strip() == "bytebridge"


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/../etc/passwd", "/healthz/x"])
def test_everything_else_is_not_found(started, path):
    assert started()(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "BREW"])
def test_only_get(started, method):
    status, headers, _ = started()("/healthz", method, body=b"x" if method == "POST" else None)
    assert status == 405
    assert headers["allow"] == "GET"


@pytest.mark.parametrize("host", ["127.0.0.1:9464", "localhost", "LOCALHOST:1", "[::1]:9464", "127.1.2.3"])
def test_names_of_this_machine(started, host):
    assert started()("/", host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example.com", "evil.example.com:9464", "localhost.evil.example.com", "", "10.0.0.1"]
)
def test_page_of_the_internet_cannot_read_this_one_through_a_name_of_its_own(started, host):
    status, _, text = started()("/", host=host)
    assert status == 421
    assert "saldo" not in text


def test_beyond_loopback_there_is_no_page_but_health_and_metrics(started):
    ask = started("0.0.0.0:0")
    status, _, text = ask("/", host="localhost")
    assert status == 404
    assert "loopback address only" in text
    assert "saldo" not in text
    assert ask("/metrics", host="monitored.example.com")[0] == 200
    assert ask("/healthz", host="monitored.example.com")[0] == 200


def test_ipv6(started):
    assert started("[::1]:0")("/healthz")[0] == 200


def test_page_that_cannot_read_the_ledger(started):
    def page():
        raise StoreBusy("the ledger is locked")

    assert started(page=page)("/")[::2] == (503, "the ledger is locked\n")


def test_bug_in_the_page_is_logged_and_the_server_lives_on(started):
    def page():
        raise LookupError("a bug")

    stream = io.StringIO()
    before = logging.getLogger().handlers[:]
    logs.configure("info", "json", stream, strict=True)
    try:
        ask = started(page=page)
        with pytest.raises(http.client.RemoteDisconnected):
            ask("/")
        assert ask("/healthz")[0] == 200
    finally:
        logging.captureWarnings(capture=False)
        logging.getLogger().handlers[:] = before
    (record,) = map(json.loads, stream.getvalue().splitlines())
    assert (record["event"], record["job"]) == ("job_crashed", "status")
    assert "LookupError: a bug" in record["exception"]


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n", b"GET\r\n\r\n"])
def test_garbage_is_refused(started, garbage):
    ask = started()
    with socket.create_connection(("127.0.0.1", ask.port), timeout=5) as client:
        client.sendall(garbage)
        assert b"200" not in client.recv(4096)
    assert ask("/healthz")[0] == 200


def test_port_in_use_is_a_mistake_of_the_configuration(started):
    ask = started()
    with pytest.raises(SettingsError, match=r"service\.listen"):
        started(f"127.0.0.1:{ask.port}")


def test_stop_leaves_no_thread_and_frees_the_port(monitor):
    threads = threading.active_count()
    server = serve("127.0.0.1:0", monitor, lambda: PAGE)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        server.stop()  # also while somebody is connected and silent
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    assert threading.active_count() <= threads + 1


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost.", True), ("0.0.0.0", False), ("::", False), ("example.com", False)],
)  # fmt: skip
def test_is_loopback(host, loopback):
    assert is_loopback(host) is loopback
