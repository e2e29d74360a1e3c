"""The firm's report as values: what `fold` makes of all entries, and what the caller read besides."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bytebridge.domain.model import Credits, Instant
from bytebridge.reports.health import SourceHealth

DORMANT_DAYS = 365  # without work, while credits are left


@dataclass(frozen=True, slots=True)
class Month:
    """month: "2026-03" in the firm's zone. All in credits and positive, save `other` (openings and adjustments).

    balance: sum of all balances at its end.
    """

    month: str
    sold: int
    used: int
    taken_back: int
    other: int
    balance: int


@dataclass(frozen=True, slots=True)
class Age:
    """Credits not used yet that were bought at least `from_days` and less than `to_days` ago (None: open end).

    value: at the packs' prices, of those credits that have one; unpriced: credits without (openings, gestures).
    """

    from_days: int
    to_days: int | None
    credits: int
    value: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class Work:
    """What a kind of work took in all. minutes: as noted, of those tickets that have them."""

    kind: str
    tickets: int
    credits: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """An account by number and name. lasts: days, None where the history says too little. idle_days: since work."""

    account: int
    name: str
    balance: Credits
    lasts: tuple[int, int] | None
    idle_days: int | None


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """cost: credits it would move, signed, None if unknown. why: in a sentence. document: as commands show it."""

    id: int
    document: str
    why: str
    cost: Credits | None
    state: str
    since: Instant
    lacks_minutes: bool = False


@dataclass(frozen=True, slots=True)
class NoticeCount:
    """Letters of one kind, by how far they got; waiting: everything that is neither sent nor failed for good."""

    kind: str
    sent: int
    failed: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Firm:
    """What the report shows besides the entries, read by the caller. names: of root accounts."""

    names: Mapping[int, str]
    reviews: tuple[ReviewItem, ...] = ()
    notices: tuple[NoticeCount, ...] = ()
    sources: tuple[SourceHealth, ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """accounts: those with entries. outstanding, owed: sums of the balances above and below zero, both positive.

    tickets: valued ones that cost anything; at_minimum: those of them that cost the tariff's minimum.
    without_minutes: priced by a noted figure with no minutes beside it, or waiting for minutes.
    standings: all accounts, the one that runs out first in front.
    """

    at: Instant
    zone: str
    accounts: int
    outstanding: int
    owed: int
    value: Decimal
    months: tuple[Month, ...]
    ages: tuple[Age, ...]
    works: tuple[Work, ...]
    tickets: int
    at_minimum: int
    without_minutes: int
    standings: tuple[Standing, ...]
    firm: Firm

    def running_out(self) -> list[Standing]:
        return [standing for standing in self.standings if standing.lasts is not None]

    def negative(self) -> list[Standing]:
        return sorted((one for one in self.standings if one.balance < 0), key=lambda one: one.balance)

    def dormant(self) -> list[Standing]:
        """With credits and no work for a year; who never had work done counts from the first entry."""
        found = [one for one in self.standings if one.balance > 0 and (one.idle_days or 0) >= DORMANT_DAYS]
        return sorted(found, key=lambda one: -one.balance)
