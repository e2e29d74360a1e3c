from datetime import UTC, datetime, timedelta

import pytest

from bytebridge.cron import trigger


def next_times(text, count=3, start=datetime(2026, 11, 24, tzinfo=UTC)):
    found, now = [], start
    for _ in range(count):
        now = trigger(text).get_next_fire_time(None, now)
        found.append(now.strftime("%a %H:%M"))
        now += timedelta(minutes=1)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 3 * * *", ["Tue 03:30", "Wed 03:30", "Thu 03:30"]),
        ("0 4 * * 0", ["Sun 04:00"] * 3),
        ("0 4 * * 7", ["Sun 04:00"] * 3),
        ("0 4 * * 1-5", ["Tue 04:00", "Wed 04:00", "Thu 04:00"]),
        ("0 4 * * 0-6/3", ["Wed 04:00", "Sat 04:00", "Sun 04:00"]),
        ("0 4 * * mon,sat", ["Sat 04:00", "Mon 04:00", "Sat 04:00"]),
        ("0 4 * * 5/1", ["Fri 04:00", "Sat 04:00", "Fri 04:00"]),
    ],
)
def test_days_of_the_week_count_as_in_cron(text, expected):
    assert next_times(text) == expected


@pytest.mark.parametrize("night", [datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)])
def test_runs_once_on_the_nights_the_clocks_change(night):
    first = trigger("30 2 * * *").get_next_fire_time(None, night)
    second = trigger("30 2 * * *").get_next_fire_time(first, first + timedelta(seconds=1))
    assert second - first == timedelta(days=1)
