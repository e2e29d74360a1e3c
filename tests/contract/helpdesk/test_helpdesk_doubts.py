"""What the vendor leaves open or releases do differently: the client reads and restores the same either way."""

import json

import pytest

from bytebridge.domain.model import TicketState
from bytebridge.errors import RemoteRejected

PARAMETERS = {
    "_page",
    "_perPage",
    "_from",
    "_to",
    "_sortDir",
    "_sortField",
    "_filters",
    "_cursor",
    "includeQuotedMessages",
}
FILTERED = {"date_created", "date_changed", "status", "date_from"}
WRITTEN = {"status", "departmentid", "agentid"}
CODE = "BB-7-31-0A1B2C3D"


def read(helpdesk, ticket):
    (found,) = helpdesk.by_ids([ticket])
    return found


@pytest.fixture
def resolved(desk, clock):
    ticket = desk.open("ana@example.com", "Error")
    clock.pass_minutes(10)
    desk.resolve(ticket, kind="consulta", minutes=25)
    clock.pass_minutes(1)
    return ticket


def test_only_parameters_and_filters_that_the_server_knows_are_sent(desk, helpdesk, live, clock, resolved):
    """One without its underscore, or a column that cannot be filtered, would be ignored without a word."""
    live.poll()
    list(helpdesk.everything(None, None))
    list(helpdesk.check())
    helpdesk.post(resolved, f"Ref. {CODE}", kind="reply")
    helpdesk.find(resolved, CODE)
    asked = [request for request in desk.requests if request.method == "GET"]
    assert {name for request in asked for name, _ in request.query} <= PARAMETERS
    filters = [json.loads(text) for request in asked if (text := request.arg("_filters"))]
    assert filters
    assert {column for conditions in filters for column, _, _ in conditions} <= FILTERED


def test_no_request_shifts_the_times_of_its_answer(desk, live, helpdesk):
    """A Timezone-Offset would move the history's times alone, and not those of the list they are held against."""
    live.poll()
    assert [request for request in desk.requests if "timezone-offset" in request.headers] == []


@pytest.mark.parametrize("put_fields", ["replace", "upsert"])
def test_tags_and_fields_are_never_written(desk, helpdesk, clock, resolved, put_fields):
    """A PUT replaces all tags, and perhaps all fields, with what was read before a technician's last edit."""
    desk.put_fields = put_fields
    was = dict(desk.tickets[resolved].fields)
    before = helpdesk.standing_text(resolved)
    helpdesk.post(resolved, f"Ref. {CODE}", kind="reply")
    clock.pass_minutes(1)
    helpdesk.restore_text(resolved, before)
    puts = [json.loads(request.body) for request in desk.requests if request.method == "PUT"]
    assert puts
    assert desk.tickets[resolved].fields["status"] == "R"
    assert set().union(*puts) <= WRITTEN
    assert {name: desk.tickets[resolved].fields[name] for name in ("tags", "custom_fields")} == {
        name: was[name] for name in ("tags", "custom_fields")
    }


@pytest.mark.parametrize("copies", [False, True])
def test_a_ticket_split_off_is_a_ticket_of_its_own(desk, helpdesk, clock, resolved, copies):
    desk.split_copies_fields = copies
    desk.answer_as_customer(resolved, "Y otra cosa")
    new = desk.split(resolved)
    assert read(helpdesk, resolved).minutes == ("25",)
    found = read(helpdesk, new)
    assert (found.state, found.minutes) == (TicketState.NEW, ("25",) if copies else ())


@pytest.mark.parametrize(("fields", "minutes"), [("keep", ("25",)), ("fill", ("25",)), ("append", ("25", "40"))])
def test_what_a_merge_does_to_the_fields_is_read_as_it_stands(desk, helpdesk, clock, resolved, fields, minutes):
    desk.merge_fields = fields
    other = desk.open("ana@example.com", "Lo mismo", minutes=40)
    desk.merge(other, resolved)
    assert read(helpdesk, other).state == TicketState.DELETED
    assert sorted(read(helpdesk, resolved).minutes) == list(minutes)


def test_an_undeleted_ticket_comes_back_as_it_was(desk, live, clock, resolved):
    assert live.poll()[resolved].state == TicketState.RESOLVED
    clock.pass_minutes(1)
    desk.delete(resolved)
    assert live.poll()[resolved].state == TicketState.DELETED
    clock.pass_minutes(1)
    desk.undelete(resolved)
    assert live.poll()[resolved].state == TicketState.RESOLVED


@pytest.mark.parametrize("clears", [True, False])
def test_a_second_resolution_has_its_own_date_whatever_reopening_does_to_the_first(desk, live, clock, resolved, clears):
    desk.reopen_clears_resolved = clears
    first = live.poll()[resolved].resolved_at
    clock.pass_minutes(30)
    desk.reopen(resolved)
    assert live.poll()[resolved].state == TicketState.OPEN
    clock.pass_minutes(30)
    desk.resolve(resolved, minutes=40)
    again = live.poll()[resolved]
    assert (again.state, again.minutes, again.resolved_at) == (TicketState.RESOLVED, ("40",), clock())
    assert again.resolved_at > first


@pytest.mark.parametrize("moves", [True, False])
def test_a_closing_is_met_although_it_moves_no_date(desk, live, clock, resolved, moves):
    live.poll()
    desk.closing_moves_changed = moves
    clock.pass_minutes(60)
    desk.close(resolved)
    clock.pass_minutes(1)
    polled = live.poll() | {
        ticket.id: ticket for page in live.helpdesk.everything(None, None) for ticket in page.documents
    }
    assert polled[resolved].state == TicketState.CLOSED


def test_a_status_that_is_listed_before_the_minutes_is_settled_by_id(desk, live, clock):
    ticket = next(iter(live.seen))
    desk.index_delays = {"custom_fields": 600}
    clock.pass_minutes(1)
    desk.resolve(ticket, kind="consulta", minutes=25)
    hint = live.poll()[ticket]
    assert (hint.state, hint.minutes) == (TicketState.RESOLVED, ())
    assert read(live.helpdesk, ticket).minutes == ("25",)


@pytest.mark.parametrize("zone", [None, "America/Phoenix"])
@pytest.mark.parametrize("kind", ["reply", "note"])
def test_a_ticket_is_given_back_whatever_zone_messages_have_and_whatever_a_note_does(
    desk, helpdesk, clock, resolved, zone, kind
):
    desk.message_zone, desk.note_status = zone, "A"
    before = helpdesk.standing_text(resolved)
    helpdesk.post(resolved, f"Ref. {CODE}", kind=kind)
    assert desk.tickets[resolved].fields["status"] == "A"
    clock.pass_minutes(1)
    helpdesk.restore_text(resolved, before)
    assert desk.tickets[resolved].fields["status"] == "R"


@pytest.mark.parametrize("switches", [{"reply_mails": False}, {"post_modes": ["slow"], "post_delay_s": 0.2}])
def test_a_reply_counts_once_if_the_desk_is_slow_or_mails_nobody(desk, helpdesk, resolved, switches):
    for name, value in switches.items():
        setattr(desk, name, value)
    helpdesk.post(resolved, f"Ref. {CODE}", kind="reply")
    assert helpdesk.find(resolved, CODE)
    assert len([request for request in desk.requests if request.method == "POST"]) == 1
    assert desk.replies(resolved) == ([f"Ref. {CODE}"] if desk.reply_mails else [])


def test_a_no_with_a_status_of_its_own_is_a_no(desk, helpdesk, resolved):
    desk.v1_error_status, desk.post_mode = 400, "error"
    with pytest.raises(RemoteRejected):
        helpdesk.post(resolved, f"Ref. {CODE}", kind="reply")
    assert not helpdesk.find(resolved, CODE)


def test_a_key_that_sees_its_owners_tickets_alone_takes_no_other_for_gone(desk, live, clock, resolved):
    """What the key may not see is not there for it: its documents are left as they were."""
    live.poll()
    desk.assign(next(iter(live.seen)), "creditos@example.com")
    clock.pass_minutes(1)
    desk.key_owner = "b0t0b0t0"
    desk.privileges = desk.privileges - {"ticket.read_all"}
    met = live.poll()
    assert resolved not in met
    assert not [ticket for ticket in met.values() if ticket.state == TicketState.DELETED]


@pytest.mark.parametrize("column", ["email", "emails"])
def test_a_contact_is_read_by_its_id_whatever_finds_it(desk, helpdesk, column):
    desk.contact_filter_key = column
    ticket = desk.open("luc@example.com", "Hola")
    desk.change(desk.ticket(ticket), owner_email=None)
    assert read(helpdesk, ticket).email == "luc@example.com"
    assert not [request for request in desk.requests if request.path == "/api/v3/contacts"]


def test_codes_that_no_path_takes_are_not_needed(desk, live, helpdesk, clock, resolved):
    desk.codes_work = False
    ticket = live.poll()[resolved]
    assert ticket.code != ticket.id
    helpdesk.post(ticket.id, f"Ref. {CODE}", kind="reply")
    assert helpdesk.find(ticket.id, CODE)


@pytest.mark.parametrize("language", ["es", "en-GB", "klingon", "", None])
def test_a_contacts_language_may_be_odd_or_absent(desk, helpdesk, language):
    desk.contact("luc@example.com", "Luc", language=language)
    ticket = desk.open("luc@example.com", "Hola")
    desk.change(desk.ticket(ticket), owner_email=None)
    found = read(helpdesk, ticket)
    assert (found.email, found.language or None) == ("luc@example.com", language or None)
