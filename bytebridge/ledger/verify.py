"""Proof that balances equal the entries and that no entry was altered or removed, in constant memory."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, func, literal, or_, select

from bytebridge.domain.derivation import recompute
from bytebridge.domain.entry import GENESIS, EntryKind, chain, receipt
from bytebridge.ledger import facts
from bytebridge.ledger.entries import LAST, walk
from bytebridge.ledger.schema import documents, entries, notices

CODE = re.compile(r"\s*BB-(\d{1,18})-(\d{1,18})-([0-9A-F]{6})[0-9A-F]{6}\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proof:
    """entries, accounts: how many were found whole. fault: None when all are, else the first and what is wrong."""

    entries: int
    accounts: int
    fault: str | None


@dataclass(slots=True)
class _Walk:
    """What was found whole so far; newest: id and hash of the highest entry."""

    entries: int = 0
    accounts: int = 0
    newest: tuple[int, str] = (0, "")


def verify(connection: Connection) -> Proof:
    """Recomputes every chain, balance and derivation, then looks for entries that were cut off at an end."""
    so_far = _Walk()
    with closing(walk(connection)) as rows:
        fault = next(_faults(rows, so_far), None)
    fault = fault or _cut_off(connection, so_far)
    return Proof(so_far.entries, so_far.accounts, fault)


def _faults(rows: Iterable[Sequence[Any]], so_far: _Walk) -> Iterator[str]:
    """What is wrong with each entry, first account first; `so_far` follows the walk."""
    account, seq, balance, previous, newest = -1, 0, 0, GENESIS, 0
    for row in rows:
        number, owner, position, document, revision, kind, credits, stated, was, happened, recorded = row[:11]
        run, derivation, digest = row[11:14]
        if owner != account:
            account, seq, balance, previous = owner, 0, 0, GENESIS
            so_far.accounts += 1
        seq += 1
        balance += credits
        if position != seq:
            yield f"entry {seq} of account {account} is missing"
        if digest != chain(
            previous,
            owner,
            position,
            document,
            revision,
            kind,
            credits,
            stated,
            was,
            happened,
            recorded,
            derivation,
            number,
            run,
        ):
            yield f"entry {number} (number {seq} of account {account}) was altered: its hash does not fit"
        if stated != balance:
            yield f"entry {number} of account {account} says balance {stated}, its entries add up to {balance}"
        if _worth(derivation) != was + credits:
            yield f"entry {number} ({document}) does not follow from its derivation"
        previous = digest
        so_far.entries += 1
        if number > newest:
            newest = number
            so_far.newest = number, digest


@lru_cache(maxsize=4096)
def _worth(derivation: str) -> int | None:
    """What the stored derivation gives [credits]; None when it gives nothing. Most are alike: few are computed."""
    try:
        return recompute(msgspec.json.decode(derivation))
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):
        return None


def _cut_off(connection: Connection, whole: _Walk) -> str | None:
    """The end of a chain can be cut without a trace in the chain itself, but not in what else is kept of it."""
    newest, digest = whole.newest
    remembered = facts.get(connection, LAST).split()
    if remembered and int(remembered[0]) > newest:
        return f"entry {remembered[0]} is missing: it was the last one added"
    if remembered != ([str(newest), digest] if newest else []):
        return f"entry {newest} is not the one that was added last"
    if whole.entries != newest:
        return f"entry {_first_gap(connection)} is missing: entries are numbered without gaps"
    return _letter_without_entry(connection) or _document_without_entry(connection)


def _first_gap(connection: Connection) -> int:
    later = entries.alias()
    followed = select(literal(1)).where(later.c.id == entries.c.id + 1).exists()
    first = connection.execute(select(entries.c.id).where(entries.c.id == 1)).scalar()
    if first is None:
        return 1
    return int(connection.execute(select(func.min(entries.c.id)).where(~followed)).scalar_one()) + 1


def _letter_without_entry(connection: Connection) -> str | None:
    digits = func.substr(notices.c.code, func.length(notices.c.code) - 11, 6)
    row = connection.execute(
        select(notices.c.id, notices.c.account, notices.c.seq, notices.c.code)
        .outerjoin(entries, and_(entries.c.account == notices.c.account, entries.c.seq == notices.c.seq))
        .where(notices.c.seq > 0, or_(entries.c.id.is_(None), func.upper(func.substr(entries.c.hash, 1, 6)) != digits))
        .order_by(notices.c.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    return f"entry {row.seq} of account {row.account} is not the one that letter {row.id} ({row.code}) was written on"


def _document_without_entry(connection: Connection) -> str | None:
    posted = select(func.max(entries.c.revision)).where(entries.c.document == documents.c.key).scalar_subquery()
    row = connection.execute(
        select(documents.c.key, documents.c.revision)
        .where(documents.c.revision > func.coalesce(posted, 0))
        .order_by(documents.c.key)
        .limit(1)
    ).first()
    return f"posting {row.revision} of document {row.key} is missing" if row is not None else None


def check_receipt(connection: Connection, code: str) -> tuple[str, bool]:
    """Whether the history up to the letter that bears this code still stands, and the sentence that says so."""
    match = CODE.fullmatch(code)
    if match is None:
        return f"{code}: no receipt; one looks like BB-7-31-0A1B2C3D4E5F", False
    account, seq, digits = int(match.group(1)), int(match.group(2)), match.group(3).lower()
    if seq == 0 and digits == GENESIS[:6] and _was_written(connection, account, 0, code.strip().upper()):
        return f"{code}: it was written before account {account} had any entry: nothing to prove", True
    if seq == 0:
        return f"{code}: no letter or statement from before the first entry of account {account} bears this code", False
    fault, balance = _history(connection, account, seq, digits)
    if fault is not None:
        return f"{code}: {fault}", False
    if not _was_written(connection, account, seq, code.strip().upper()):
        return f"{code}: the history stands, but no letter or statement of account {account} bears this code", False
    return f"{code}: the history of account {account} up to entry {seq} stands, balance {balance}", True


def _history(connection: Connection, account: int, seq: int, digits: str) -> tuple[str | None, int]:
    """What is wrong with an account's chain up to `seq`, or with one that was merged into it before; its balance."""
    rows = connection.execute(
        select(entries).where(entries.c.account == account, entries.c.seq <= seq).order_by(entries.c.seq)
    )
    found = rows.all()
    fault = next(_faults(found, _Walk()), None)
    if fault is not None:
        return f"the history does not stand: {fault}", 0
    if len(found) != seq:
        return f"account {account} has no entry {seq}", 0
    if not found[-1].hash.startswith(digits):
        return f"entry {seq} of account {account} is another one than the letter was written on", 0
    for row in found:
        joined = msgspec.json.decode(row.derivation).get("joined") if row.kind == EntryKind.MERGE else None
        if joined and joined["account"] != account:
            fault, _ = _history(connection, joined["account"], joined["seq"], joined["hash"])
            if fault is not None:
                return f"account {joined['account']}, merged into it: {fault}", 0
    return None, found[-1].balance


def _was_written(connection: Connection, account: int, seq: int, code: str) -> bool:
    """Whether a letter bears this code and its own digits are those of what it tells, or a statement does."""
    digits = code.rpartition("-")[2][:6].lower()
    if receipt(account, seq, digits, f"statement:{account}", seq, "statement") == code:
        return True
    rows = connection.execute(
        select(notices.c.document, notices.c.revision, notices.c.kind).where(
            notices.c.account == account, notices.c.seq == seq
        )
    )
    return any(receipt(account, seq, digits, row.document, row.revision, row.kind) == code for row in rows)
