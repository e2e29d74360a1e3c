"""The list of tickets by windows over a date: small ones, each row held to what was asked (LiveAgent notes §4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from bytebridge.connector import clock_face
from bytebridge.errors import RemoteSurprise
from bytebridge.helpdesk.client import SYSTEM, filters
from bytebridge.helpdesk.reading import LIST, Listed, Reader, repeated, repeats, unreadable
from bytebridge.helpdesk.wire import TicketRow, shifted

BEFORE_ALL = "2000-01-01 00:00:00"
WIDTH_S = 30 * 86_400
PAGES = 10  # a window that fills them is halved; far from the wall at 10 000 rows
DEEPEST = 100  # pages of one second, which cannot be halved
SPARSE = 300  # a window with fewer rows lets the next be twice as wide


def windows(
    reader: Reader, column: str, start: str, end: str, *, status: str | None = None
) -> Iterator[list[TicketRow]]:
    """Rows with start <= column < end (the server's own naive texts), in lists of a page's size.

    Each window is read whole before it is handed on, so no answer depends on the order of rows within it.
    status: only tickets of this letter. RemoteSurprise when the server ignores the filter, or when rows came and
    not one of all of them could be read.
    """
    width, readable, refused = WIDTH_S, False, False
    while start < end:
        stop = min(shifted(start, width), end)
        reader.client.remote.next = None
        rows = _window(reader, column, start, stop, status)
        span = _seconds(start, stop)
        if rows is None:
            width = max(1, span // 2)
            continue
        readable, refused = readable or bool(rows.found), refused or rows.refused
        found = rows.found
        start = stop
        width = span * 2 if len(found) < SPARSE else span
        for first in range(0, len(found), reader.per_page):
            if first + reader.per_page >= len(found) and start < end:
                following = _asked(column, start, min(shifted(start, width), end), status)
                reader.client.remote.next = LIST, reader.question(1, following)
            yield found[first : first + reader.per_page]
    if refused and not readable:
        raise unreadable()


def oldest(reader: Reader) -> str:
    """A date_created that no ticket's is before, bar nonsense: the first row's, unless the order proves ignored."""
    listed = reader.page(1, any_readable=False, _sortField="date_created", _sortDir="ASC", _perPage="1")
    if not listed.rows:
        return BEFORE_ALL
    first = listed.rows[0].date_created
    before = reader.page(1, any_readable=False, _perPage="1", **filters(("date_created", "D<", first)))
    return BEFORE_ALL if before.asked else max(first, BEFORE_ALL)


def is_left_out(reader: Reader, status: str, start: str, end: str, seen: set[str]) -> bool:
    """Whether the list without a filter lacked tickets of this status."""
    asked = _asked("date_created", start, end, status)
    listed = reader.page(1, any_readable=False, **asked)
    _honoured(listed.rows, "date_created", start, end, status)
    return not seen >= {row.id for row in listed.rows}


@dataclass(frozen=True, slots=True)
class _Window:
    """refused: some page held rows of which none could be read."""

    found: list[TicketRow]
    refused: bool


def _window(reader: Reader, column: str, start: str, stop: str, status: str | None) -> _Window | None:
    """All rows of one window, each once; None when there are too many."""
    found: dict[str, TicketRow] = {}
    refused = False
    most = DEEPEST if _seconds(start, stop) <= 1 else PAGES
    asked = _asked(column, start, stop, status)
    before: Listed | None = None
    for number in count(1):
        if number > most:
            break
        unread = len(reader.unread)
        listed = reader.page(number, any_readable=False, **asked)
        _honoured(listed.rows, column, start, stop, status)
        if repeats(listed, before):
            raise repeated()
        before = listed
        fresh = {row.id: row for row in listed.rows if row.id not in found}
        refused = refused or bool(listed.asked and not listed.rows)
        if not fresh and len(reader.unread) == unread:
            return _Window(list(found.values()), refused)
        found |= fresh
    if most == DEEPEST:
        raise RemoteSurprise(SYSTEM, f"GET {LIST}", f"more tickets in one second ({start}) than a list can show")
    return None


def _asked(column: str, start: str, stop: str, status: str | None) -> dict[str, str]:
    conditions = [(column, "D>=", start), (column, "D<=", shifted(stop, -1))]
    wanted = filters(*conditions, *([("status", "E", status)] if status else []))
    return {"_sortField": column, "_sortDir": "ASC", **wanted}


def _honoured(rows: tuple[TicketRow, ...], column: str, start: str, stop: str, status: str | None) -> None:
    """RemoteSurprise unless each row is what was asked for: an ignored filter must not pass for an answer."""
    for row in rows:
        at = row.date_created if column == "date_created" else row.date_changed
        if not start <= at < stop or (status is not None and row.status != status):
            raise RemoteSurprise(SYSTEM, f"GET {LIST}", f"its filter on {column} is ignored: update LiveAgent")


def _seconds(start: str, stop: str) -> int:
    return int((clock_face(stop) - clock_face(start)).total_seconds())
