import random
from datetime import UTC, datetime, timedelta

import pytest

from bytebridge import setting_forms as forms
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
        ("0 4 * * 5/1", ["Fri 04:00", "Sat 04:00", "Sun 04:00"]),
        ("0 4 * * fri-sun", ["Fri 04:00", "Sat 04:00", "Sun 04:00"]),
        ("0 4 * * sun-tue", ["Tue 04:00", "Sun 04:00", "Mon 04:00"]),
    ],
)
def test_days_of_the_week_count_as_in_cron(text, expected):
    assert next_times(text) == expected


def test_what_a_configuration_may_say_has_a_next_time():
    chance = random.Random(1)
    parts = (
        "*",
        "0",
        "1",
        "7",
        "12",
        "30",
        "31",
        "sun",
        "FRI",
        "feb",
        "1-5",
        "fri-sun",
        "sat-sun",
        "feb-apr",
        "*/2",
        "5/10",
        "30-31",
    )
    accepted = 0
    for _ in range(3_000):
        text = " ".join(["0", "3", *(",".join(chance.choices(parts, k=chance.choice((1, 1, 2)))) for _ in range(3))])
        try:
            forms.cron_fields(text)
        except ValueError:
            continue
        accepted += 1
        assert trigger(text).get_next_fire_time(None, datetime(2026, 11, 24, tzinfo=UTC)) is not None, text
    assert accepted > 100


@pytest.mark.parametrize("text", ["0 3 30 2 *", "0 3 31 4,6,9,11 *", "0 3 30-31 feb *"])
def test_a_day_that_never_comes_is_a_mistake(text):
    with pytest.raises(ValueError, match="a day that one of the months has"):
        forms.cron_fields(text)


@pytest.mark.parametrize("night", [datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)])
def test_runs_once_on_the_nights_the_clocks_change(night):
    first = trigger("30 2 * * *").get_next_fire_time(None, night)
    second = trigger("30 2 * * *").get_next_fire_time(first, first + timedelta(seconds=1))
    assert second - first == timedelta(days=1)
