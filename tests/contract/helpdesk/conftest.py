import re
from pathlib import Path

import pytest
import requests
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest

from bytebridge.helpdesk.connector import connect
from bytebridge.sandbox.liveagent import LiveAgent
from bytebridge.settings import HelpdeskSettings

NOON = 1_770_120_000  # 2026-02-03 12:00:00 UTC
DESCRIPTION = Path(__file__).parent / "liveagent.openapi.yaml"
UNDESCRIBED = re.compile("/api/v3/(api/info/v3|tags/[^/]+)")  # known from the vendor's client alone


class Clock:
    """Time that passes only when told, shared by server and client."""

    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at

    def pass_minutes(self, minutes):
        self.at += int(minutes * 60)


class Polls:
    """A ledger as far as polls need one: what it last saw, and the cursor. Books each page before the next."""

    def __init__(self, helpdesk, server):
        self.helpdesk, self.server = helpdesk, server
        self.cursor, self.seen = None, {}
        self.asked = 0

    def known(self, ids):
        return {wanted: self.seen[wanted] for wanted in ids if wanted in self.seen}

    def pages(self, since=None):
        before = len(self.server.requests)
        for page in self.helpdesk.changed(self.cursor, self.known, since):
            yield page
            self.seen |= {ticket.id: ticket for ticket in page.documents}
            self.cursor = page.cursor or self.cursor
        self.asked = len(self.server.requests) - before

    def poll(self, since=None):
        """Tickets that differ from what was last seen, by id."""
        met = [ticket for page in self.pages(since) for ticket in page.documents if self._differs(ticket)]
        return {ticket.id: ticket for ticket in met}

    def _differs(self, ticket):
        return self.seen.get(ticket.id) != ticket


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def description():
    return OpenAPI.from_file_path(str(DESCRIPTION))


@pytest.fixture(scope="session")
def hold(description):
    """Holds a request a server was sent to the API's description; OpenAPIError says where it breaks it."""

    def check(request):
        address = f"https://example.ladesk.com{request.path}"  # only the server differs
        headers = {name: value for name, value in request.headers.items() if name in ("apikey", "content-type")}
        sent = requests.Request(request.method, address, params=request.query, headers=headers, data=request.body)
        description.validate_request(RequestsOpenAPIRequest(sent.prepare()))

    return check


@pytest.fixture
def open_desk(clock, hold):
    """Opens servers; in the end each request of theirs was one that the API's description knows."""
    opened = []

    def start(**switches):
        server = LiveAgent(now=clock, **{"rate_limit": None, **switches}).start()
        opened.append(server)
        return server

    yield start
    for server in opened:
        server.stop()
        kinds = {(asked.method, asked.path, tuple(name for name, _ in asked.query)): asked for asked in server.requests}
        for asked in kinds.values():
            if not UNDESCRIBED.fullmatch(asked.path):
                hold(asked)
    assert [outside for server in opened for outside in server.outside] == []


@pytest.fixture
def desk(open_desk):
    return open_desk()


@pytest.fixture
def open_client(clock):
    def start(server, **settings):
        given = {
            "url": server.url,
            "api_key": server.api_key,
            "message_api_key": server.message_api_key,
            "agent": "creditos@example.com",
            **settings,
        }
        return connect(
            HelpdeskSettings.model_validate(given, strict=False),
            observe=lambda *_: None,
            sleep=lambda _: None,
            monotonic=clock,
            now=clock,
        )

    return start


@pytest.fixture
def helpdesk(desk, open_client):
    return open_client(desk)


@pytest.fixture
def polls(helpdesk, desk):
    return Polls(helpdesk, desk)


@pytest.fixture
def live(polls, desk, clock):
    """Polls of a desk with some history, after going live and a quiet while."""
    for number in range(5):
        desk.open(f"c{number}@example.com", f"Pregunta {number}")
        clock.pass_minutes(30)
    polls.poll()
    for _ in range(20):
        clock.pass_minutes(1)
        polls.poll()
    return polls


@pytest.fixture
def make_polls(open_client):
    return lambda server, **settings: Polls(open_client(server, **settings), server)
