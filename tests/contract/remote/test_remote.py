"""The one HTTP session against a server that misbehaves in every way it is written for."""

import gzip
import socketserver
import ssl
import threading
import time as clock
import tracemalloc
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bytebridge.budget import Budget
from bytebridge.errors import OutcomeUnknown, RemoteRefused, RemoteUnavailable
from bytebridge.remote import ATTEMPTS, LONGEST_PAUSE_S, TRIP_AFTER, Answer, Limits, Remote, retry_after_s
from bytebridge.sandbox.web import Fault, Reply, Simulator, json_reply

KEY = "k3y-canary-0123456789"


class Echo(Simulator):
    def handle(self, request):
        return json_reply({"path": request.path})


class Time:
    """A clock that passes only by waiting; every wait is remembered."""

    def __init__(self):
        self.at = 1000.0
        self.waits = []

    def __call__(self):
        return self.at

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.at += seconds


@pytest.fixture
def server():
    with Echo() as found:
        yield found
        assert found.outside == []


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def remote(server, time):
    return open_remote(server.url, time)


def open_remote(url, time, **more):
    limits = more.pop("limits", Limits(requests_per_minute=60_000))
    headers = {"apikey": KEY}
    return Remote("desk", url, headers=headers, limits=limits, monotonic=time, sleep=time.sleep, **more)


def test_reads_and_sends_its_key_in_a_header(remote, server):
    assert remote.get("/a", params={"b": "c d"}).body == b'{"path": "/a"}'
    assert server.requests[0].headers["apikey"] == KEY
    assert KEY not in server.requests[0].raw_query


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again(remote, server, status):
    server.fail_next(status, times=ATTEMPTS - 1)
    assert remote.get("/a").status == 200
    assert len(server.requests) == ATTEMPTS


def test_trouble_that_does_not_pass_is_unavailable(remote, server):
    server.fail_next(503, times=ATTEMPTS)
    with pytest.raises(RemoteUnavailable):
        remote.get("/a")
    assert len(server.requests) == ATTEMPTS


def test_waits_as_long_as_the_server_asks(remote, server, time):
    server.fail_next(429, headers={"Retry-After": "17"})
    remote.get("/a")
    assert max(time.waits) >= 17


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("Wed, 25 Nov 2026 10:00:20 GMT", 20),
        ("Wed, 25 Nov 2026 10:00:20 -0000", 20),
        ("Wed, 25 Nov 2026 09:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_PAUSE_S),
        ("31536000", LONGEST_PAUSE_S),
        ("9" * 400, LONGEST_PAUSE_S),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Wed, 25 Nov 2026 10:00:20 +9999999999999", None),
        (None, None),
    ],
)
def test_a_retry_after_is_read_in_each_of_its_forms(asked, waited, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    clock.tzset()
    headers = {"date": "Wed, 25 Nov 2026 10:00:00 GMT"} | ({"retry-after": asked} if asked is not None else {})
    assert retry_after_s(Answer(429, headers, b"")) == waited
    monkeypatch.undo()
    clock.tzset()


def test_a_date_that_is_none_is_no_clock():
    assert Answer(200, {"date": "Wed, 25 Nov 2026 10:00:00 +9999999999999"}, b"").date is None


def test_a_date_is_a_retry_after_too(server, time):
    server.now = lambda: 1_000_000_000
    remote = open_remote(server.url, time)
    server.fail_next(503, headers={"Retry-After": "Sun, 09 Sep 2001 01:46:52 GMT"})
    remote.get("/a")
    assert max(time.waits) >= 12


def test_a_long_retry_after_ends_the_turn_and_holds_the_next_calls(remote, server, time):
    server.fail_next(429, headers={"Retry-After": "300"})
    with pytest.raises(RemoteUnavailable) as caught:
        remote.get("/a")
    assert caught.value.retry_after_s == 300
    with pytest.raises(RemoteUnavailable, match="paused"):
        remote.get("/a")
    assert len(server.requests) == 1
    time.at += 301
    assert remote.get("/a").status == 200


def test_after_429_the_speed_is_halved(server, time):
    remote = open_remote(server.url, time, limits=Limits(requests_per_minute=60))
    server.fail_next(429, headers={"Retry-After": "1"})
    remote.get("/a")
    time.waits.clear()
    for _ in range(3):
        remote.get("/a")
    assert min(wait for wait in time.waits if wait) == pytest.approx(2.0, abs=0.1)


def test_an_hour_after_the_last_429_the_speed_doubles_again(server, time):
    remote = open_remote(server.url, time, limits=Limits(requests_per_minute=60))
    for _ in range(2):
        server.fail_next(429, headers={"Retry-After": "1"})
        remote.get("/a")
    for pause in (2.0, 1.0, 1.0):
        time.at += 3601
        for _ in range(11):  # what may go at once has gone
            remote.get("/a")
        time.waits.clear()
        remote.get("/a")
        assert time.waits[-1] == pytest.approx(pause, abs=0.1)


def test_repeated_failures_pause_this_system_longer_each_time(server, time):
    remote = open_remote(server.url, time)
    other = open_remote(server.url, time)
    pauses = []
    for _ in range(2):
        for _ in range(TRIP_AFTER if not pauses else 1):
            server.fail_next(401)
            with pytest.raises(RemoteRefused):
                remote.get("/a")
        with pytest.raises(RemoteUnavailable) as caught:
            remote.get("/a")
        pauses.append(caught.value.retry_after_s)
        assert other.get("/a").status == 200
        time.at += caught.value.retry_after_s + 1
    assert pauses[1] == pytest.approx(2 * pauses[0])
    assert remote.get("/a").status == 200
    server.fail_next(401)
    with pytest.raises(RemoteRefused):
        remote.get("/a")
    assert remote.get("/a").status == 200, "one good answer closes the circuit"


def test_whoever_wants_to_hear_of_every_fault_is_not_paused(server, time):
    remote = open_remote(server.url, time)
    server.fail_next(403, times=2 * TRIP_AFTER)
    with remote.tireless():
        for _ in range(2 * TRIP_AFTER):
            with pytest.raises(RemoteRefused):
                remote.get("/a")
        assert remote.get("/a").status == 200
    server.fail_next(403, times=TRIP_AFTER)
    for _ in range(TRIP_AFTER):
        with pytest.raises(RemoteRefused):
            remote.get("/a")
    with pytest.raises(RemoteUnavailable, match="paused"):
        remote.get("/a")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_key_stays_here(remote, server, status):
    with Echo() as elsewhere:
        server.fail_next(status, headers={"Location": elsewhere.url + "/stolen"})
        with pytest.raises(RemoteRefused, match="redirect"):
            remote.get("/a")
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [401, 403, 400, 404, 405])
def test_what_no_repetition_cures_is_asked_once(remote, server, status):
    server.fail_next(status)
    with pytest.raises(RemoteRefused):
        remote.get("/a")
    assert len(server.requests) == 1


@pytest.mark.parametrize("middle", [False, True])
def test_a_cut_answer_is_read_again(remote, server, middle):
    server.cut_next(middle=middle)
    assert remote.get("/a").body == b'{"path": "/a"}'


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08%c\0\0\0\0\0\x03"
DRIPS = {  # what stands at once, and what then comes again and again
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b"x"),
    "size of a chunk": (CHUNKED, b"0"),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Slow: 1\r\n"),
    "empty blocks of gzip": (GZIP % 0, b"\0\0\0\xff\xff"),
    "file name in gzip": (GZIP % 8, b"a"),
}


@pytest.fixture
def dripping(request):
    """The address of a server whose answers never end, with a little more each twentieth of a second."""
    head, more = request.param

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            with suppress(OSError):
                self.request.sendall(head)
                while not over.wait(0.05):
                    self.request.sendall(more)

    over = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        over.set()
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("dripping", DRIPS.values(), ids=DRIPS, indirect=True)
def test_an_answer_that_drips_is_given_up(dripping):
    # real seconds: each byte resets the socket's own time-out
    remote = Remote("desk", dripping, headers={}, limits=Limits(60_000, read_s=60, total_s=0.2), sleep=lambda _: None)
    with pytest.raises(RemoteUnavailable, match="no answer in time"):
        remote.get("/a")
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        remote.send("POST", "/a", json={})


@pytest.mark.parametrize("dripping", [(OK, b"X-Slow: 1\r\n")], indirect=True)
def test_headers_that_drip_are_given_up(dripping):
    remote = Remote("desk", dripping, headers={}, limits=Limits(60_000, read_s=0.3), sleep=lambda _: None)
    with pytest.raises(RemoteUnavailable, match="no answer in time"):
        remote.get("/a")
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        remote.send("POST", "/a", json={})


def test_a_server_that_never_answers_is_given_up(server):
    remote = Remote("desk", server.url, headers={}, limits=Limits(60_000, read_s=0.2), sleep=lambda _: None)
    server.faults.extend(Fault(delay_s=0.6) for _ in range(ATTEMPTS))
    with pytest.raises(RemoteUnavailable, match="no answer in time"):
        remote.get("/a")


def test_an_answer_without_end_is_given_up(remote, server, time):
    small = open_remote(server.url, time, limits=Limits(60_000, max_body=10_000))
    for _ in range(ATTEMPTS):
        server.faults.append(Fault(reply=Reply(200, b"x" * 20_000)))
    with pytest.raises(RemoteUnavailable, match="larger than 10000"):
        small.get("/a")


@pytest.fixture
def hesitating():
    """A server that keeps back the end of its first answers, and the requests it then heard on the same connections."""
    begun, heard = [], []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            begun.append(self)
            if len(begun) > ATTEMPTS:
                self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
                return
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" + b"x" * 20)
            with suppress(OSError):
                heard.append(self.request.recv(65536))
            with suppress(OSError):
                self.request.sendall(b"x" * 10)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}", heard
        listening.shutdown()
        thread.join()


def test_what_was_left_unread_of_an_answer_is_no_part_of_the_next(hesitating, time):
    url, heard = hesitating
    small = open_remote(url, time, limits=Limits(60_000, max_body=10))
    with pytest.raises(RemoteUnavailable, match="larger than"):
        small.get("/a")
    assert small.get("/b").body == b"mine"
    assert not any(heard)


def test_a_small_compressed_answer_that_swells_is_given_up(server, time):
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 100_000
    small = open_remote(server.url, time, limits=Limits(60_000, max_body=1_000_000))
    for _ in range(ATTEMPTS):
        server.faults.append(Fault(reply=Reply(200, bomb, headers={"Content-Encoding": "gzip"})))
    tracemalloc.start()
    try:
        with pytest.raises(RemoteUnavailable, match="larger than"):
            small.get("/a")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000  # bytes: the most that is taken, its last piece, and no more


def test_cookies_are_not_kept(remote, server):
    server.faults.append(Fault(reply=Reply(200, b"{}", headers={"Set-Cookie": "session=1"})))
    remote.get("/a")
    remote.get("/a")
    assert "cookie" not in server.requests[1].headers


def test_a_netrc_entry_does_not_replace_the_key(server, time, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    open_remote(server.url, time).get("/a")
    assert "authorization" not in server.requests[0].headers


def test_a_write_goes_once_whatever_happens(remote, server):
    server.fail_next(429)
    with pytest.raises(RemoteUnavailable):
        remote.send("POST", "/a", json={})
    server.fail_next(500)
    with pytest.raises(OutcomeUnknown):
        remote.send("POST", "/a", json={})
    assert len(server.requests) == 2


@pytest.mark.parametrize("stored", [True, False])
def test_a_write_whose_answer_is_lost_is_unknown(remote, server, stored):
    server.cut_next(stored=stored)
    with pytest.raises(OutcomeUnknown):
        remote.send("POST", "/a", form={"message": "x"})


def test_a_write_that_never_left_may_be_sent_again(time):
    with Echo() as gone:
        url = gone.url
    with pytest.raises(RemoteUnavailable, match="cannot be reached"):
        open_remote(url, time).send("POST", "/a", json={})


def test_a_write_does_not_trust_a_connection_the_server_may_have_closed(remote, server):
    remote.get("/a")
    remote.send("POST", "/a", json={"a": 1})
    assert server.requests[-1].body == b'{"a": 1}'


def test_no_error_shows_the_key_or_the_address(server, time):
    url = server.url
    remote = Remote(
        "shop", url, headers={}, params={"ws_key": KEY}, limits=Limits(60_000), monotonic=time, sleep=time.sleep
    )
    server.cut_next()
    server.faults.extend(Fault(cut="before") for _ in range(ATTEMPTS))
    with pytest.raises(RemoteUnavailable) as caught:
        remote.get("/orders")
    shown = repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    assert KEY not in shown
    assert caught.value.__suppress_context__
    assert url not in shown


def test_each_request_is_observed(server, time):
    seen = []
    remote = open_remote(server.url, time, observe=lambda *what: seen.append(what[:3]))
    server.fail_next(503)
    remote.get("/a")
    assert seen == [("desk", "GET /a", "503"), ("desk", "GET /a", "200")]


def test_the_budget_spreads_requests_over_the_minute():
    time = Time()
    budget = Budget(60, time, time.sleep)
    for _ in range(70):
        budget.take()
    assert time.at - 1000 == pytest.approx(60, abs=1)


def test_an_address_that_is_none_says_so(time):
    with pytest.raises(RemoteRefused, match="not an http"):
        open_remote("ftp://shop.example.com", time).get("/a")


@pytest.fixture
def secure(tmp_path):
    """A server whose certificate nobody trusts."""
    here = __file__.rpartition("/")[0]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{here}/../mail/server.pem", f"{here}/../mail/server.key")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.headers["apikey"].encode())

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}", f"{here}/../mail/server.pem"
    server.shutdown()
    server.server_close()


def test_a_certificate_nobody_trusts_is_refused(secure, time):
    url, _ = secure
    with pytest.raises(RemoteRefused, match="ca_file"):
        open_remote(url, time).get("/a")


def test_a_certificate_of_the_named_authority_is_taken(secure, time):
    url, authority = secure
    assert open_remote(url, time, ca_file=authority).get("/a").body == KEY.encode()
