"""Entries as a statement: what happened when, with running balances and totals."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from bytebridge.domain.entry import Entry, EntryKind
from bytebridge.domain.model import Credits, Instant


class Line(Struct, frozen=True, gc=False):
    """One movement. balance: the account's after it, in the order of the statement.

    code: how the customer knows the document. minutes: as the technician noted them, None where there are none.
    """

    id: int
    at: Instant
    recorded: Instant
    kind: EntryKind
    credits: Credits
    balance: Credits
    source: str
    document: str
    code: str
    minutes: int | None
    was: Credits
    derivation: Mapping[str, Any]


class Statement(Struct, frozen=True, gc=False):
    """Movements from `since` on and before `until`, None for open ends; opening + sum of lines = closing."""

    account: int
    emails: tuple[str, ...]
    name: str
    since: Instant | None
    until: Instant | None
    opening: Credits
    closing: Credits
    lines: tuple[Line, ...]


def totals(statement: Statement) -> dict[str, Credits]:
    """Credits by what they were for: the kind of work of a ticket, else the entry's own kind."""
    found: dict[str, Credits] = {}
    for line in statement.lines:
        work = line.derivation.get("kind") if line.source == "helpdesk" else None
        name = str(work) if work else line.kind.value
        found[name] = Credits(found.get(name, 0) + line.credits)
    return found


def order(entries: Sequence[Entry]) -> list[Entry]:
    """Entries as a statement shows them: by when they happened, then as they were recorded.

    Merges between accounts of one family cancel out within it and are left out.
    """
    merges: dict[str, int] = {}
    for entry in entries:
        if entry.kind == EntryKind.MERGE:
            merges[entry.document] = merges.get(entry.document, 0) + entry.credits
    shown = [entry for entry in entries if entry.kind != EntryKind.MERGE or merges[entry.document]]
    return sorted(shown, key=lambda entry: (entry.happened, entry.id))


def make(
    account: int,
    emails: tuple[str, ...],
    name: str,
    entries: Sequence[Entry],
    codes: Mapping[str, str],
    since: Instant | None,
    until: Instant | None,
) -> Statement:
    """The statement over all entries of the account's family; codes: document key to what customers call it."""
    opening = Credits(0)
    balance = Credits(0)
    lines: list[Line] = []
    for entry in order(entries):
        if until is not None and entry.happened >= until:
            continue
        balance = Credits(balance + entry.credits)
        if since is not None and entry.happened < since:
            opening = balance
            continue
        lines.append(_line(entry, balance, codes))
    return Statement(account, emails, name, since, until, opening, balance, tuple(lines))


def _line(entry: Entry, balance: Credits, codes: Mapping[str, str]) -> Line:
    source = entry.document.partition(":")[0]
    minutes = entry.derivation.get("minutes")
    return Line(
        entry.id,
        entry.happened,
        entry.recorded,
        entry.kind,
        entry.credits,
        balance,
        source if source in ("shop", "erp", "helpdesk") else "admin",
        entry.document,
        codes.get(entry.document, ""),
        minutes if isinstance(minutes, int) else None,
        entry.was,
        entry.derivation,
    )
