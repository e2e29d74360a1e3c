"""Module support hangs on purchases that come and go after its tickets were resolved."""

import pytest

from bytebridge import service
from bytebridge.jobs.reconcile import Window

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
