"""About how long a balance lasts at the account's own pace."""

from collections.abc import Iterable, Sequence

from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Credits, Instant, Source

WINDOW_DAYS = 180
LEAST_DAYS = 30  # of history
LEAST_DEBITS = 3
SLICES = 4
LONGEST_DAYS = 730  # further ahead nobody can tell


def charges(entries: Iterable[Entry]) -> list[tuple[Instant, Credits]]:
    """When each ticket was first charged, and what it costs now, corrections included [credits, positive]."""
    first: dict[str, Instant] = {}
    cost: dict[str, int] = {}
    for entry in entries:
        if entry.document.startswith(f"{Source.HELPDESK}:"):
            first[entry.document] = min(entry.happened, first.get(entry.document, entry.happened))
            cost[entry.document] = cost.get(entry.document, 0) - entry.credits
    return [(first[document], Credits(credits)) for document, credits in cost.items() if credits > 0]


def lasts_days(balance: Credits, debits: Sequence[tuple[Instant, Credits]], now: Instant) -> tuple[int, int] | None:
    """Range of days until the balance is used up; None when the history says too little.

    debits: (when, credits used, positive) of work done. The pace is that of the last half year; the range runs
    from the pace of its busiest quarter to that of all of it but the busiest, and never claims more than two years.
    """
    recent = [(at, used) for at, used in debits if now - WINDOW_DAYS * 86_400 < at <= now and used > 0]
    if balance <= 0 or len(recent) < LEAST_DEBITS:
        return None
    first = min(at for at, _ in recent)
    days = (now - first) / 86_400
    if days < LEAST_DAYS:
        return None
    width = (now - first) / SLICES
    used = [0] * SLICES
    for at, credits in recent:
        used[min(SLICES - 1, int((at - first) / width))] += credits
    total = sum(used)
    quickest = max(used) / (days / SLICES)
    rest = (total - max(used)) / (days * (SLICES - 1) / SLICES)
    slowest = rest if rest > 0 else total / days / 2
    shortest = max(1, round(balance / quickest))
    longest = max(shortest, round(balance / min(slowest, total / days)))
    if shortest > LONGEST_DAYS:
        return None
    return shortest, min(longest, LONGEST_DAYS)
