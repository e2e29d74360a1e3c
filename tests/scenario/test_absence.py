"""Absence is never evidence: whatever a system says instead of its documents, no credit moves."""

import pytest

from bytebridge import service
from bytebridge.domain.model import Source
from bytebridge.jobs import decide
from bytebridge.jobs.book import Run, book
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import reviews

ANA, LUC = "ana@example.com", "luc@example.com"
JSON, HTML = "application/json; charset=utf-8", "text/html; charset=UTF-8"
PAGE = b"<html><body>It is closed.</body></html>"

FORMS = {
    "an empty list": {"status": 200, "body": b"[]", "content_type": JSON},
    "an empty object": {"status": 200, "body": b"{}", "content_type": JSON},
    "null": {"status": 200, "body": b"null", "content_type": JSON},
    "nothing at all": {"status": 200, "body": b"", "content_type": HTML},
    "a page with 200": {"status": 200, "body": PAGE, "content_type": HTML},
    "a page with 202": {"status": 202, "body": PAGE, "content_type": HTML},
    "204": {"status": 204, "body": b"", "content_type": JSON},
    "404 as data": {"status": 404, "body": b'{"error": {"code": 404}, "message": "Not Found"}', "content_type": JSON},
    "404 without a body": {"status": 404, "body": b"", "content_type": HTML},
    "a lost right": {"status": 403, "body": b'{"error": {"code": 403}, "message": "No"}', "content_type": JSON},
    "a redirect": {"status": 302, "body": b"", "content_type": HTML, "headers": {"Location": "/"}},
    "rows of another shape": {"status": 200, "body": b'[{"id": "x"}, 7]', "content_type": JSON},
    "half an answer": {"status": 200, "body": b'[{"id": "1", "sta', "content_type": JSON},
}


@pytest.fixture
def settled(world):
    """Something booked from each system, seen by a good reconciliation."""
    world.buys(ANA, SERVDOLIA60=2)
    world.erp.sell(world.erp.customer("Luc", LUC), [("SERVDOLIA120", 1, 120)])
    ticket = world.asks(ANA)
    world.poll()
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.poll()
    assert world.balances() == {ANA: 105, LUC: 120}
    return world


@pytest.mark.parametrize("source", service.ORDER, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_no_credit_moves(settled, source, form):
    world = settled
    server = {Source.SHOP: world.shop, Source.ERP: world.erp, Source.HELPDESK: world.desk}[source]
    posted = world.posted()
    for _ in range(2):
        world.clock.tick(7200)
        server.fail_next(times=1000, match=lambda request: request.method == "GET", **FORMS[form])
        world.poll(source)
        world.clock.tick(7200)
        service.reconciliation(world.context(), [source], Window(), dry_run=False)
        server.faults.clear()
    assert world.posted() == posted
    assert world.balances() == {ANA: 105, LUC: 120}
    assert {code for _, code in world.reviews("waiting")} <= {"unreadable"}, "what could not be asked did not vanish"
    world.clock.tick(7200)
    world.poll()
    service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)
    assert (world.posted(), world.reviews("waiting")) == (posted, set())


def no_slips(request):
    return request.path == "/api/order_slip"


def none_by_order(request):
    return no_slips(request) and request.arg("filter[id_order]") is not None


@pytest.mark.parametrize("hidden", [no_slips, none_by_order])
@pytest.mark.parametrize("way", ["poll", "reconcile", "by_ids"])
def test_a_refund_that_stood_on_slips_alone_is_not_granted_again(settled, hidden, way):
    world = settled
    order = world.buys(ANA, SERVDOLIA60=2)
    world.poll()
    world.shop.refund(order, {"SERVDOLIA60": 1}, "webservice_slip")
    world.poll()
    posted = world.posted()
    assert world.balances()[ANA] == 165
    world.shop.fail_next(200, times=1000, match=hidden, body=b"[]", content_type=JSON)
    world.clock.tick(60)
    world.shop.note(order)
    read(world, way, order)
    assert world.posted() == posted
    contradicted = way == "poll" and hidden is none_by_order  # the list of all shows it
    assert world.reviews("waiting") == {(f"shop:{order}", "unreadable" if contradicted else "refund_not_shown")}
    world.buys(LUC, SERVDOLIA60=1)
    world.poll()
    assert world.balances() == {ANA: 165, LUC: 180}, "the others go on"
    world.shop.faults.clear()
    world.clock.tick(60)
    world.shop.note(order)
    read(world, way, order)
    assert world.reviews("waiting") == set()
    assert world.balances() == {ANA: 165, LUC: 180}


def read(world, way, order):
    context = world.context()
    match way:
        case "poll":
            world.poll()
        case "reconcile":
            service.reconciliation(context, [Source.SHOP], Window(), dry_run=False)
        case "by_ids":
            found = context.connectors[Source.SHOP].by_ids([str(order)])
            book(found, context, Run("test", "tester", world.clock()), source=Source.SHOP)


def test_slips_that_were_deleted_stop_no_poll_and_a_person_says_so(settled):
    world = settled
    order = world.buys(ANA, SERVDOLIA60=2)
    world.shop.refund(order, {"SERVDOLIA60": 1}, "webservice_slip")
    world.poll()
    slips = world.shop.books.tables["order_slip"]
    for slip in list(slips.rows):
        slips.remove(slip)
    service.reconciliation(world.context(), [Source.SHOP], Window(), dry_run=False)
    assert world.balances()[ANA] == 165
    world.buys(LUC, SERVDOLIA60=1)
    world.poll()
    assert world.balances() == {ANA: 165, LUC: 180}
    with world.store.read() as connection:
        (item,) = reviews.open_items(connection, "waiting")
    assert (item.document, item.code) == (f"shop:{order}", "refund_not_shown")
    list(decide.resolve(decide.Wish(item.id, "accept", 0, "", "deleted by us"), world.context(), dry_run=False))
    assert world.balances()[ANA] == 225


def test_one_of_two_slips_that_is_not_shown_for_a_night_grants_nothing_again(settled):
    world = settled
    order = world.buys(ANA, SERVDOLIA60=3)
    for _ in range(2):
        world.poll()
        world.shop.refund(order, {"SERVDOLIA60": 1}, "webservice_slip")
    world.poll()
    world.told()
    posted = world.posted()
    slips = world.shop.books.tables["order_slip"]
    last = slips.ids[-1]
    hidden = slips.rows[last]
    slips.remove(last)
    service.reconciliation(world.context(), [Source.SHOP], Window(), dry_run=False)
    assert world.reviews("waiting") == {(f"shop:{order}", "refund_not_shown")}
    slips.add(hidden)
    service.reconciliation(world.context(), [Source.SHOP], Window(), dry_run=False)
    world.poll()
    assert (world.posted(), world.reviews("waiting"), world.told()) == (posted, set(), [])


@pytest.fixture
def noted(world):
    """Two packs on an invoice, one of them taken back by a credit note that the ERP's lists then pass over."""
    world.invoice = world.erp.sell(world.erp.customer("Luc", LUC), [("SERVDOLIA60", 2, 60)])
    world.poll()
    world.note = world.erp.credit_note(world.invoice, [("SERVDOLIA60", 1, 60)])
    world.erp.validate(world.note)
    world.poll()
    assert world.balances() == {LUC: 60}
    world.erp.unloadable = {world.note}
    world.clock.tick(60)
    return world


def test_a_credit_note_that_is_not_shown_has_taken_its_part_all_the_same(noted):
    other = noted.erp.credit_note(noted.invoice, [("SERVDOLIA60", 2, 60)])
    noted.erp.validate(other)
    for _ in range(2):
        noted.poll()
        assert (noted.balances(), noted.reviews()) == ({LUC: 0}, set())
    noted.erp.unloadable = set()
    noted.clock.tick(60)
    noted.erp.draw_pdf(noted.invoice)
    noted.poll()
    assert (noted.balances(), noted.reviews()) == ({LUC: 0}, set())


def test_an_invoice_does_not_fall_without_a_credit_note_that_is_not_shown(noted):
    noted.erp.reopen(noted.invoice)
    for _ in range(2):
        noted.poll()
        noted.clock.tick(25 * 3600)
    assert (noted.balances(), noted.reviews()) == ({LUC: 60}, {(f"erp:{noted.invoice}", "note_not_shown")})
    noted.erp.unloadable = set()
    noted.poll()
    service.reconciliation(noted.context(), [Source.ERP], Window(), dry_run=False)
    assert (noted.balances(), noted.reviews()) == ({LUC: 0}, set())
