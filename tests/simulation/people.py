"""What people do in a simulated firm, as steps that can be dropped one by one: each finds its own subject or rests.

A step is a verb and three numbers. The numbers choose among whatever exists at that moment, so a history stays
possible whichever steps are taken out of it.
"""

from typing import NamedTuple

DAY = 86_400
# what a technician writes, and the figure a person reads in it: None for what nobody can be sure of
FIGURES = (
    ("5", 5), ("15", 15), ("16", 16), ("25 min", 25), ("046", 46), (" 60 ", 60), ("95", 95), ("abc", None), ("0", 0),
    ("-20", None), ("12.5", None), ("1h", None),
)  # fmt: skip
WORK = (
    ("consulta", "consultation"), ("CONSULTA", "consultation"), ("intervención", "intervention"),
    ("Intervencion", "intervention"), ("actualización", "upgrade"), ("presupuesto", "quote"), ("módulo", "module"),
    ("no facturable", "free"), ("consultoría", None),
)  # fmt: skip
TAGGED = (("intervencion", "intervention"), ("consulta", "consultation"), ("vip", ""), ("urgente", ""))
NOTED = (("30", 30), ("90", 90), ("7", 7), ("45 créditos", 45), ("nada", None), ("-10", None), ("0", 0))
PACKS = ("SERVDOLIA60", "SERVDOLIA120", "SERVDOLIA30")
OTHERS = ("MODPOS", "MODBANK", "HOSTING1")
HOLD = "verificando pago"


class Step(NamedTuple):
    """seconds: how long the firm waits afterwards."""

    verb: str
    a: int
    b: int
    c: int
    seconds: int = 60


def pick(options, number):
    return options[number % len(options)] if options else None


# --- the shop ------------------------------------------------------------------------------------------------


def buy(world, step):
    """One of a pack, several, or a cart that holds a module, too; paid at once or later by transfer."""
    email = world.spelling(step.a)
    units = {pick(PACKS, step.b): 1 + step.c % 3}
    if step.c % 4 == 0:
        units[pick(OTHERS, step.b)] = 1
    if step.c % 7 == 0:
        units[pick(PACKS, step.b + 1)] = 2
    paid = step.c % 5 != 1
    voucher = 10 if step.c % 6 == 5 else 0
    world.order(email, units, paid=paid, voucher=voucher)


def _order(world, step, *stands):
    return pick([order for order in world.orders.values() if order.stand in stands], step.a)


def pay(world, step):
    if order := _order(world, step, "unpaid"):
        world.shop.pay(order.id)
        order.stand, order.dated = "paid", world.now()


def cancel(world, step):
    if order := _order(world, step, "paid", "unpaid", "hold"):
        if step.b % 2 and order.stand != "unpaid":
            world.shop.fail_payment(order.id)
        else:
            world.shop.cancel(order.id)
        order.stand = "back"


def refund(world, step):
    """Units of one line come back by one of the shop's ways, or money alone does."""
    order = _order(world, step, "paid")
    how = pick(("slip", "standard", "return", "voucher", "webservice_slip", "postage", "state"), step.b)
    if order is None:
        return
    if how == "state":
        world.shop.refund(order.id, how=how)
        order.stand = "back"
        return
    if how == "postage":
        world.shop.refund(order.id, how=how)
        return
    line = pick([line for line in order.lines.values() if line.left > 0], step.c)
    slip_alone = how == "webservice_slip"
    if line is None or (order.slip_alone is not None and order.slip_alone != slip_alone):
        return  # counters and slips of other origin cannot be told apart on one line
    count = 1 + step.c % line.left
    world.shop.refund(order.id, {line.reference: count}, how=how)
    order.slip_alone = slip_alone
    line.back += count


def deliver(world, step):
    if order := _order(world, step, "paid"):
        world.shop.deliver(order.id)


def hold(world, step):
    """A state that a payment module made and nobody explains: what was paid stands as it stood."""
    if order := _order(world, step, "paid", "unpaid"):
        world.shop.set_state(order.id, world.odd_state)
        order.stand = "hold" if order.stand == "paid" else "unpaid"


def resume(world, step):
    if order := _order(world, step, "hold"):
        world.shop.set_state(order.id, 2)
        order.stand = "paid"


def edit_units(world, step):
    if order := _order(world, step, "paid", "unpaid"):
        line = pick(list(order.lines.values()), step.b)
        wanted = line.back + step.c % 4
        if wanted:
            world.shop.edit(order.id, {line.reference: wanted})
            line.units = wanted


def note_order(world, step):
    if order := _order(world, step, "paid", "unpaid", "back"):
        world.shop.note(order.id)


# --- the ERP -------------------------------------------------------------------------------------------------


def sell(world, step):
    """By telephone: an invoice, validated, and mostly paid at once."""
    quantity = 0.5 if step.c % 11 == 10 else 1 + step.c % 3
    invoice = world.invoice(step.a, [("SERVDOLIA77", quantity, 77), (None, 1, 10)])
    if step.b % 3:
        world.erp.pay(invoice)
    elif step.c % 2:
        world.erp.pay_part(invoice, "10")


def _invoice(world, step, *, kind=0, states=(1,)):
    rows = [row for row in world.erp.invoices.values() if row["type"] == kind and row["fk_statut"] in states]
    found = pick([row for row in rows if row["rowid"] in world.ours], step.a)
    return str(found["rowid"]) if found else None


def settle_invoice(world, step):
    if invoice := _invoice(world, step):
        if step.b % 5 == 0:
            world.erp.close_by_hand(invoice)
        elif step.b % 7 == 0:
            world.erp.abandon(invoice)
        else:
            world.erp.pay(invoice)


def reopen_invoice(world, step):
    if invoice := _invoice(world, step, states=(2, 3)):
        world.erp.reopen(invoice, delete_payment=bool(step.b % 2))
        if step.c % 3 == 0:
            world.erp.pay(invoice)
        elif step.c % 3 == 1:
            world.erp.edit(invoice, [("SERVDOLIA77", 2, 77)])
            world.erp.pay(invoice)


def credit_note(world, step):
    """More than the invoice granted, now and then: it takes back no more than that."""
    if invoice := _invoice(world, step, states=(1, 2)):
        note = world.erp.credit_note(invoice, [("SERVDOLIA77", 1 + step.b % 4, 77)])
        world.ours.add(int(note))
        if step.c % 3:
            world.erp.validate(note)
        if step.c % 3 == 2:
            world.erp.refund(note)


def settle_note(world, step):
    if note := _invoice(world, step, kind=2, states=(0, 1)):
        if world.erp.invoices[int(note)]["fk_statut"] == 0:
            world.erp.validate(note)
        else:
            world.erp.to_discount(note)


# --- the help desk -------------------------------------------------------------------------------------------


def ask(world, step):
    email = world.spelling(step.a)
    tags = [pick(TAGGED, step.b)[0]] if step.b % 5 == 0 else []
    world.open(email, pick(("Error al validar", "Petite question", "Upgrade to 22"), step.c), tags=tags)


def ask_statement(world, step):
    world.open(world.spelling(step.a), pick(("Saldo", "Informe de créditos", "balance"), step.b))


def _ticket(world, step, *statuses):
    rows = [ticket for ticket in world.desk.tickets.values() if ticket.status in statuses]
    found = pick(rows, step.a)
    return found.id if found else None


def _work(step):
    """Kind, minutes and credits as somebody types them."""
    kind = pick(WORK, step.b)[0]
    minutes = pick(FIGURES, step.c)[0] if step.c % 9 else None
    credits = pick(NOTED, step.c)[0] if (step.b + step.c) % 6 == 0 else None
    return {"kind": kind, "minutes": minutes, "credits": credits}


def resolve(world, step):
    if ticket := _ticket(world, step, "N", "C", "A"):
        world.desk.resolve(ticket, **_work(step))


def resolve_without_words(world, step):
    if ticket := _ticket(world, step, "N", "C", "A"):
        world.desk.resolve(ticket)


def note_work(world, step):
    if ticket := _ticket(world, step, "N", "C", "A", "R"):
        world.desk.note_work(ticket, **_work(step))


def correct(world, step):
    """Minutes alone change after the fact."""
    if ticket := _ticket(world, step, "R"):
        world.desk.note_work(ticket, minutes=pick(FIGURES, step.b)[0])


def tag(world, step):
    if ticket := _ticket(world, step, "N", "C", "R"):
        (world.desk.tag if step.c % 3 else world.desk.untag)(ticket, pick(TAGGED, step.b)[0])


def reopen(world, step):
    if ticket := _ticket(world, step, "R"):
        if step.b % 2:
            world.desk.answer_as_customer(ticket, "No funciona")
        else:
            world.desk.reopen(ticket)


def close(world, step):
    if ticket := _ticket(world, step, "R"):
        world.desk.close(ticket)


def bury(world, step):
    """Spam or deletion, soon or long after: not in the days when nobody can say which of the two it is."""
    ticket = _ticket(world, step, "N", "C", "R", "L")
    if ticket is None or world.age(ticket) == "between":
        return
    if step.b % 2 and world.age(ticket) == "young":
        world.desk.spam(ticket)
    else:
        world.desk.delete(ticket)
        if world.age(ticket) == "old":
            world.tidied.add(ticket)


def unbury(world, step):
    if (ticket := _ticket(world, step, "B", "X")) and ticket not in world.merged:
        world.desk.undelete(ticket)
        world.tidied.discard(ticket)


def merge_tickets(world, step):
    source, target = _ticket(world, step, "N", "C", "R"), _ticket(world, step._replace(a=step.b), "N", "C", "R")
    if source and target and source != target and world.age(source) == "young":
        world.desk.merge(source, target)
        world.merged.add(source)


def split_ticket(world, step):
    if ticket := _ticket(world, step, "N", "C", "R"):
        world.desk.split(ticket)
        world.split.add(ticket)


def change_owner(world, step):
    if ticket := _ticket(world, step, "N", "C", "R"):
        world.desk.change_owner(ticket, world.spelling(step.b))


def answer(world, step):
    if ticket := _ticket(world, step, "N", "C", "A"):
        world.desk.answer(ticket, "¿Qué versión tiene?")


PEOPLE = {
    buy: 10, pay: 4, cancel: 2, refund: 6, deliver: 1, hold: 1, resume: 1, edit_units: 2, note_order: 1, sell: 4,
    settle_invoice: 3, reopen_invoice: 3, credit_note: 3, settle_note: 2, ask: 10, ask_statement: 2, resolve: 12,
    resolve_without_words: 2, note_work: 5, correct: 4, tag: 2, reopen: 4, close: 2, bury: 3, unbury: 2,
    merge_tickets: 2, split_ticket: 1, change_owner: 1, answer: 1,
}  # fmt: skip
VERBS = {act.__name__: act for act in PEOPLE}
