"""What one document should have moved by now, and what it takes to say so."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from bytebridge.domain.memory import Decision, Memory
from bytebridge.domain.model import Credits, Instant, Invoice
from bytebridge.domain.tariff import Lack

ZERO = Credits(0)


class Known(Struct, frozen=True, gc=False):
    """What the ledger knows of one document: its memory, posted credits in all, and a decision that holds.

    Of an invoice, credit notes that it was once seen with and now is not: hidden, as last seen, and unseen, what is
    posted for them.
    """

    memory: Memory = Memory()
    posted: Credits = ZERO
    decision: Decision | None = None
    unseen: Credits = ZERO
    hidden: tuple[Invoice, ...] = ()


NOTHING = Known()  # of a document never seen


class Worth(Struct, frozen=True, gc=False):
    """What one document should have moved by now [credits, signed as an entry]; None: no opinion, keep what is posted.

    dated: the date whose rules apply; happened: when the present state came about. lack: why it waits for a
    person, with `cost`, what it would move; flags: booked, but worth a look. recheck: when to look again
    though nothing changed. modules: (reference, end of support) of modules bought and kept. news: when what its
    first posting tells came about; None: at `dated`.
    """

    key: str
    credits: Credits | None
    derivation: Mapping[str, Any]
    dated: Instant
    happened: Instant
    emails: tuple[str, ...]
    memory: Memory
    lack: Lack | None = None
    cost: Credits | None = None
    flags: tuple[Lack, ...] = ()
    recheck: Instant | None = None
    modules: tuple[tuple[str, Instant], ...] = ()
    news: Instant | None = None


class Facts(Struct, frozen=True, gc=False):
    """What interpretation needs to be told from outside the document.

    now: the pass's clock. module_until: end of the ticket's account's module support. shop_order: key of the
    shop order that an invoice's marks name; None when no such order is in the ledger. withheld: the invoice itself
    was not booked for a reason outside it, so its credit notes have nothing more to take back than what is posted.
    """

    now: Instant
    module_until: Instant | None = None
    shop_order: str | None = None
    withheld: bool = False
