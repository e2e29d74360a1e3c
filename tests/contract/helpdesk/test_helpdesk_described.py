"""What holds the client's requests to the description of the API notices each way to break one."""

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
from openapi_core.exceptions import OpenAPIError

LIST = ("GET", "/api/v3/tickets")
ONE = ("GET", "/api/v3/tickets/ID")
PUT = ("PUT", "/api/v3/tickets/ID")
POST = ("POST", "/api/conversations/ID/messages")


@pytest.fixture
def sent(desk, helpdesk, polls, clock):
    """One request of each kind that reading, posting and restoring take, by method and path; the ticket's id."""
    ticket = desk.open("ana@example.com", "Error")
    clock.pass_minutes(10)
    desk.resolve(ticket, kind="consulta", minutes=25)
    polls.poll()
    before = helpdesk.standing_text(ticket)
    helpdesk.post(ticket, "Saldo: 90. Ref. BB-7-31-0A1B2C3D", kind="reply")
    helpdesk.find(ticket, "BB-7-31-0A1B2C3D")
    helpdesk.restore_text(ticket, before)
    return {(asked.method, asked.path.replace(ticket, "ID")): asked for asked in desk.requests}


def query(**changed):
    return lambda asked: replace(asked, query=tuple((dict(asked.query) | changed).items()))


def form(**changed):
    def broken(asked):
        fields = dict(parse_qsl(asked.body.decode())) | changed
        return replace(asked, body=urlencode({k: v for k, v in fields.items() if v is not None}).encode())

    return broken


def data(**changed):
    return lambda asked: replace(asked, body=json.dumps(json.loads(asked.body) | changed).encode())


BROKEN = {
    "a page that is no number": (LIST, query(_perPage="many")),
    "a page too long": (LIST, query(_perPage="1000")),
    "page nought": (LIST, query(_page="0")),
    "an order that does not exist": (LIST, query(_sortDir="DOWN")),
    "a field it does not sort by": (LIST, query(_sortField="code")),
    "a filter that is no list": (LIST, query(_filters="date_changed>2026")),
    "no key": (LIST, lambda asked: replace(asked, headers={})),
    "a key in the query alone": (LIST, lambda asked: replace(query(apikey="v3-key")(asked), headers={})),
    "a code for an id": (ONE, lambda asked: replace(asked, path="/api/v3/tickets/KXB-QWERT-482")),
    "a call that does not exist": (ONE, lambda asked: replace(asked, path=f"{asked.path}/reply")),
    "a method that does not exist": (ONE, lambda asked: replace(asked, method="DELETE")),
    "a status of two letters": (PUT, data(status="RR")),
    "tags as one text": (PUT, data(tags="a,b")),
    "an assignee that is a number": (PUT, data(agentid=7)),
    "no message": (POST, form(message=None)),
    "no author": (POST, form(useridentifier=None)),
    "a type of message that does not exist": (POST, form(type="X")),
    "a form sent as data": (
        POST,
        lambda asked: replace(asked, headers=asked.headers | {"content-type": "application/json"}),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_request_does_not_pass(sent, hold, what):
    kind, breaks = BROKEN[what]
    hold(sent[kind])
    with pytest.raises(OpenAPIError):
        hold(breaks(sent[kind]))
