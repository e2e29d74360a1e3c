"""An entry of the ledger and its hash chain."""

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from bytebridge.domain.model import Credits, Instant

GENESIS = "0" * 64
HALF = 32  # digits
_encoder = msgspec.json.Encoder(order="sorted")


class EntryKind(StrEnum):
    GRANT = "grant"
    DEBIT = "debit"
    CORRECTION = "correction"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"
    OPENING = "opening"
    MERGE = "merge"


class Posting(Struct, frozen=True, gc=False):
    """A signed row about to be added.

    was: what the document had moved before this posting, signed. revision: 1 for the document's first posting.
    """

    account: int
    document: str
    revision: int
    kind: EntryKind
    credits: Credits
    balance: Credits
    was: Credits
    happened: Instant
    derivation: Mapping[str, Any]


class Entry(Struct, frozen=True, gc=False):
    """A row of the ledger. seq counts within the account from 1; balance is the account's right after it."""

    id: int
    account: int
    seq: int
    document: str
    revision: int
    kind: EntryKind
    credits: Credits
    balance: Credits
    was: Credits
    happened: Instant
    recorded: Instant
    run: int
    derivation: Mapping[str, Any]
    hash: str


def encode(derivation: Mapping[str, Any]) -> str:
    """The one JSON text of a derivation: what is stored is what is hashed."""
    try:
        return _encoder.encode(derivation).decode()
    except UnicodeEncodeError:  # half a character, which no database takes: a question mark instead
        text = json.dumps(derivation, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "replace").decode()


def chain(
    previous: str,
    account: int,
    seq: int,
    document: str,
    revision: int,
    kind: str,
    credits: int,
    balance: int,
    was: int,
    happened: int,
    recorded: int,
    derivation: str,
    number: int,
    run: int,
) -> str:
    """Hash of an entry, chained to the one before it in its account; `derivation` as stored, `number` its id.

    Its first half covers what was posted, its second half the two times, its number and its run as well: when
    history is read anew after a restore, the first half comes out as it was.
    """
    figures = f"{account}|{seq}|{document}|{revision}|{kind}|{credits}|{balance}|{was}"
    posted = f"{previous[:HALF]}|{figures}|{derivation}"
    head = hashlib.sha256(posted.encode("utf-8", "surrogatepass")).hexdigest()[:HALF]
    booked = f"{previous[HALF:]}|{head}|{happened}|{recorded}|{number}|{run}"
    return head + hashlib.sha256(booked.encode()).hexdigest()[:HALF]


def receipt(account: int, seq: int, head: str, document: str, revision: int, kind: str) -> str:
    """The code a letter bears: BB-<account>-<seq>-<digits>.

    Six digits are those of the account's chain at `seq`, so that the code proves the history up to it; the last six
    are those of document, revision and kind.
    """
    salt = hashlib.sha256(f"{document}|{revision}|{kind}".encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"BB-{account}-{seq}-{head[:6]}{salt}".upper()


def same_letter(code: str) -> str:
    """A regular expression for every code that this letter may bear.

    History that is read anew after a restore may come in another order, to accounts of other numbers: then only the
    last six digits are what they were.
    """
    letter = re.fullmatch(r"BB-\d+-\d+-[0-9A-F]{6}([0-9A-F]{6})", code, re.IGNORECASE)
    return rf"BB-\d{{1,18}}-\d{{1,18}}-[0-9A-F]{{6}}{letter[1]}" if letter else re.escape(code)
