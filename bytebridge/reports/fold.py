"""All entries into the firm's figures, in one pass that holds one account at a time.

What comes out is bounded by the number of accounts, months and kinds, whatever the number of entries.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from bytebridge.domain.entry import Entry, EntryKind
from bytebridge.domain.forecast import lasts_days
from bytebridge.domain.model import Instant, Source
from bytebridge.reports.family import Family, Lot
from bytebridge.reports.overview import Age, Firm, Month, Overview, Standing, Work

DAY_S = 86_400
CENT = Decimal("0.01")
AGES = (90, 180, 365, 730)  # days since the purchase, upper ends; the last band is open

Price = Callable[[str, Instant], Decimal | None]
"""Of one unit of a pack's reference by the list of that day; None when it has none."""


def overview(entries: Iterable[tuple[int, Entry]], firm: Firm, price: Price, at: Instant, zone: str) -> Overview:
    """The report as of `at`.

    entries: each with the number of its root account, all of one root next to each other, in any order within it
    and among roots. Only the entries of the account at hand are held.
    """
    fold = _Fold(at, ZoneInfo(zone), price)
    for root, found in groupby(entries, key=lambda pair: pair[0]):
        fold.add(root, firm.names.get(root, ""), (entry for _, entry in found))
    waiting = sum(1 for item in firm.reviews if item.lacks_minutes)
    return Overview(
        at=at,
        zone=zone,
        accounts=len(fold.standings),
        outstanding=sum(max(0, standing.balance) for standing in fold.standings),
        owed=sum(max(0, -standing.balance) for standing in fold.standings),
        value=sum((age.value for age in fold.ages()), Decimal(0)),
        months=tuple(fold.months()),
        ages=tuple(fold.ages()),
        works=tuple(fold.works()),
        tickets=fold.tickets,
        at_minimum=fold.at_minimum,
        without_minutes=fold.without_minutes + waiting,
        standings=tuple(sorted(fold.standings, key=_urgency)),
        firm=firm,
    )


def _urgency(standing: Standing) -> tuple[bool, tuple[int, int], int, int]:
    lasts = standing.lasts or (0, 0)
    return standing.lasts is None, lasts, standing.balance, standing.account


class _Fold:
    """Sums by month, kind and age, and one standing an account."""

    def __init__(self, at: Instant, zone: ZoneInfo, price: Price) -> None:
        self._at, self._zone, self._price = at, zone, price
        self._months: dict[str, Counter[str]] = defaultdict(Counter)
        self._works: dict[str, Counter[str]] = defaultdict(Counter)
        self._ages: list[list[Decimal]] = [[Decimal(0)] * 3 for _ in (*AGES, None)]
        self.standings: list[Standing] = []
        self.tickets = self.at_minimum = self.without_minutes = 0

    def add(self, root: int, name: str, entries: Iterator[Entry]) -> None:
        family = Family()
        for entry in entries:
            family.add(entry)
            self._months[self._month(entry.happened)][_column(entry)] += entry.credits
        for ticket in family.tickets():
            self._count(ticket.kind, -ticket.credits, ticket.minutes)
            self.tickets += ticket.credits < 0
            self.at_minimum += ticket.at_minimum
            self.without_minutes += ticket.without_minutes
        for lot in family.unused():
            self._hold(lot)
        self.standings.append(self._standing(root, name, family))

    def _month(self, at: Instant) -> str:
        return f"{datetime.fromtimestamp(at, self._zone):%Y-%m}"

    def _count(self, kind: str, credits: int, minutes: int | None) -> None:
        self._works[kind].update(tickets=1, credits=credits, minutes=minutes or 0)

    def _hold(self, lot: Lot) -> None:
        days = (self._at - lot.bought) / DAY_S
        band = self._ages[next((number for number, end in enumerate(AGES) if days < end), len(AGES))]
        value = lot.value(self._price)
        band[0] += lot.credits
        band[1] += value or 0
        band[2] += lot.credits if value is None else 0

    def _standing(self, root: int, name: str, family: Family) -> Standing:
        debits = family.debits()
        last = max((at for at, _ in debits), default=family.first)
        return Standing(
            root,
            name,
            family.balance,
            lasts_days(family.balance, debits, self._at),
            max(0, self._at - last) // DAY_S if last is not None else None,  # a source's clock may be ahead
        )

    def months(self) -> Iterator[Month]:
        balance = 0
        for month in _without_gaps(sorted({*self._months, self._month(self._at)} if self._months else ())):
            sums = self._months.get(month, Counter[str]())
            balance += sum(sums.values())
            yield Month(month, sums["sold"], -sums["used"], -sums["taken_back"], sums["other"], balance)

    def ages(self) -> Iterator[Age]:
        for (start, end), (credits, value, unpriced) in zip(_bands(), self._ages, strict=True):
            yield Age(start, end, int(credits), value.quantize(CENT), int(unpriced))

    def works(self) -> Iterator[Work]:
        for kind, sums in sorted(self._works.items(), key=lambda item: -item[1]["credits"]):
            yield Work(kind, sums["tickets"], sums["credits"], sums["minutes"])


def _column(entry: Entry) -> str:
    if entry.document.startswith(f"{Source.HELPDESK}:"):
        return "used"
    match entry.kind:
        case EntryKind.GRANT:
            return "sold"
        case EntryKind.REFUND:
            # what moved on to another account is granted there once more: neither a sale nor its end
            return "sold" if entry.derivation.get("why") == "moved" else "taken_back"
        case _:
            return "other"


def _without_gaps(months: Sequence[str]) -> Iterator[str]:
    """Every month from the first to the last."""
    if not months:
        return
    year, month = map(int, months[0].split("-"))
    while (shown := f"{year:04}-{month:02}") <= months[-1]:
        yield shown
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _bands() -> Iterator[tuple[int, int | None]]:
    yield from zip((0, *AGES), (*AGES, None), strict=True)
