"""The schedule of the nightly reconciliation: cron's five fields as the scheduler understands them, in UTC."""

from datetime import UTC

from apscheduler.triggers.cron import CronTrigger

from bytebridge.setting_forms import cron_fields


def trigger(text: str) -> CronTrigger:
    """A trigger in UTC: a local hour comes twice or never on two nights of the year.

    Every time is named one by one, since the scheduler's own ranges and steps are not cron's; it counts days of the
    week from Monday.
    """
    *others, weekdays = cron_fields(text)
    minute, hour, day, month, weekday = map(_listed, [*others, {(day - 1) % 7 for day in weekdays}])
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=weekday, timezone=UTC)


def _listed(values: set[int]) -> str:
    return ",".join(map(str, sorted(values)))
