"""How the shop is read: what a poll costs, and that nothing is lost between two of them."""

import re
from datetime import UTC, datetime

import pytest

from bytebridge.domain.model import Order, OrderState
from bytebridge.errors import RemoteSurprise
from bytebridge.shop.position import SLIP_OVERLAP

PACK = "SERVDOLIA60"
HOUR = 3600


def paths(reading):
    return [request.path.removeprefix("/api/") for request in reading.requests]


def test_an_idle_poll_is_four_requests_even_in_a_new_process(simulator, ledger, open_ledger):
    simulator.buy("ana@example.com", {PACK: 1})
    simulator.refund(simulator.buy("ana@example.com", {PACK: 2}), {PACK: 1})
    simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    ledger.poll()
    assert sorted(paths(ledger.poll())) == ["order_details", "order_details", "order_slip", "orders"]
    restarted = open_ledger(simulator)
    restarted.cursor, restarted.orders = ledger.cursor, ledger.orders
    reading = restarted.poll()
    assert (len(reading.requests), reading.ids) == (4, [])


@pytest.mark.parametrize(("orders", "refunded"), [(150, 0), (99, 0), (100, 0), (1200, 0), (30, 25)])
def test_an_idle_poll_is_four_requests_whatever_the_overlap_holds(simulator, open_ledger, orders, refunded):
    ledger = open_ledger(simulator, counters_page=10)
    ana = simulator.customer("ana@example.com")
    bought = [simulator.buy(ana, {PACK: 2}) for _ in range(orders)]
    for order in bought[:refunded]:
        simulator.refund(order, {PACK: 1})
    assert len(ledger.poll().ids) == orders
    ledger.poll()
    idle = ledger.poll()
    assert (len(idle.requests), idle.ids) == (4, [])
    simulator.cancel(bought[-1])
    assert ledger.poll().ids == [str(bought[-1])]


def test_an_empty_shop(simulator, ledger):
    assert ledger.poll().ids == []
    assert len(ledger.poll().requests) == 4
    order = simulator.buy("ana@example.com", {PACK: 1})
    assert ledger.poll().ids == [str(order)]


def test_many_changed_orders_are_read_in_batches(simulator, open_ledger, clock):
    customers = [simulator.customer(f"buyer{number}@example.com") for number in range(25)]
    orders = [simulator.buy(customer, {PACK: 1}) for customer in customers]
    ledger = open_ledger(simulator, page=10)
    first = ledger.poll()
    assert len(first.ids) == 25
    assert len(first.asked("orders")) == 1 + 3  # where it stands, and the pages
    for resource in ("order_details", "order_slip", "customers"):
        assert len(first.asked(resource)) <= 4
    clock.tick(60)
    for order in orders:
        simulator.note(order)
    again = ledger.poll()
    assert len(again.ids) == 25
    assert len(again.asked("orders")) == 1  # as many as are known to come are asked for at once
    assert len(again.asked("order_details")) == 2 + 1
    assert len(again.asked("order_slip")) == 1 + 1
    assert again.asked("customers") == again.asked("order_histories") == again.asked("order_states") == []


def test_every_list_is_json_sorted_and_shows_named_fields(simulator, ledger, clock):
    simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    ledger.poll()
    clock.tick(60)
    simulator.buy("bruno@example.com", {PACK: 1}, paid=False)
    ledger.poll()
    assert {r.path.removeprefix("/api/") for r in simulator.requests} == {
        "orders",
        "order_details",
        "order_slip",
        "order_states",
        "order_histories",
        "customers",
        "languages",
    }
    for request in simulator.requests:
        query = dict(request.query)
        assert query["output_format"] == "JSON"
        assert query["sort"].startswith("[")
        assert query["display"].startswith("[id")
        assert "passwd" not in query["display"]
        assert not any(value.startswith((">=", "<=")) for value in query.values())
        dated = any("date_" in name or "date_" in value for name, value in query.items() if name != "display")
        assert not dated or query["date"] == "1"
        assert not any("T" in value for name, value in query.items() if "date_" in name)


def test_the_window_reaches_two_hours_back_in_the_shops_own_text(simulator, ledger, clock):
    simulator.buy("ana@example.com", {PACK: 1}, at=clock() - 30 * HOUR)
    simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    window = ledger.poll().asked("orders")[0].arg("filter[date_upd]")
    assert window == ">[2026-12-01 10:00:00]"  # the newest is of noon in Madrid


def test_an_order_committed_late_is_found(simulator, ledger, clock):
    simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    late = simulator.buy("bruno@example.com", {PACK: 1}, at=clock() - HOUR)
    assert ledger.poll().ids == [str(late)]


def test_an_order_changed_in_the_second_of_the_last_poll_is_found(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    ledger.poll()
    simulator.pay(order)  # the clock has not moved
    assert ledger.poll().orders[str(order)].state == OrderState.PAID


def test_a_slip_that_was_committed_late_is_found(simulator, ledger):
    orders = [simulator.buy("ana@example.com", {PACK: 1}) for _ in range(3)]
    slips = [simulator.refund(order, {PACK: 1}, "webservice_slip") for order in orders]
    hidden = simulator.tables["order_slip"].rows[slips[0]]
    simulator.tables["order_slip"].remove(slips[0])
    ledger.poll()
    assert ledger.poll().ids == []
    simulator.tables["order_slip"].add(hidden)
    reading = ledger.poll()
    assert reading.ids == [str(orders[0])]
    assert reading.orders[str(orders[0])].lines[0].taken_back == 1
    assert ledger.poll().ids == []


def test_a_shop_that_shows_no_slip_any_more_is_read_all_the_same(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 2})
    simulator.refund(order, {PACK: 1}, "webservice_slip")
    ledger.poll()
    for slip in list(simulator.tables["order_slip"].rows):
        simulator.tables["order_slip"].remove(slip)
    later = simulator.buy("luc@example.com", {PACK: 1})
    reading = ledger.poll()
    assert (reading.ids, len(reading.asked("order_slip"))) == ([str(later)], 2)


def test_a_slip_that_its_order_does_not_show_yet_is_waited_for(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 2})
    other = simulator.buy("luc@example.com", {PACK: 1})
    ledger.poll()
    simulator.refund(order, {PACK: 1}, "webservice_slip")
    simulator.cancel(other)
    empty = {"body": b"[]", "content_type": "application/json"}
    by_order = lambda request: "slip" in request.path and request.arg("filter[id_order]")  # noqa: E731
    simulator.fail_next(200, times=9, match=by_order, **empty)
    for _ in range(2):
        reading = ledger.poll()
        assert str(order) not in reading.ids
        assert [surprise.document for surprise in reading.surprises] == [str(order)]
    assert ledger.orders[str(other)].state == OrderState.BACK
    simulator.faults.clear()
    assert ledger.poll().orders[str(order)].lines[0].taken_back == 1
    assert ledger.poll().ids == []


def test_the_newest_slips_may_go_while_others_are_shown(simulator, ledger):
    slips = [simulator.refund(simulator.buy("ana@example.com", {PACK: 1}), {PACK: 1}) for _ in range(SLIP_OVERLAP + 2)]
    ledger.poll()
    for slip in slips[1:]:
        simulator.tables["order_slip"].remove(slip)
    assert ledger.poll().ids == []


def test_the_hour_that_autumn_repeats(simulator, ledger, clock):
    clock.at = int(datetime(2026, 10, 25, 0, 50, tzinfo=UTC).timestamp())  # 02:50, summer time
    first = simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    clock.tick(20 * 60)  # 02:10 again, winter time
    second = simulator.buy("ana@example.com", {PACK: 1})
    simulator.note(first)
    assert simulator.tables["orders"].rows[second]["date_upd"] == "2026-10-25 02:10:00"
    reading = ledger.poll()
    assert reading.ids == [str(first), str(second)]
    assert reading.orders[str(second)].created_at == clock() - HOUR  # of two readings the first


def test_dates_are_the_shops_local_time(simulator, open_ledger, clock):
    order = simulator.buy("ana@example.com", {PACK: 1})
    assert simulator.tables["orders"].rows[order]["date_add"] == "2026-12-01 12:00:00"
    madrid = open_ledger(simulator).poll().orders[str(order)]
    assert (madrid.created_at, madrid.paid_at) == (clock(), clock())
    utc = open_ledger(simulator, time_zone="UTC").poll().orders[str(order)]
    assert utc.created_at == clock() + HOUR


def test_a_date_in_the_future_does_not_blind_later_polls(simulator, ledger, clock):
    simulator.buy("ana@example.com", {PACK: 1}, at=clock() + 400 * 86_400)
    ledger.poll()
    clock.tick(600)
    order = simulator.buy("bruno@example.com", {PACK: 1})
    assert ledger.poll().ids == [str(order)]
    simulator.tables["orders"].rows[order]["date_upd"] = "2031-01-01 00:00:00"
    ledger.poll()
    clock.tick(600)
    later = simulator.buy("carla@example.com", {PACK: 1})
    assert str(later) in ledger.poll().ids


def test_a_row_that_changes_between_two_pages_is_not_skipped(simulator, open_ledger, clock):
    ledger = open_ledger(simulator, page=2)
    simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    clock.tick(60)
    orders = [simulator.buy("ana@example.com", {PACK: 1}) for _ in range(6)]
    seen, erased = [], False
    for page in ledger.shop.changed(ledger.cursor, ledger.known, None):
        seen += [order.id for order in page.documents]
        if len(seen) == 2:
            simulator.erase(orders[0])  # every later row moves up by one
            erased = True
    assert erased
    assert seen == [str(order) for order in orders]


def test_what_changes_during_the_first_load_is_found_after_it(simulator, open_ledger, clock):
    ledger = open_ledger(simulator, page=2)
    orders = [simulator.buy("ana@example.com", {PACK: 2}) for _ in range(6)]
    pages = ledger.shop.changed(None, ledger.known, None)
    for number, page in enumerate(pages):
        ledger.orders |= {order.id: order for order in page.documents}
        ledger.cursor = page.cursor
        clock.tick(3 * HOUR)
        if number == 0:
            simulator.cancel(orders[0])
            simulator.refund(orders[1], {PACK: 1}, "voucher")
        if number == 1:
            simulator.refund(orders[2], {PACK: 1}, "webservice_slip")
            simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    assert ledger.orders[str(orders[0])].state == OrderState.BACK
    assert [ledger.orders[str(order)].lines[0].taken_back for order in orders[:3]] == [0, 1, 1]
    assert len(ledger.orders) == 7


def test_a_slip_made_while_its_order_is_being_read_is_found_by_the_next_poll(simulator, ledger, clock):
    order = simulator.buy("ana@example.com", {PACK: 2})
    ledger.poll()
    clock.tick(60)
    simulator.note(order)
    for page in ledger.shop.changed(ledger.cursor, ledger.known, None):
        ledger.orders |= {one.id: one for one in page.documents}
        ledger.cursor = page.cursor or ledger.cursor
        if page.documents:
            simulator.refund(order, {PACK: 1}, "webservice_slip")
    assert ledger.orders[str(order)].lines[0].taken_back == 0
    assert ledger.poll().orders[str(order)].lines[0].taken_back == 1


def test_only_the_last_page_carries_a_cursor(simulator, open_ledger):
    ledger = open_ledger(simulator, page=2)
    for _ in range(5):
        simulator.buy("ana@example.com", {PACK: 1})
    for cursor in (None, ledger.poll() and ledger.cursor):
        pages = list(ledger.shop.changed(cursor, ledger.known, None))
        assert [page.cursor is None for page in pages] == [True] * (len(pages) - 1) + [False]
        assert all(page.trusted for page in pages)
        assert pages[-1].documents == ()


def test_a_poll_that_breaks_off_gives_no_cursor(simulator, ledger, clock):
    order = simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    before = ledger.cursor
    clock.tick(60)
    simulator.note(order)
    simulator.fail_next(503, times=4, match=lambda request: request.path == "/api/orders")
    with pytest.raises(Exception, match="503"):
        ledger.poll()
    assert ledger.cursor == before
    assert ledger.poll().ids == [str(order)]


def test_refunds_of_modules_count_whatever_their_reference(simulator, open_ledger, clock):
    ledger = open_ledger(simulator, counters_page=2)
    orders = [simulator.buy("ana@example.com", {"DOLIMOD-STOCKPLUS": 1, "": 1}) for _ in range(5)]
    clock.tick(10 * HOUR)
    simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    for order in orders:
        simulator.refund(order, {"DOLIMOD-STOCKPLUS": 1}, "voucher")
    simulator.refund(orders[4], {"": 1}, "voucher")
    reading = ledger.poll()
    assert reading.ids == [str(order) for order in orders]
    assert [line.taken_back for line in reading.orders[str(orders[4])].lines] == [1, 1]
    assert ledger.poll().ids == []


def test_an_order_the_ledger_lost_is_read_again_when_it_carries_refunds(simulator, ledger, clock):
    order = simulator.buy("ana@example.com", {PACK: 2})
    simulator.refund(order, {PACK: 1}, "voucher")
    clock.tick(10 * HOUR)
    simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    del ledger.orders[str(order)]
    assert ledger.poll().ids == [str(order)]


def test_orders_of_another_shop_are_asked_for_once(simulator, ledger, clock):
    simulator.put("shops", id=2, id_shop_group=1, id_category=2, active=1, deleted=0, name="Other")
    mine = simulator.buy("ana@example.com", {PACK: 1})
    other = simulator.buy("ana@example.com", {PACK: 2}, shop=2)
    simulator.refund(other, {PACK: 1})
    assert ledger.poll().ids == [str(mine)]
    assert ledger.poll().ids == []
    assert len(ledger.poll().requests) == 4


def test_without_a_sort_several_shops_come_out_of_order_and_we_always_sort(simulator, open_ledger):
    simulator.multishop = True
    orders = [simulator.buy("ana@example.com", {PACK: 1}) for _ in range(7)]
    assert open_ledger(simulator, page=2).poll().ids == [str(order) for order in orders]


def test_the_first_load_takes_what_was_touched_since(simulator, ledger, clock):
    simulator.buy("ana@example.com", {PACK: 1}, at=clock() - 90 * 86_400)
    waiting = simulator.buy("ana@example.com", {PACK: 1}, paid=False, at=clock() - 60 * 86_400)
    simulator.pay(waiting, at=clock() - 10 * 86_400)
    new = simulator.buy("ana@example.com", {PACK: 1}, at=clock() - 30 * 86_400)
    assert ledger.poll(since=clock() - 30 * 86_400).ids == [str(waiting), str(new)]


def test_everything_is_bounded_by_when_orders_were_made(simulator, shop, clock):
    days = [simulator.buy("ana@example.com", {PACK: 1}, at=clock() - n * 86_400) for n in (3, 2, 1, 0)]

    def made(since, until):
        return [int(order.id) for page in shop.everything(since, until) for order in page.documents]

    assert made(None, None) == days
    assert made(clock() - 2 * 86_400, None) == days[1:]
    assert made(None, clock() - 86_400) == days[:2]
    assert made(clock() - 2 * 86_400, clock()) == days[1:3]
    assert all(page.cursor is None for page in shop.everything(None, None))


def test_everything_walks_in_pages_without_a_request_per_order(simulator, open_ledger):
    for _ in range(25):
        simulator.buy("ana@example.com", {PACK: 1})
    shop = open_ledger(simulator, page=10).shop
    assert [len(page.documents) for page in shop.everything(None, None)] == [10, 10, 5]
    assert len(simulator.requests) == 3 * 3 + 3  # lists, lines, slips; states, customers, languages


def test_addresses_are_remembered_until_they_are_to_be_forgotten(simulator, ledger, clock):
    ana = simulator.customer("ana@example.com")
    order = simulator.buy(ana, {PACK: 1})
    ledger.poll()
    simulator.tables["customers"].rows[ana]["email"] = "ana@example.org"
    clock.tick(60)
    simulator.note(order)
    reading = ledger.poll()
    assert reading.asked("customers") == []
    assert reading.orders[str(order)].email == "ana@example.com"
    ledger.shop.forget()
    walked = [found for page in ledger.shop.everything(None, None) for found in page.documents]
    assert [found.email for found in walked] == ["ana@example.org"]


def test_a_state_made_later_is_read_when_first_met(simulator, ledger, clock):
    simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    mine = simulator.new_state("Paid in the office", "paid")
    clock.tick(60)
    order = simulator.buy("ana@example.com", {PACK: 1}, state=mine)
    reading = ledger.poll()
    assert len(reading.asked("order_states")) == 1
    assert reading.orders[str(order)].state == OrderState.PAID


def test_a_customer_who_is_gone(simulator, ledger):
    ana = simulator.customer("ana@example.com", lang="fr")
    order = simulator.buy(ana, {PACK: 1})
    simulator.forget_customer(ana)
    seen = ledger.poll().orders[str(order)]
    assert (seen.email, seen.name, seen.customer, seen.language) == (None, "", str(ana), "fr")


def test_the_language_is_the_orders_else_the_customers(simulator, ledger):
    ana = simulator.customer("ana@example.com", lang="fr")
    orders = [simulator.buy(ana, {PACK: 1}, lang=lang) for lang in ("en", None)]
    simulator.tables["orders"].rows[orders[1]]["id_lang"] = 0
    seen = ledger.poll().orders
    assert [seen[str(order)].language for order in orders] == ["en", "fr"]


def test_histories_are_read_only_where_the_state_does_not_tell(simulator, ledger, clock):
    simulator.buy("ana@example.com", {PACK: 1})
    simulator.cancel(simulator.buy("ana@example.com", {PACK: 1}))
    assert ledger.poll().asked("order_histories") == []
    clock.tick(60)
    waiting = simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    reading = ledger.poll()
    assert [request.arg("filter[id_order]") for request in reading.asked("order_histories")] == [f"[{waiting}]"]


def test_paid_at_is_the_invoices_date_else_the_first_paid_row(simulator, ledger, clock):
    plain = simulator.new_state("Paid, no invoice", "paid logable")
    order = simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    without = simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    never = simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    clock.tick(86_400)
    simulator.pay(order)
    simulator.set_state(without, plain)
    clock.tick(86_400)
    simulator.cancel(order)
    seen = ledger.poll().orders
    assert [seen[str(one)].paid_at for one in (order, without, never)] == [
        clock() - 86_400,
        clock() - 86_400,
        None,
    ]


def test_an_order_that_checkout_is_still_writing_is_unpaid(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    simulator.tables["orders"].rows[order]["current_state"] = 0
    seen = ledger.poll().orders[str(order)]
    assert (seen.state, seen.once_paid, seen.state_name) == (OrderState.OTHER, False, "")


def test_by_ids_reads_what_is_there(simulator, shop):
    orders = [simulator.buy("ana@example.com", {PACK: 1}) for _ in range(3)]
    simulator.refund(orders[1], {PACK: 1})
    found = shop.by_ids([str(orders[1]), "999", "x", "", "0"])
    assert [(order.id, order.lines[0].taken_back) for order in found] == [(str(orders[1]), 1)]
    assert shop.by_ids([]) == []


def test_orders_that_were_not_asked_for_are_no_answer(simulator, shop):
    order, _ = (simulator.buy("ana@example.com", {PACK: 1}) for _ in range(2))
    simulator.ignored = {"filter"}
    with pytest.raises(RemoteSurprise, match="not asked for"):
        shop.by_ids([str(order)])


def test_no_more_than_a_hundred_ids_stand_in_one_address(simulator, open_ledger):
    ana = simulator.customer("ana@example.com")
    orders = [simulator.buy(ana, {PACK: 1}) for _ in range(250)]
    ledger = open_ledger(simulator)
    found = ledger.shop.by_ids([str(order) for order in orders])
    assert [order.id for order in found] == [str(order) for order in orders]
    values = [value for request in simulator.requests for name, value in request.query if name.startswith("filter[id")]
    assert values
    assert max(value.count("|") + 1 for value in values) <= 100


def test_a_slips_amount_and_whether_it_is_partial_are_not_asked_for(simulator, ledger):
    simulator.refund(simulator.buy("ana@example.com", {PACK: 2}), {PACK: 1})
    ledger.poll()
    ledger.poll()
    slips = [request.arg("display") for request in simulator.requests if request.path == "/api/order_slip"]
    assert len(slips) >= 2
    own = [re.sub(r"order_slip_details\[.*?\]", "", display) for display in slips]
    assert not [fields for fields in own if "amount" in fields or "partial" in fields]


def spoilt(simulator, order, **values):
    simulator.tables["orders"].rows[order] |= values


@pytest.mark.parametrize(
    "values",
    [
        {"total_paid": "much"},
        {"current_state": "paid"},
        {"date_add": "yesterday"},
        {"date_upd": "0000-00-00 00:00:00"},
        {"reference": None},
        {"current_state": 77},
    ],
    ids=str,
)
def test_one_order_that_cannot_be_read_does_not_stop_the_others(simulator, ledger, clock, values):
    good, bad, other = (simulator.buy("ana@example.com", {PACK: 1}) for _ in range(3))
    before = dict(simulator.tables["orders"].rows[bad])
    spoilt(simulator, bad, **values)
    reading = ledger.poll()
    assert reading.ids == [str(good), str(other)]
    assert [surprise.document for surprise in reading.surprises] == [str(bad)]
    assert ledger.shop.by_ids([str(good), str(bad)]) == [ledger.orders[str(good)]]
    assert [surprise.document for surprise in ledger.shop.surprises] == [str(bad)]
    clock.tick(10 * HOUR)
    ledger.shop.surprises.clear()
    simulator.buy("ana@example.com", {PACK: 1})
    assert [surprise.document for surprise in ledger.poll().surprises] == [str(bad)]
    spoilt(simulator, bad, **before)
    reading = ledger.poll()
    assert (reading.ids, reading.surprises) == ([str(bad)], [])
    assert ledger.poll().ids == []


def broken_line(field, value):
    def spoil(simulator, order):
        simulator.tables["order_details"].of("id_order", order)[0][field] = value

    return spoil


def broken_slip(simulator, order):
    slip = simulator.tables["order_slip"].of("id_order", order)[0]["id"]
    simulator.parts["order_slip"][slip][0]["product_quantity"] = "one"


def broken_customer(simulator, order):
    simulator.tables["customers"].rows[simulator.tables["orders"].rows[order]["id_customer"]]["email"] = 7


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(broken_line("product_quantity", "some"), id="quantity"),
        pytest.param(broken_line("product_quantity_refunded", -1), id="counter"),
        pytest.param(broken_line("unit_price_tax_incl", None), id="price"),
        pytest.param(broken_slip, id="slip"),
        pytest.param(broken_customer, id="customer"),
    ],
)
def test_an_unreadable_part_spoils_its_own_order_alone(simulator, ledger, spoil):
    good = simulator.buy("bruno@example.com", {PACK: 1})
    bad = simulator.buy("ana@example.com", {PACK: 1})
    simulator.refund(bad, {PACK: 1})
    spoil(simulator, bad)
    reading = ledger.poll()
    assert reading.ids == [str(good)]
    assert [surprise.document for surprise in reading.surprises] == [str(bad)]


def test_lines_missing_from_one_of_two_lists_are_not_lines_that_vanished(simulator, ledger, clock):
    order = simulator.buy("ana@example.com", {PACK: 1})
    simulator.fail_next(
        200,
        body=b"[]",
        content_type="application/json",
        match=lambda request: "filter[id_order]" in dict(request.query) and request.path.endswith("details"),
    )
    reading = ledger.poll()
    assert reading.ids == []
    assert [surprise.document for surprise in reading.surprises] == [str(order)]
    assert ledger.poll().ids == [str(order)]


def test_guests_are_customers_of_their_own_with_one_address(simulator, ledger):
    first, second = (simulator.guest("Guest@Example.com") for _ in range(2))
    orders = [simulator.buy(guest, {PACK: 1}) for guest in (first, second)]
    seen = ledger.poll().orders
    assert first != second
    assert {seen[str(order)].email for order in orders} == {"Guest@Example.com"}


def test_a_large_shop_is_walked_and_idled_quickly(simulator, open_ledger):
    ana = simulator.customer("ana@example.com")
    for _ in range(1500):
        simulator.buy(ana, {PACK: 1})
    ledger = open_ledger(simulator)
    assert len(ledger.poll().ids) == 1500
    assert ledger.poll().asked("orders")
    assert all(isinstance(order, Order) for order in ledger.orders.values())


@pytest.mark.parametrize("date", ["", "soon", "0001-01-01 00:00:00", "2026-02-30 10:00:00"])
def test_no_date_of_an_order_stops_every_later_poll(ledger, simulator, clock, date):
    """It would stand in the cursor for ever."""
    ana = simulator.customer("ana@example.com")
    order = simulator.buy(ana, {"SERVDOLIA60": 1})
    simulator.tables["orders"].rows[order]["date_upd"] = date
    ledger.poll()
    ledger.poll()
    clock.tick(600)
    second = simulator.buy(ana, {"SERVDOLIA60": 1})
    assert str(second) in ledger.poll().ids
