"""The values everything else speaks in: documents as the three systems show them, and what the ledger holds.

Times are `Instant`: whole seconds since 1970 in UTC. Credits and minutes are integers, 1 credit = 1 minute.
No amount of money passes into the domain.
"""

from enum import StrEnum
from typing import NewType

from msgspec import Struct

Credits = NewType("Credits", int)
Instant = NewType("Instant", int)


class Source(StrEnum):
    SHOP = "shop"
    ERP = "erp"
    HELPDESK = "helpdesk"
    ADMIN = "admin"


class Kind(StrEnum):
    """Kind of work of a ticket."""

    CONSULTATION = "consultation"
    INTERVENTION = "intervention"
    UPGRADE = "upgrade"
    QUOTE = "quote"
    MODULE = "module"
    FREE = "free"


class OrderState(StrEnum):
    """What the shop's current state of an order says about payment."""

    PAID = "paid"
    BACK = "back"  # cancelled, refunded, payment error
    OTHER = "other"  # neither: its own history decides between HOLD and UNPAID


class InvoiceKind(StrEnum):
    STANDARD = "standard"  # also replacement and progress billing
    CREDIT_NOTE = "credit_note"
    DEPOSIT = "deposit"
    OTHER = "other"


class InvoiceState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"  # validated, not paid; for a credit note: valid
    PAID = "paid"
    GIVEN_UP = "given_up"  # closed with the rest given up
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


class TicketState(StrEnum):
    INIT = "init"  # being created
    NEW = "new"
    LIVE = "live"  # a chat or a call in progress
    OPEN = "open"  # open, answered or postponed
    RESOLVED = "resolved"
    CLOSED = "closed"
    SPAM = "spam"
    DELETED = "deleted"
    UNKNOWN = "unknown"


class OrderLine(Struct, frozen=True, gc=False):
    """quantity and taken_back are units; `goodwill`: the money given back is far below these units' price.

    slipped: units on the order's credit slips, of which more may be taken back.
    """

    id: str
    reference: str
    quantity: int
    taken_back: int = 0
    goodwill: bool = False
    slipped: int = 0


class Order(Struct, frozen=True, gc=False):
    """An order of the shop as it stands now.

    customer: the shop's own customer id; with created_at it tells whether the id still means the same order.
    email: the buyer's address as the shop has it, None when the customer is gone.
    once_paid: a paid state stands in its history; read only when state is OTHER.
    paid_at: the invoice's date, else the first paid row of its history; None when neither is known.
    underpaid: a paid order whose total exceeds what was received (prestashop notes §6).
    """

    id: str
    code: str
    customer: str
    email: str | None
    name: str
    language: str | None
    state: OrderState
    state_name: str
    once_paid: bool
    created_at: Instant
    paid_at: Instant | None
    lines: tuple[OrderLine, ...]
    underpaid: bool = False


class InvoiceLine(Struct, frozen=True, gc=False):
    """reference: the product's, None for a free-text line.

    units: decimal text such as "2", "-1" or "0.5"; already negative when quantity or price is negative on an
    invoice, always without sign on a credit note. product: its id, which outlives a renaming; "" for none.
    """

    reference: str | None
    units: str
    product: str = ""


class Invoice(Struct, frozen=True, gc=False):
    """An invoice or credit note of the ERP as it stands now.

    customer: the third party's id. emails: its addresses that a document may belong to, best first: the
    third party's own, then its contacts'. Several distinct ones that fit several accounts are a review.
    elsewhere: addresses of contacts that another third party has, too. shared: True when it has its own address, too.
    credit_notes: of a source invoice, all credit notes that name it, oldest id first, each without its own.
    source: id of the invoice that a credit note takes back; source_missing: it is named but cannot be read.
    received: some money was booked on it. marks: ref_client, ref_ext and module_source, those that are set.
    date: midnight of the invoice's day in the ERP's zone.
    """

    id: str
    code: str
    customer: str
    emails: tuple[str, ...]
    shared: bool
    name: str
    language: str | None
    kind: InvoiceKind
    state: InvoiceState
    close_code: str | None
    created_at: Instant
    date: Instant
    received: bool
    lines: tuple[InvoiceLine, ...]
    marks: tuple[str, ...] = ()
    source: str | None = None
    source_missing: bool = False
    credit_notes: tuple["Invoice", ...] = ()
    elsewhere: tuple[str, ...] = ()


class Ticket(Struct, frozen=True, gc=False):
    """A ticket of the help desk as it stands now.

    email: the requester's address as text, None when absent or no address. contact: the desk's contact id.
    minutes, credits, kinds: the distinct non-empty texts found under those fields, trimmed, as typed.
    tags: names of its tags (an id without a name stays out). replyable: an e-mail or form ticket that can
    take a reply in its present state.
    resolved_at, changed_at: as the desk says, converted from its zone.
    """

    id: str
    code: str
    state: TicketState
    email: str | None
    contact: str | None
    name: str
    language: str | None
    department: str
    agent: str | None
    subject: str
    replyable: bool
    created_at: Instant
    changed_at: Instant
    resolved_at: Instant | None
    minutes: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


Document = Order | Invoice | Ticket
