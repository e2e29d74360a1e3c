"""What the three remote systems have in common for the jobs: pages of documents, findings of a check."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.domain.model import Document, Instant, Source
from bytebridge.errors import RemoteSurprise

Known = Callable[[Sequence[str]], Mapping[str, Document]]
"""Documents as the ledger last saw them, by their id; ids it never saw are absent."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding an answer raises when it is no JSON, not of the form expected, or nested without end."""

LENGTH, SIGNS = 19, "-- ::"  # of a clock face; its signs stand at every third place
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (on a clock face)


def clock_face(text: str) -> datetime:
    """`2026-01-31 08:30:00`, the local time without zone that shop and help desk write. ValueError if it is not."""
    if len(text) != LENGTH or text[4::3] != SIGNS:  # of what the parser takes, this is the only form that has both
        raise ValueError(f"{text!r} is no date and time")
    return datetime.fromisoformat(text)  # a tenth of the time of strptime, which counts in years of documents


def instant(text: str, zone: ZoneInfo) -> Instant:
    """A clock face of this zone as an instant; in the hour that autumn repeats, the earlier one."""
    at = clock_face(text)
    passed = at - EPOCH
    midnight = _midnight(passed.days, zone)
    if midnight is None:
        return Instant(int(at.replace(tzinfo=zone).timestamp()))
    return Instant(midnight + passed.seconds)


@lru_cache(maxsize=4096)
def _midnight(day: int, zone: ZoneInfo) -> int | None:
    """When this day, counted from 1970, begins [epoch s], None if its clocks change.

    Asking the zone takes longer than all the rest.
    """
    begins, ends = (datetime.fromordinal(EPOCH.toordinal() + one).replace(tzinfo=zone) for one in (day, day + 1))
    return int(begins.timestamp()) if begins.utcoffset() == ends.utcoffset() else None


@dataclass(frozen=True, slots=True)
class Page:
    """Documents to book in one transaction.

    cursor: opaque text to store together with these documents, because everything before it is then booked;
    None while the walk is still under way. trusted: read from the system itself and not from an index that
    may lag, so that credits may move without asking for each document by id.
    """

    documents: tuple[Document, ...]
    cursor: str | None = None
    trusted: bool = True


class Level(StrEnum):
    WELL = "well"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`: `what` was looked at and found, `cure` what to do (empty when well)."""

    level: Level
    what: str
    cure: str = ""


class Connector(Protocol):
    """A remote system as a source of documents. Every method may raise the remote errors of `errors`."""

    @property
    def source(self) -> Source: ...

    @property
    def surprises(self) -> list[RemoteSurprise]:
        """Documents that could not be read since the list was last emptied; the caller empties it."""

    @property
    def unread(self) -> AbstractSet[str]:
        """Ids of the documents that are there and could not be read when last met, nor what comes with them."""

    def changed(self, cursor: str | None, known: Known, since: Instant | None) -> Iterator[Page]:
        """Documents that may have changed since `cursor`; the last page carries the new cursor.

        cursor None: the first load, everything dated `since` or later (None: all).
        """

    def forget(self) -> None:
        """What is remembered besides documents, as customers and tags are, is read again when next needed."""

    def everything(self, since: Instant | None, until: Instant | None) -> Iterator[Page]:
        """All documents created from `since` on and before `until`; no page carries a cursor."""

    def by_ids(self, ids: Sequence[str]) -> list[Document]:
        """These documents, read from the system itself; an id it says it does not have is absent.

        One that cannot be read is absent, too, and stands in `unread`.
        """

    def check(self) -> Iterator[Finding]:
        """Findings of `doctor`; a remote error is itself a finding of the caller."""
