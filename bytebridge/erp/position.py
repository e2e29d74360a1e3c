"""How far the ERP was read: the cursor's content."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from bytebridge.erp.filters import is_moment
from bytebridge.erp.wire import text

MARKS = 5000  # rows remembered of one overlap; what is beyond is merely read again


class Position(msgspec.Struct, frozen=True):
    """What the next poll needs to know; stored only once everything before it is booked.

    swept: when the last good sweep began [epoch s]. marks: digest of each row that the next one shows again, so that
    an unchanged one costs nothing. again: documents that could not be read.
    """

    swept: int
    marks: dict[str, str] = msgspec.field(default_factory=dict)
    again: tuple[str, ...] = ()


def encode(position: Position) -> str:
    return msgspec.json.encode(position).decode()


def decode(cursor: str) -> Position:
    return msgspec.json.decode(cursor, type=Position)


def mark(row: Mapping[str, Any]) -> str:
    """A digest of a document as its list shows it."""
    return hashlib.sha256(msgspec.json.encode(row)).hexdigest()[:12]


def is_touched(row: Mapping[str, Any], since: int) -> bool:
    """Whether the document was last changed at or after `since` [epoch s], as far as can be told."""
    changed = text(row.get("date_modification"))
    return is_moment(changed) and int(changed) >= since


def newest(marks: Mapping[str, str]) -> dict[str, str]:
    """No more of them than are worth remembering, those with the greatest ids."""
    return dict(sorted(marks.items(), key=lambda one: int(one[0]))[-MARKS:])
