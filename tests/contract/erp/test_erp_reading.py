"""How invoices are read: windows, pages, the cursor, what an empty answer means."""

import json

import pytest

from bytebridge.domain.model import InvoiceKind, InvoiceState, Source
from bytebridge.errors import RemoteRefused, RemoteSurprise, RemoteUnavailable
from world import wait_for

PACK = [("SERVDOLIA60", 1, 60)]
HOUR = 3600


class Ledger:
    """Books every page as the jobs do, and remembers cursor and documents."""

    def __init__(self, erp):
        self.erp = erp
        self.cursor = None
        self.documents = {}

    def known(self, ids):
        return {wanted: self.documents[wanted] for wanted in ids if wanted in self.documents}

    def poll(self, since=None):
        seen = []
        for page in self.erp.changed(self.cursor, self.known, since):
            seen += [document.id for document in page.documents]
            self.documents |= {document.id: document for document in page.documents}
            self.cursor = page.cursor or self.cursor
        return seen

    def surprised(self):
        """Documents that could not be read since the last call."""
        found = [surprise.document for surprise in self.erp.surprises]
        self.erp.surprises.clear()
        return found


@pytest.fixture
def ledger(erp):
    return Ledger(erp)


@pytest.fixture
def ana(server):
    return server.customer("Ana", "ana@example.com")


def asked(server, path="/invoices"):
    return [request for request in server.requests if request.path.endswith(path)]


def test_it_is_the_erp(erp):
    assert erp.source is Source.ERP


def test_a_first_load_reads_everything_and_leaves_a_cursor(ledger, server, ana, clock):
    sold = [server.sell(ana, PACK) for _ in range(3)]
    assert ledger.poll() == sold
    assert json.loads(ledger.cursor)["swept"] == clock()


def test_pages_follow_each_other_by_id_until_an_empty_one(open_erp, server, ana):
    sold = [server.sell(ana, PACK) for _ in range(7)]
    assert Ledger(open_erp(server, limit=3)).poll() == sold
    filters = [request.arg("sqlfilters") for request in asked(server) if request.arg("sortfield") == "t.rowid"]
    assert filters == ["(t.rowid:>:0)", "(t.rowid:>:3)", "(t.rowid:>:6)", "(t.rowid:>:7)"]
    assert all(request.arg("page") is None for request in server.requests)


def test_the_next_page_is_asked_for_before_this_one_is_booked(open_erp, server, ana):
    sold = [server.sell(ana, PACK) for _ in range(5)]
    pages = open_erp(server, limit=2).changed(None, lambda _ids: {}, None)
    for last in (sold[1], sold[3]):
        assert next(pages).documents[-1].id == last
        wait_for(lambda last=last: asked(server)[-1].arg("sqlfilters") == f"(t.rowid:>:{last})", f"what follows {last}")
    assert [document.id for page in pages for document in page.documents] == sold[4:]
    lists = [request.raw_query for request in asked(server)]
    assert len(lists) == len(set(lists))


def test_a_short_page_is_not_the_last(open_erp, server, ana):
    sold = [server.sell(ana, PACK) for _ in range(6)]
    server.unloadable = {sold[1], sold[2]}
    seen = Ledger(open_erp(server, limit=3)).poll()
    assert seen == [sold[0], *sold[3:]]


def test_a_row_that_enters_between_two_pages_shifts_nothing(open_erp, server, ana):
    sold = [server.sell(ana, PACK) for _ in range(4)]
    pages = open_erp(server, limit=2).changed(None, lambda _ids: {}, None)
    first = [document.id for document in next(pages).documents]
    server.delete(server.invoice(ana, PACK))
    late = server.sell(ana, PACK)
    rest = [document.id for page in pages for document in page.documents]
    assert first + rest == [*sold, late]


def test_the_cursor_comes_only_after_the_whole_sweep(open_erp, server, ana):
    for _ in range(4):
        server.sell(ana, PACK)
    server.fail_next(500, 4, match=lambda request: request.arg("sqlfilters") == "(t.rowid:>:2)")
    pages = open_erp(server, limit=2).changed(None, lambda _ids: {}, None)
    assert next(pages).cursor is None
    with pytest.raises(RemoteUnavailable):
        next(pages)


def test_the_next_sweep_begins_two_days_before_the_last_one(ledger, server, ana, clock):
    server.sell(ana, PACK)
    ledger.poll()
    clock.pass_hours(1)
    ledger.poll()
    assert asked(server)[-1].arg("sqlfilters").startswith("(t.tms:>=:'2026-11-23 10:46:40') and ")


def test_the_window_is_written_in_the_zone_of_the_erp(open_server, open_erp):
    server = open_server(time_zone="America/Bogota")
    server.sell(server.customer("Ana"), PACK)
    ledger = Ledger(open_erp(server))
    ledger.poll()
    ledger.poll()
    assert asked(server)[-1].arg("sqlfilters").startswith("(t.tms:>=:'2026-11-23 04:46:40') and ")


@pytest.mark.parametrize("zone", ["UTC", "America/Bogota", "Asia/Tokyo"])
def test_a_data_base_in_another_zone_loses_no_row(zone, open_server, open_erp, clock):
    server = open_server(database_zone=zone)
    ana = server.customer("Ana")
    ledger = Ledger(open_erp(server))
    server.sell(ana, PACK)
    ledger.poll()
    clock.pass_hours(1)
    late = server.sell(ana, PACK)
    assert late in ledger.poll()


def test_a_slow_transaction_that_shows_up_with_an_old_time_is_met(ledger, server, ana, clock):
    server.sell(ana, PACK)
    ledger.poll()
    clock.pass_hours(20)
    ledger.poll()
    slow = server.sell(ana, PACK)
    server.invoices[int(slow)]["tms"] -= 24 * HOUR
    clock.pass_hours(1)
    assert slow in ledger.poll()


def test_a_sweep_starts_where_the_servers_clock_stood(ledger, server, ana, clock):
    server.sell(ana, PACK)
    server.now = lambda: clock() - 7 * HOUR
    ledger.poll()
    assert json.loads(ledger.cursor)["swept"] == clock() - 7 * HOUR


def test_a_server_clock_that_runs_ahead_opens_no_gap(ledger, server, ana, clock):
    server.sell(ana, PACK)
    server.now = lambda: clock() + 1000 * HOUR
    ledger.poll()
    assert json.loads(ledger.cursor)["swept"] == clock()


def test_an_idle_poll_of_an_empty_window_costs_two_requests(ledger, server, ana, clock):
    server.sell(ana, PACK)
    ledger.poll()
    clock.pass_hours(100)
    ledger.poll()
    clock.pass_hours(100)
    before = len(server.requests)
    assert ledger.poll() == []
    assert len(server.requests) - before == 2


@pytest.mark.parametrize("sold", [5, 99, 100, 250, 950])
def test_an_idle_poll_costs_three_requests_at_most_whatever_the_overlap_holds(sold, ledger, server, ana, clock):
    for _ in range(sold):
        invoice = server.sell(ana, PACK)
    server.validate(server.credit_note(invoice, PACK))
    ledger.poll()
    clock.pass_hours(1)
    before = len(server.requests)
    assert ledger.poll() == []
    assert len(server.requests) - before <= 3


def test_an_idle_poll_does_not_ask_for_a_hidden_customer_again(open_erp, server, clock):
    hidden = server.customer("Hidden")
    invoice = server.sell(hidden, PACK)
    del server.parties[int(hidden)]
    ledger = Ledger(open_erp(server))
    assert ledger.poll() == [invoice]
    clock.pass_hours(1)
    before = len(server.requests)
    assert ledger.poll() == []
    assert len(server.requests) - before <= 3


def test_what_changes_among_many_known_rows_is_read_with_its_family(ledger, server, ana, clock):
    sold = [server.sell(ana, PACK) for _ in range(150)]
    unpaid = server.invoice(ana, PACK)
    server.validate(unpaid)
    ledger.poll()
    clock.pass_hours(1)
    server.pay(unpaid)
    note = server.credit_note(sold[70], PACK)
    server.validate(note)
    assert sorted(ledger.poll(), key=int) == [sold[70], unpaid]
    assert [one.id for one in ledger.documents[sold[70]].credit_notes] == [note]


def test_a_change_within_the_second_of_the_last_poll_is_met(ledger, server, ana):
    invoice = server.invoice(ana, PACK)
    server.validate(invoice)
    ledger.poll()
    server.pay(invoice)
    assert ledger.poll() == [invoice]


def test_a_long_history_leaves_no_more_behind_than_the_next_overlap_shows(ledger, server, ana, clock):
    old = server.sell(ana, PACK)
    server.age(old, 10)
    new = server.sell(ana, PACK)
    assert ledger.poll() == [old, new]
    assert list(json.loads(ledger.cursor)["marks"]) == [new]


def test_customers_of_a_changed_invoice_are_read_again(ledger, server, ana, clock):
    invoice = server.invoice(ana, PACK)
    server.validate(invoice)
    ledger.poll()
    server.parties[int(ana)]["email"] = "new@example.com"
    clock.pass_hours(1)
    ledger.poll()
    assert ledger.documents[invoice].emails == ("ana@example.com",)
    server.pay(invoice)
    ledger.poll()
    assert ledger.documents[invoice].emails == ("new@example.com",)


def test_customers_are_read_again_once_they_are_forgotten(erp, server, ana):
    server.sell(ana, PACK)
    list(erp.everything(None, None))
    server.parties[int(ana)]["email"] = "new@example.com"
    [page] = erp.everything(None, None)
    assert page.documents[0].emails == ("ana@example.com",)
    erp.forget()
    [page] = erp.everything(None, None)
    assert page.documents[0].emails == ("new@example.com",)
    assert page.cursor is None


def test_everything_takes_what_is_dated_or_was_made_between(erp, server, ana, clock):
    days = ["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"]
    dated = [server.sell(ana, PACK, date=day) for day in days]
    since, until = server.midnight("2026-01-01"), server.midnight("2026-02-01")
    [page] = erp.everything(since, until)
    assert [document.id for document in page.documents] == dated[1:3]
    backdated = dated[0]
    pages = erp.everything(clock() - HOUR, clock() + HOUR)
    assert backdated in [document.id for page in pages for document in page.documents]


def test_a_first_load_begins_at_since(ledger, server, ana, clock):
    old = server.sell(ana, PACK)
    server.age(old, 400)
    new = server.sell(ana, PACK)
    assert ledger.poll(since=clock() - 30 * 24 * HOUR) == [new]


@pytest.mark.parametrize(("later", "shown"), [(0, 2), (HOUR // 2, 1), (12 * HOUR, 1), (24 * HOUR - 1, 1)])
def test_a_day_bound_falls_on_a_midnight_of_the_erp(erp, server, ana, later, shown):
    """At half past midnight it is still the day before in UTC."""
    server.sell(ana, PACK, date="2026-03-01")
    server.sell(ana, PACK, date="2026-03-02")
    since = server.midnight("2026-03-01") + later
    server.now = lambda: since - 400 * 24 * HOUR
    for row in server.invoices.values():
        row["datec"] = server.now()
    [page] = erp.everything(since, None)
    assert len(page.documents) == shown


def test_reading_invoices_can_be_switched_off(open_erp, server, ana):
    server.sell(ana, PACK)
    erp = open_erp(server, read_invoices=False)
    assert list(erp.changed("kept", lambda _ids: {}, None)) == []
    assert list(erp.everything(None, None)) == []
    assert server.requests == []


@pytest.mark.parametrize("cursor", [None, '{"swept": 1795590000}'])
def test_an_erp_without_a_visible_invoice_is_refused_not_empty(cursor, erp, server, ana):
    server.sell(ana, PACK)
    server.hide_customers()
    with pytest.raises(RemoteRefused, match="societe/client/voir"):
        list(erp.changed(cursor, lambda _ids: {}, None))
    with pytest.raises(RemoteRefused, match="societe/client/voir"):
        list(erp.everything(None, None))


def test_a_lost_right_is_noticed_in_the_next_poll(ledger, server, ana, clock):
    server.sell(ana, PACK)
    ledger.poll()
    kept = ledger.cursor
    server.hide_customers()
    clock.pass_hours(1)
    with pytest.raises(RemoteRefused):
        ledger.poll()
    assert ledger.cursor == kept


def test_by_ids_of_hidden_invoices_is_refused_and_not_absent(erp, server, ana):
    invoice = server.sell(ana, PACK)
    server.hide_customers()
    with pytest.raises(RemoteRefused):
        erp.by_ids([invoice])


def test_by_ids_leaves_out_only_what_the_erp_says_it_lacks(erp, server, ana):
    kept, gone = server.sell(ana, PACK), server.invoice(ana, PACK)
    server.delete(gone)
    assert [document.id for document in erp.by_ids([kept, gone])] == [kept]


def test_by_ids_asks_singly_for_what_a_list_skips(erp, server, ana):
    invoice = server.sell(ana, PACK)
    server.unloadable = {invoice}
    assert [document.id for document in erp.by_ids([invoice])] == [invoice]


def test_by_ids_reads_a_hundred_at_a_time(erp, server, ana):
    sold = [server.sell(ana, PACK) for _ in range(150)]
    assert len(erp.by_ids(sold)) == 150
    lists = [request for request in asked(server) if "t.rowid:IN" in request.arg("sqlfilters")]
    assert len(lists) == 2


def test_id_zero_and_nonsense_are_never_asked_for(erp, server):
    assert erp.by_ids(["0", "", "12a", "-3"]) == []
    assert server.requests == []


def test_invoices_that_were_not_asked_for_are_no_answer(erp, server, ana):
    invoice, _ = (server.sell(ana, PACK) for _ in range(2))
    server.ignored.add("sqlfilters")
    with pytest.raises(RemoteSurprise, match="not asked for"):
        erp.by_ids([invoice])


def test_a_server_that_ignores_the_filter_is_noticed(erp, server, ana):
    server.sell(ana, PACK)
    row = b'[{"id": "5", "type": "0"}, {"id": "4", "type": "0"}]'
    server.fail_next(200, body=row, content_type="application/json")
    with pytest.raises(RemoteSurprise, match="ignored"):
        list(erp.everything(None, None))


def test_a_page_too_heavy_for_the_server_is_asked_for_in_smaller_ones(open_erp, server, ana, clock):
    sold = [server.sell(ana, PACK) for _ in range(60)]
    server.memory_rows = 30
    ledger = Ledger(open_erp(server, limit=60))
    with pytest.raises(RemoteUnavailable):
        ledger.poll()
    clock.pass_hours(1)
    assert ledger.poll() == sold
    assert ledger.poll() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("socid", None),
        ("type", ""),
        ("type", "9"),
        ("date_creation", "soon"),
        ("lines", None),
        ("totalpaid", "?"),
    ],
)
def test_an_unreadable_invoice_does_not_stop_the_others_and_is_asked_for_until_it_can_be_read(
    field, value, ledger, server, ana, clock
):
    bad, good = server.sell(ana, PACK), server.sell(ana, PACK)
    mend = spoil(server, bad, **{field: value})
    assert ledger.poll() == [good]
    assert ledger.surprised() == [bad]
    clock.pass_hours(100)  # the overlap no longer shows it
    assert ledger.poll() == []
    assert ledger.surprised() == [bad]
    assert ledger.erp.by_ids([bad]) == []
    assert ledger.surprised() == [bad]
    mend()
    assert ledger.poll() == [bad]
    clock.pass_hours(100)
    before = len(server.requests)
    assert ledger.poll() == []
    assert len(server.requests) - before == 2


def test_an_unreadable_note_keeps_back_its_family_alone_and_the_family_comes_when_it_is_mended(
    ledger, server, ana, clock
):
    family, other = server.sell(ana, PACK), server.sell(ana, PACK)
    note = server.credit_note(family, PACK)
    server.validate(note)
    mend = spoil(server, note, lines=None)
    assert ledger.poll() == [other]
    assert ledger.surprised() == [note]
    clock.pass_hours(1)
    mend()
    assert ledger.poll() == [family]


def test_what_could_not_be_read_is_told_from_what_is_gone(erp, server, ana):
    family = server.sell(ana, PACK)
    note = server.credit_note(family, PACK)
    server.validate(note)
    mend = spoil(server, note, lines=None)
    assert (erp.by_ids([family, note]), erp.unread) == ([], {family, note})
    mend()
    del server.invoices[int(note)], server.invoices[int(family)]
    server.sell(ana, PACK)
    assert (erp.by_ids([family, note]), erp.unread) == ([], set())


def spoil(server, invoice, **fields):
    """The server shows this invoice with other fields than it has."""
    shown = server._data

    def spoilt(value, request):
        if isinstance(value, list):
            value = [row | fields if row.get("id") == invoice else row for row in value]
        return shown(value, request)

    server._data = spoilt
    return lambda: setattr(server, "_data", shown)


def test_a_state_outside_the_notes_is_unknown(erp, server, ana):
    invoice = server.sell(ana, PACK)
    server.invoices[int(invoice)]["fk_statut"] = 7
    [document] = erp.by_ids([invoice])
    assert (document.kind, document.state) == (InvoiceKind.STANDARD, InvoiceState.UNKNOWN)
