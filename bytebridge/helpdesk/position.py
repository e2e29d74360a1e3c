"""How far the help desk was read: the cursor's content, mostly in the server's own words (LiveAgent notes §4)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.helpdesk.wire import shifted

OVERLAP_S = 600  # by which the index may lag
REPEATED_HOUR_S = 4500  # the night the clocks go back, when naive times repeat an hour
AFTER_REPEAT_S = 4 * 3600


class Position(msgspec.Struct, frozen=True):
    """What the next poll needs to know; stored once everything before it is booked.

    watermark: greatest date_changed met, the server's own text; "" before the first ticket. met: when it was
    first met, walked: when the last whole walk began [epoch s]. fits: rows of the whole list where it fits on
    one page, else 0. shown: rows of the overlap, which the next walk will meet again.
    down_to, page, size: how deep a walk came that was cut short, the page where it goes on, and its rows a page;
    top: the watermark that it will leave behind.
    witness: greatest date_from of the status history handled; witnessed: when that was last asked, heard:
    when that row was first met [epoch s];
    intervals: its rows within the overlap, already handled. again: tickets that could not be read.
    """

    watermark: str = ""
    met: int = 0
    walked: int = 0
    fits: int = 0
    shown: int = 0
    down_to: str = ""
    page: int = 0
    size: int = 0
    top: str = ""
    witness: str = ""
    witnessed: int = 0
    heard: int = 0
    intervals: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


def encode(position: Position) -> str:
    return msgspec.json.encode(position).decode()


def decode(cursor: str) -> Position:
    return msgspec.json.decode(cursor, type=Position)


def clocks_went_back(now: int, zone: ZoneInfo) -> bool:
    """Whether times of the last hours may come twice in this zone."""
    at = datetime.fromtimestamp(now, zone)
    earlier = datetime.fromtimestamp(now - AFTER_REPEAT_S, zone)
    return (earlier.utcoffset() or timedelta()) > (at.utcoffset() or timedelta())


def walk_until(position: Position, now: int, zone: ZoneInfo) -> str:
    """Rows changed before this text need no look.

    A row may appear late, but not for ever: as polls go by without anything new, the overlap shrinks to
    nothing. So a quiet desk costs one request even if its last event was a change of many tickets at once.
    """
    if clocks_went_back(now, zone):
        return shifted(position.watermark, -REPEATED_HOUR_S)
    waited = max(0, position.walked - position.met)
    if waited >= OVERLAP_S:
        return shifted(position.watermark, 1)
    return shifted(position.watermark, waited - OVERLAP_S)
