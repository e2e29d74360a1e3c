"""What the ledger remembers of a document besides what the document says now, and what a person decided on it."""

from msgspec import Struct

from bytebridge.domain.model import Credits, Document, Instant, Invoice, Order, Source, Ticket


class Memory(Struct, frozen=True, gc=False, omit_defaults=True):
    """born: customer and creation, so that a reused id is recognised. dated: its own date, fixed when first valued.

    charged: it once moved credits. reopened, voided, missing: when it was first seen so, None when it is not
    so now. warned: the highest minimum the customer was warned of beforehand. assumed: of a document older
    than `since`, what it would have moved when first seen. asked: its subject or tag was answered with a statement.
    opened: the account that it opened with a charge, since its address had none. references: of an invoice, those
    that its packs and modules had when first seen, by product. slipped: of an order, the most units by line that
    its credit slips showed. notes: of an invoice, ids of the credit notes it was seen with. changed: of one
    that moved credits, when it changed into what it says, while nobody can say what that is worth. emails: of an
    invoice that moved credits, the addresses it is judged by while it does not show them all.
    """

    born: str = ""
    dated: Instant | None = None
    charged: bool = False
    reopened: Instant | None = None
    voided: Instant | None = None
    missing: Instant | None = None
    warned: Credits = Credits(0)
    assumed: Credits | None = None
    asked: bool = False
    opened: int | None = None
    references: tuple[tuple[str, str], ...] = ()
    slipped: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    changed: Instant | None = None
    emails: tuple[str, ...] = ()


class Decision(Struct, frozen=True, gc=False):
    """A person's choice on a review: one of charge, accept, account, dismiss.

    basis: digest of the document's state it was made on; it holds until that changes. credits: signed as an
    entry, for charge. email: of the account that it was said to be of, by this choice or one before it.
    """

    choice: str
    basis: str
    credits: Credits = Credits(0)
    email: str = ""
    reason: str = ""
    by: str = ""


_SOURCES = {Order: Source.SHOP, Invoice: Source.ERP, Ticket: Source.HELPDESK}
_PREFIXES = {kind: f"{source}:" for kind, source in _SOURCES.items()}


def source_of(document: Document) -> Source:
    return _SOURCES[type(document)]


def key_of(document: Document) -> str:
    """The document's key in the ledger: source and the system's own id, which outlives codes and numbers."""
    return _PREFIXES[type(document)] + document.id


def born(document: Document) -> str:
    """What a document keeps for life. An invoice's customer changes when third parties are merged: not part of it."""
    match document:
        case Order():
            return f"{document.created_at}/{document.customer}"
        case Invoice() | Ticket():
            return str(document.created_at)
