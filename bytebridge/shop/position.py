"""How far the shop was read: the cursor's content, in the shop's own terms."""

import hashlib
from collections.abc import Mapping

import msgspec

from bytebridge.errors import RemoteSurprise
from bytebridge.shop.client import Row
from bytebridge.shop.wire import OrderRow, earlier, order_row

OVERLAP_S = 7200  # late commits, a lagging replica, stepped clocks, autumn's repeated hour (shop notes 35)
SLIP_OVERLAP = 20  # ids that a slower transaction may still fill in
MARKS = 5000  # rows remembered of one window; what is beyond is merely read again


class Position(msgspec.Struct, frozen=True):
    """What the next poll needs to know; stored only once everything before it is booked.

    updated: greatest date_upd seen, the shop's own text; "" when there was none. slip: greatest slip id seen;
    slips: the ids seen at most SLIP_OVERLAP below it. marks: digest of each row that the next window shows
    again, so that an unchanged one costs nothing. again: orders that could not be read.
    """

    updated: str = ""
    slip: int = 0
    slips: tuple[int, ...] = ()
    marks: dict[str, str] = msgspec.field(default_factory=dict)
    again: tuple[str, ...] = ()

    @property
    def window(self) -> dict[str, str]:
        """The filter that shows every order touched since, the overlap included."""
        return {"date": "1", "filter[date_upd]": f">[{self.shown_from}]"} if self.updated else {}

    @property
    def shown_from(self) -> str:
        """The window shows what was touched after this; "": everything."""
        return earlier(self.updated, OVERLAP_S) if self.updated else ""

    @property
    def slips_after(self) -> int:
        return max(0, self.slip - SLIP_OVERLAP)


def encode(position: Position) -> str:
    return msgspec.json.encode(position).decode()


def decode(cursor: str) -> Position:
    return msgspec.json.decode(cursor, type=Position)


def mark(row: Row | OrderRow) -> str:
    """A digest of an order as its list shows it, the same whichever spelling its page came in."""
    try:
        known = row if isinstance(row, OrderRow) else order_row(row)
    except RemoteSurprise:
        return ""  # unreadable: asked for again, whatever the window shows
    return hashlib.sha256(msgspec.json.encode(known)).hexdigest()[:12]


def marks_of(seen: Mapping[str, tuple[str, str]], updated: str) -> dict[str, str]:
    """Marks of the orders that a window ending at `updated` shows again, the newest where they are too many.

    seen: date_upd and mark of each order met, by id.
    """
    if not updated:
        return {}
    start = earlier(updated, OVERLAP_S)
    shown = sorted((date, id_, digest) for id_, (date, digest) in seen.items() if date > start)
    return {id_: digest for _, id_, digest in shown[-MARKS:]}
