"""When letters that can wait may go out."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bytebridge.domain.model import Instant

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def next_open(now: Instant, hours: str, zone: str) -> Instant:
    """`now` within office hours, else when they next begin. hours: `mon-fri 09:00-18:00`, empty for always."""
    if not hours:
        return now
    days, _, times = hours.partition(" ")
    first, _, last = days.partition("-")
    begins, _, ends = times.partition("-")
    start, stop = DAYS.index(first), DAYS.index(last or first)
    wanted = {(start + step) % 7 for step in range((stop - start) % 7 + 1)}
    local = datetime.fromtimestamp(now, ZoneInfo(zone))
    for ahead in range(8):
        day = local + timedelta(days=ahead)
        if day.weekday() not in wanted:
            continue
        opens, closes = (_at(day, text) for text in (begins, ends))
        if local < opens:
            return Instant(int(opens.timestamp()))
        if local < closes:
            return now
    return now


def _at(day: datetime, text: str) -> datetime:
    hour, _, minute = text.partition(":")
    return day.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
