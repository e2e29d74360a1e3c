"""The simulated firm: its systems, its people's addresses, and what really happened, whoever saw it."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field

from bytebridge.sandbox.dolibarr import Dolibarr
from bytebridge.sandbox.liveagent import LiveAgent
from bytebridge.sandbox.prestashop import KEY, PrestaShop
from simulation.people import DAY, HOLD

BEGIN = 1_790_000_000  # 2026-09-21: a history of months passes both a change to winter time and a year's end
NIGHTS = (1_792_879_200, 1_806_192_000)  # 2026-10-24 22:00 and 2027-03-27 24:00 UTC: Madrid's clocks change soon
TARIFF = {
    "consultation": {"minimum": 15, "block": 15},
    "intervention": {"minimum": 45, "block": 15},
    "upgrade": {"flat": 120},
}
# some firms change their rules at some moment; nothing gets cheaper
NEW_TARIFF = {
    "consultation": {"minimum": 20, "block": 20},
    "intervention": {"minimum": 60, "block": 30},
    "upgrade": {"flat": 150},
}
NEW_PACK = {"SERVDOLIA60": 65, "SERVDOLIA120": 130}
CODE = re.compile(r"BB-\d+-\d+-[0-9A-F]{12}")  # of a letter
NAMES = ("ana", "luc", "kate", "oscar", "zoe")
PORTS = (8101, 8102, 8103)


@dataclass
class Line:
    reference: str
    units: int
    back: int = 0

    @property
    def left(self):
        return self.units - self.back


@dataclass
class Order:
    """stand: unpaid, paid, hold (once paid, now in a state that means nothing), back. dated: when it was paid."""

    id: int
    email: str
    stand: str
    lines: dict
    dated: int | None
    slip_alone: bool | None = None


@dataclass
class Holder:
    """An account as people think of it. parent: whom it was merged into. given: adjustments in which it was named."""

    name: str
    parent: "Holder | None" = None
    given: int = 0

    @property
    def root(self):
        return self.parent.root if self.parent is not None else self


@dataclass
class World:
    """owners: normal address -> Holder. tidied: tickets deleted long after their work. ours: invoices of this story.
    split: tickets of which a part went into another.

    stood, assigned: ticket -> the status and the agent that people last gave it. moved: when that was. worked: ticket -> when it was resolved, each time. opened:
    ticket -> when it first was there.
    """

    clock: object
    switches: dict
    orders: dict = field(default_factory=dict)
    owners: dict = field(default_factory=dict)
    tidied: set = field(default_factory=set)
    merged: set = field(default_factory=set)
    split: set = field(default_factory=set)
    ours: set = field(default_factory=set)
    stood: dict = field(default_factory=dict)
    assigned: dict = field(default_factory=dict)
    moved: dict = field(default_factory=dict)
    worked: dict = field(default_factory=dict)
    opened: dict = field(default_factory=dict)

    def __post_init__(self):
        self.changes_at = self.switches.get("changes_at")
        shop_version = self.switches.get("shop_version", "9.1.4")
        self.shop = PrestaShop(shop_version, now=self._clock_of(0), port=PORTS[0])
        self.erp = Dolibarr(now=self._clock_of(1), port=PORTS[1])
        self.desk = LiveAgent(now=self._clock_of(2), port=PORTS[2], rate_limit=None, **self.switches.get("desk", {}))
        self.odd_state = self.shop.new_state(HOLD)
        self.customers, self.parties = {}, {}
        for reference in ("SERVDOLIA60", "SERVDOLIA77", "SERVDOLIA120"):
            self.erp.product(reference)
        self.erp.invoice(self.party("firm@example.com"), [(None, 1, 1)])  # an ERP is never quite empty
        self.spellings = [
            text
            for name in NAMES[: self.switches.get("customers", 4)]
            for text in (f"{name}@example.com", f"{name.title()}@Example.com", f"{name}.home@example.com")
        ]

    def _clock_of(self, number):
        """A system's own clock, which may go wrong by a minute or so."""
        skew = self.switches.get("skew", (0, 0, 0))[number]
        return lambda: self.clock() + skew

    @property
    def systems(self):
        return (self.shop, self.erp, self.desk)

    @property
    def shop_key(self):
        return KEY

    def now(self):
        return int(self.clock())

    def spelling(self, number):
        return self.spellings[number % len(self.spellings)]

    def lose_right(self, number):
        """Takes one away from one of the keys. Its name, and what gives it back."""
        mine, user, desk = self.shop.keys[KEY], self.erp.user, self.desk
        rights = [("shop", resource) for resource in sorted(mine)]
        rights += [("erp", right) for right in sorted(user.rights)]
        rights += [("helpdesk", privilege) for privilege in sorted(desk.privileges)]
        system, right = rights[number % len(rights)]
        if system == "shop":
            methods = mine[right]
            self.shop.revoke(KEY, right)
            return right, lambda: self.shop.grant(KEY, right, *methods)
        if system == "erp":
            user.rights.discard(right)
            return right, lambda: user.rights.add(right)
        desk.privileges -= {right}
        return right, lambda: setattr(desk, "privileges", desk.privileges | {right})

    # what people do, where it leaves something to remember

    def order(self, email, units, *, paid, voucher=0, at=None):
        customer = self.customers.get(email)
        if customer is None:
            customer = self.customers[email] = self.shop.customer(email)
        number = self.shop.buy(customer, units, paid=paid, voucher=voucher, at=at)
        lines = {reference: Line(reference, count) for reference, count in units.items()}
        dated = (at or self.now()) if paid else None
        self.orders[number] = Order(number, normal(email), "paid" if paid else "unpaid", lines, dated)
        return number

    def party(self, email):
        if email not in self.parties:
            self.parties[email] = self.erp.customer(email.partition("@")[0].title(), email)
        return self.parties[email]

    def invoice(self, number, lines):
        invoice = self.erp.invoice(self.party(self.spelling(number)), lines)
        self.erp.validate(invoice)
        self.ours.add(int(invoice))
        return invoice

    def open(self, email, subject, **more):
        return self.desk.open(email, subject, name=email.partition("@")[0].title(), **more)

    @contextmanager
    def acting(self):
        """Around everything people do: whose hand moved which ticket, and when it was last resolved."""
        before, agents = self._statuses(), self._agents()
        yield
        after = self._statuses()
        for ticket, agent in self._agents().items():
            if ticket not in agents or agents[ticket] != agent:
                self.assigned[ticket] = agent
        for ticket, status in after.items():
            self.opened.setdefault(ticket, self.now())
            if before.get(ticket) != status:
                self.stood[ticket], self.moved[ticket] = status, self.now()
                if status == "R":
                    self.worked.setdefault(ticket, []).append(self.now())

    def _statuses(self):
        return {ticket.id: ticket.status for ticket in self.desk.tickets.values()}

    def _agents(self):
        return {ticket.id: ticket.fields["agentid"] for ticket in self.desk.tickets.values()}

    def age(self, ticket):
        """Of its work: young is well within the sixty days of the nightly sweep, old well beyond.

        The desk's own date counts, too: it is a later one where a letter about work that was noted late moved the
        ticket, and what it was given back is a new resolution for the desk.
        """
        when = self.worked.get(ticket)
        if not when or self.now() - when[0] < 50 * DAY:
            return "young"
        last = max(when[-1], self.desk.tickets[ticket].fields["date_resolved"] or 0)
        return "old" if self.now() - last > 70 * DAY else "between"

    # whose is what

    def holder(self, email):
        """The holder of an address; a new one when nobody ever had it."""
        plain = normal(email)
        if plain not in self.owners:
            self.owners[plain] = Holder(plain)
        return self.owners[plain].root

    def owner_of(self, email):
        """The account that the address itself is of, merged or not; a new one when nobody ever had it."""
        self.holder(email)
        return self.owners[normal(email)]

    def give(self, email, holder):
        self.owners[normal(email)] = holder

    def families(self):
        """Root holders' names -> their addresses."""
        found = {}
        for email, holder in self.owners.items():
            found.setdefault(holder.root.name, []).append(email)
        return found


def code_of(message):
    """A mailed letter's code: its Message-ID begins with it."""
    return message["Message-ID"].strip("<>").partition(".")[0].upper()


def normal(email):
    """One customer, one address: capitals and blanks are what people get wrong."""
    return email.strip().lower()
