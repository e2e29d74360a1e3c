"""Absence is never evidence: whatever a system says instead of its documents, no credit moves."""

import pytest

from bytebridge import service
from bytebridge.domain.model import Source
from bytebridge.jobs.reconcile import Window

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
