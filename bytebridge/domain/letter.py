"""What a letter says: values only, frozen at the first attempt to send it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from bytebridge.domain.model import Credits, Instant, Source


class NoticeKind(StrEnum):
    PURCHASE = "purchase"
    TAKEN_BACK = "taken_back"
    BALANCE = "balance"
    LOW_BALANCE = "low_balance"
    INSUFFICIENT = "insufficient"
    STATEMENT = "statement"
    MODULE_ENDING = "module_ending"


class Channel(StrEnum):
    TICKET = "ticket"
    EMAIL = "email"


class PackOffer(Struct, frozen=True, gc=False):
    """A pack to buy: `quantity` of this reference, `credits` each, price each as decimal text, its link."""

    reference: str
    credits: Credits
    quantity: int = 1
    price: str | None = None
    url: str = ""


class Movement(Struct, frozen=True, gc=False):
    """What the ledger posted for the letter's document.

    credits: the difference posted, signed. was, now: what the document had moved before and moves now, signed
    (was 0 on the first posting). derivation: why `now`, as stored with the entry (see `domain/derivation.py`).
    """

    credits: Credits
    was: Credits
    now: Credits
    derivation: Mapping[str, Any]
    at: Instant


class StatementRow(Struct, frozen=True, gc=False):
    """One movement of a statement, each part in the reader's words."""

    day: str
    document: str
    reason: str
    credits: str
    balance: str


class Letter(Struct, frozen=True, gc=False):
    """Everything one letter says, in values.

    document: how the customer knows it ("1042", "KXB-QWERT-482", "FA2610-0040"); source: whose document.
    balance_after: right after its own entry; balance_now: at rendering. owed: positive when below zero.
    offer: the smallest pack or packs that cover the shortfall. lasts_days: about how long the balance lasts
    at the account's own pace, as a range; None when there is too little history. estimate: what an unresolved
    ticket costs at least. low: the balance fell below `threshold`. stranger: the charge opened this account.
    module_ends: day on which a module's support year ends. code: the receipt printed in the letter.
    statement_text: the statement as a plain table; statement_rows: its latest movements, newest first, of which
    `more_rows` says that they are not all.
    """

    kind: NoticeKind
    language: str
    name: str
    code: str
    source: Source
    document: str
    balance_after: Credits
    balance_now: Credits
    threshold: Credits = Credits(0)
    movement: Movement | None = None
    low: bool = False
    owed: Credits = Credits(0)
    offer: tuple[PackOffer, ...] = ()
    lasts_days: tuple[int, int] | None = None
    estimate: Credits | None = None
    estimate_kind: str | None = None
    charged_already: Credits = Credits(0)
    credentials_reminder: bool = False
    stranger: bool = False
    module: str = ""
    module_ends: Instant | None = None
    statement_text: str = ""
    statement_rows: tuple[StatementRow, ...] = ()
    more_rows: bool = False
