"""A read that is sent before it is asked for: its answer is taken for no other, and for no later one."""

import threading

import pytest

from bytebridge import timely
from bytebridge.errors import RemoteUnavailable
from bytebridge.remote import ATTEMPTS, Limits, Remote
from bytebridge.sandbox.web import Fault, Reply, Simulator, json_reply
from world import wait_for

PATIENCE_S = 30
NEXT = ("/list", {"page": "[2|3]"})


class Echo(Simulator):
    """Answers what was asked, and says when it was."""

    def __init__(self):
        super().__init__()
        self.heard = threading.Event()

    def handle(self, request):
        self.heard.set()
        return json_reply({"path": request.path, "query": request.raw_query})

    @property
    def asked(self):
        return [request.path for request in self.requests]


@pytest.fixture
def server():
    with Echo() as found:
        yield found


@pytest.fixture
def time():
    return [1000.0]


@pytest.fixture
def remote(server, time):
    found = open_remote(server, time)
    found.get("/first")
    server.heard.clear()
    found.next = NEXT
    return found


def open_remote(server, time, per_minute=60_000):
    def sleep(seconds):
        time[0] += seconds

    limits = Limits(requests_per_minute=per_minute)
    return Remote("desk", server.url, headers={}, limits=limits, monotonic=lambda: time[0], sleep=sleep)


def test_it_is_sent_at_once_and_asked_for_once(remote, server):
    remote.ahead()
    assert server.heard.wait(PATIENCE_S)
    assert b"page=%5B2%7C3%5D" in remote.get(*NEXT).body
    assert b'"/other"' in remote.get("/other").body
    assert server.asked == ["/first", "/list", "/other"]


def test_nothing_is_sent_when_nothing_follows(remote, server):
    remote.next = None
    remote.ahead()
    remote.get(*NEXT)
    assert server.asked == ["/first", "/list"]


@pytest.mark.parametrize(
    "other", [("/other", {}), ("/list", {"page": "3"}), ("/list", None), (*NEXT, {"Accept": "text/xml"})]
)
def test_its_answer_is_taken_for_no_other(remote, server, other):
    remote.ahead()
    assert server.heard.wait(PATIENCE_S)
    got = remote.get(*other)
    assert got.body == b'{"path": "%s", "query": "%s"}' % (
        other[0].encode(),
        {"3": b"page=3", "[2|3]": b"page=%5B2%7C3%5D"}.get((other[1] or {}).get("page"), b""),
    )
    assert server.requests[-1].headers["accept"] == (
        "text/xml" if len(other) > 2 else server.requests[0].headers["accept"]
    )
    assert b"page=%5B2%7C3%5D" in remote.get(*NEXT).body
    assert server.asked == ["/first", "/list", other[0], "/list"]


def test_an_answer_that_lay_too_long_is_asked_for_anew(remote, server, monkeypatch):
    remote.ahead()
    assert server.heard.wait(PATIENCE_S)
    monkeypatch.setattr(timely, "FRESH_S", 0.0)
    assert remote.get(*NEXT).status == 200
    assert server.asked == ["/first", "/list", "/list"]


def test_a_server_that_hung_up_meanwhile_is_asked_once_more(remote, server):
    server.cut_next(stored=False)
    remote.ahead()
    assert remote.get(*NEXT).status == 200
    assert server.asked == ["/first", "/list", "/list"]


def test_an_error_in_answer_is_tried_again_like_any(remote, server):
    server.fail_next(503)
    remote.ahead()
    assert remote.get(*NEXT).status == 200
    assert server.asked == ["/first", "/list", "/list"]


def test_a_server_that_is_gone_is_told_when_it_is_asked_for(remote, server):
    for _ in range(2 * ATTEMPTS):
        server.cut_next(stored=False)
    remote.ahead()
    with pytest.raises(RemoteUnavailable):
        remote.get(*NEXT)


def test_nothing_is_sent_ahead_on_a_line_that_is_not_open(server, time):
    remote = open_remote(server, time)
    remote.next = NEXT
    remote.ahead()
    assert server.asked == []
    assert remote.get(*NEXT).status == 200
    assert server.asked == ["/list"]


def test_it_counts_once_and_is_not_sent_while_the_budget_is_used_up(server, time):
    remote = open_remote(server, time, per_minute=12)  # two at once, then one in five seconds
    began = time[0]
    remote.get("/first")
    remote.next = NEXT
    remote.ahead()
    remote.get(*NEXT)
    assert time[0] == began
    remote.next = ("/list", {"page": "4"})
    remote.ahead()
    assert server.asked == ["/first", "/list"]
    assert time[0] == began
    remote.get("/list", {"page": "4"})
    assert time[0] == pytest.approx(began + 5)
    assert server.asked == ["/first", "/list", "/list"]


def test_nothing_is_sent_ahead_to_a_system_that_is_paused(remote, server):
    for _ in range(3):
        server.fail_next(500, times=ATTEMPTS)
        with pytest.raises(RemoteUnavailable):
            remote.get("/broken")
    before = list(server.asked)
    remote.next = NEXT
    remote.ahead()
    assert server.asked == before


def test_a_write_in_between_does_not_touch_it(remote, server):
    remote.ahead()
    assert server.heard.wait(PATIENCE_S)
    assert b'"/change"' in remote.send("PUT", "/change", json={}).body
    assert b"page=%5B2%7C3%5D" in remote.get(*NEXT).body
    assert server.asked == ["/first", "/list", "/change"]


def test_a_late_answer_is_waited_for(remote, server):
    server.faults.append(Fault(delay_s=0.3))
    remote.ahead()
    assert remote.get(*NEXT).status == 200
    assert server.asked == ["/first", "/list"]


def test_who_is_busy_with_another_answer_sends_nothing_ahead(remote, server):
    """And does not wait for the end of it."""
    server.faults.append(Fault(match=lambda request: request.path == "/slow", delay_s=0.5))
    other = threading.Thread(target=remote.get, args=("/slow",))
    other.start()
    wait_for(lambda: "/slow" in server.asked, "the other question")
    remote.ahead()
    assert other.is_alive()
    other.join()
    assert server.asked == ["/first", "/slow"]


def test_nothing_is_sent_ahead_on_a_line_that_the_server_closed(server, time):
    remote = open_remote(server, time)
    server.faults.append(Fault(reply=Reply(200, b"{}", "application/json", {"Connection": "close"})))
    remote.get("/first")
    remote.next = NEXT
    remote.ahead()
    assert b'"/other"' in remote.get("/other").body
    assert server.asked == ["/first", "/other"]


def test_who_asks_something_else_meanwhile_does_not_wait_for_it(remote, server, time):
    server.faults.append(Fault(match=lambda request: request.path == "/list", delay_s=0.5))
    began = time[0]
    remote.ahead()
    assert b'"/other"' in remote.get("/other").body
    assert time[0] == began, "nothing had to be tried again"
