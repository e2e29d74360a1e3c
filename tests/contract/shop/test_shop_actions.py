"""What people do in the shop: what each action leaves behind there, and that the next poll sees it."""

from dataclasses import dataclass

import pytest

from bytebridge.domain.model import OrderState

PACK = "SERVDOLIA60"


@dataclass(frozen=True)
class Action:
    """before: state of the order before. Then what moved: units by counter, slips and their lines, and the rest."""

    what: str
    do: object
    before: int = 2
    state: int | None = None
    moves: bool = False
    quantity: int = 3
    refunded: int = 0
    returned: int = 0
    slips: int = 0
    taken_back: int = 0
    meaning: OrderState = OrderState.PAID


ACTIONS = [
    Action("transfer arrives", lambda s, o: s.pay(o), before=10, state=2, moves=True),
    Action("cancelled", lambda s, o: s.cancel(o), state=6, moves=True, meaning=OrderState.BACK),
    Action("refunded by state", lambda s, o: s.refund(o, how="state"), state=7, moves=True, meaning=OrderState.BACK),
    Action("payment fails", lambda s, o: s.fail_payment(o), before=10, state=8, moves=True, meaning=OrderState.BACK),
    Action("delivered", lambda s, o: s.deliver(o), state=5, moves=True),
    Action("partial refund with slip", lambda s, o: s.refund(o, {PACK: 1}), refunded=1, slips=1, taken_back=1),
    Action(
        "partial refund after delivery",
        lambda s, o: s.refund(o, {PACK: 1}),
        before=5,
        returned=1,
        slips=1,
        taken_back=1,
    ),
    Action("standard refund", lambda s, o: s.refund(o, {PACK: 2}, "standard"), refunded=2, slips=1, taken_back=2),
    Action(
        "products returned", lambda s, o: s.refund(o, {PACK: 1}, "return"), before=5, returned=1, slips=1, taken_back=1
    ),
    Action("partial refund as voucher", lambda s, o: s.refund(o, {PACK: 1}, "voucher"), refunded=1, taken_back=1),
    Action("postage alone refunded", lambda s, o: s.refund(o, how="postage"), slips=1),
    Action("slip by another program", lambda s, o: s.refund(o, {PACK: 2}, "webservice_slip"), slips=1, taken_back=2),
    Action(
        "units cancelled before payment",
        lambda s, o: s.cancel_units(o, {PACK: 1}),
        before=10,
        moves=True,
        quantity=2,
        meaning=OrderState.OTHER,
    ),
    Action("quantity edited after payment", lambda s, o: s.edit(o, {PACK: 5}), moves=True, quantity=5),
    Action("payment by hand", lambda s, o: s.book_payment(o), before=10, moves=True, meaning=OrderState.OTHER),
    Action("internal note", lambda s, o: s.note(o), moves=True),
    Action("all units refunded", lambda s, o: s.refund(o, {PACK: 3}), refunded=3, slips=1, taken_back=3),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.what)
def test_each_action_is_seen_by_the_next_poll(simulator, ledger, clock, action):
    order = simulator.buy("ana@example.com", {PACK: 3}, state=action.before)
    clock.tick(10 * 3600)
    simulator.buy("bruno@example.com", {PACK: 1})  # so that no window reaches back to the first order
    ledger.poll()
    ledger.poll()
    clock.tick(600)
    row = simulator.tables["orders"].rows[order]
    before = dict(row)

    action.do(simulator, order)

    line = simulator.tables["order_details"].of("id_order", order)[0]
    assert (row["date_upd"] != before["date_upd"]) == action.moves
    assert row["current_state"] == (action.state or before["current_state"])
    assert (line["product_quantity"], line["product_quantity_refunded"], line["product_quantity_return"]) == (
        action.quantity,
        action.refunded,
        action.returned,
    )
    assert len(simulator.tables["order_slip"].of("id_order", order)) == action.slips

    reading = ledger.poll()
    assert reading.ids == [str(order)]
    seen = reading.orders[str(order)]
    assert seen.state == action.meaning
    assert [(found.quantity, found.taken_back) for found in seen.lines] == [(action.quantity, action.taken_back)]

    idle = ledger.poll()
    assert (idle.ids, len(idle.requests)) == ([], 4)


def test_a_full_refund_leaves_the_order_paid_and_valid(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 2})
    simulator.refund(order, {PACK: 2})
    row = simulator.tables["orders"].rows[order]
    assert (row["current_state"], row["valid"], float(row["total_paid_real"])) == (2, "1", 205.7)
    seen = ledger.poll().orders[str(order)]
    assert seen.state == OrderState.PAID
    assert seen.lines[0].taken_back == seen.lines[0].quantity == 2


def test_the_shop_never_refunds_more_than_was_bought(simulator):
    order = simulator.buy("ana@example.com", {PACK: 2})
    simulator.refund(order, {PACK: 1})
    with pytest.raises(ValueError, match="no more than were bought"):
        simulator.refund(order, {PACK: 2})
    with pytest.raises(ValueError, match="one unit"):
        simulator.refund(order, {PACK: 0})


def test_counters_and_slips_of_the_same_units_are_not_added(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 4})
    simulator.refund(order, {PACK: 2}, "voucher")
    simulator.refund(order, {PACK: 1}, "slip")
    simulator.refund(order, {PACK: 1}, "webservice_slip")
    assert ledger.poll().orders[str(order)].lines[0].taken_back == 3  # counted 3, by slips 2


def test_refunds_before_and_after_delivery_add_up(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 4})
    simulator.refund(order, {PACK: 1}, "voucher")  # of this there is no slip: only the two counters together tell
    simulator.deliver(order)
    simulator.refund(order, {PACK: 2})
    assert ledger.poll().orders[str(order)].lines[0].taken_back == 3


def test_a_slip_counts_for_the_line_it_names_and_not_for_the_one_with_its_own_number(simulator, ledger):
    simulator.buy("bruno@example.com", {PACK: 2})
    order = simulator.buy("ana@example.com", {PACK: 3})
    simulator.refund(order, {PACK: 2}, "webservice_slip")
    [slip], [line] = (simulator.tables[name].of("id_order", order) for name in ("order_slip", "order_details"))
    assert slip["id"] != line["id"]
    assert ledger.poll().orders[str(order)].lines[0].taken_back == 2


def test_lines_added_and_deleted_after_payment(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 1, "DOLIMOD-STOCKPLUS": 1})
    ledger.poll()
    simulator.edit(order, {"SERVDOLIA30": 2})
    added = ledger.poll().orders[str(order)]
    assert [line.reference for line in added.lines] == [PACK, "DOLIMOD-STOCKPLUS", "SERVDOLIA30"]
    assert added.underpaid
    simulator.delete_line(order, PACK)
    simulator.delete_line(order, "SERVDOLIA30")
    left = ledger.poll().orders[str(order)]
    assert [line.reference for line in left.lines] == ["DOLIMOD-STOCKPLUS"]
    assert not left.underpaid


def test_an_order_whose_lines_have_all_vanished_grants_nothing(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 1})
    ledger.poll()
    simulator.delete_line(order, PACK)
    assert ledger.poll().orders[str(order)].lines == ()


@pytest.mark.parametrize("gift", ["SERVDOLIA120", PACK], ids=["own line", "same line"])
def test_gifts_and_vouchers_change_money_and_not_units(simulator, ledger, gift):
    order = simulator.buy("ana@example.com", {PACK: 1}, gift=gift)
    free = simulator.buy("ana@example.com", {PACK: 2}, voucher=100)
    seen = ledger.poll().orders
    assert sum(line.quantity for line in seen[str(order)].lines) == 2
    assert seen[str(free)].lines[0].quantity == 2
    assert not seen[str(free)].underpaid


def test_little_money_for_a_unit_is_a_hint_of_goodwill(simulator, ledger):
    gesture = simulator.buy("ana@example.com", {"SERVDOLIA120": 1})
    simulator.refund(gesture, {"SERVDOLIA120": 1}, money=20.0)
    whole = simulator.buy("ana@example.com", {"SERVDOLIA120": 1})
    simulator.refund(whole, {"SERVDOLIA120": 1})
    seen = ledger.poll().orders
    assert [seen[str(order)].lines[0].goodwill for order in (gesture, whole)] == [True, False]


def test_module_and_staff_states_hold_an_order_once_paid(simulator, ledger):
    partly = simulator.new_state("Reembolso parcial", module="ps_checkout")
    done = simulator.new_state("Credits assigned", "logable invoice")
    orders = [simulator.buy("ana@example.com", {PACK: 2}) for _ in range(2)]
    waiting = simulator.buy("ana@example.com", {PACK: 1}, paid=False)
    ledger.poll()
    for order, state in zip(orders, (partly, done), strict=True):
        simulator.set_state(order, state)
    simulator.refund(orders[0], {PACK: 1}, "webservice_slip")
    simulator.set_state(waiting, done)
    seen = ledger.poll().orders
    assert [(seen[str(o)].state, seen[str(o)].once_paid) for o in (*orders, waiting)] == [
        (OrderState.OTHER, True),
        (OrderState.OTHER, True),
        (OrderState.OTHER, False),
    ]
    assert [seen[str(o)].state_name for o in orders] == ["Reembolso parcial", "Credits assigned"]
    assert [seen[str(o)].lines[0].taken_back for o in orders] == [1, 0]


def test_a_deleted_state_keeps_its_meaning(simulator, ledger):
    old = simulator.new_state("Old paid state", "paid logable invoice")
    order = simulator.buy("ana@example.com", {PACK: 1}, state=old)
    simulator.delete_state(old)
    assert ledger.poll().orders[str(order)].state == OrderState.PAID


def test_cancelled_and_paid_again(simulator, ledger):
    order = simulator.buy("ana@example.com", {PACK: 1})
    simulator.cancel(order)
    assert ledger.poll().orders[str(order)].state == OrderState.BACK
    simulator.pay(order)
    assert ledger.poll().orders[str(order)].state == OrderState.PAID


def test_valid_is_not_paid(simulator, ledger):
    backorder = simulator.buy("ana@example.com", {PACK: 1}, state=9)
    assert simulator.tables["orders"].rows[backorder]["valid"] == "0"
    assert ledger.poll().orders[str(backorder)].state == OrderState.PAID


def test_configured_states_beat_the_flags(simulator, open_ledger):
    mine = simulator.new_state("Paid at the counter")
    lost = simulator.new_state("Charged back", "paid")
    paid = simulator.buy("ana@example.com", {PACK: 1}, state=mine)
    back = simulator.buy("ana@example.com", {PACK: 1}, state=lost)
    ledger = open_ledger(simulator, paid_states=[mine], taken_back_states=[6, 7, 8, lost])
    seen = ledger.poll().orders
    assert (seen[str(paid)].state, seen[str(back)].state) == (OrderState.PAID, OrderState.BACK)


def test_split_orders_are_not_underpaid_even_when_one_was_cancelled(simulator, ledger):
    whole = simulator.split("ana@example.com", [{"demo_11": 1}, {PACK: 1}])
    assert [float(simulator.tables["orders"].rows[o]["total_paid_real"]) > 0 for o in whole] == [False, True]
    halved = simulator.split("ana@example.com", [{PACK: 1}, {"demo_11": 1}])
    simulator.cancel(halved[1])  # and only the other half was ever paid, booked on this one
    rows = simulator.tables["orders"].rows
    rows[halved[1]]["total_paid_real"] = rows[halved[0]]["total_paid"]
    free = simulator.buy("ana@example.com", {PACK: 1}, received=1.0)
    seen = ledger.poll().orders
    assert [seen[str(order)].underpaid for order in (*whole, *halved, free)] == [False] * 4 + [True]
    assert seen[str(whole[0])].code == seen[str(whole[1])].code
