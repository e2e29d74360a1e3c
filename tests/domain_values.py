"""Documents, rules and books for the domain's tests: plain values, each with one thing changed."""

from msgspec.structs import replace

from bytebridge.domain.addressed import mindful
from bytebridge.domain.memory import Decision, key_of
from bytebridge.domain.model import (
    Invoice,
    InvoiceKind,
    InvoiceLine,
    InvoiceState,
    Kind,
    Order,
    OrderLine,
    OrderState,
    Source,
    Ticket,
    TicketState,
)
from bytebridge.domain.notices import Policy
from bytebridge.domain.rules import ModuleRule, Pack, Rate, Rules
from bytebridge.domain.settlement import members, settle
from bytebridge.domain.view import Account, Purchase, View
from bytebridge.domain.worth import Known

DAY = 86_400
NOON = 1_800_000_000
ANA, BOB, EVA = "ana@example.com", "bob@example.com", "eva@example.com"
PACKS = (
    Pack("SERVDOLIA60", 60, literal=True, url="https://shop.example.com/60", price="72.60"),
    Pack("SERVDOLIA120", 120, literal=True, url="https://shop.example.com/120", price="145.20"),
    Pack("SERVDOLIA300", 300, literal=True, url="https://shop.example.com/300", price="350.00"),
    Pack(r"SERVDOLIA(\d+)", None, literal=False),
)
RATES = (
    Rate(Kind.CONSULTATION, minimum=15, block=15),
    Rate(Kind.INTERVENTION, minimum=45, block=15),
    Rate(Kind.UPGRADE, flat=120),
)
KINDS = {
    "consulta": Kind.CONSULTATION,
    "intervencion": Kind.INTERVENTION,
    "actualizacion": Kind.UPGRADE,
    "presupuesto": Kind.QUOTE,
    "modulo": Kind.MODULE,
    "gratis": Kind.FREE,
}
RULES = Rules(
    packs=PACKS,
    rates=RATES,
    modules=(ModuleRule("MOD.+", 365),),
    kinds=KINDS,
    shop_reference=r"^PS-(\d+)$",
    shop_read=True,
)
POLICY = Policy(
    quiet_before=0,
    threshold=30,
    statement_words=frozenset({"saldo", "informe de creditos"}),
    statement_tags=frozenset({"informe"}),
)


def order(id="1", lines=(("SERVDOLIA120", 1),), email=ANA, state=OrderState.PAID, at=NOON, **more):
    made = tuple(
        line if isinstance(line, OrderLine) else OrderLine(str(number), *line) for number, line in enumerate(lines)
    )
    values = {
        "code": f"ORD{id}",
        "customer": "7",
        "name": "Ana",
        "language": "es",
        "state_name": state.value,
        "once_paid": False,
        "created_at": at,
        "paid_at": at,
    }
    return Order(id=id, email=email, state=state, lines=made, **{**values, **more})


def invoice(id="41", lines=(("SERVDOLIA120", "1"),), emails=(ANA,), state=InvoiceState.PAID, at=NOON, **more):
    values = {
        "code": f"FA{id}",
        "customer": "3",
        "shared": False,
        "name": "Ana",
        "language": "es",
        "kind": InvoiceKind.STANDARD,
        "close_code": None,
        "created_at": at,
        "date": at,
        "received": True,
    }
    made = tuple(InvoiceLine(*line) for line in lines)
    return Invoice(id=id, emails=emails, state=state, lines=made, **{**values, **more})


def note(id="51", lines=(("SERVDOLIA120", "1"),), state=InvoiceState.OPEN, source="41", **more):
    return invoice(id, lines, state=state, kind=InvoiceKind.CREDIT_NOTE, source=source, **more)


def ticket(id="t1", kinds=("consulta",), minutes=("22",), email=ANA, state=TicketState.RESOLVED, at=NOON, **more):
    values = {
        "code": f"KXB-{id}",
        "contact": "c1",
        "name": "Ana",
        "language": "es",
        "department": "d1",
        "agent": "a1",
        "subject": "No puedo facturar",
        "replyable": True,
        "created_at": NOON - DAY,
        "changed_at": at,
        "resolved_at": at if state in (TicketState.RESOLVED, TicketState.CLOSED) else None,
    }
    return Ticket(id=id, kinds=kinds, minutes=minutes, email=email, state=state, **{**values, **more})


class Books:
    """What the ledger would carry from one pass to the next."""

    def __init__(self, rules=RULES, policy=POLICY, **balances):
        self.rules = rules
        self.policy = policy
        self.view = View(now=NOON)
        self.entries = []
        self.letters = []
        self.last = {}
        self.seen = {}
        for name, balance in balances.items():
            self.open(f"{name}@example.com", balance)

    def open(self, email, balance=0, **more):
        number = self.view.next_account
        self.view.next_account += 1
        self.view.accounts[number] = Account(number, number, balance=balance, **more)
        self.view.owners[email] = [(0, number)]
        return number

    def read(self, document, now=None, rules=None):
        """Settles a document as the next pass would; the outcomes by key."""
        self.view.now = max(self.view.now, now if now is not None else self.view.now)
        for account in self.view.accounts.values():
            account.new = False
        self._mind_addresses(document)
        self._forget_changed_decisions(document)
        self.view.unchanged = {
            key_of(member) for member in members(document) if self.seen.get(key_of(member)) == member
        }
        outcomes = settle(document, self.view, rules or self.rules, self.policy)
        for outcome in outcomes:
            before = self.view.known.get(outcome.key, Known())
            posted = sum(self.view.posted.get(outcome.key, {}).values())
            self.view.known[outcome.key] = Known(outcome.worth.memory, posted, before.decision)
            self.last[outcome.key] = outcome
            self.entries += outcome.postings
            self.letters += outcome.drafts
        self.seen |= {key_of(member): member for member in members(document)}
        return {outcome.key: outcome for outcome in outcomes}

    def worth(self, document, now=None, rules=None):
        return self.read(document, now, rules)[key_of(document)].worth

    def decide(self, document, choice, **more):
        """A person's decision on a document as it was last seen."""
        known = self.view.known[key_of(document)]
        decision = Decision(choice, basis=repr(document), reason="asked", by="eva", **more)
        self.view.known[key_of(document)] = replace(known, decision=decision)

    def _mind_addresses(self, document):
        for member in members(document):
            known, seen = self.view.known.get(key_of(member)), self.seen.get(key_of(member))
            if known is not None and seen is not None and seen != member:
                self.view.known[key_of(member)] = replace(known, memory=mindful(known.memory, seen, member))

    def _forget_changed_decisions(self, document):
        for member in members(document):
            known = self.view.known.get(key_of(member))
            if known is not None and known.decision is not None and known.decision.basis != repr(member):
                self.view.known[key_of(member)] = replace(known, decision=None)

    def bought(self, email, source, credits, at=NOON, document="shop:99"):
        account = self.view.owners[email][0][1]
        self.view.purchases.setdefault(account, []).append(Purchase(document, Source(source), credits, at))

    def balance(self, email):
        return self.view.accounts[self.view.root(self.view.owners[email][-1][1])].balance

    def posted(self, document):
        return sum(self.view.posted.get(key_of(document), {}).values())

    def told(self, kind=None):
        return [letter.kind.value for letter in self.letters if kind is None or letter.kind == kind]
