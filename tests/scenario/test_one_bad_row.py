"""One document that cannot be read, one hint that is stale, one witness that is down: the rest goes on."""

import pytest

from bytebridge import service
from bytebridge.domain.model import Credits, Source
from bytebridge.jobs import people
from bytebridge.jobs.reconcile import Window

ANA, LUC = "ana@example.com", "luc@example.com"


def test_an_invoice_nobody_can_read_waits_and_the_others_are_booked(world):
    odd = world.erp.sell(world.erp.customer("Ana", ANA), [("SERVDOLIA60", 1, 60)])
    world.erp.sell(world.erp.customer("Luc", LUC), [("SERVDOLIA120", 1, 120)])
    world.erp.invoices[int(odd)]["type"] = "7"
    done = world.poll()
    assert (done.errors, done.results[Source.ERP].failed) == ([], 1)
    assert world.balances() == {LUC: 120}
    assert (f"erp:{odd}", "unreadable") in world.reviews("waiting")
    world.erp.invoices[int(odd)]["type"] = "0"
    world.poll()
    assert world.balances() == {ANA: 60, LUC: 120}
    assert world.reviews("waiting") == set()


def test_a_document_that_can_be_read_again_waits_no_longer_though_it_says_what_it_said(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    line = world.shop.books.tables["order_details"].of("id_order", order)[0]
    for spoilt, waiting in (("two", {(f"shop:{order}", "unreadable")}), ("1", set())):
        line["product_quantity"] = spoilt
        world.clock.tick(60)
        world.shop.note(order)
        world.poll()
        assert world.reviews("waiting") == waiting


@pytest.mark.parametrize("source", [Source.SHOP, Source.ERP])
def test_what_another_process_could_not_read_is_read_by_the_next_poll(world, source):
    """An administrator's reconciliation, or a daemon that died since: no cursor knows of it, the ledger does."""
    order = world.buys(ANA, SERVDOLIA60=1)
    invoice = world.erp.sell(world.erp.customer("Luc", LUC), [("SERVDOLIA120", 1, 120)])
    world.buys(LUC, SERVDOLIA60=1)  # of each some can be read: else a whole list would be no answer
    world.erp.sell(world.erp.customer("Luc", LUC), [("SERVDOLIA120", 3, 360)])
    world.poll()
    row, name, odd = {
        Source.SHOP: (world.shop.books.tables["order_details"].of("id_order", order)[0], "product_quantity", "two"),
        Source.ERP: (world.erp.invoices[int(invoice)], "type", "7"),
    }[source]
    daemon = world.context()
    world.clock.tick(3 * 86_400)
    world.poll(context=daemon)
    before, row[name] = row[name], odd
    found = service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)
    assert found.errors == []
    assert {code for _, code in world.reviews("waiting")} == {"unreadable"}
    row[name] = before
    world.poll(context=daemon)
    assert world.reviews("waiting") == set()


def test_a_stale_hint_of_the_index_charges_nothing(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    world.poll()
    world.desk.index_delay = 600
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.clock.tick(590)
    world.desk.reopen(ticket)
    world.clock.tick(20)
    # the second witness would tell too: without it only the confirmation by id stands between hint and charge
    world.desk.fail_next(403, times=4, match=lambda request: request.path.endswith("/tickets/history"))
    world.poll()
    assert world.balances() == {ANA: 60}
    world.desk.faults.clear()


def test_a_witness_that_is_down_does_not_stop_the_desk(world):
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.clock.tick(3600)
    world.desk.fail_next(503, times=8, match=lambda request: request.path.endswith("/tickets/history"))
    world.poll()
    world.desk.faults.clear()
    assert world.balances() == {ANA: 45}


def test_what_people_change_reaches_the_erp(world):
    customer = world.erp.customer("Ana", ANA)
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    assert world.erp.balance_of(customer) == 60
    list(people.carry_out(world.context(sources=()), people.Adjust(ANA, Credits(-7), "x", "adjust:1"), dry_run=False))
    world.poll()
    assert world.erp.balance_of(customer) == 53
    assert len(world.erp.events_of(customer)) >= 2


def test_a_ticket_seen_deleted_and_purged_did_not_vanish(world):
    for number in range(3):
        world.buys(f"c{number}@example.com", SERVDOLIA60=1)
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.asks(ANA)
    world.poll()
    world.desk.delete(ticket)
    world.poll()
    world.desk.purge_delay = 0
    world.desk.purge(ticket)
    service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)
    world.clock.tick(7200)
    service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)
    assert world.reviews("waiting") == set()


def test_a_contact_nobody_can_read_keeps_back_its_own_ticket_alone(world):
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    mine = world.asks(ANA)
    nameless = world.desk.open(LUC, "Sin dirección")
    world.desk.ticket(nameless).fields["owner_email"] = None
    for ticket in (mine, nameless):
        world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.desk.fail_next(503, times=20, match=lambda request: "/contacts/" in request.path)
    world.poll()
    assert world.balances() == {ANA: 45}
    world.desk.faults.clear()
    world.clock.tick(3600)
    world.poll()
    world.poll()
    assert world.balances() == {ANA: 45, LUC: -15}


def test_the_oldest_ticket_alone_in_its_window_may_be_unreadable(world):
    world.buys(ANA, SERVDOLIA60=1)
    odd = world.asks(LUC)
    world.clock.tick(400 * 86_400)
    ticket = world.asks(ANA)
    world.poll()
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    del world.desk.tickets[odd].fields["tags"]
    world.desk.reindex()
    done = service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)
    assert done.errors == []
    assert world.balances() == {ANA: 45}


def test_a_ticket_that_is_read_after_all_in_the_same_poll_waits_for_nobody(world):
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.clock.tick(3600)
    spoilt = {"body": b'{"id": "', "content_type": "application/json"}
    world.desk.fail_next(200, match=lambda request: request.path.endswith(f"/tickets/{ticket}"), **spoilt)
    world.poll()
    assert not world.desk.faults
    assert world.balances() == {ANA: 45}
    assert world.reviews("waiting") == set()


def test_a_desk_of_which_no_row_at_all_can_be_read_is_a_failure(world):
    odd = world.asks(LUC)
    world.poll()
    del world.desk.tickets[odd].fields["tags"]
    world.desk.reindex()
    done = service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)
    assert any("no row of its list can be read" in line for line in done.errors)


def test_a_list_without_any_tag_moves_nothing_and_is_said_once_a_pass(world):
    """A ticket whose field and tag disagree would be charged by its field alone."""
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    for _ in range(2):
        world.desk.resolve(world.asks(ANA, tags=["intervencion"]), kind="consulta", minutes=15)
    world.told()
    tags, world.desk.tags = world.desk.tags, {}
    done = world.poll()
    [error] = done.errors
    assert "no tag although tickets carry some" in error
    assert service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False).errors == [error]
    assert (world.balances(), world.told(), world.reviews("waiting")) == ({ANA: 60}, [], set())
    world.desk.tags = tags
    assert world.poll().errors == []
    assert (world.balances(), world.told()) == ({ANA: 60}, [])
    assert [code for _, code in world.reviews("waiting")] == ["two_kinds"] * 2
