"""What `doctor` finds, with each fault switched on."""

import pytest

from bytebridge.connector import Level
from bytebridge.errors import RemoteRefused

DAY_S = 86_400


@pytest.fixture
def furnished(desk, clock):
    for number in range(5):
        ticket = desk.open(f"c{number}@example.com", "Hola", tags=["consulta"])
        clock.pass_minutes(5)
        desk.resolve(ticket, kind="consulta", minutes=10)
    return desk


def doubts(client):
    return [found for found in client.check() if found.level is not Level.WELL]


def has(found, level, *words):
    return any(one.level is level and all(word in one.what for word in words) and one.cure for one in found)


def test_a_good_installation(furnished, open_client):
    furnished.assign(next(iter(furnished.tickets)), "sat@example.com")
    client = open_client(furnished)
    assert doubts(client) == []
    assert len(list(client.check())) > 10
    assert not furnished.mails


def test_a_single_ticket_tells_nothing_of_the_order(desk, open_client):
    desk.open("ana@example.com", "Hola")
    desk.sort_ignored = True
    said = [found.what for found in open_client(desk).check()]
    assert not any("honours the order" in what for what in said)
    assert any("could not be tried" in what for what in said)


def test_a_wrong_key_ends_the_check(furnished, open_client):
    with pytest.raises(RemoteRefused):
        list(open_client(furnished, api_key="wrong").check())


FAULTS = {
    "key expires soon": ({"valid_to_date": 1_770_120_000 + 10 * DAY_S}, {}, Level.DOUBTFUL, ("expires on",)),
    "expiry hidden": ({"lacks": {"api.read_own"}}, {}, Level.DOUBTFUL, ("expires cannot",)),
    "no right to tags": ({"lacks": {"tag.read"}}, {}, Level.WRONG, ("/tags",)),
    "no right to agents": ({"lacks": {"agent.read"}}, {}, Level.WRONG, ("/agents",)),
    "no right to contacts": ({"lacks": {"contact.read"}}, {}, Level.WRONG, ("/contacts",)),
    "no right to tickets": ({"lacks": {"ticket.read"}}, {}, Level.WRONG, ("/tickets",)),
    "no right to history": ({"history_privilege": "sla.read"}, {}, Level.DOUBTFUL, ("history",)),
    "sees nothing": ({"lacks": {"ticket.read_all"}}, {}, Level.DOUBTFUL, ("no ticket at all",)),
    "may not change a status": ({"lacks": {"ticket.change_state"}}, {}, Level.WRONG, ("ticket.change_state",)),
    "may not change a ticket": ({"lacks": {"ticket.operate"}}, {}, Level.WRONG, ("ticket.operate",)),
    "may change without need": ({}, {"restore_status": False}, Level.DOUBTFUL, ("more than it needs",)),
    "order ignored": ({"sort_ignored": True}, {}, Level.WRONG, ("order",)),
    "filter ignored": ({"unknown_filter": "ignore", "broken_columns": {"date_created"}}, {}, Level.WRONG, ("filter",)),
    "filter fails": (
        {"unknown_filter": "error500html", "broken_columns": {"date_created"}},
        {},
        Level.WRONG,
        ("fails on the filter",),
    ),
    "filter refused": ({"broken_columns": {"date_changed"}}, {}, Level.WRONG, ("filter",)),
    "wrong zone": ({"zone": "Europe/Madrid"}, {}, Level.WRONG, ("future",)),
    "list in another zone": ({"list_zone": "America/Phoenix"}, {}, Level.WRONG, ("another zone",)),
    "wrong field code": ({}, {"fields": {"minutes": "minutes"}}, Level.DOUBTFUL, ("code minutes",)),
    "wrong credits code": ({}, {"fields": {"credits": "credito"}}, Level.DOUBTFUL, ("code credito",)),
    "unknown tag": ({}, {"kinds": {"quote": ["prespuesto"]}}, Level.DOUBTFUL, ("prespuesto", "quote")),
    "department by name": ({}, {"departments": ["Soporte", "default"]}, Level.WRONG, ("Soporte",)),
    "no key for messages": ({}, {"message_api_key": ""}, Level.DOUBTFUL, ("message_api_key",)),
    "same key twice": ({}, {"message_api_key": "v3-key"}, Level.WRONG, ("the same",)),
    "wrong key for messages": ({}, {"message_api_key": "nope"}, Level.WRONG, ("messages are refused", "key")),
    "no such agent": ({}, {"agent": "nobody@example.com"}, Level.WRONG, ("no active agent",)),
}


@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_is_found(furnished, open_client, case):
    switches, settings, level, words = FAULTS[case]
    switches = dict(switches)
    furnished.privileges = furnished.privileges - switches.pop("lacks", set())
    for name, value in switches.items():
        setattr(furnished, name, value)
    assert has(doubts(open_client(furnished, **settings)), level, *words)


@pytest.mark.parametrize("status", [404, 405])
def test_an_address_at_which_no_messages_are_taken(furnished, open_client, status):
    furnished.fail_next(status, 2, body=b"<html>no such page</html>", match=lambda asked: asked.method == "POST")
    assert has(doubts(open_client(furnished)), Level.WRONG, "messages are refused", "check its url")


def test_an_expired_key(furnished, open_client, clock):
    furnished.valid_to_date = clock() + 60
    client = open_client(furnished, time_zone="Asia/Tokyo")
    assert has(doubts(client), Level.WRONG, "expired")


def test_a_key_that_sees_its_owners_tickets_alone(furnished, open_client):
    for ticket in list(furnished.tickets)[:3]:
        furnished.assign(ticket, "creditos@example.com")
    furnished.privileges = furnished.privileges - {"ticket.read_all"}
    assert has(doubts(open_client(furnished)), Level.DOUBTFUL, "blind to the others")


def test_a_clock_that_is_off(furnished, open_client, clock):
    client = open_client(furnished)
    client._now = lambda: clock() + 900
    assert has(doubts(client), Level.DOUBTFUL, "clock is -900 s")


def test_a_bad_row_is_a_finding(furnished, open_client):
    furnished.tickets[next(iter(furnished.tickets))].fields.pop("tags")
    furnished.reindex()
    assert has(doubts(open_client(furnished)), Level.WRONG, "not in the notes")


def test_ping_would_not_notice_a_wrong_key(furnished, open_client):
    list(open_client(furnished).check())
    paths = [asked.path for asked in furnished.requests]
    assert "/api/v3/ping" not in paths
    assert paths[0] == "/api/v3/departments"


def test_nothing_is_written(furnished, open_client):
    before = {ticket.id: dict(ticket.fields) for ticket in furnished.tickets.values()}
    list(open_client(furnished).check())
    assert {ticket.id: ticket.fields for ticket in furnished.tickets.values()} == before
    assert not any(furnished.notes(ticket) for ticket in before)


def test_a_question_without_an_answer_is_a_doubt(furnished, open_client):
    furnished.fail_next(500, match=lambda asked: asked.method == "PUT")
    assert has(doubts(open_client(furnished)), Level.DOUBTFUL, "500")


def test_a_zone_too_far_east_is_left_to_a_person_who_is_told_what_to_compare(furnished, open_client, clock):
    clock.pass_minutes(3)
    [said] = [
        found.what for found in open_client(furnished, time_zone="Asia/Tokyo").check() if "minutes ago" in found.what
    ]
    assert "read in Asia/Tokyo" in said
    assert f"changed {9 * 60 + 3} minutes ago" in said
    assert "too far east" in said
