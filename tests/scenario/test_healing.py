"""What waits for a reason outside the document leaves the review list when that reason is gone."""

from bytebridge.jobs import people

ANA, LUC = "ana@example.com", "luc@example.com"


def sells(world, party, reference):
    invoice = world.erp.invoice(party, [(reference, 1, 60)])
    world.erp.validate(invoice)
    world.erp.pay(invoice)


def test_a_look_alike_is_granted_when_its_twin_is_cancelled(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    sells(world, world.erp.customer("Ana", ANA), "SERVDOLIA60")
    world.clock.tick(600)
    world.poll()
    world.poll()
    assert {code for _, code in world.reviews("waiting")} == {"look_alike"}
    assert world.balances() == {ANA: 60}
    world.shop.cancel(order)
    world.clock.tick(600)
    world.poll()
    assert world.reviews("waiting") == set()
    assert world.balances() == {ANA: 60}, "the order's went, the invoice's came"


def test_an_invoice_that_fits_two_accounts_is_granted_when_they_are_merged(world):
    world.buys(ANA, SERVDOLIA30=1)
    world.buys(LUC, SERVDOLIA30=1)
    world.poll()
    party = world.erp.customer("Ana y Luc", "office@example.com", [ANA, LUC])
    sells(world, party, "SERVDOLIA120")
    world.clock.tick(600)
    world.poll()
    assert {code for _, code in world.reviews("waiting")} == {"two_accounts"}
    list(people.carry_out(world.context(), people.Merge(ANA, LUC), dry_run=False))
    world.clock.tick(600)
    world.poll()
    assert world.reviews("waiting") == set()
    assert world.balances() == {ANA: 180}


def test_what_goes_on_waiting_costs_no_request_of_its_own(open_world):
    """A look-alike, one that fits two accounts, one marked as an order that never came, and one that was reopened."""
    world = open_world(erp={"shop_reference": r"PS-(\d+)"})
    world.buys(ANA, SERVDOLIA30=1)
    world.buys(LUC, SERVDOLIA30=1)
    world.poll()
    sells(world, world.erp.customer("Ana", ANA), "SERVDOLIA30")
    party = world.erp.customer("Ana y Luc", "office@example.com", [ANA, LUC])
    sells(world, party, "SERVDOLIA120")
    note = world.erp.credit_note("3", [("SERVDOLIA120", 1, 120)])
    world.erp.validate(note)
    marked = world.erp.invoice(
        world.erp.customer("Eva", "eva@example.com"), [("SERVDOLIA60", 1, 60)], ref_client="PS-9"
    )
    world.erp.validate(marked)
    world.erp.pay(marked)
    reopened = world.erp.sell(world.erp.customer("Zoe", "zoe@example.com"), [("SERVDOLIA60", 1, 60)])
    world.clock.tick(600)
    world.poll()
    world.erp.reopen(reopened)
    world.clock.tick(600)
    world.poll()
    assert {code for _, code in world.reviews("waiting")} == {"look_alike", "two_accounts", "unknown_shop_order"}
    for _ in range(3):
        for system in (world.shop, world.erp, world.desk):
            system.requests.clear()
        world.clock.tick(600)
        world.poll()
        assert len(world.erp.requests) <= 3
        assert len(world.shop.requests) <= 4
