"""The schedule of the nightly reconciliation: cron's five fields as the scheduler understands them, in UTC."""

from datetime import UTC

from apscheduler.triggers.cron import CronTrigger

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def trigger(text: str) -> CronTrigger:
    """A trigger in UTC: a local hour comes twice or never on two nights of the year.

    Days of the week count from Sunday, 0 or 7, as in cron; the scheduler itself counts from Monday.
    """
    minute, hour, day, month, weekday = text.split()
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=UTC)


def _weekdays(field: str) -> str:
    if field == "*":
        return field
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, stop = (0, 6) if first == "*" else (_number(first), _number(last or first))
        if step and not last and first != "*":
            stop = 6
        found |= {day % 7 for day in range(start, stop + 1, int(step or 1))}
    return ",".join(DAYS[day] for day in sorted(found))


def _number(text: str) -> int:
    return DAYS.index(text) if text in DAYS else int(text)
