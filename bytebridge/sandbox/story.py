"""A firm's days in minutes: people buy, ask, pay, refund; one sentence each, then ordinary life without end."""

import random

FIRST_NAMES = ("Bea", "Carl", "Dana", "Eloi", "Fay", "Gil")
WORK = (("consulta", (5, 22, 48)), ("intervencion", (10, 50, 95)))


class Story:
    """The simulated systems, and what people do to them."""

    def __init__(self, shop, erp, desk, seed=7):
        self.shop, self.erp, self.desk = shop, erp, desk
        self.chance = random.Random(seed)  # nosec B311  # a story

    def opening(self):
        """What a reader can compute again by hand: each step says what should move."""
        shop, erp, desk = self.shop, self.erp, self.desk
        ana = shop.customer("ana@example.com", "Ana", "Pérez", "es")
        order = shop.buy(ana, {"SERVDOLIA60": 2})
        yield "Ana buys 2 × SERVDOLIA60 by card: +120, balance 120"
        luc = shop.customer("luc@example.com", "Luc", "Martin", "es")
        transfer = shop.buy(luc, {"SERVDOLIA120": 1}, paid=False)
        yield "Luc orders SERVDOLIA120 by bank transfer, not paid yet: nothing moves"
        oak = erp.customer("Oak Studio", "kate@example.com")
        erp.sell(oak, [("SERVDOLIA60", 1, 60)])
        yield "Kate of Oak Studio buys SERVDOLIA60 by telephone, invoiced and paid in the ERP: +60, balance 60"
        question = desk.open("ana@example.com", "Error al validar una factura", name="Ana Pérez")
        yield "Ana writes to the help desk: nothing moves, her balance covers the minimum of 15"
        desk.resolve(question, kind="consulta", minutes=22)
        yield "it is resolved as a consultation of 22 min, 2 blocks of 15: −30, Ana has 90"
        shop.pay(transfer)
        yield "Luc's transfer arrives: +120, balance 120"
        access = desk.open("luc@example.com", "Stock négatif après inventaire", name="Luc Martin")
        yield "Luc writes to the help desk: nothing moves"
        desk.resolve(access, kind="intervencion", minutes=46)
        yield "it is resolved as an intervention of 46 min: −60, Luc has 60; he is reminded of the temporary user"
        upgrade = desk.open("kate@example.com", "Upgrade to 22", name="Kate Oak")
        desk.note_work(upgrade, kind="actualizacion")
        yield "Kate asks for an upgrade, 120 flat: she has 60 and is told before any work is done"
        desk.resolve(upgrade)
        yield "it is done all the same: −120, Kate owes 60"
        desk.reopen(question)
        yield "Ana's ticket is reopened: the charge stays until it is resolved again"
        desk.resolve(question, minutes=50)
        yield "it is resolved again with 50 min in all: 60 instead of 30, −30, Ana has 60"
        shop.refund(order, {"SERVDOLIA60": 1})
        yield "one of Ana's two packs is refunded: −60, Ana has 0 and is told once that she runs low"
        vague = desk.open("luc@example.com", "Petite question", name="Luc Martin")
        desk.resolve(vague)
        yield "a ticket of Luc's is resolved without kind and minutes: it waits for a person, nothing moves"
        desk.note_work(vague, kind="consulta", minutes=10)
        yield "the technician notes a consultation of 10 min: −15, Luc has 45, and it leaves the review list by itself"
        desk.open("ana@example.com", "Saldo", name="Ana Pérez")
        yield "Ana asks for her statement by a ticket called “Saldo”"

    def life(self):
        """Ordinary days, for as long as anybody looks."""
        known = []
        while True:
            if not known or self.chance.random() < 0.35:
                name = self.chance.choice(FIRST_NAMES)
                email = f"{name.lower()}{len(known)}@example.com"
                customer = self.shop.customer(email, name, "García", "es")
                units = self.chance.randint(1, 3)
                self.shop.buy(customer, {"SERVDOLIA60": units})
                known.append((email, name))
                yield f"{name} buys {units} × SERVDOLIA60: +{60 * units}"
                continue
            email, name = self.chance.choice(known)
            kind, spans = self.chance.choice(WORK)
            minutes = self.chance.choice(spans)
            ticket = self.desk.open(email, "Consulta sobre Dolibarr", name=name)
            self.desk.resolve(ticket, kind=kind, minutes=minutes)
            yield f"{name} is helped: {kind}, {minutes} min"
