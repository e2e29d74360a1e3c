"""The entries of one account and of those merged into it, gathered by document: what is unused, what work cost."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Credits, Instant, Source


@dataclass(frozen=True, slots=True)
class Lot:
    """Credits left of one purchase, opening or gesture. lines: the packs it was made of, empty for none."""

    bought: Instant
    credits: Credits
    lines: tuple[Mapping[str, Any], ...]

    def value(self, price: Callable[[str, Instant], Decimal | None]) -> Decimal | None:
        """The share of these credits in what its packs cost; None when a pack has no price, or there is none."""
        granted, cost = 0, Decimal(0)
        for line in self.lines:
            units = line["units"] - line["taken_back"]
            each = price(str(line["reference"]), self.bought)
            if each is None and units:
                return None
            granted += line["credits"] * units
            cost += (each or 0) * units
        return cost * self.credits / granted if granted > 0 else None


@dataclass(frozen=True, slots=True)
class TicketCost:
    """kind: of work, "" where a person decided. credits: signed. minutes: as noted, None without."""

    kind: str
    credits: Credits
    minutes: int | None
    at_minimum: bool
    without_minutes: bool


@dataclass(slots=True)
class _Document:
    """first: when it first moved credits; derivation: of the entry that ranks highest."""

    first: Instant
    credits: int = 0
    rank: tuple[int, bool] = (0, False)
    derivation: Mapping[str, Any] = field(default_factory=dict)


class Family:
    """Takes entries in any order."""

    def __init__(self) -> None:
        self._documents: dict[str, _Document] = {}
        self.balance = Credits(0)
        self.first: Instant | None = None

    def add(self, entry: Entry) -> None:
        self.balance = Credits(self.balance + entry.credits)
        self.first = entry.happened if self.first is None else min(self.first, entry.happened)
        document = self._documents.setdefault(entry.document, _Document(entry.happened))
        document.first = min(document.first, entry.happened)
        document.credits += entry.credits
        # in one revision a document may leave one merged account and enter another: the entry that left says
        # nothing of what the document is worth
        rank = entry.revision, entry.derivation.get("why") != "moved"
        if rank >= document.rank:
            document.rank, document.derivation = rank, entry.derivation

    def unused(self) -> Iterator[Lot]:
        """What is left of each purchase when the oldest are used first: the youngest, until they make the balance."""
        left = int(self.balance)
        noted = self._taken_by_credit_notes()
        bought = [
            (document.first, key, document.credits - noted[key], document)
            for key, document in self._documents.items()
            if document.credits > noted[key] and not _is_ticket(key)
        ]
        for first, _, kept, document in sorted(bought, key=lambda one: one[:2], reverse=True):
            if left <= 0:
                return
            credits = min(left, kept)
            lines = document.derivation.get("lines", ())
            yield Lot(first, Credits(credits), tuple(lines))
            left -= credits

    def _taken_by_credit_notes(self) -> Counter[str]:
        """Credits by source invoice: a credit note takes back that purchase, not the oldest one."""
        taken: Counter[str] = Counter()
        for document in self._documents.values():
            if document.derivation.get("rule") == "credit_note":
                taken[f"{Source.ERP}:{document.derivation['source']}"] -= document.credits
        return taken

    def tickets(self) -> Iterator[TicketCost]:
        for key, document in self._documents.items():
            why = document.derivation
            if not _is_ticket(key) or why.get("rule") == "void":
                continue
            minutes = why.get("minutes")
            yield TicketCost(
                kind=str(why.get("kind") or ""),
                credits=Credits(document.credits),
                minutes=minutes if isinstance(minutes, int) else None,
                at_minimum=_raised(why),
                without_minutes=why.get("rule") == "noted" and not isinstance(minutes, int),
            )

    def debits(self) -> list[tuple[Instant, Credits]]:
        """When each ticket was first charged, and what it costs now [credits, positive]."""
        return [
            (document.first, Credits(-document.credits))
            for key, document in self._documents.items()
            if _is_ticket(key) and document.credits < 0
        ]


def _is_ticket(key: str) -> bool:
    return key.startswith(f"{Source.HELPDESK}:")


def _raised(why: Mapping[str, Any]) -> bool:
    """Whether the tariff's minimum decided the price of these minutes."""
    if why.get("rule") != "blocks":
        return False
    return -(-int(why["minutes"]) // int(why["block"])) * int(why["block"]) <= int(why["minimum"])
