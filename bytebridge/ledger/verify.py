"""Proof that balances equal the entries and that no entry was altered, in constant memory."""

import json
import re
from dataclasses import dataclass

from sqlalchemy import Connection, select

from bytebridge.domain.derivation import recompute
from bytebridge.domain.entry import GENESIS, chain
from bytebridge.ledger.entries import walk
from bytebridge.ledger.schema import entries

CODE = re.compile(r"\s*BB-(\d{1,18})-(\d{1,18})-([0-9A-F]{6})[0-9A-F]{2}\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proof:
    """fault: None when whole, else the first altered entry and what is wrong with it."""

    entries: int
    accounts: int
    fault: str | None


def verify(connection: Connection) -> Proof:
    """Recomputes every chain, balance and derivation."""
    total = count = 0
    account, seq, balance, previous = None, 0, 0, GENESIS
    for row in walk(connection):
        if row.account != account:
            account, seq, balance, previous = row.account, 0, 0, GENESIS
            count += 1
        seq += 1
        balance += row.credits
        expected = chain(
            previous,
            row.account,
            row.seq,
            row.document,
            row.revision,
            row.kind,
            row.credits,
            row.balance,
            row.was,
            row.happened,
            row.recorded,
            row.derivation,
        )
        fault = None
        if row.seq != seq:
            fault = f"entry {seq} of account {account} is missing"
        elif row.hash != expected:
            fault = f"entry {row.id} (number {seq} of account {account}) was altered: its hash does not fit"
        elif row.balance != balance:
            fault = f"entry {row.id} of account {account} says balance {row.balance}, its entries add up to {balance}"
        elif recompute(json.loads(row.derivation)) != row.was + row.credits:
            fault = f"entry {row.id} ({row.document}) does not follow from its derivation"
        if fault:
            return Proof(total, count, fault)
        previous = row.hash
        total += 1
    return Proof(total, count, None)


def check_receipt(connection: Connection, code: str) -> tuple[str, bool]:
    """Whether the history up to the letter that bears this code still stands, and the sentence that says so."""
    match = CODE.fullmatch(code)
    if match is None:
        return f"{code}: no receipt; one looks like BB-7-31-0A1B2C3D", False
    account, seq, digits = int(match.group(1)), int(match.group(2)), match.group(3).lower()
    if seq == 0:
        return (
            f"{code}: it was written before account {account} had any entry: nothing to prove",
            digits == GENESIS[:6],
        )
    previous, balance, last = GENESIS, 0, 0
    rows = connection.execute(
        select(entries).where(entries.c.account == account, entries.c.seq <= seq).order_by(entries.c.seq)
    )
    for row in rows:
        balance += row.credits
        last += 1
        expected = chain(
            previous,
            row.account,
            row.seq,
            row.document,
            row.revision,
            row.kind,
            row.credits,
            row.balance,
            row.was,
            row.happened,
            row.recorded,
            row.derivation,
        )
        if row.seq != last or row.hash != expected or row.balance != balance:
            return f"{code}: the history does not stand: entry {row.id} was altered", False
        previous = row.hash
    if last != seq:
        return f"{code}: account {account} has no entry {seq}", False
    if not previous.startswith(digits):
        return (
            f"{code}: entry {seq} of account {account} is another one than the letter was written on",
            False,
        )
    return f"{code}: the history of account {account} up to entry {seq} stands, balance {balance}", True
