"""Situations and exactly which letters each brings, in the ledger and in the world."""

import pytest

from bytebridge import service
from bytebridge.domain.model import Credits
from bytebridge.jobs import decide, letters_by_hand, people
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import reviews

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


def situation(title, expected, **sections):
    """expected: the letters of the last step; sections: settings this situation needs."""

    def keep(play):
        SITUATIONS[title] = (play, expected, sections)
        return play

    return keep


def change(world, wish):
    return list(people.carry_out(world.context(), wish, dry_run=False))


def decide_on(world, ticket, choice, credits=0):
    with world.store.read() as connection:
        [item] = [one for one in reviews.open_items(connection) if one.document == f"helpdesk:{ticket}"]
    return list(decide.resolve(decide.Wish(item.id, choice, credits, "", "hablado"), world.context(), dry_run=False))


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
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    world.told()
    return after(world, lambda: change(world, people.Adjust(ANA, Credits(-45), "cortesía", "adjust:1")))


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


@situation("somebody who has just bought opens a ticket", [PURCHASE])
def _(world):
    settled(world, units=1, minutes=60)

    def buys_and_asks():
        world.buys(ANA, SERVDOLIA30=1)
        world.asks(ANA)

    return after(world, buys_and_asks)


@situation("the customer writes again in a ticket that was warned of", [])
def _(world):
    settled(world, units=1, minutes=60)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.answer_as_customer(ticket, "¿Alguna novedad?"))


@situation("a charged ticket is reopened and will cost more than is left", [SHORT])
def _(world):
    _, ticket = settled(world, units=1, minutes=22)

    def reopen():
        world.desk.reopen(ticket)
        world.desk.note_work(ticket, minutes=90)

    return after(world, reopen)


@situation(
    "a stranger opens a ticket where the firm warns strangers",
    [("insufficient", "ticket", LUC)],
    notices={"strangers": True},
)
def _(world):
    return after(world, lambda: world.asks(LUC))


@situation("what says the same is not said twice: low on top of insufficient", [BALANCE, SHORT])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)

    def charge_and_ask():
        world.desk.resolve(ticket, kind="consulta", minutes=100)
        world.asks(ANA, kind="intervencion")

    return after(world, lambda: None, charge_and_ask)


@situation("the threshold is crossed three times in one pass", [BALANCE, PURCHASE, BALANCE, BALANCE, LOW])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    tickets = [world.asks(ANA) for _ in range(3)]

    def all_at_once():
        world.desk.resolve(tickets[0], kind="consulta", minutes=35)
        world.poll("helpdesk")
        world.buys(ANA, SERVDOLIA60=1)
        world.poll("shop")
        world.desk.resolve(tickets[1], kind="consulta", minutes=60)
        world.desk.resolve(tickets[2], kind="consulta", minutes=10)

    hold = letters_by_hand.hold
    world.poll()
    world.told()
    hold(world.store, "tester", held=True, dry_run=False)
    all_at_once()
    world.poll()
    hold(world.store, "tester", held=False, dry_run=False)
    world.poll()
    return sorted(world.told(), key=lambda one: one[0] == "low_balance")


@situation("three tickets in one pass: three letters, one low-balance text", [BALANCE, BALANCE, BALANCE, LOW])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    tickets = [world.asks(ANA) for _ in range(3)]

    def all_three():
        for ticket in tickets:
            world.desk.resolve(ticket, kind="consulta", minutes=35)

    return sorted(after(world, lambda: None, all_three), key=lambda one: one[0] == "low_balance")


@situation("an own threshold above the firm's", [BALANCE, LOW])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    world.poll()
    world.told()
    change(world, people.SetValues(ANA, None, 100, None))
    return after(world, lambda: world.desk.resolve(ticket, kind="consulta", minutes=22))


@situation("an own threshold of nothing", [BALANCE])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    world.poll()
    world.told()
    change(world, people.SetValues(ANA, None, 0, None))
    return after(world, lambda: world.desk.resolve(ticket, kind="consulta", minutes=60))


@situation("an account that wants no low-balance letters", [BALANCE])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    world.poll()
    world.told()
    change(world, people.SetValues(ANA, None, None, None, ("low_balance",)))
    return after(world, lambda: world.desk.resolve(ticket, kind="consulta", minutes=40))


@situation("an administrator adjusts upwards", [])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    return after(world, lambda: None, lambda: change(world, people.Adjust(ANA, Credits(45), "cortesía", "adjust:1")))


@situation("a merge with an account below zero brings the kept one below the threshold", [LOW])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(LUC)
    world.desk.resolve(ticket, kind="consulta", minutes=40)
    return after(world, lambda: None, lambda: change(world, people.Merge(ANA, LUC)))


@situation("a ticket that waits is charged by a person", [BALANCE])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket)
    return after(world, lambda: None, lambda: decide_on(world, ticket, "charge", 45))


@situation("a ticket that waits is dismissed by a person", [])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket)
    return after(world, lambda: None, lambda: decide_on(world, ticket, "dismiss"))


@situation("a version upgrade is resolved", [BALANCE])
def _(world):
    world.buys(ANA, SERVDOLIA120=2)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="upgrade"))


@situation("quoted work is resolved without its figure", [])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="presupuesto", minutes=60))


@situation("0 minutes are noted", [])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=0))


@situation("support of a module within its year is resolved", [], modules=[{"reference": "DOLIMOD-.*"}])
def _(world):
    world.shop.buy(world.shop.customer(ANA), {"SERVDOLIA60": 1, "DOLIMOD-STOCK": 1})
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="modulo", minutes=20))


@situation("a ticket of a department that is not watched", [], helpdesk={"departments": ["other"]})
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=22))


@situation("a charged ticket is merged into another", [("balance", "email", ANA)])
def _(world):
    _, ticket = settled(world)
    other = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.merge(ticket, other))


@situation("a charged ticket is tidied away months later", [])
def _(world):
    _, ticket = settled(world)
    world.clock.tick(70 * DAY)
    return after(world, lambda: None, lambda: world.desk.delete(ticket))


@situation("a charged ticket is given to another customer", [("balance", "email", ANA), ("balance", "ticket", LUC)])
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.change_owner(ticket, LUC))


@situation("a ticket resolved and closed takes no reply", [("balance", "email", ANA)])
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)

    def resolve_and_close():
        world.desk.resolve(ticket, kind="consulta", minutes=22)
        world.desk.close(ticket)

    return after(world, lambda: None, resolve_and_close)


@situation("a note and its mail", [BALANCE, ("balance", "email", ANA)], helpdesk={"reply_as": "note"})
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=22))


@situation("everything by mail", [("balance", "email", ANA)], helpdesk={"reply_as": "email"})
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=22))


@situation(
    "without a key for messages everything goes by mail", [("balance", "email", ANA)], helpdesk={"message_api_key": ""}
)
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    return after(world, lambda: None, lambda: world.desk.resolve(ticket, kind="consulta", minutes=22))


@situation("a second part of an order is refunded", [BACK])
def _(world):
    order = world.buys(ANA, SERVDOLIA60=3)
    refund = lambda: world.shop.refund(order, {"SERVDOLIA60": 1})  # noqa: E731
    return after(world, lambda: None, refund, refund)


@situation("the same purchase is seen in shop and ERP", [])
def _(world):
    customer = world.erp.customer("Ana", ANA)
    return after(
        world,
        lambda: world.buys(ANA, SERVDOLIA60=1),
        lambda: world.erp.sell(customer, [("SERVDOLIA60", 1, 60)]),
    )


@situation("a paid order comes into a state nobody knows", [])
def _(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    return after(world, lambda: None, lambda: world.shop.set_state(order, world.shop.new_state("En el limbo")))


@situation("a tag asks for a statement in a ticket that is resolved", STATEMENT)
def _(world):
    _, ticket = settled(world)
    return after(world, lambda: world.desk.tag(ticket, "Informe de créditos"))


@situation("a forwarded word in capitals, without accents, in another language", STATEMENT)
def _(world):
    return after(world, lambda: world.buys(ANA, SERVDOLIA60=1), lambda: world.asks(ANA, "RV: Re: RELEVE !"))


@situation("the word among others is no request", [])
def _(world):
    return after(world, lambda: world.buys(ANA, SERVDOLIA60=1), lambda: world.asks(ANA, "Saldo de proveedores"))


@situation("a colleague asks for the statement", [("statement", "email", LUC), ("statement", "ticket", LUC)])
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    world.told()
    change(world, people.AddAddress(ANA, LUC))
    return after(world, lambda: world.asks(LUC, "Saldo"))


@situation("what happened in the quiet past", [], notices={"quiet_before": "2026-12-10"})
def _(world):
    return after(world, lambda: settled(world, units=1, minutes=60))


@situation("a correction later of what happened in the quiet past", [BALANCE], notices={"quiet_before": "2026-12-10"})
def _(world):
    _, ticket = settled(world)
    world.clock.tick(10 * DAY)
    return after(world, lambda: world.desk.note_work(ticket, minutes=50))


@situation("old work that nobody could price, touched later, then priced", [], notices={"quiet_before": "2026-12-10"})
def _(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="taller", minutes=20)
    world.poll()
    world.clock.tick(10 * DAY)
    world.desk.tag(ticket, "seen")
    world.poll()
    assert world.reviews("waiting") == {(f"helpdesk:{ticket}", "unknown_kind")}
    kinds = {"consultation": ["consulta", "taller"]}
    world.settings = world.settings_of(helpdesk={"kinds": kinds}, notices={"quiet_before": "2026-12-10"})
    told = after(world, lambda: service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False))
    assert world.balances() == {ANA: 30}
    return told


@situation("a ticket from before the help desk's first day is resolved again", [], helpdesk={"since": "2026-12-10"})
def _(world):
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=22)
    world.poll()
    world.clock.tick(10 * DAY)
    return after(world, lambda: world.desk.reopen(ticket), lambda: world.desk.resolve(ticket, minutes=80))


@pytest.mark.parametrize("title", SITUATIONS)
def test_brings_exactly_these_letters(open_world, title):
    play, expected, sections = SITUATIONS[title]
    world = open_world(**sections)
    world.poll()
    assert play(world) == expected
    world.clock.tick(HOUR)
    world.poll()
    assert world.told() == []
    assert {one.state for one in world.letters()} <= {"sent", "cancelled"}


def test_nobody_is_told_to_buy_before_the_shop_was_read_again(world):
    settled(world, units=1, minutes=60)
    world.shop.fail_next(503, times=500)
    world.asks(ANA)
    owing = world.asks(LUC)
    world.desk.resolve(owing, kind="consulta", minutes=5)
    world.poll()
    assert world.told() == []
    world.shop.faults.clear()
    world.clock.tick(HOUR)
    world.poll()
    assert sorted(world.told()) == [("balance", "ticket", LUC), SHORT]


def test_nor_afterwards_who_bought_meanwhile(world):
    settled(world, units=1, minutes=60)
    world.shop.fail_next(503, times=500)
    world.asks(ANA)
    world.buys(ANA, SERVDOLIA30=1)
    world.poll()
    world.shop.faults.clear()
    world.clock.tick(HOUR)
    world.poll()
    assert world.told() == [PURCHASE]


def test_a_pilot_holds_back_what_is_for_others(open_world):
    world = open_world(notices={"only_to": [LUC]})
    world.buys(ANA, SERVDOLIA60=1)
    world.buys(LUC, SERVDOLIA60=1)
    world.poll()
    assert world.told() == [("purchase", "email", LUC)]
    assert [(one.recipient, one.state) for one in world.letters(state="held")] == [(ANA, "held")]


def test_a_low_balance_is_told_when_the_letter_that_would_say_so_is_dropped(open_world):
    world = open_world()
    world.buys(ANA, SERVDOLIA120=1)
    ticket = world.asks(ANA)
    world.poll()
    world.told()
    world.desk.resolve(ticket, kind="consulta", minutes=100)
    other = world.asks(ANA, kind="intervencion")
    world.desk.fail_next(503, times=100, match=lambda request: other in request.path and request.method == "GET")
    for _ in range(3):
        world.poll()
        world.clock.tick(HOUR)
    assert world.told() == [BALANCE]
    world.desk.faults.clear()
    world.desk.delete(other)
    for _ in range(3):
        world.poll()
        world.clock.tick(HOUR)
    assert world.told() == [LOW]
