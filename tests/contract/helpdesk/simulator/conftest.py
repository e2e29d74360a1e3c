from types import SimpleNamespace

import pytest
import requests

from bytebridge.sandbox.liveagent import LiveAgent

NOON = 1770120000  # 2026-02-03 12:00:00 UTC


@pytest.fixture
def clock():
    return SimpleNamespace(now=NOON)


@pytest.fixture
def desk(clock):
    with LiveAgent(now=lambda: clock.now) as desk:
        yield desk
    assert desk.outside == []


@pytest.fixture
def ask(desk):
    """A call of v3: the answer's JSON, or the response itself when a status other than 200 is expected."""

    def call(path, status=200, *, method="GET", key="v3-key", body=None, **query):
        headers = {"apikey": key} if key else {}
        response = requests.request(
            method, f"{desk.url}/api/v3{path}", params=query, headers=headers, json=body, timeout=5
        )
        assert response.status_code == status, response.text
        return response.json() if status == 200 else response

    return call


@pytest.fixture
def post(desk):
    """A message by v1."""

    def call(
        ticket, message="Saldo: 90. Ref. BB-5K2Q9", *, key="v1-key", agent="creditos@example.com", kind="M", **more
    ):
        form = {"message": message, "type": kind, "useridentifier": agent, **more}
        headers = {"apikey": key} if key else {}
        return requests.post(f"{desk.url}/api/conversations/{ticket}/messages", data=form, headers=headers, timeout=5)

    return call


@pytest.fixture
def open_some(desk, clock):
    """Opens tickets a minute apart."""

    def make(count):
        made = []
        for number in range(count):
            made.append(desk.open(f"c{number}@example.com", f"Pregunta {number}"))
            clock.now += 60
        return made

    return make


@pytest.fixture
def ticket(desk, clock):
    """One that a technician has, tagged and with minutes; a minute old."""
    ticket = desk.open("ana@example.com", "Error al validar", kind="consulta", minutes=25, tags=["consulta"])
    desk.assign(ticket, "sat@example.com")
    clock.now += 60
    return ticket


@pytest.fixture
def look(ask):
    """A ticket as the API shows it."""
    return lambda ticket: ask(f"/tickets/{ticket}")


@pytest.fixture
def put(ask):
    def call(ticket, status_expected=200, **body):
        return ask(f"/tickets/{ticket}", status_expected, method="PUT", body=body)

    return call


@pytest.fixture
def statuses(ask):
    return lambda ticket: [row["status"] for row in ask(f"/tickets/{ticket}/history")]


@pytest.fixture
def groups(ask):
    return lambda ticket, **query: ask(f"/tickets/{ticket}/messages", _perPage=100, **query)
