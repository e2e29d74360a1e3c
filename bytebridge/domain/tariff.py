"""What one ticket costs: credits, or what it still lacks."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from bytebridge.domain.model import Credits, Instant, Kind, Ticket
from bytebridge.domain.rules import Rate, Rules, fold

NUMBER = re.compile(
    r"0*([0-9]{1,6})(?:\s*(?:min|mins|minutos?|minutes?|cr[eé]ditos?|cr[eé]dits?|credits?)\.?)?",
    re.IGNORECASE,
)


class Lack(Struct, frozen=True, gc=False):
    """Why a document cannot be valued for certain: a code from `reviews.REASONS` and what was found."""

    code: str
    found: str = ""


Charge = tuple[Credits, Mapping[str, Any]]
"""What a ticket costs, not negative, and its derivation."""


@lru_cache(maxsize=4096)  # the same few figures stand on most tickets
def whole_number(texts: tuple[str, ...], code: str) -> int | Lack | None:
    """The one whole number these texts say; None when there is no text.

    `25`, `025` and `25 min` are numbers; two different values, a sign, a fraction or words are a Lack.
    """
    if not texts:
        return None
    values = set()
    for text in texts:
        match = NUMBER.fullmatch(text.strip())
        if match is None:
            return Lack(f"unreadable_{code}", text)
        values.add(int(match.group(1)))
    return values.pop() if len(values) == 1 else Lack(f"two_{code}", ", ".join(texts))


def kind_of(ticket: Ticket, rules: Rules) -> Kind | Lack | None:
    """The kind its field and tags agree on; unknown tags are ignored, an unknown field value is a Lack."""
    found: set[Kind] = set()
    for text in ticket.kinds:
        kind = rules.kinds.get(fold(text))
        if kind is None:
            return Lack("unknown_kind", text)
        found.add(kind)
    for text in ticket.tags:
        kind = rules.kinds.get(fold(text))
        if kind is not None:
            found.add(kind)
    if len(found) > 1:
        return Lack("two_kinds", ", ".join(sorted(found)))
    return found.pop() if found else rules.default_kind


def says_work(ticket: Ticket, rules: Rules) -> bool:
    """Whether anybody noted a kind of work, minutes or credits on it."""
    return bool(
        ticket.minutes or ticket.credits or any(fold(text) in rules.kinds for text in [*ticket.kinds, *ticket.tags])
    )


def rate_of(rules: Rules, kind: Kind, at: Instant) -> Rate | None:
    """The youngest rate of `kind` valid at `at`; before the first one, None."""
    found: Rate | None = None
    for rate in rules.rates:
        if rate.kind == kind and rate.valid_from <= at and (found is None or rate.valid_from > found.valid_from):
            found = rate
    return found


def by_rate(rate: Rate, minutes: int) -> Charge:
    """Minutes rounded up to blocks, then raised to the minimum; or the flat rate."""
    if rate.flat is not None:
        return rate.flat, {"rule": "flat", "kind": rate.kind.value, "flat": rate.flat}
    blocks = -(-minutes // rate.block) * rate.block
    credits = Credits(max(rate.minimum, blocks))
    return credits, {
        "rule": "blocks",
        "kind": str(rate.kind),
        "minutes": minutes,
        "block": rate.block,
        "minimum": rate.minimum,
    }


def charge(ticket: Ticket, rules: Rules, at: Instant, module_until: Instant | None) -> Charge | Lack:
    """Price of a resolved ticket by the tariff in force at `at`, or what it still lacks.

    module_until: end of the account's module support, None without a listed purchase. A ticket that says too
    little is a Lack, never an exception: it is ordinary work for a person.
    """
    kind = kind_of(ticket, rules)
    if isinstance(kind, Lack):
        return kind
    noted = whole_number(ticket.credits, "credits")
    if isinstance(noted, Lack):
        return noted
    minutes = whole_number(ticket.minutes, "minutes")
    free = _free(kind, ticket, module_until)
    if free is not None:
        return Lack("credits_on_free", str(noted)) if noted else (Credits(0), free)
    if noted is not None:
        return Credits(noted), {
            "rule": "noted",
            "kind": kind.value if kind else None,
            "noted": noted,
            "minutes": minutes if isinstance(minutes, int) else None,
        }
    return _by_kind(kind, minutes, rules, at)


def _free(kind: Kind | None, ticket: Ticket, module_until: Instant | None) -> Mapping[str, Any] | None:
    """Derivation of work that credits never pay for: free work, and module support within its year."""
    if kind == Kind.FREE:
        return {"rule": "free", "kind": kind.value}
    if kind == Kind.MODULE and module_until is not None and ticket.created_at <= module_until:
        return {"rule": "module", "kind": kind.value, "until": module_until}
    return None


def _by_kind(kind: Kind | None, minutes: int | Lack | None, rules: Rules, at: Instant) -> Charge | Lack:
    if kind is None:
        return Lack("no_kind")
    if kind == Kind.QUOTE:
        return Lack("no_quote")
    if kind == Kind.MODULE:
        return Lack("module_outside_year")
    rate = rate_of(rules, kind, at)
    if rate is None:
        return Lack("no_rate", kind.value)
    if rate.flat is not None:
        return by_rate(rate, 0)
    if isinstance(minutes, Lack):
        return minutes
    if not minutes:
        return Lack("no_minutes" if minutes is None else "zero_minutes")
    return by_rate(rate, minutes)


def least(ticket: Ticket, rules: Rules, now: Instant) -> tuple[Credits, Kind | None] | None:
    """What an unresolved ticket will cost at least, and its kind if known; None when it may cost nothing.

    While no kind is known it is a consultation's minimum (domain: 15). Free work, module support and figures that
    nobody can read announce nothing.
    """
    kind = kind_of(ticket, rules)
    if isinstance(kind, Lack) and kind.code == "unknown_kind":
        kind = None
    noted = whole_number(ticket.credits, "credits")
    if isinstance(kind, Lack) or isinstance(noted, Lack) or kind in (Kind.FREE, Kind.MODULE):
        return None
    if noted is not None:
        return (Credits(noted), kind) if noted else None
    rate = rate_of(rules, kind or Kind.CONSULTATION, now) if kind != Kind.QUOTE else None
    if rate is None:
        return None
    minutes = whole_number(ticket.minutes, "minutes")
    known = minutes if isinstance(minutes, int) and minutes > 0 else 1
    return by_rate(rate, known)[0], kind
