"""Keys, rights and limits of the simulated LiveAgent, and what it refuses."""

import re
from pathlib import Path

import pytest
import requests

from bytebridge.sandbox.liveagent import LiveAgent
from bytebridge.sandbox.liveagent_switches import PRIVILEGES, Switches


def test_ping_needs_no_key(ask):
    assert ask("/ping", key=None) == {}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("key", [None, "wrong", "v1-key"])
def test_v3_refuses_a_key_that_is_not_its_own(desk, ask, key, status):
    desk.wrong_key_status = status
    assert "message" in ask("/tags", status, key=key).json()


def test_v3_key_is_forbidden_on_v1(desk, post):
    ticket = desk.open("ana@example.com", "Error")
    refused = post(ticket, key="v3-key")
    assert refused.status_code == 403
    assert refused.json()["response"]["status"] == "ERROR"
    desk.v1_wrong_key_status = 200
    hidden = post(ticket, key="v3-key")
    assert (hidden.status_code, hidden.json()["response"]["status"]) == (200, "ERROR")
    assert post(ticket, key=None).status_code == 401
    assert desk.replies(ticket) == []


@pytest.mark.parametrize(
    ("place", "header", "body", "status"),
    [
        ("either", "v1-key", None, 200), ("either", None, "v1-key", 200),
        ("header", None, "v1-key", 401), ("body", "v1-key", None, 401), ("body", "v1-key", "v1-key", 200),
    ],
)  # fmt: skip
def test_where_v1_looks_for_its_key(desk, post, place, header, body, status):
    desk.message_key_place = place
    ticket = desk.open("ana@example.com", "Error")
    more = {"apikey": body} if body else {}
    assert post(ticket, key=header, **more).status_code == status


def test_a_key_ends_at_its_date_which_the_key_info_tells(desk, ask, clock):
    desk.valid_to_date = clock.now + 86400
    told = ask("/api/info/v3")
    assert told["apikey"]["valid_to_date"] == "2026-02-04 12:00:00"
    clock.now += 86400
    ask("/tags", 401)


@pytest.mark.parametrize(
    ("privilege", "path"),
    [
        ("ticket.read", "/tickets"), ("ticket.read", "/tickets/{}"), ("ticket.read", "/tickets/{}/messages"),
        ("contact.read", "/contacts"), ("agent.read", "/agents"), ("tag.read", "/tags"),
        ("time_report.read", "/grid/reports/time"), ("api.read_own", "/api/info/v3"),
    ],
)  # fmt: skip
def test_each_right_can_be_missing(desk, ask, privilege, path):
    ticket = desk.open("ana@example.com", "Error")
    desk.privileges = PRIVILEGES - {privilege}
    assert ask(path.format(ticket), 403).json()["message"]
    ask("/departments", _perPage=1)


def test_history_may_ask_for_a_right_of_its_own(desk, ask):
    desk.history_privilege = "reports.read"
    ask("/tickets/history", 403)
    ask("/tickets")


def test_changing_status_and_other_fields_are_two_rights(desk, ask):
    ticket = desk.open("ana@example.com", "Error")
    desk.privileges = PRIVILEGES - {"ticket.change_state"}
    ask(f"/tickets/{ticket}", 403, method="PUT", body={"status": "R"})
    ask(f"/tickets/{ticket}", method="PUT", body={"subject": "Otro"})
    desk.privileges = PRIVILEGES - {"ticket.operate"}
    ask(f"/tickets/{ticket}", 403, method="PUT", body={"status": "R", "departmentid": "default"})


def test_a_key_without_read_all_sees_its_owners_tickets_only(desk, ask, open_some):
    theirs, own = open_some(2)
    desk.assign(own, "creditos@example.com")
    desk.privileges = PRIVILEGES - {"ticket.read_all"}
    assert [row["id"] for row in ask("/tickets")] == [own]
    ask(f"/tickets/{own}")
    ask(f"/tickets/{theirs}", 404)
    desk.key_owner = desk.agent("otra@example.com")
    assert ask("/tickets") == []


def test_too_many_requests_within_a_minute_for_each_key(desk, ask, post, clock):
    ticket = desk.open("ana@example.com", "Error")
    desk.rate_limit = 3
    for _ in range(3):
        ask("/tags")
    assert "Retry-After" not in ask("/tags", 429).headers
    desk.retry_after = 17
    assert ask("/tags", 429).headers["Retry-After"] == "17"
    assert [post(ticket).status_code for _ in range(4)] == [200, 200, 200, 429]
    clock.now += 59
    ask("/tags", 429)
    clock.now += 1
    ask("/tags")


def test_the_real_limit_is_on_unless_a_test_lifts_it(desk, ask):
    assert desk.rate_limit == 180
    desk.rate_limit = None
    for _ in range(181):
        ask("/ping")
        ask("/departments")


# requests outside the notes

OUTSIDE = {
    "unknown path": ("GET", "/api/v3/customers", {}),
    "creating a ticket": ("POST", "/api/v3/tickets", {"json": {}}),
    "v3 has no posting": ("POST", "/api/v3/tickets/t/messages", {"json": {}}),
    "no underscore": ("GET", "/api/v3/tickets", {"params": {"page": 2}}),
    "cursor on tickets": ("GET", "/api/v3/tickets", {"params": {"_cursor": "31"}}),
    "unknown sort field": ("GET", "/api/v3/tickets", {"params": {"_sortField": "id"}}),
    "unknown direction": ("GET", "/api/v3/tickets", {"params": {"_sortDir": "desc"}}),
    "page nought": ("GET", "/api/v3/tickets", {"params": {"_page": 0}}),
    "twice the same": ("GET", "/api/v3/tickets?_page=1&_page=2", {}),
    "key in the address": ("GET", "/api/v3/tickets", {"params": {"apikey": "v3-key"}}),
    "tags have no pages": ("GET", "/api/v3/tags", {"params": {"_page": 1}}),
    "body on GET": ("GET", "/api/v3/tickets", {"data": "x"}),
    "form to PUT": ("PUT", "/api/v3/tickets/t", {"data": {"status": "R"}}),
    "nothing to PUT": ("PUT", "/api/v3/tickets/t", {"json": {}}),
    "unknown field": ("PUT", "/api/v3/tickets/t", {"json": {"code": "X"}}),
    "PUT of closed": ("PUT", "/api/v3/tickets/t", {"json": {"status": "L"}}),
    "PUT of null": ("PUT", "/api/v3/tickets/t", {"json": {"agentid": None}}),
    "tags as text": ("PUT", "/api/v3/tickets/t", {"json": {"tags": "k3f9"}}),
    "value no text": ("PUT", "/api/v3/tickets/t", {"json": {"custom_fields": [{"code": "minutos", "value": 25}]}}),
    "v1 in JSON": ("POST", "/api/conversations/t/messages", {"json": {"message": "x"}}),
    "v1 without author": ("POST", "/api/conversations/t/messages", {"data": {"message": "x", "type": "M"}}),
    "v1 unknown type": (
        "POST", "/api/conversations/t/messages", {"data": {"message": "x", "type": "R", "useridentifier": "a"}},
    ),
    "v1 unknown field": (
        "POST", "/api/conversations/t/messages",
        {"data": {"message": "x", "type": "M", "useridentifier": "a", "subject": "s"}},
    ),
    "v1 key in the address": (
        "POST", "/api/conversations/t/messages?apikey=v1-key",
        {"data": {"message": "x", "type": "M", "useridentifier": "a"}},
    ),
    "shifted clock": ("GET", "/api/v3/tickets/history", {"headers": {"apikey": "v3-key", "Timezone-Offset": "3600"}}),
}  # fmt: skip


@pytest.mark.parametrize("case", OUTSIDE)
def test_a_request_outside_the_notes_is_loud(desk, case):
    method, path, more = OUTSIDE[case]
    response = requests.request(method, desk.url + path, **{"headers": {"apikey": "v3-key"}, "timeout": 5, **more})
    assert response.status_code == 599
    assert len(desk.outside) == 1
    desk.outside.clear()


# switches


def test_every_switch_is_in_the_table_with_its_default():
    told = dict(re.findall(r"^ {8}(\w+) +(\S+)", Switches.__doc__, re.MULTILINE))
    real = {name: value for name, value in vars(Switches).items() if not name.startswith("_")}
    assert set(told) == set(real)
    words = {"privileges": "all", "key_owner": "robot", "post_modes": "[]"}
    words |= dict.fromkeys(("index_delays", "unindexed", "broken_columns", "messages_down"), "{}")
    assert told == {name: words.get(name, str(value)) for name, value in real.items()}


def test_every_switch_is_thrown_by_a_test():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    names = [name for name in vars(Switches) if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"desk\.{name}\b", tests)] == []


def test_a_switch_that_does_not_exist_is_refused(desk):
    with pytest.raises(AttributeError, match="sort_forgotten"):
        desk.sort_forgotten = True
    with pytest.raises(ValueError, match="unknown_filter"):
        desk.unknown_filter = "shrug"
    with pytest.raises(ValueError, match="post_modes"):
        desk.post_modes = ["ok", "lost"]
    with pytest.raises(AttributeError, match="sort_forgotten"):
        LiveAgent(sort_forgotten=True)
    assert LiveAgent(zone="Europe/Madrid").zone == "Europe/Madrid"
