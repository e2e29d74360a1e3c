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
