"""When letters that can wait may go out."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bytebridge.jobs.office_hours import next_open

MADRID = "Europe/Madrid"
USUAL = "mon-fri 09:00-18:00"


def at(text, zone=MADRID):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


CASES = {
    "within": (USUAL, "2026-12-01 10:30", "2026-12-01 10:30"),
    "the first second": (USUAL, "2026-12-01 09:00", "2026-12-01 09:00"),
    "a second before the end": (USUAL, "2026-12-01 17:59:59", "2026-12-01 17:59:59"),
    "the end is outside": (USUAL, "2026-12-01 18:00", "2026-12-02 09:00"),
    "early in the morning": (USUAL, "2026-12-01 05:40", "2026-12-01 09:00"),
    "on Friday evening": (USUAL, "2026-12-04 19:00", "2026-12-07 09:00"),
    "on Sunday": (USUAL, "2026-12-06 12:00", "2026-12-07 09:00"),
    "around the year's end": (USUAL, "2026-12-31 18:30", "2027-01-01 09:00"),
    "one day a week": ("wed 10:00-11:00", "2026-12-02 11:00", "2026-12-09 10:00"),
    "over the week's end": ("sat-mon 10:00-12:00", "2026-12-08 09:00", "2026-12-12 10:00"),
    "Sunday of one over the week's end": ("sat-mon 10:00-12:00", "2026-12-06 09:00", "2026-12-06 10:00"),
    "a weekend in which the clock is put back": (USUAL, "2026-10-23 18:00", "2026-10-26 09:00"),
    "a weekend in which the clock is put forward": (USUAL, "2027-03-26 18:00", "2027-03-29 09:00"),
    "an opening in the hour that does not exist": ("sun 02:30-10:00", "2027-03-28 00:30", "2027-03-28 03:30"),
    "the hour that comes twice, the first time": ("sun 02:30-10:00", "2026-10-25 01:00", "2026-10-25 02:30"),
    "no hours": ("", "2026-12-06 03:00", "2026-12-06 03:00"),
}


@pytest.mark.parametrize(("hours", "now", "expected"), CASES.values(), ids=CASES)
def test_next_open(hours, now, expected):
    assert next_open(at(now), hours, MADRID) == at(expected)


def test_the_hour_that_comes_twice_the_second_time_is_within():
    second = int(datetime(2026, 10, 25, 1, 45, tzinfo=UTC).timestamp())  # 02:45 in winter time
    assert next_open(second, "sun 02:30-10:00", MADRID) == second


def test_every_quarter_of_an_hour_of_a_year_leads_into_the_hours():
    zone = ZoneInfo(MADRID)
    for now in range(at("2026-09-01 00:00"), at("2027-05-01 00:00"), 900):
        opens = next_open(now, USUAL, MADRID)
        local = datetime.fromtimestamp(opens, zone)
        assert opens >= now
        assert local.weekday() < 5
        assert 9 <= local.hour < 18
        assert opens - now <= 64 * 3600 + 3600
