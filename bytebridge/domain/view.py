"""The part of the ledger that one page of documents needs, held in memory while the page is settled."""

from msgspec import Struct, field

from bytebridge.domain.accounts import Owners
from bytebridge.domain.interpret import Known
from bytebridge.domain.model import Credits, Instant, Source


class Account(Struct):
    """An account as it stands within the page. threshold, language: None means the firm's own.

    root: the account it was merged into, itself if none. low_pending: a low-balance letter already waits.
    statements: requests answered in the last day. new: opened within the page.
    """

    id: int
    root: int
    balance: Credits = Credits(0)
    threshold: Credits | None = None
    language: str | None = None
    name: str = ""
    low_pending: bool = False
    statements: int = 0
    new: bool = False


class Purchase(Struct, frozen=True, gc=False):
    """A grant already posted, for telling one purchase seen in shop and ERP."""

    document: str
    source: Source
    credits: Credits
    dated: Instant


class View(Struct):
    """posted: per document and root account. module_ends: per root account, or per address
    that nobody owns. shop_orders: mark to document key.

    purchases: per root account, the grants that a look-alike could double. companies: per root account, the third
    parties whose invoices it has. next_account: first free id.
    heads: seq, balance and hash of each account's last entry before the page. added: addresses that got an account
    within the page. states: what each document of the page says, as text;
    unchanged: those that say what was last seen. emails: by which those seen before were their accounts'.
    """

    now: Instant
    known: dict[str, Known] = field(default_factory=dict)
    posted: dict[str, dict[int, Credits]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    owners: Owners = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    heads: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    module_ends: dict[int | str, Instant] = field(default_factory=dict)
    shop_orders: dict[str, str] = field(default_factory=dict)
    purchases: dict[int, list[Purchase]] = field(default_factory=dict)
    companies: dict[int, set[str]] = field(default_factory=dict)
    next_account: int = 1
    added: list[tuple[str, int, Instant]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    emails: dict[str, str] = field(default_factory=dict)

    def root(self, account: int) -> int:
        found = self.accounts.get(account)
        return found.root if found is not None else account
