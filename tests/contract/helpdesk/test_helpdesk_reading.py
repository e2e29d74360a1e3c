"""What changed: the walk, its fallbacks, the second witness, going live, all over HTTP."""

import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bytebridge.domain.model import TicketState
from bytebridge.errors import RemoteRefused, RemoteSurprise, RemoteUnavailable
from bytebridge.helpdesk import walk, wire, witness
from world import wait_for

PATHS = "/api/v3/tickets"


def lists(desk):
    return [request for request in desk.requests if request.path == PATHS]


def single(desk):
    return [request for request in desk.requests if request.path.startswith(PATHS + "/")]


def going_live(polls):
    return [page for page in polls.pages() if page.documents]


def test_going_live_reads_everything_and_asks_for_no_single_ticket(desk, polls, clock):
    made = {desk.open(f"c{number}@example.com", "Hola") for number in range(230) if clock.pass_minutes(1) is None}
    pages = going_live(polls)
    assert {ticket.id for page in pages for ticket in page.documents} == made
    assert all(page.trusted for page in pages)
    assert single(desk) == []
    assert len(lists(desk)) <= 10


def test_what_changes_while_going_live_is_met_afterwards(desk, polls, clock):
    tickets = [desk.open(f"c{number}@example.com", "Hola") for number in range(150) if clock.pass_minutes(1) is None]

    def meanwhile(request):
        if request.arg("_page") == "2":
            desk.between_pages = None
            clock.pass_minutes(1)
            desk.resolve(tickets[0], kind="consulta", minutes=5)
            clock.pass_minutes(30)

    desk.between_pages, desk.history_delay = meanwhile, 86_400
    polls.poll()
    assert polls.seen[tickets[0]].state != TicketState.RESOLVED
    clock.pass_minutes(1)
    assert polls.poll()[tickets[0]].state == TicketState.RESOLVED


def test_an_idle_poll_costs_two_requests_at_most(desk, live, clock):
    for _ in range(40):
        clock.pass_minutes(1)
        assert live.poll() == {}
        assert live.asked <= 2


@pytest.mark.parametrize("tickets", [3, 99, 100, 250, 450])
def test_a_quiet_desk_is_cheap_after_a_change_of_many_tickets(desk, live, clock, tickets):
    made = [desk.open(f"d{number}@example.com", "Hola") for number in range(tickets)]
    assert set(live.poll()) == set(made)
    for _ in range(40):
        clock.pass_minutes(1)
        assert live.poll() == {}
        assert live.asked <= 2


def test_a_late_row_deep_in_the_overlap_of_many_is_met(desk, live, clock):
    late = next(iter(live.seen))
    desk.index_delay, desk.history_delay = 150, 86_400
    desk.resolve(late, kind="consulta", minutes=5)
    desk.index_delay = 0
    clock.pass_minutes(1)
    for number in range(250):
        desk.open(f"d{number}@example.com", "Hola")
    assert late not in live.poll()
    clock.pass_minutes(2)
    assert list(live.poll()) == [late]


def test_a_server_that_cuts_the_wider_page_is_read_whole(desk, live, clock):
    desk.per_page_cap = 100
    made = [desk.open(f"d{number}@example.com", "Hola") for number in range(250)]
    assert set(live.poll()) == set(made)
    clock.pass_minutes(1)
    for ticket in made:
        desk.add_note(ticket, "hola")
    assert set(live.poll()) == set(made)


def test_a_small_desk_is_cheap_at_once(desk, polls, clock):
    tickets = [desk.open(f"c{number}@example.com", "Hola") for number in range(3)]
    polls.poll()
    for number in range(40):
        clock.pass_minutes(1)
        if number == 8:
            for ticket in tickets:
                desk.add_note(ticket, "hola")
        assert len(polls.poll()) == (3 if number == 8 else 0)
        assert polls.asked <= 2 or number == 8


def test_a_quiet_history_is_cheap(desk, polls, clock):
    desk.per_page_cap = 100
    for number in range(350):
        desk.open(f"c{number}@example.com", "Hola")
    polls.poll()
    costs = []
    for _ in range(130):
        clock.pass_minutes(1)
        polls.poll()
        costs.append(polls.asked)
    assert max(costs[100:]) == 2


def test_a_poll_costs_a_page_for_each_hundred_changes(desk, live, clock):
    clock.pass_minutes(1)
    made = [desk.open(f"d{number}@example.com", "Hola") for number in range(250)]
    desk.requests.clear()
    assert set(live.poll()) == set(made)
    assert len(lists(desk)) == 3


def test_pages_of_the_list_are_only_hints(desk, live, clock):
    clock.pass_minutes(1)
    desk.open("ana@example.com", "Hola")
    pages = [page for page in live.pages() if page.documents]
    assert pages
    assert not any(page.trusted for page in pages)


def test_a_row_that_appears_late_is_met(open_desk, open_client, clock, make_polls):
    desk = open_desk(history_delay=86_400)
    polls = make_polls(desk)
    late, prompt = (desk.open("ana@example.com", "Uno"), desk.open("luc@example.com", "Dos"))
    polls.poll()
    clock.pass_minutes(20)
    desk.index_delay = 540
    desk.resolve(late, kind="consulta", minutes=5)
    clock.pass_minutes(5)
    desk.index_delay = 0
    desk.add_note(prompt, "hola")
    for _ in range(3):
        assert late not in polls.poll()
        clock.pass_minutes(1)
    clock.pass_minutes(2)
    assert polls.poll()[late].state == TicketState.RESOLVED


@pytest.mark.parametrize("cap", [7, 10, 100])
def test_a_short_page_is_not_the_end(open_desk, clock, make_polls, cap):
    desk = open_desk(per_page_cap=cap)
    polls = make_polls(desk)
    made = {desk.open(f"c{number}@example.com", "Hola") for number in range(45)}
    assert set(polls.poll()) == made
    clock.pass_minutes(30)
    for ticket in made:
        desk.add_note(ticket, "hola")
    assert set(polls.poll()) == made


def ignores_paging(desk):
    """The desk shows its first page whatever page is asked for; returns how to end that."""
    handle = desk.handle

    def first_page(request):
        query = tuple((name, "1" if name == "_page" else value) for name, value in request.query)
        return handle(replace(request, query=query))

    desk.handle = first_page
    return lambda: setattr(desk, "handle", handle)


def test_a_server_that_repeats_a_page_is_not_taken_for_read(desk, live, clock):
    clock.pass_minutes(60)
    made = {desk.open(f"c{number}@example.com", "Hola") for number in range(130)}
    mend = ignores_paging(desk)
    cursor = live.cursor
    with pytest.raises(RemoteSurprise, match="repeats"):
        live.poll()
    assert live.cursor == cursor
    mend()
    live.poll()
    assert made <= live.seen.keys()


def test_a_server_that_repeats_a_page_cannot_go_live(desk, polls, clock):
    made = {desk.open(f"c{number}@example.com", "Hola") for number in range(130)}
    mend = ignores_paging(desk)
    with pytest.raises(RemoteSurprise, match="repeats"):
        polls.poll()
    assert polls.cursor is None
    mend()
    polls.poll()
    assert made <= polls.seen.keys()


def test_tickets_that_change_while_they_are_paged(desk, live, clock):
    clock.pass_minutes(1)
    made = [desk.open(f"d{number}@example.com", "Hola") for number in range(250) if clock.pass_minutes(0.1) is None]

    def meanwhile(request):
        clock.pass_minutes(0.1)
        desk.add_note(made[int(request.arg("_page")) * 50], "hola")

    desk.between_pages = meanwhile
    assert set(live.poll()) == set(made)


def test_an_order_that_is_ignored_is_noticed(desk, live, clock):
    desk.sort_ignored = True
    clock.pass_minutes(1)
    made = {desk.open(f"d{number}@example.com", "Hola") for number in range(120) if clock.pass_minutes(0.1) is None}
    assert set(live.poll()) == made


@pytest.mark.parametrize(
    ("text", "seconds", "moved"),
    [
        ("2026-11-25 10:00:00", -60, "2026-11-25 09:59:00"),
        ("9999-12-31 23:59:59", 1, "9999-12-31 23:59:59"),
        ("9999-12-01 00:00:00", 40 * 86_400, "9999-12-31 23:59:59"),
        ("0001-01-01 00:00:30", -60, "0001-01-01 00:00:00"),
        ("", 60, ""),
    ],
)
def test_a_time_is_moved_to_the_ends_of_the_calendar_at_most(text, seconds, moved):
    assert wire.shifted(text, seconds) == moved


@pytest.mark.parametrize("mode", ["ignore", "error400", "error500html"])
def test_neither_order_nor_filter(desk, live, clock, mode):
    clock.pass_minutes(60 * 72)
    desk.open("ana@example.com", "Hola")
    live.poll()
    desk.sort_ignored, desk.unknown_filter, desk.broken_columns = True, mode, {"date_changed"}
    cursor = live.cursor
    clock.pass_minutes(1)
    for number in range(20):
        desk.open(f"d{number}@example.com", "Hola")
        clock.pass_minutes(1)
    with pytest.raises((RemoteSurprise, RemoteUnavailable)):
        live.poll()
    assert live.cursor == cursor


@pytest.mark.parametrize("mode", ["ignore", "error400"])
def test_everything_stops_where_its_filter_is_ignored(desk, helpdesk, clock, mode):
    desk.unknown_filter, desk.broken_columns = mode, {"date_created"}
    desk.open("ana@example.com", "Hola")
    clock.pass_minutes(90)
    with pytest.raises(RemoteSurprise):
        list(helpdesk.everything(clock() - 60, clock()))


def test_everything_is_bounded_by_the_making(desk, helpdesk, clock):
    made = [desk.open(f"c{number}@example.com", "Hola") for number in range(5) if clock.pass_minutes(60) is None]
    start = clock() - 3 * 3600
    pages = list(helpdesk.everything(start, clock()))
    assert [ticket.id for page in pages for ticket in page.documents] == made[1:4]
    assert not any(page.cursor for page in pages)


def test_a_full_window_is_halved(open_desk, open_client, clock):
    desk = open_desk(per_page_cap=10)
    made = {desk.open(f"c{number}@example.com", "Hola") for number in range(320) if clock.pass_minutes(1) is None}
    pages = list(open_client(desk).everything(None, None))
    found = [ticket.id for page in pages for ticket in page.documents]
    assert set(found) == made
    assert len(found) == len(made)
    assert max(int(request.arg("_page")) for request in lists(desk)) <= 10


def test_the_next_window_is_asked_for_before_this_one_is_booked(desk, helpdesk, clock):
    """And once: as many requests as without."""
    for days in (95, 155, 1):  # each window of few tickets is followed by one twice as wide
        desk.open("ana@example.com", "Hola")
        clock.pass_minutes(days * 24 * 60)
    booked = []
    for page in helpdesk.everything(None, None):
        [ticket] = page.documents
        booked.append(ticket.id)
        if len(booked) < 3:
            made = wire.naive(ticket.created_at, ZoneInfo("UTC"))
            wait_for(lambda made=made: any(start > made for start in window_starts(desk)), f"a window after {made}")
    assert len(booked) == 3
    asked = [(request.path, request.raw_query) for request in desk.requests]
    assert len(asked) == len(set(asked))


def window_starts(desk):
    asked = [json.loads(request.arg("_filters") or "[]") for request in lists(desk)]
    return [value for each in asked for _, sign, value in each if sign == "D>="]


def test_closed_spam_and_deleted_are_asked_for_by_status(desk, helpdesk, clock):
    tickets = {}
    for letter in "NRLBX":
        tickets[letter] = desk.open(f"{letter}@example.com", "Hola")
        desk.set_status(tickets[letter], letter)
        clock.pass_minutes(1)
    hide = desk.index.page

    def without_hidden(sort, tests, *more, **options):
        asked = json.loads(lists(desk)[-1].arg("_filters") or "[]")
        if not any(column == "status" for column, *_ in asked):
            tests = [*tests, lambda row: row["status"] not in "LBX"]
        return hide(sort, tests, *more, **options)

    desk.index.page = without_hidden
    found = {ticket.id for page in helpdesk.everything(None, None) for ticket in page.documents}
    assert found == set(tickets.values())


def test_an_edit_that_moves_no_date_is_met_by_the_walk_over_everything(desk, live, clock):
    desk.field_edit_moves_changed = False
    ticket = next(iter(live.seen))
    desk.note_work(ticket, minutes=15)
    clock.pass_minutes(1)
    assert live.poll() == {}
    (found,) = [one for page in live.helpdesk.everything(None, None) for one in page.documents if one.id == ticket]
    assert found.minutes == ("15",)


def test_a_purged_newest_ticket_does_not_stop_the_walk(desk, live, clock):
    clock.pass_minutes(1)
    ticket = desk.open("ana@example.com", "Hola")
    desk.delete(ticket)
    live.poll()
    desk.purge(ticket)
    clock.pass_minutes(5)
    live.poll()
    clock.pass_minutes(10)
    live.poll()
    other = desk.open("luc@example.com", "Hola")
    clock.pass_minutes(1)
    assert set(live.poll()) == {other}
    clock.pass_minutes(1)
    live.poll()
    assert live.asked <= 2


def test_an_empty_list_is_no_answer(desk, live):
    cursor = live.cursor
    desk.privileges = desk.privileges - {"ticket.read_all"}
    with pytest.raises(RemoteRefused, match="visible"):
        live.poll()
    assert live.cursor == cursor


def test_a_long_absence_is_made_up_for_in_several_polls(desk, live, clock, monkeypatch):
    monkeypatch.setattr(walk, "PAGES", 5)
    clock.pass_minutes(60)
    made = [desk.open(f"d{number}@example.com", "Hola") for number in range(800) if clock.pass_minutes(0.1) is None]
    met = set()
    for number in range(12):
        clock.pass_minutes(1)
        desk.add_note(made[number * 60], "hola")
        met |= set(live.poll())
        if met >= set(made):
            break
    assert met >= set(made)
    assert number > 0
    for _ in range(8):
        clock.pass_minutes(1)
        live.poll()
    assert json.loads(live.cursor)["down_to"] == ""


def test_a_walk_that_was_cut_short_goes_back_to_what_purges_have_lifted(desk, live, clock, monkeypatch):
    monkeypatch.setattr(walk, "PAGES", 6)
    desk.history_delay = 365 * 86_400  # the second witness sees nothing
    clock.pass_minutes(60)
    made = [desk.open(f"d{number}@example.com", "Hola") for number in range(1200) if clock.pass_minutes(2) is None]
    clock.pass_minutes(1)
    met = set(live.poll())
    assert json.loads(live.cursor)["down_to"], "it was cut short"
    for ticket in sorted(met)[:150]:
        desk.delete(ticket)
        desk.purge(ticket)
    desk.reindex()
    for _ in range(8):
        clock.pass_minutes(1)
        met |= set(live.poll())
    assert met >= set(made)


def test_beyond_the_wall_windows_go_on(open_desk, clock, make_polls, monkeypatch):
    desk = open_desk(offset_wall=500)
    monkeypatch.setattr(walk, "WALL", 500)
    polls = make_polls(desk)
    desk.open("ana@example.com", "Hola")
    polls.poll()
    clock.pass_minutes(60)
    made = {desk.open(f"d{number}@example.com", "Hola") for number in range(800) if clock.pass_minutes(0.1) is None}
    clock.pass_minutes(1)
    assert set(polls.poll()) == made


def at_madrid(*when):
    return int(datetime(*when, tzinfo=ZoneInfo("Europe/Madrid")).timestamp())


def test_the_hour_that_autumn_repeats(open_desk, clock, make_polls):
    clock.at = at_madrid(2026, 10, 25, 0, 30)
    desk = open_desk(zone="Europe/Madrid")
    polls = make_polls(desk, time_zone="Europe/Madrid")
    ticket = desk.open("ana@example.com", "Hola")
    clock.at = at_madrid(2026, 10, 25, 2, 55)
    desk.open("luc@example.com", "Hola")
    polls.poll()
    for _ in range(10):
        clock.pass_minutes(1)
        polls.poll()
    desk.resolve(ticket, kind="consulta", minutes=5)  # 02:05 for the second time
    clock.pass_minutes(1)
    assert polls.poll()[ticket].state == TicketState.RESOLVED


def test_times_that_jump_back_with_an_update(open_desk, clock, make_polls):
    desk = open_desk(zone="UTC", list_zone="Asia/Tokyo")
    polls = make_polls(desk, time_zone="Asia/Tokyo")
    for number in range(3):
        desk.open(f"c{number}@example.com", "Hola")
        clock.pass_minutes(10)
    polls.poll()
    desk.list_zone = None
    clock.pass_minutes(1)
    polls.poll()
    clock.pass_minutes(1)
    ticket = desk.open("ana@example.com", "Hola")
    assert ticket in polls.poll()


def test_a_date_in_the_future_does_not_blind(desk, live, clock):
    desk.history_delay = 86_400 * 365
    far = desk.open("ana@example.com", "Hola")
    desk.tickets[far].fields["date_changed"] = clock() + 86_400 * 30
    desk.reindex()
    clock.pass_minutes(1)
    live.poll()
    for _ in range(3):
        clock.pass_minutes(30)
        ticket = desk.open("luc@example.com", "Hola")
        clock.pass_minutes(1)
        assert ticket in live.poll()


def test_the_list_in_another_zone_than_the_ticket(open_desk, clock, make_polls):
    desk = open_desk(zone="Europe/Madrid", list_zone="America/Phoenix")
    polls = make_polls(desk, time_zone="Europe/Madrid")
    ticket = desk.open("ana@example.com", "Hola")
    polls.poll()
    for _ in range(30):
        clock.pass_minutes(1)
        polls.poll()
    desk.resolve(ticket, kind="consulta", minutes=5)
    clock.pass_minutes(1)
    assert polls.poll()[ticket].state == TicketState.RESOLVED


# the second witness


def hear(live, clock):
    met = {}
    for _ in range(15):
        clock.pass_minutes(1)
        met |= live.poll()
    return met


def test_the_history_names_what_the_index_missed(desk, live, clock):
    ticket = next(iter(live.seen))
    desk.unindexed = {ticket}
    desk.resolve(ticket, kind="consulta", minutes=5)
    met = hear(live, clock)
    assert met[ticket].state == TicketState.RESOLVED
    desk.requests.clear()
    hear(live, clock)
    assert {request.path for request in single(desk)} == {"/api/v3/tickets/history"}


def test_the_history_tells_a_second_resolution(desk, live, clock):
    ticket = next(iter(live.seen))
    desk.resolve(ticket, kind="consulta", minutes=5)
    hear(live, clock)
    desk.unindexed = {ticket}
    desk.reopen(ticket)
    clock.pass_minutes(5)
    desk.resolve(ticket, minutes=50)
    assert hear(live, clock)[ticket].minutes == ("50",)


def test_a_resolution_of_no_date_in_the_history_has_its_ticket_asked_for(desk, live, clock):
    ticket = next(iter(live.seen))
    desk.resolve(ticket, kind="consulta", minutes=5)
    seen = hear(live, clock)[ticket]
    row = witness.Interval(id="i1", conversation_id=ticket, status="R", date_from="2026-99-99 00:00:00")
    assert witness.contradicted([row], lambda _ids: {ticket: seen}, ZoneInfo("UTC")) == [ticket]


def test_what_the_list_told_is_not_asked_for_again(desk, live, clock):
    clock.pass_minutes(1)
    tickets = [desk.open(f"d{number}@example.com", "Hola") for number in range(30)]
    for ticket in tickets:
        desk.resolve(ticket, kind="consulta", minutes=5)
    desk.requests.clear()
    hear(live, clock)
    assert {request.path for request in single(desk)} == {"/api/v3/tickets/history"}


def test_a_history_with_each_row_twice(desk, live, clock):
    desk.history_duplicates = True
    ticket = next(iter(live.seen))
    desk.unindexed = {ticket}
    desk.resolve(ticket, kind="consulta", minutes=5)
    desk.requests.clear()
    hear(live, clock)
    assert [request.path for request in single(desk)].count(f"/api/v3/tickets/{ticket}") == 1


def test_a_long_history_is_followed_by_its_cursor(desk, live, clock):
    clock.pass_minutes(1)
    tickets = [desk.open(f"d{number}@example.com", "Hola") for number in range(130)]
    live.poll()
    clock.pass_minutes(1)
    desk.per_page_cap = 40
    desk.unindexed = set(tickets)
    for ticket in tickets:
        desk.resolve(ticket, kind="consulta", minutes=5)
    met = hear(live, clock)
    assert {ticket.state for ticket in met.values()} == {TicketState.RESOLVED}
    assert set(met) >= set(tickets)


def test_a_cursor_that_does_not_move_on(desk, live, clock):
    desk.cursor_stuck, desk.per_page_cap = True, 40
    tickets = [desk.open(f"d{number}@example.com", "Hola") for number in range(250)]
    assert set(hear(live, clock)) == set(tickets)
    assert [surprise.operation for surprise in live.helpdesk.surprises] == ["GET /tickets/history"]


@pytest.mark.parametrize(
    "trouble",
    [
        {"history_privilege": "sla.read"},
        {"broken_columns": {"date_from"}, "unknown_filter": "error400"},
        {"broken_columns": {"date_from"}, "unknown_filter": "ignore"},
    ],
)
def test_without_the_history_the_list_goes_on(desk, live, clock, trouble):
    clock.pass_minutes(60 * 24)
    for name, value in trouble.items():
        setattr(desk, name, value)
    ticket = desk.open("ana@example.com", "Hola")
    assert ticket in hear(live, clock)
    hear(live, clock)
    assert len(live.helpdesk.surprises) == 1


def test_history_that_names_hidden_tickets(desk, live, clock):
    tickets = list(live.seen)[:4]
    desk.assign(list(live.seen)[4], "creditos@example.com")
    hear(live, clock)
    desk.privileges = desk.privileges - {"ticket.read_all"}
    for ticket in tickets:
        desk.resolve(ticket)
    desk.requests.clear()
    hear(live, clock)
    hear(live, clock)
    assert [request.path for request in single(desk)].count(f"{PATHS}/{tickets[0]}") == 1
    assert any("hidden" in str(surprise) for surprise in live.helpdesk.surprises)


def test_a_stale_row_does_not_undo_a_newer_reading(desk, live, clock):
    ticket = desk.open("ana@example.com", "Hola")
    clock.pass_minutes(1)
    live.poll()
    desk.unindexed = {ticket}
    clock.pass_minutes(1)
    desk.resolve(ticket, kind="consulta", minutes=5)
    live.seen |= {found.id: found for found in live.helpdesk.by_ids([ticket])}
    desk.requests.clear()
    for _ in range(5):
        clock.pass_minutes(1)
        assert live.poll() == {}
    assert [request.path for request in single(desk)].count(f"{PATHS}/{ticket}") == 1
    assert live.seen[ticket].state == TicketState.RESOLVED


def test_a_second_with_many_tickets(open_desk, open_client):
    desk = open_desk(per_page_cap=10)
    made = {desk.open(f"c{number}@example.com", "Hola") for number in range(150)}
    found = {ticket.id for page in open_client(desk).everything(None, None) for ticket in page.documents}
    assert found == made


@pytest.mark.parametrize("cap", [10, 100])
def test_a_history_in_short_pages_is_heard_to_its_end_and_then_left_alone(desk, polls, clock, cap):
    """More rows of one moment than the pages of a hearing hold, and of one hour."""
    desk.per_page_cap = cap
    made = [desk.open(f"c{number}@example.com", "Hola") for number in range(230)]
    polls.poll()
    for ticket in made:
        desk.answer(ticket, "Hola")
    late = desk.open("ana@example.com", "Hola")
    polls.poll()
    clock.pass_minutes(1)
    desk.unindexed = {late}
    desk.resolve(late, kind="consulta", minutes=5)
    heard = {}
    for _ in range(40):
        clock.pass_minutes(1)
        heard |= polls.poll()
    assert heard[late].state == TicketState.RESOLVED
    costs = []
    for _ in range(130):
        clock.pass_minutes(1)
        polls.poll()
        costs.append(polls.asked)
    assert max(costs[80:]) <= 2
