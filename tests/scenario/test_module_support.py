"""Module support hangs on purchases that come and go after its tickets were resolved."""

import pytest

from bytebridge import service
from bytebridge.jobs import decide
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import reviews

DAY = 86_400
ANA, LUC = "ana@example.com", "luc@example.com"


@pytest.fixture
def world(open_world):
    found = open_world(modules=[{"reference": "DOLIMOD-.*"}])
    found.buys(ANA, SERVDOLIA60=1)
    found.poll()
    return found


def supported(world, email=ANA, **more):
    ticket = world.asks(email)
    world.desk.resolve(ticket, kind="modulo", **more)
    world.poll()
    return ticket


def waiting(world):
    return {code for _, code in world.reviews("waiting")}


@pytest.mark.parametrize("email", [ANA, LUC], ids=["of an account", "of nobody's yet"])
def test_a_module_bought_after_its_ticket_was_resolved_makes_it_free(world, email):
    supported(world, email, minutes=20)
    assert waiting(world) == {"module_outside_year"}
    world.buys(email, **{"DOLIMOD-STOCK": 1})
    world.poll()
    assert waiting(world) == set()
    assert world.balances() == {ANA: 60}


def test_a_module_given_back_makes_its_ticket_wait_again(world):
    order = world.buys(ANA, **{"DOLIMOD-STOCK": 1})
    world.poll()
    supported(world, minutes=20)
    assert waiting(world) == set()
    world.shop.refund(order, {"DOLIMOD-STOCK": 1})
    world.poll()
    assert waiting(world) == {"module_outside_year"}


def test_credits_charged_before_the_module_was_bought_stay_and_a_person_sees_them(world):
    supported(world, credits=30)
    assert world.balances() == {ANA: 30}
    world.buys(ANA, **{"DOLIMOD-STOCK": 1})
    world.poll()
    assert waiting(world) == {"credits_on_free"}
    assert world.balances() == {ANA: 30}


def test_what_an_edit_of_something_old_moves_is_told_also_when_it_waited_for_another_document(open_world):
    world = open_world(modules=[{"reference": "DOLIMOD-.*"}], notices={"quiet_before": "2026-12-10"})
    order = world.buys(ANA, **{"DOLIMOD-STOCK": 1, "SERVDOLIA60": 1})
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", credits=45)
    world.poll()
    world.clock.tick(30 * DAY)
    world.desk.note_work(ticket, kind="modulo", credits=7)
    world.poll()
    assert waiting(world) == {"credits_on_free"}
    assert (world.told(), world.balances()) == ([], {ANA: 15})
    world.shop.refund(order, {"DOLIMOD-STOCK": 1})
    for _ in range(2):  # the second finds nothing that it could tell
        world.poll()
        assert world.balances() == {ANA: 53}
    assert world.told() == [("balance", "ticket", ANA)]
    assert waiting(world) == set()


def test_an_order_that_vanished_leaves_the_support_it_brought(world):
    order = world.buys(ANA, **{"DOLIMOD-STOCK": 1, "SERVDOLIA60": 1})
    world.poll()
    ticket = supported(world, minutes=20)
    world.shop.erase(order)
    for _ in range(2):
        service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)
        world.clock.tick(DAY)
    assert waiting(world) == {"vanished"}
    world.desk.note_work(ticket, minutes=25)
    world.poll()
    assert waiting(world) == {"vanished"}


@pytest.fixture
def returned(world):
    """A module invoiced by the ERP and given back by a credit note, which its lists then pass over."""
    world.erp.product("DOLIMOD-STOCK")
    world.invoice = world.erp.sell(world.erp.customer("Ana", ANA), [("DOLIMOD-STOCK", 1, 90), ("SERVDOLIA120", 1, 120)])
    world.poll()
    world.note = world.erp.credit_note(world.invoice, [("DOLIMOD-STOCK", 1, 90)])
    world.erp.validate(world.note)
    world.poll()
    supported(world, minutes=20)
    assert waiting(world) == {"module_outside_year"}
    world.erp.unloadable = {world.note}
    world.clock.tick(60)
    world.erp.draw_pdf(world.invoice)
    world.poll()
    return world


def test_a_module_stays_given_back_while_its_credit_note_is_not_shown(returned):
    assert waiting(returned) == {"module_outside_year", "note_not_shown"}
    returned.erp.unloadable = set()
    returned.clock.tick(60)
    returned.erp.draw_pdf(returned.note)
    returned.poll()
    assert waiting(returned) == {"module_outside_year"}
    assert returned.balances() == {ANA: 180}


def test_a_module_is_bought_again_when_a_person_says_that_its_credit_note_was_deleted(returned):
    with returned.store.read() as connection:
        (item,) = [one for one in reviews.open_items(connection, "waiting") if one.code == "note_not_shown"]
    list(decide.resolve(decide.Wish(item.id, "accept", 0, "", "deleted"), returned.context(), dry_run=False))
    returned.poll()
    assert waiting(returned) == set()
    assert returned.balances() == {ANA: 180}
