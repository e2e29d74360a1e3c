"""Forty situations and exactly which letters each brings, in the ledger and in the world."""

import pytest

ANA, LUC = "ana@example.com", "luc@example.com"
PURCHASE = ("purchase", "email", ANA)
BACK = ("taken_back", "email", ANA)
BALANCE = ("balance", "ticket", ANA)
LOW = ("low_balance", "email", ANA)
SHORT = ("insufficient", "ticket", ANA)
STATEMENT = [("statement", "email", ANA), ("statement", "ticket", ANA)]
HOUR = 3600
DAY = 24 * HOUR


def after(world, *steps):
    """Each step, then a pass; the letters of the last one."""
    found = []
    for step in steps:
        step()
        world.poll()
        found = world.told()
    return found


def settled(world, units=2, minutes=22):
    """Ana has bought and one ticket of hers is resolved and told."""
    order = world.buys(ANA, SERVDOLIA60=units)
    world.poll()
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=minutes)
    world.poll()
    world.told()
    return order, ticket


SITUATIONS = {}


def situation(title, expected):
    def keep(play):
        SITUATIONS[title] = (play, expected)
        return play

    return keep


@situation("a pack is bought and paid", [PURCHASE])
def _(world):
    return after(world, lambda: world.buys(ANA, SERVDOLIA60=1))


@situation("an order is placed and not paid", [])
def _(world):
    return after(world, lambda: world.shop.buy(world.shop.customer(ANA), {"SERVDOLIA60": 1}, paid=False))


@situation("its transfer arrives later", [PURCHASE])
def _(world):
    order = world.shop.buy(world.shop.customer(ANA), {"SERVDOLIA60": 1}, paid=False)
    return after(world, lambda: None, lambda: world.shop.pay(order))


@situation("an order without packs is paid", [])
def _(world):
    return after(world, lambda: world.shop.buy(world.shop.customer(ANA), {"DOLIMOD-STOCK": 1}))


@situation("an order is cancelled before it was ever seen", [])
def _(world):
    return after(world, lambda: world.shop.cancel(world.buys(ANA, SERVDOLIA60=1)))


@situation("one of two packs is refunded", [BACK])
def _(world):
    order = world.buys(ANA, SERVDOLIA60=2)
    return after(world, lambda: None, lambda: world.shop.refund(order, {"SERVDOLIA60": 1}))


@situation("all is refunded: taken back, and low, for it falls from above the threshold", [BACK, LOW])
def _(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    return after(world, lambda: None, lambda: world.shop.refund(order, {"SERVDOLIA60": 1}))


@situation("a refund of postage only", [])
def _(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    return after(world, lambda: None, lambda: world.shop.refund(order, how="postage"))


@situation("a cancelled order is paid again", [PURCHASE])
def _(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    return after(world, lambda: None, lambda: world.shop.cancel(order), lambda: world.shop.pay(order))


@situation("an invoice of the ERP is paid", [PURCHASE])
def _(world):
    customer = world.erp.customer("Ana", ANA)
    return after(world, lambda: world.erp.sell(customer, [("SERVDOLIA60", 1, 60)]))


@situation("a credit note takes it back", [BACK, LOW])
def _(world):
    customer = world.erp.customer("Ana", ANA)
    invoice = world.erp.sell(customer, [("SERVDOLIA60", 1, 60)])
    return after(
        world,
        lambda: None,
        lambda: world.erp.validate(world.erp.credit_note(invoice, [("SERVDOLIA60", 1, 60)])),
    )


@situation("an invoice is reopened: its grace keeps everybody calm", [])
def _(world):
    invoice = world.erp.sell(world.erp.customer("Ana", ANA), [("SERVDOLIA60", 1, 60)])
    return after(world, lambda: None, lambda: world.erp.reopen(invoice))


@situation("and stays open for more than a day", [BACK, LOW])
def _(world):
    invoice = world.erp.sell(world.erp.customer("Ana", ANA), [("SERVDOLIA60", 1, 60)])
    return after(world, lambda: None, lambda: world.erp.reopen(invoice), lambda: world.clock.tick(DAY + HOUR))


@situation("a ticket is opened and the balance covers the minimum", [])
def _(world):
    return after(world, lambda: world.buys(ANA, SERVDOLIA60=1), lambda: world.asks(ANA))


@situation("a ticket is opened and the balance does not", [SHORT])
def _(world):
    settled(world, units=1, minutes=60)
    return after(world, lambda: world.asks(ANA))


@situation("the same ticket is touched again", [])
def _(world):
    settled(world, units=1, minutes=60)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.add_note(ticket, "llamar mañana"))


@situation("its minimum rises: the kind becomes an intervention", [SHORT])
def _(world):
    settled(world, units=1, minutes=60)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.note_work(ticket, kind="intervencion"))


@situation("a quote above the balance is noted", [SHORT])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.note_work(ticket, kind="presupuesto", credits=240))


@situation("free work is noted on a ticket of somebody without credits", [])
def _(world):
    settled(world, units=1, minutes=60)
    return after(world, lambda: world.asks(ANA, kind="free"))


@situation("a stranger opens a ticket", [])
def _(world):
    return after(world, lambda: world.asks("nobody@example.com"))


@situation("a stranger's ticket is resolved: an account below zero, and one letter", [("balance", "ticket", LUC)])
def _(world):
    ticket = world.asks(LUC)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=5))


@situation("a ticket is resolved", [BALANCE])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=22))


@situation("a charge brings the balance below the threshold: one letter says both", [BALANCE, LOW])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=40))


@situation("exactly to the threshold is not below it", [BALANCE])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=30))


@situation("a second charge below the threshold", [BALANCE])
def _(world):
    settled(world, units=1, minutes=40)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=10))


@situation("armed again by a purchase, it falls again", [BALANCE, LOW])
def _(world):
    settled(world, units=1, minutes=40)
    ticket = world.asks(ANA)
    return after(
        world,
        lambda: world.buys(ANA, SERVDOLIA30=1),
        lambda: world.desk.resolve(ticket, kind="consulta", minutes=25),
    )


@situation("two tickets in one pass: two letters, one low-balance text", [BALANCE, BALANCE, LOW])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    tickets = [world.asks(ANA), world.asks(ANA)]

    def both():
        for ticket in tickets:
            world.desk.resolve(ticket, kind="consulta", minutes=20)

    return sorted(after(world, lambda: None, both), key=lambda one: one[0] == "low_balance")


@situation("a resolved ticket is reopened", [])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.reopen(ticket))


@situation("and resolved again with more minutes", [BALANCE])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.reopen(ticket), lambda: world.desk.resolve(ticket, minutes=50))


@situation("and resolved again with the same minutes", [])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.reopen(ticket), lambda: world.desk.resolve(ticket))


@situation("its minutes are corrected within the same block", [])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.note_work(ticket, minutes=25))


@situation("its minutes are corrected downwards", [BALANCE])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.note_work(ticket, minutes=5))


@situation("a charged ticket is deleted: the letter goes by mail", [("balance", "email", ANA)])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.delete(ticket))


@situation("a charged ticket turns out to be spam", [("balance", "email", ANA)])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.spam(ticket))


@situation("a ticket is resolved without kind and minutes", [])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket))


@situation("the kind and minutes are noted afterwards", [BALANCE])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    return after(
        world,
        lambda: world.desk.resolve(ticket),
        lambda: world.desk.note_work(ticket, kind="consulta", minutes=10),
    )


@situation("a gesture: 0 credits noted", [])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=90, credits=0))


@situation("a chat cannot take a reply", [("balance", "email", ANA)])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA, channel="V")
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=5))


@situation("a statement is asked for by its word", STATEMENT)
def _(world):
    return after(world, lambda: world.buys(ANA, SERVDOLIA60=1), lambda: world.asks(ANA, "Re: ¿SALDO?"))


@situation("the same word from somebody without an account", [])
def _(world):
    return after(world, lambda: world.asks("nobody@example.com", "Saldo"))


@situation("the fourth request of a day", [])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    return after(world, *[lambda: world.asks(ANA, "Saldo")] * 4)


@situation("an administrator adjusts downwards: only the low balance is told", [LOW])
def _(world):
    from bytebridge.domain.model import Credits
    from bytebridge.jobs import people

    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    world.told()
    change = people.Adjust(ANA, Credits(-45), "cortesía", "adjust:1")
    return after(world, lambda: list(people.carry_out(world.context(), change, dry_run=False)))


@situation("a machine answers a letter and opens a ticket", [])
def _(world):
    settled(world, units=1, minutes=60)
    return after(world, lambda: world.asks(ANA, "Respuesta automática: Su saldo"))


@situation("one of our own letters comes back as a ticket", [])
def _(world):
    settled(world, units=1, minutes=60)
    return after(world, lambda: world.asks(ANA, "RV: Saldo próximo a agotarse (BB-1-2-0A1B2C3D4E5F)"))


@situation("low a day after an insufficient letter says something new", [BALANCE, LOW])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    small = world.asks(ANA)
    return after(
        world,
        lambda: world.asks(ANA, kind="presupuesto", credits=240),
        lambda: world.clock.tick(20 * HOUR),
        lambda: world.desk.resolve(small, kind="consulta", minutes=100),
    )


@pytest.mark.parametrize("title", SITUATIONS)
def test_brings_exactly_these_letters(world, title):
    play, expected = SITUATIONS[title]
    assert play(world) == expected
    world.clock.tick(HOUR)
    world.poll()
    assert world.told() == []
    assert {one.state for one in world.letters()} <= {"sent", "cancelled"}


def test_there_are_forty():
    assert len(SITUATIONS) >= 40
