"""The second witness: the history of statuses, which the database tells and not the index (LiveAgent notes §8)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.connector import Known, instant
from bytebridge.domain.model import Document, Ticket
from bytebridge.errors import RemoteSurprise
from bytebridge.helpdesk.client import SYSTEM, Client, decode, filters
from bytebridge.helpdesk.position import REPEATED_HOUR_S, Position, clocks_went_back
from bytebridge.helpdesk.wire import STATES, Interval, shifted

HISTORY = "/tickets/history"
EVERY_S = 720
OVERLAP_S = 3600  # by which a row may come late
PAGE = 500
PAGES = 20  # of one hearing that bring something new; the next one goes on
DEEPEST = 200  # pages in all
SAME_S = 120  # between a resolution's own date and its row in the history
REMEMBERED = 2000  # rows of the overlap kept by id; what is beyond is merely compared again
ALL_TIME = "2000-01-01 00:00:00"


@dataclass(frozen=True, slots=True)
class Testimony:
    """fresh: rows not handled before, oldest first. start: from when was asked. whole: there is no more."""

    fresh: tuple[Interval, ...]
    handled: tuple[Interval, ...]
    whole: bool


def is_due(position: Position, now: int) -> bool:
    return not 0 <= now - position.witnessed < EVERY_S


def ask(client: Client, position: Position, now: int, zone: ZoneInfo) -> Testimony:
    """Status intervals since the last time, less the overlap. RemoteSurprise when its filter or cursor fails."""
    start = _start(position, now, zone)
    asked = {"_perPage": str(PAGE), "_sortDir": "ASC", **filters(("date_from", ">=", start))}
    rows: dict[str, Interval] = {}
    tokens: set[str] = set()
    handled, telling = set(position.intervals), 0
    for _ in range(DEEPEST):
        raw, token = client.feed(HISTORY, asked)
        read = [decode(row, Interval, f"GET {HISTORY}") for row in raw]
        if any(row.date_from < start for row in read):
            raise RemoteSurprise(SYSTEM, f"GET {HISTORY}", "its filter on date_from is ignored")
        rows |= {row.id: row for row in read}
        if token is None:
            return _testimony(rows.values(), position, whole=True)
        if token in tokens:
            raise RemoteSurprise(SYSTEM, f"GET {HISTORY}", "its cursor does not move on")
        tokens.add(token)
        asked["_cursor"] = token
        telling += any(row.id not in handled for row in read)
        if telling == PAGES:
            break
    return _testimony(rows.values(), position, whole=False)


def _start(position: Position, now: int, zone: ZoneInfo) -> str:
    """As with the list, rows of the overlap are asked for only as long as a late one may still come.

    A hearing that was cut short goes on where it was: its pages may not be filled by an overlap again.
    """
    quiet = max(0, position.witnessed - position.heard)
    overlap = OVERLAP_S - quiet if quiet < OVERLAP_S else -1
    if position.witness and not position.witnessed:
        overlap = 0
    if clocks_went_back(now, zone):
        overlap = OVERLAP_S + REPEATED_HOUR_S
    return shifted(position.witness or position.watermark, -overlap) or ALL_TIME


def _testimony(rows: Iterable[Interval], position: Position, *, whole: bool) -> Testimony:
    handled = set(position.intervals)
    ordered = sorted(rows, key=lambda row: (row.number, row.id))
    fresh = tuple(row for row in ordered if row.id not in handled)
    return Testimony(fresh, tuple(row for row in ordered if row.id in handled), whole)


def contradicted(fresh: Iterable[Interval], known: Known, zone: ZoneInfo) -> list[str]:
    """Tickets that by their latest interval stand otherwise than the ledger last saw them."""
    latest = {row.conversation_id: row for row in fresh}
    seen = known(sorted(latest)) if latest else {}
    return [ticket for ticket, row in latest.items() if not _agrees(seen.get(ticket), row, zone)]


def _agrees(seen: Document | None, row: Interval, zone: ZoneInfo) -> bool:
    if not isinstance(seen, Ticket) or row.status not in STATES or seen.state != STATES[row.status]:
        return False
    if row.status != "R":
        return True
    # resolved again meanwhile: the status is the same and only the date tells, if it is one
    try:
        began = instant(row.date_from, zone)
    except ValueError:
        return False
    return seen.resolved_at is not None and seen.resolved_at >= began - SAME_S


def heard(position: Position, said: Testimony, left: Sequence[str], now: int, latest: str) -> Position:
    """Where the next hearing begins. left: tickets still to be asked for, so that the next one is due at once.

    latest: the server's clock; a date beyond it would blind every later hearing.
    """
    waiting = set(left)
    done = [row for row in said.fresh if row.conversation_id not in waiting]
    dates = [row.date_from for row in (*said.handled, *done)]
    if waiting:
        # no further than the first row that waits; what was handled beyond it is remembered by id
        dates = [min(row.date_from for row in said.fresh if row.conversation_id in waiting)]
    reached = max(position.witness, min(max(dates, default=""), latest))
    kept = sorted((*said.handled, *done), key=lambda row: row.number)[-REMEMBERED:]
    oldest = shifted(reached, -OVERLAP_S)
    return msgspec.structs.replace(
        position,
        witness=reached,
        heard=position.heard if reached == position.witness else now,
        witnessed=0 if waiting or (said.fresh and not said.whole) else now,
        intervals=tuple(row.id for row in kept if row.date_from >= oldest),
    )
