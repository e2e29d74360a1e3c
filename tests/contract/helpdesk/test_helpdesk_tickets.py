"""A ticket as it is read: which of the desk's fields mean what."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bytebridge.domain.model import TicketState
from bytebridge.errors import RemoteSurprise


def read(helpdesk, ticket):
    (found,) = helpdesk.by_ids([ticket])
    return found


def test_a_ticket_says_what_the_technician_noted(desk, helpdesk, clock):
    ticket = desk.open("Ana@Example.com ", "Error", kind="consulta", tags=["consulta"])
    clock.pass_minutes(5)
    desk.resolve(ticket, minutes=25, credits=30)
    found = read(helpdesk, ticket)
    assert (found.state, found.email, found.name) == (TicketState.RESOLVED, "Ana@Example.com", "Ana Pérez")
    assert (found.minutes, found.credits, found.kinds, found.tags) == (("25",), ("30",), ("consulta",), ("consulta",))
    assert (found.created_at, found.resolved_at, found.changed_at) == (clock() - 300, clock(), clock())
    assert found.replyable


@pytest.mark.parametrize("null_keys", [False, True])
def test_empty_fields_are_absent_or_null(open_desk, open_client, null_keys):
    desk = open_desk(null_keys=null_keys)
    found = read(open_client(desk), desk.open("ana@example.com", "Hola", name=""))
    assert (found.agent, found.resolved_at, found.name, found.minutes, found.tags) == (None, None, "", (), ())


@pytest.mark.parametrize(
    ("letter", "state", "replyable"),
    [
        ("I", TicketState.INIT, False),
        ("N", TicketState.NEW, True),
        ("T", TicketState.LIVE, False),
        ("P", TicketState.LIVE, False),
        ("C", TicketState.OPEN, True),
        ("A", TicketState.OPEN, True),
        ("W", TicketState.OPEN, True),
        ("R", TicketState.RESOLVED, True),
        ("L", TicketState.CLOSED, False),
        ("B", TicketState.SPAM, False),
        ("X", TicketState.DELETED, False),
        ("Z", TicketState.UNKNOWN, False),
    ],
)
def test_every_status_and_one_nobody_knows(desk, helpdesk, letter, state, replyable):
    ticket = desk.open("ana@example.com", "Hola")
    desk.set_status(ticket, letter)
    found = read(helpdesk, ticket)
    assert (found.state, found.replyable) == (state, replyable)


@pytest.mark.parametrize(("channel", "replyable"), [(letter, letter in "EBM") for letter in "EBMICWFATQSV1"])
def test_only_mail_channels_take_a_reply(desk, helpdesk, channel, replyable):
    assert read(helpdesk, desk.open("ana@example.com", "Hola", channel=channel)).replyable is replyable


@pytest.mark.parametrize("text", ["+34600111222", "600111222@pbx", "ana@example.com, sam@example.com"])
def test_a_telephone_number_is_no_address(desk, helpdesk, text):
    """Nor is the number at a switchboard, nor are two people."""
    ticket = desk.open(text, "Llamada", channel="C")
    contact = desk.tickets[ticket].fields["owner_contactid"]
    desk.edit_contact(contact, emails=["luc@example.com"], language="fr")
    found = read(helpdesk, ticket)
    assert (found.email, found.language, found.contact) == ("luc@example.com", "fr", contact)
    read(helpdesk, ticket)
    assert [request.path for request in desk.requests].count(f"/api/v3/contacts/{contact}") == 1


def test_an_address_spares_the_contact(desk, helpdesk):
    read(helpdesk, desk.open("ana@example.com", "Hola"))
    assert not [request for request in desk.requests if "/contacts/" in request.path]


def test_a_contact_that_is_gone_or_has_no_address(desk, helpdesk):
    gone, silent = desk.open(None, "Anónimo"), desk.open("+34600111222", "Llamada")
    del desk.contacts[desk.tickets[gone].fields["owner_contactid"]]
    desk.edit_contact(desk.tickets[silent].fields["owner_contactid"], emails=["+34600111222"])
    assert [ticket.email for ticket in helpdesk.by_ids([gone, silent])] == [None, None]


def test_a_field_code_that_comes_twice(desk, helpdesk):
    ticket = desk.open("ana@example.com", "Hola")
    desk.set_fields(ticket, ("minutos", "25"), ("minutos", " 25 "), ("minutos", "40"), ("minutos", " "), ("otro", "x"))
    assert read(helpdesk, ticket).minutes == ("25", "40")


def asked_of(desk, path):
    return [request.path for request in desk.requests].count(f"/api/v3{path}")


def lists_tags_alone(desk, *names, **more):
    """The next list of tags holds these only."""
    body = json.dumps([tag for tag in desk.tags.values() if tag["name"] in names]).encode()
    listed = lambda request: request.path.endswith("/tags")  # noqa: E731
    desk.fail_next(200, body=body, content_type="application/json", match=listed, **more)


def test_a_new_tag_is_looked_up_once_a_pass(desk, polls, clock):
    desk.open("ana@example.com", "Hola", tags=["consulta"])
    polls.poll()
    clock.pass_minutes(1)
    tickets = [desk.open("luc@example.com", "Hola", tags=[tag]) for tag in ("urgente", "otra")]
    desk.requests.clear()
    met = polls.poll()
    assert [met[ticket].tags for ticket in tickets] == [("urgente",), ("otra",)]
    assert asked_of(desk, "/tags") == 1


def test_a_deleted_tag_is_asked_for_by_itself_and_then_known_to_be_none(desk, polls, clock):
    polls.poll()
    clock.pass_minutes(1)
    tickets = [desk.open("eva@example.com", "Hola", tags=["olvidada", "consulta"]) for _ in range(2)]
    gone = desk.new_tag("olvidada")
    deleted = desk.tags.pop(gone)
    desk.requests.clear()
    met = polls.poll()
    assert [met[ticket].tags for ticket in tickets] == [("consulta",)] * 2
    for _ in range(3):
        clock.pass_minutes(1)
        polls.poll()
    assert (asked_of(desk, "/tags"), asked_of(desk, f"/tags/{gone}")) == (1, 1)
    desk.tags[gone] = deleted
    polls.helpdesk.forget()
    assert read(polls.helpdesk, tickets[0]).tags == ("olvidada", "consulta")


@pytest.mark.parametrize("form", ["a list", "a tag", "an empty list"])
def test_a_tag_that_the_list_leaves_out(desk, helpdesk, form):
    """The vendor promises a list where one tag is asked for."""
    ticket = desk.open("ana@example.com", "Hola", tags=["intervencion"])
    lists_tags_alone(desk, "consulta")
    one = desk.tags[desk.new_tag("intervencion")]
    body = json.dumps({"a list": [one], "a tag": one, "an empty list": []}[form]).encode()
    alone = lambda request: "/tags/" in request.path  # noqa: E731
    desk.fail_next(200, body=body, content_type="application/json", match=alone)
    assert read(helpdesk, ticket).tags == (() if form == "an empty list" else ("intervencion",))


def test_a_tag_that_nobody_can_read_keeps_back_its_own_tickets_alone(desk, helpdesk):
    odd, other = (desk.open("ana@example.com", "Hola", tags=[tag]) for tag in ("intervencion", "consulta"))
    lists_tags_alone(desk, "consulta")
    desk.fail_next(503, 4, match=lambda request: "/tags/" in request.path)
    assert [ticket.id for ticket in helpdesk.by_ids([odd, other])] == [other]
    assert helpdesk.unread == {odd}
    assert [surprise.document for surprise in helpdesk.surprises] == [odd]
    assert read(helpdesk, odd).tags == ("intervencion",)


def test_what_a_list_named_once_is_known_when_another_leaves_it_out(desk, polls, clock):
    ticket = desk.open("ana@example.com", "Hola", tags=["consulta"])
    polls.poll()
    clock.pass_minutes(1)
    desk.answer_as_customer(ticket, "¿?")
    clock.pass_minutes(1)
    new = desk.open("luc@example.com", "Hola", tags=["urgente"])
    lists_tags_alone(desk, "urgente")
    met = polls.poll()
    assert (met[ticket].tags, met[new].tags) == (("consulta",), ("urgente",))
    assert not [request for request in desk.requests if "/tags/" in request.path]


def test_a_list_without_any_tag_is_no_answer_while_tickets_carry_some(desk, polls, clock):
    bare = desk.open("ana@example.com", "Hola")
    lists_tags_alone(desk, times=2)
    polls.poll()
    clock.pass_minutes(1)
    ticket = desk.open("luc@example.com", "Hola", tags=["consulta"])
    cursor = polls.cursor
    for _ in range(2):
        with pytest.raises(RemoteSurprise, match="no tag") as caught:
            polls.poll()
        assert caught.value.document is None
    assert (polls.cursor, set(polls.seen), polls.helpdesk.surprises) == (cursor, {bare}, [])
    assert polls.poll()[ticket].tags == ("consulta",)


@pytest.mark.parametrize("closing_loses_resolved", [False, True])
def test_a_closed_ticket_may_have_lost_its_resolution(open_desk, open_client, clock, closing_loses_resolved):
    desk = open_desk(closing_loses_resolved=closing_loses_resolved)
    ticket = desk.open("ana@example.com", "Hola")
    desk.resolve(ticket, kind="consulta", minutes=10)
    resolved = clock()
    clock.pass_minutes(600)
    desk.close(ticket)
    found = read(open_client(desk), ticket)
    assert found.state == TicketState.CLOSED
    assert found.resolved_at == (None if closing_loses_resolved else resolved)


@pytest.mark.parametrize("field", ["tags", "custom_fields"])
def test_a_row_without_its_arrays_says_nothing(desk, live, clock, field):
    whole, broken = desk.open("ana@example.com", "Hola"), desk.open("luc@example.com", "Hola")
    kept = desk.tickets[broken].fields.pop(field)
    desk.reindex()
    met = live.poll()
    assert whole in met
    assert broken not in met
    assert [surprise.document for surprise in live.helpdesk.surprises] == [broken]
    clock.pass_minutes(1)
    live.poll()
    assert len(live.helpdesk.surprises) == 1
    desk.tickets[broken].fields[field] = kept
    clock.pass_minutes(20)
    assert broken in live.poll()


@pytest.mark.parametrize("strange", [{"date_created": ""}, {"date_changed": ""}, {"id": "abc\x85Bcc: x"}])
def test_a_row_without_its_dates_or_id_says_nothing(desk, helpdesk, strange):
    whole, broken = desk.open("ana@example.com", "Hola"), desk.open("luc@example.com", "Hola")
    shown = json.loads(bytes(helpdesk._client.record(f"/tickets/{broken}")))
    body = json.dumps({**shown, **strange}).encode()
    desk.fail_next(200, body=body, content_type="application/json", match=lambda request: request.path.endswith(broken))
    assert [ticket.id for ticket in helpdesk.by_ids([broken, whole])] == [whole]
    assert [surprise.document for surprise in helpdesk.surprises] == [broken]


def test_nothing_moves_when_no_row_can_be_read(desk, live):
    cursor = live.cursor
    desk.fail_next(200, body=json.dumps([{"id": "abc", "state": "R"}]).encode(), content_type="application/json")
    with pytest.raises(RemoteSurprise):
        live.poll()
    assert live.cursor == cursor


def test_a_merged_ticket_ends_as_deleted(desk, helpdesk):
    source, into = desk.open("ana@example.com", "Uno", minutes=5), desk.open("ana@example.com", "Dos", minutes=7)
    desk.merge(source, into)
    states = {ticket.id: ticket.state for ticket in helpdesk.by_ids([source, into])}
    assert states == {source: TicketState.DELETED, into: TicketState.NEW}


def test_the_link_for_the_customer_is_not_read(desk, helpdesk):
    ticket = desk.open("ana@example.com", "Hola")
    assert desk.tickets[ticket].fields["public_access_urlcode"] not in repr(read(helpdesk, ticket))


def test_tickets_are_asked_for_by_id(desk, helpdesk):
    ticket = desk.open("ana@example.com", "Hola")
    code = desk.tickets[ticket].fields["code"]
    assert helpdesk.by_ids([code, "no/such", "nowhere", ticket]) == helpdesk.by_ids([ticket])
    assert not [request for request in desk.requests if code in request.path]


def test_an_answer_about_another_ticket_is_not_used(desk, helpdesk):
    one, two = desk.open("ana@example.com", "Uno"), desk.open("luc@example.com", "Dos")
    desk.codes[one] = two
    desk.tickets[f"{one}"], kept = desk.tickets[two], desk.tickets[one]
    assert helpdesk.by_ids([one]) == []
    assert [surprise.document for surprise in helpdesk.surprises] == [one]
    desk.tickets[one] = kept


def test_a_purged_ticket_is_absent(desk, helpdesk):
    ticket = desk.open("ana@example.com", "Hola")
    desk.delete(ticket)
    desk.purge(ticket)
    assert helpdesk.by_ids([ticket]) == []
    assert helpdesk.surprises == []


def test_trouble_with_a_single_ticket_does_not_stop_the_others(desk, helpdesk):
    bad, good = desk.open("ana@example.com", "Uno"), desk.open("luc@example.com", "Dos")
    desk.fail_next(500, 4, body=b'{"message": "Too many rows"}', match=lambda request: request.path.endswith(bad))
    assert [ticket.id for ticket in helpdesk.by_ids([bad, good])] == [good]
    assert [surprise.document for surprise in helpdesk.surprises] == [bad]


def test_times_are_in_the_zone_of_the_installation(open_desk, open_client, clock):
    desk = open_desk(zone="America/Los_Angeles")
    ticket = desk.open("ana@example.com", "Hola")
    assert read(open_client(desk, time_zone="America/Los_Angeles"), ticket).created_at == clock()


def test_a_time_that_comes_twice_is_the_earlier_one(open_desk, open_client, clock):
    clock.at = int(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Madrid"), fold=1).timestamp())
    desk = open_desk(zone="Europe/Madrid")
    ticket = desk.open("ana@example.com", "Hola")
    assert read(open_client(desk, time_zone="Europe/Madrid"), ticket).created_at == clock() - 3600


@pytest.mark.parametrize("field", ["date_changed", "date_resolved"])
def test_a_date_on_the_last_day_of_all_spoils_its_own_ticket_alone(desk, helpdesk, field):
    far, near = (desk.open("ana@example.com", "Hola") for _ in range(2))
    desk.tickets[far].fields[field] = int(datetime(9999, 12, 31, 12, tzinfo=ZoneInfo("Europe/Madrid")).timestamp())
    assert [ticket.id for ticket in helpdesk.by_ids([far, near])] == [near]
    assert helpdesk.unread == {far}
    assert [surprise.document for surprise in helpdesk.surprises] == [far]
