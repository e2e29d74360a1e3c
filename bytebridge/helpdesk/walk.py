"""What changed: the list by falling date_changed down to the watermark (LiveAgent notes §4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.errors import RemoteRefused
from bytebridge.helpdesk.client import SYSTEM
from bytebridge.helpdesk.position import OVERLAP_S, Position, walk_until
from bytebridge.helpdesk.reading import LIST, Listed, Reader, repeated, repeats
from bytebridge.helpdesk.windows import BEFORE_ALL, windows
from bytebridge.helpdesk.wire import TicketRow, naive, shifted

PAGES = 30  # of one poll; the next one goes on
WIDEST_PAGE = 500  # as much as servers are known to hand out
WALL = 10_000  # rows that a list lets itself be paged
DAY_S = 86_400
JUMP_S = 26 * 3600  # the most by which an update of the server can shift its times


@dataclass(slots=True)
class _Leg:
    """A stretch of the walk, page by page. finished: it came down to its end; else it stopped at `page`, `lowest`."""

    page: int
    finished: bool = False
    lowest: str = ""


class _OutOfOrderError(Exception):
    """The rows of a page do not fall: the server ignores the order asked for."""


class Walk:
    """One poll's walk. position: where it got to, once `pages` is exhausted."""

    def __init__(self, reader: Reader, position: Position, now: int, zone: ZoneInfo) -> None:
        self.position = position
        self._reader = reader
        self._now = now
        self._zone = zone
        self._stop = walk_until(position, now, zone)
        self._seen: set[str] = set()
        self._shown = 0
        self._newest = ""
        self._left = PAGES
        self._size = _size(position, reader.per_page)
        self._deepest = WALL // self._size

    def pages(self) -> Iterator[list[TicketRow]]:
        """Rows that may have changed since the last walk.

        A row that changes meanwhile jumps to the front: others are met twice, none is passed over.
        """
        first = self._page(1)
        if first.asked == 0 and self.position.watermark:
            raise RemoteRefused(
                SYSTEM, f"GET {LIST}", "no ticket at all is visible any more: has the key lost a right?"
            )
        if not falls(first.rows) or self._newest < self.position.watermark:
            yield from self._by_windows()
            return
        try:
            yield from self._down(first)
        except _OutOfOrderError:
            yield from self._by_windows()

    def _down(self, first: Listed) -> Iterator[list[TicketRow]]:
        was = self.position
        whole = first.asked < self._size
        if whole and first.asked == was.fits and self._newest == was.watermark:  # and nothing on top of it
            yield self._fresh(first.rows, self._stop)
            self._finish(was.watermark, fits=was.fits)
            return
        leg = _Leg(1)
        yield from self._leg(leg, first, shifted(was.top, -OVERLAP_S) if was.down_to else self._stop)
        if leg.finished and was.down_to:
            page, listed = self._back_to(was)
            leg = _Leg(page, lowest=was.down_to)
            yield from self._leg(leg, listed, self._stop)
        if leg.finished:
            whole = whole and leg.page == 2 and not leg.lowest
            self._finish(max(was.watermark, self._believed()), fits=first.asked if whole else 0)
        elif leg.page > self._deepest:
            yield from self._below(leg.lowest)
            self._finish(max(was.watermark, self._believed()))
        else:
            top = max(was.top, self._believed())
            self.position = msgspec.structs.replace(was, down_to=leg.lowest, page=leg.page, size=self._size, top=top)

    def _leg(self, leg: _Leg, listed: Listed | None, stop: str) -> Iterator[list[TicketRow]]:
        """Pages from leg.page on until one reaches below `stop` or is empty.

        One that brings nothing new is not the end. RemoteSurprise when it repeats the one before.
        """
        before: Listed | None = None
        while self._left > 0 and leg.page <= self._deepest:
            listed = listed or self._page(leg.page)
            if not falls(listed.rows):
                raise _OutOfOrderError
            if repeats(listed, before):
                raise repeated()
            fresh = self._fresh(listed.rows, stop)
            if fresh:
                yield fresh
            if not listed.rows:
                leg.finished, leg.lowest = True, ""
                return
            leg.lowest = listed.rows[-1].date_changed
            if leg.lowest < stop:
                leg.finished = True
                return
            leg.page, before, listed = leg.page + 1, listed, None

    def _back_to(self, was: Position) -> tuple[int, Listed]:
        """The page where a walk that was cut short goes on: rows sink while others change, purges lift them."""
        for page in range(was.page, 1, -1):
            listed = self._page(page)
            if listed.rows and listed.rows[0].date_changed >= was.down_to:
                return page, listed
        return 1, self._page(1)

    def _by_windows(self) -> Iterator[list[TicketRow]]:
        """Instead of the walk where the order cannot be relied on, or the server's times have jumped back."""
        start = self._stop
        if self._newest and self.position.watermark:
            start = min(start, shifted(min(self._newest, self.position.watermark), -JUMP_S))
        end = naive(self._now + 2 * DAY_S, self._zone)
        yield from self._window(start or BEFORE_ALL, max(end, shifted(self._newest, 1)))
        self._finish(self._believed())

    def _below(self, text: str) -> Iterator[list[TicketRow]]:
        """What lies deeper than a list lets itself be paged."""
        yield from self._window(self._stop or BEFORE_ALL, shifted(text, 1))

    def _window(self, start: str, end: str) -> Iterator[list[TicketRow]]:
        for rows in windows(self._reader, "date_changed", start, end):
            self._newest = max([self._newest, *(row.date_changed for row in rows)])
            yield rows

    def _page(self, number: int) -> Listed:
        self._left -= 1
        listed = self._reader.page(number, _perPage=str(self._size), _sortField="date_changed", _sortDir="DESC")
        self._newest = max([self._newest, *(row.date_changed for row in listed.rows)])
        return listed

    def _fresh(self, rows: Iterable[TicketRow], stop: str) -> list[TicketRow]:
        fresh = [row for row in rows if row.id not in self._seen]
        self._seen |= {row.id for row in fresh}
        wanted = [row for row in fresh if row.date_changed >= stop]
        self._shown += len(wanted)
        return wanted

    def _believed(self) -> str:
        return min(self._newest, self._reader.latest(self._now))

    def _finish(self, watermark: str, *, fits: int = 0) -> None:
        was = self.position
        self.position = msgspec.structs.replace(
            was,
            watermark=watermark,
            met=was.met if watermark == was.watermark else self._now,
            walked=self._now,
            fits=fits,
            shown=self._shown,
            down_to="",
            page=0,
            size=0,
            top="",
        )


def _size(position: Position, per_page: int) -> int:
    """Rows a page: what the overlap will show again, a page of what is new, and the row below by which a walk ends.

    A walk that was cut short keeps its own.
    """
    if position.down_to:
        return position.size or per_page
    return min(position.shown + per_page + 1, max(WIDEST_PAGE, per_page + 1))


def falls(rows: Iterable[TicketRow]) -> bool:
    dates = [row.date_changed for row in rows]
    return all(later >= earlier for later, earlier in pairwise(dates))
