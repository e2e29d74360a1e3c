"""The simulated LiveAgent's list of tickets: pages, order, the lagging index, filters, rows, zones."""

import json
import re
from types import SimpleNamespace

import pytest

from bytebridge.sandbox.liveagent import LiveAgent

AUTUMN = 1792888200  # 2026-10-25 02:30:00 in Madrid, for the first time
MADRID = "Europe/Madrid"
AFTER = '[["date_changed","D>=","2026-02-03 12:00:30"]]'


def ids(rows):
    return [row["id"] for row in rows]


# the list: pages, order, index


def test_a_page_has_ten_rows_unless_asked_and_is_cut_silently(desk, ask, open_some):
    open_some(25)
    assert [len(ask("/tickets", _page=page)) for page in (1, 2, 3, 4)] == [10, 10, 5, 0]
    assert len(ask("/tickets", _perPage=25)) == 25
    desk.per_page_cap = 20
    assert len(ask("/tickets", _perPage=25)) == 20
    assert len(ask("/tickets", _perPage=25, _page=2)) == 5


def test_an_offset_wins_over_a_page_number(desk, ask, open_some):
    made = open_some(25)
    rows = ids(ask("/tickets", _perPage=25))
    assert sorted(rows) == sorted(made)
    assert ids(ask("/tickets", _from=3, _page=2, _perPage=5)) == rows[3:8]
    assert ids(ask("/tickets", _from=3, _to=5)) == rows[3:5]


def test_offsets_beyond_the_wall_are_an_error(desk, ask):
    assert ask("/tickets", _from=9990) == []
    ask("/tickets", 500, _from=9991)
    desk.offset_wall = None
    assert ask("/tickets", _page=1002) == []


def test_order_and_the_server_that_ignores_it(desk, ask, clock, open_some):
    made = open_some(12)
    desk.add_note(made[0], "una nota")
    asked = {"_perPage": 20, "_sortField": "date_changed", "_sortDir": "DESC"}
    assert ids(ask("/tickets", _perPage=20)) == made
    assert ids(ask("/tickets", **asked)) == [made[0], *made[:0:-1]]
    desk.sort_ignored = True
    ignored = ids(ask("/tickets", **asked))
    assert sorted(ignored) == sorted(made)
    assert ignored != ids(sorted(ask("/tickets", **asked), key=lambda row: row["date_changed"], reverse=True))


def test_order_by_importance_puts_open_work_first(desk, ask, open_some):
    done, waiting = open_some(2)
    desk.resolve(done)
    assert ids(ask("/tickets", _sortField="importance")) == [waiting, done]


def test_deleted_spam_and_closed_rows_are_listed(desk, ask, clock, open_some):
    deleted, spam, closed = open_some(3)
    desk.delete(deleted)
    desk.spam(spam)
    desk.resolve(closed)
    desk.close(closed)
    assert [row["status"] for row in ask("/tickets")] == ["X", "B", "L"]


def test_the_index_lags_the_store(desk, ask, clock):
    ticket = desk.open("ana@example.com", "Error")
    desk.index_delay = 30
    new = desk.open("luc@example.com", "Nuevo")
    desk.resolve(ticket)
    assert [(row["id"], row["status"]) for row in ask("/tickets")] == [(ticket, "N")]
    assert ask(f"/tickets/{ticket}")["status"] == "R"
    assert ask(f"/tickets/{new}")["status"] == "N"
    assert ask(f"/tickets/{ticket}/history")[-1]["status"] == "R"
    assert ask("/tickets", _filters='{"status":"R"}') == []
    clock.now += 30
    assert {row["id"]: row["status"] for row in ask("/tickets")} == {ticket: "R", new: "N"}


def test_fields_reach_the_index_at_their_own_pace(desk, ask, clock):
    ticket = desk.open("ana@example.com", "Error")
    desk.index_delays = {"custom_fields": 90}
    clock.now += 10
    desk.resolve(ticket, minutes=25)
    [row] = ask("/tickets")
    assert (row["status"], row["custom_fields"]) == ("R", [])
    desk.index_delays = {}
    desk.note_work(ticket, minutes=50)
    clock.now += 90
    assert ask("/tickets")[0]["custom_fields"] == [{"code": "minutos", "value": "50"}]


def test_the_index_may_miss_changes_until_it_is_built_anew(desk, ask):
    ticket = desk.open("ana@example.com", "Error")
    desk.unindexed = {ticket}
    desk.resolve(ticket)
    assert ask("/tickets")[0]["status"] == "N"
    assert ask("/tickets/history", _sortDir="DESC")[0]["status"] == "R"
    desk.reindex()
    assert ask("/tickets")[0]["status"] == "R"


def test_a_change_between_pages_hides_another_row_forwards_and_only_itself_backwards(desk, ask, clock, open_some):
    made = open_some(6)

    def somebody_works_on(ticket):
        def work(_request):
            desk.between_pages = None
            desk.add_note(ticket, "una nota")

        desk.between_pages = work

    def walk(direction):
        asked = {"_perPage": 3, "_sortField": "date_changed", "_sortDir": direction}
        return {row for page in (1, 2, 3) for row in ids(ask("/tickets", _page=page, **asked))}

    somebody_works_on(made[0])
    assert walk("ASC") == set(made) - {made[3]}
    somebody_works_on(made[1])
    assert walk("DESC") == set(made) - {made[1]}
    assert walk("DESC") == set(made)


# filters


@pytest.fixture
def office(desk, clock):
    """Four tickets that differ in every column, by a name of their own."""
    sales = desk.department("Ventas")
    made = SimpleNamespace(sales=sales)
    made.new = desk.open("ana@example.com", "Error de IVA")
    clock.now += 60
    made.done = desk.open("luc@example.com", "Mise à jour", name="Luc Martin", tags=["consulta"], channel="M")
    desk.resolve(made.done, kind="consulta", minutes=25)
    clock.now += 60
    made.both = desk.open("eve@example.com", "VAT error", department=sales, tags=["consulta", "intervencion"])
    clock.now += 60
    made.gone = desk.open("ana@example.com", "Spam", tags=["intervencion"])
    desk.spam(made.gone)
    return made


FILTERS = [
    ('{"status":"R"}', "done"),
    ('[["status","E","N"]]', "new both"),
    ('[["status","IN","R,B"]]', "done gone"),
    ('[["status","NI","R,B,L,X"]]', "new both"),
    ('[["tags","E","k3f9"]]', "done"),
    ('[["tags","L","k3f9"]]', "done both"),
    ('[["tags","CY","k3f9,p7d2"]]', "done both gone"),
    ('[["tags","NI","k3f9"]]', "new gone"),
    ('[["tags","IE",""]]', "new"),
    ('[["tags","INE",""]]', "done both gone"),
    ('{"channel_type":"M"}', "done"),
    ('[["channel_type","IN","M,E"]]', "new done both gone"),
    ('{"subject":"error"}', "new both"),
    ('[["subject","IN","vat,jour"]]', "done both"),
    ('[["agentid","IN","a1b2c3d4"]]', "done"),
    ('{"departmentid":"default"}', "new done gone"),
    ('[["departmentid","NI","default"]]', "both"),
    ('[["departmentid","IN","default"],["status","E","N"]]', "new"),
    ('[["date_created","D>","2026-02-03 12:01:00"]]', "both gone"),
    ('[["date_created","D>=","2026-02-03 12:01:00"]]', "done both gone"),
    ('[["date_changed","D<","2026-02-03 12:01:00"]]', "new"),
    ('[["date_changed","D<=","2026-02-03 12:01:00"]]', "new done"),
    ('[["date_changed","D>=","2026-02-03 12:01:00"],["date_changed","D<","2026-02-03 12:03:00"]]', "done both"),
    ('[["date_created","DP","TW"]]', "new done both gone"),
    ('[["date_created","DP","LM"]]', ""),
    ('[["search","L","luc@"]]', "done"),
    ('[["search","L","la factura"]]', "new done both gone"),
]


@pytest.mark.parametrize(("asked", "expected"), FILTERS)
@pytest.mark.parametrize("sort", ["date_created", "date_changed", "importance"])
def test_filters_that_the_list_understands(office, ask, asked, expected, sort):
    rows = ids(ask("/tickets", _filters=asked, _sortField=sort))
    assert sorted(rows) == sorted(getattr(office, name) for name in expected.split())


def test_tickets_of_a_contact(office, desk, ask):
    contact = desk.ticket(office.new).fields["owner_contactid"]
    assert ids(ask("/tickets", _filters=json.dumps({"owner_contactid": contact}))) == [office.new, office.gone]


def test_presets_count_weeks_and_months_where_the_server_is(desk, ask, clock):
    clock.now = 1769983200  # Sunday, 1 February 2026, 22:00 UTC: already Monday in Tokyo
    ticket = desk.open("ana@example.com", "Error")
    week, month = {"_filters": '[["date_created","DP","TW"]]'}, {"_filters": '[["date_created","DP","LM"]]'}
    desk.zone = "Asia/Tokyo"
    assert ids(ask("/tickets", **week)) == [ticket]
    clock.now += 3 * 3600
    desk.zone = "UTC"
    assert ids(ask("/tickets", **week)) == []
    assert ids(ask("/tickets", **month)) == []
    clock.now += 30 * 86400
    assert ids(ask("/tickets", **month)) == [ticket]


NOT_UNDERSTOOD = [
    '[["status","NE","N"]]', '[["status","=","N"]]', '{"agentid":"a1b2c3d4"}', '[["agentid","E","a1b2c3d4"]]',
    '[["date_changed",">=","2026-02-03 00:00:00"]]', '[["date_changed","D>=","2026-02-03T00:00:00"]]',
    '[["date_changed","D>=","1770120000"]]', '{"date_changed":"2026-02-03 12:00:00"}', '{"id":"x"}', '{"code":"x"}',
    '{"owner_email":"ana@example.com"}', '[["owner_name","L","Ana"]]', '[["last_activity_public","D>","2026-02-03 00:00:00"]]',
    '[["date_resolved","D>=","2026-02-03 00:00:00"]]', '[["date_deleted","D>=","2026-02-03 00:00:00"]]',
    '[["field_minutos","NE",""]]', '[["search","E","x"]]', '[["date_created","DP","NEVER"]]', "[not json", '["status"]', '{"status":1}',
]  # fmt: skip


@pytest.mark.parametrize("asked", NOT_UNDERSTOOD)
def test_a_filter_not_understood(office, desk, ask, asked):
    assert "_filters" in ask("/tickets", 400, _filters=asked).json()["message"]
    desk.unknown_filter = "error500html"
    assert ask("/tickets", 500, _filters=asked).headers["Content-Type"] == "text/html"
    desk.unknown_filter = "ignore"
    assert len(ask("/tickets", _filters=asked)) == 4


def test_only_the_condition_that_is_not_understood_is_ignored(office, desk, ask):
    desk.unknown_filter = "ignore"
    asked = '[["status","E","N"],["owner_email","E","ana@example.com"]]'
    assert ids(ask("/tickets", _filters=asked)) == [office.new, office.both]


def test_a_column_may_be_broken(office, desk, ask):
    assert len(ask("/tickets", _filters=AFTER)) == 3
    desk.broken_columns, desk.unknown_filter = {"date_changed"}, "ignore"
    assert len(ask("/tickets", _filters=AFTER)) == 4


# the row


def test_empty_fields_are_left_out(desk, ask):
    ticket = desk.open("ana@example.com", "Error")
    row = ask(f"/tickets/{ticket}")
    assert not {"agentid", "date_resolved", "date_due", "date_deleted"} & set(row)
    assert (row["tags"], row["custom_fields"]) == ([], [])
    assert ask("/tickets") == [row]
    desk.null_keys = True
    assert ask(f"/tickets/{ticket}")["agentid"] is None


def test_a_resolved_row_in_full(desk, ask, clock):
    ticket = desk.open("ana@example.com", "Error al validar una factura")
    clock.now += 100
    desk.tag(ticket, "consulta")
    desk.resolve(ticket, kind="consulta", minutes=25)
    row = ask(f"/tickets/{ticket}")
    secrets = {name: row.pop(name) for name in ("id", "code", "public_access_urlcode", "owner_contactid")}
    assert re.fullmatch("[a-z0-9]{8}", secrets["id"])
    assert re.fullmatch("[A-Z]{3}-[A-Z]{5}-[0-9]{3}", secrets["code"])
    opened, resolved = "2026-02-03 12:00:00", "2026-02-03 12:01:40"
    assert row == {
        "subject": "Error al validar una factura", "status": "R", "channel_type": "E", "departmentid": "default",
        "agentid": "a1b2c3d4", "owner_email": "ana@example.com", "owner_name": "Ana Pérez", "tags": ["k3f9"],
        "date_created": opened, "date_changed": resolved, "date_resolved": resolved, "last_activity": opened,
        "last_activity_public": opened,
        "custom_fields": [{"code": "tipotrabajo", "value": "consulta"}, {"code": "minutos", "value": "25"}],
    }  # fmt: skip


def test_ids_are_the_same_for_the_same_seed(clock):
    def made(seed):
        return LiveAgent(now=lambda: clock.now, seed=seed).open("ana@example.com", "Error")

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_a_code_finds_a_ticket_where_the_release_allows(desk, ask):
    ticket = desk.open("ana@example.com", "Error")
    code = desk.ticket(ticket).fields["code"]
    assert ask(f"/tickets/{code}")["id"] == ticket
    desk.codes_work = False
    ask(f"/tickets/{code}", 404)


def test_a_code_may_come_twice(desk, ask):
    ticket = desk.open("ana@example.com", "Error")
    desk.set_fields(ticket, ("minutos", "25"), ("minutos", "30"))
    assert [field["value"] for field in ask(f"/tickets/{ticket}")["custom_fields"]] == ["25", "30"]


def test_an_owner_without_an_address(desk, ask):
    caller = desk.open("+34 600 000 000", "Llamada", channel="C")
    nobody = desk.open(None, "Anónimo", name="")
    assert ask(f"/tickets/{caller}")["owner_email"] == "+34 600 000 000"
    assert not {"owner_email", "owner_name"} & set(ask(f"/tickets/{nobody}"))


def test_letters_that_nobody_knows(desk, ask):
    ticket = desk.open("ana@example.com", "Error", channel="1")
    desk.set_status(ticket, "Z")
    desk.add_group(ticket, "9", [("7", "Q", "¿?")])
    row, group = ask(f"/tickets/{ticket}"), ask(f"/tickets/{ticket}/messages")[-1]
    assert (row["channel_type"], row["status"]) == ("1", "Z")
    assert (group["type"], group["messages"][0]["type"], group["messages"][0]["format"]) == ("9", "7", "Q")
    assert ask(f"/tickets/{ticket}/history")[-1]["status"] == "Z"


# zones


def test_times_are_naive_in_the_installations_zone_except_where_they_are_not(desk, ask):
    ticket = desk.open("ana@example.com", "Error")
    desk.zone, desk.list_zone, desk.message_zone = MADRID, "UTC", "America/Phoenix"
    assert ask(f"/tickets/{ticket}")["date_created"] == "2026-02-03 13:00:00"
    assert ask("/tickets")[0]["date_created"] == "2026-02-03 12:00:00"
    assert ask(f"/tickets/{ticket}/messages")[0]["datecreated"] == "2026-02-03 05:00:00"
    assert ask(f"/tickets/{ticket}/history")[0]["date_from"] == "2026-02-03 13:00:00"
    assert ask("/tickets", _filters='[["date_changed","D>","2026-02-03 12:00:00"]]') == []
    desk.list_zone = None
    assert len(ask("/tickets", _filters='[["date_changed","D>","2026-02-03 12:00:00"]]')) == 1


def test_an_hour_comes_twice_in_autumn(desk, ask, clock):
    desk.zone = MADRID
    clock.now = AUTUMN
    first = desk.open("ana@example.com", "A las 02:30")
    clock.now += 1800
    second = desk.open("ana@example.com", "A las 02:00, otra vez")
    asked = {"_sortField": "date_changed", "_sortDir": "DESC"}
    assert [row["date_changed"][11:] for row in ask("/tickets", **asked)] == ["02:30:00", "02:00:00"]
    assert ids(ask("/tickets", **asked)) == [first, second]
    assert [row["conversation_id"] for row in ask("/tickets/history")] == [first, second]
