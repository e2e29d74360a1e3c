"""The `_filters` parameter of LiveAgent: which columns take which operators, and what those mean."""

import json
import operator
import re
from datetime import datetime, timedelta

DATES = {"D>": operator.gt, "D<": operator.lt, "D>=": operator.ge, "D<=": operator.le}
SQL = {
    "=": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
TICKETS = {
    "status": {"E", "IN", "NI"},
    "tags": {"E", "L", "CY", "NI", "IE", "INE"},
    "channel_type": {"E", "IN"},
    "subject": {"E", "IN"},
    "owner_contactid": {"E", "IN"},
    "agentid": {"IN"},
    "departmentid": {"E", "IN", "NI"},
    "date_created": {*DATES, "DP"},
    "date_changed": {*DATES, "DP"},
    "search": {"L"},
}
HISTORY = {"date_from": set(SQL), "date_to": set(SQL)}
TIME_REPORTS = {"reportdate": set(SQL), "conversationid": {"=", "E"}}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class WrongFilterError(Exception):
    """Not understood by the server."""


def parse(text):
    """The conditions [(column, operator, value)] of both forms: an object of equalities, a list of triples."""
    try:
        value = json.loads(text)
    except ValueError:
        raise WrongFilterError(text) from None
    if isinstance(value, dict):
        value = [[column, "E", wanted] for column, wanted in value.items()]
    if not isinstance(value, list) or not all(_is_triple(part) for part in value):
        raise WrongFilterError(text)
    return [tuple(part) for part in value]


def _is_triple(part):
    return isinstance(part, list) and len(part) == 3 and all(isinstance(word, str) for word in part)


def understood(condition, table):
    column, sign, value = condition
    if sign not in table.get(column, ()):
        return False
    if sign == "DP":
        return value in PRESETS
    if sign in DATES or (
        sign in SQL and column in ("date_from", "date_to", "reportdate", "date_changed", "date_created")
    ):
        return MOMENT.fullmatch(value) is not None
    return True


def predicate(condition, clock, today):
    """Whether a row of fields satisfies a condition that is understood.

    clock: the naive text of a moment, as this endpoint shows it. today: naive, for presets.
    """
    column, sign, value = condition
    if sign in DATES or sign in SQL:
        compare = DATES.get(sign) or SQL[sign]
        return lambda row: row.get(column) is not None and compare(_text(row[column], clock), value)
    if sign == "DP":
        first, end = PRESETS[value](today)
        return lambda row: row.get(column) is not None and first <= clock(row[column]) < end
    if column == "tags":
        return _tags(sign, set(_words(value)))
    if column == "subject":
        parts = [value.casefold()] if sign == "E" else [part.casefold() for part in _words(value)]
        return lambda row: any(part in (row.get("subject") or "").casefold() for part in parts)
    return _plain(column, sign, value)


def bounds(conditions, column):
    """Least and greatest text of a date column that the conditions allow."""
    least, greatest = "", "~"
    for name, sign, value in conditions:
        if name == column and sign in ("D>", "D>="):
            least = max(least, value)
        if name == column and sign in ("D<", "D<="):
            greatest = min(greatest, value)
    return least, greatest


def _text(value, clock):
    return clock(value) if isinstance(value, int) else value


def _words(value):
    return [word.strip() for word in value.split(",") if word.strip()]


def _tags(sign, wanted):
    tests = {
        "E": lambda tags: tags == wanted,
        "L": lambda tags: wanted <= tags,
        "CY": lambda tags: bool(wanted & tags),
        "NI": lambda tags: not wanted & tags,
        "IE": lambda tags: not tags,
        "INE": bool,
    }
    return lambda row: tests[sign](set(row.get("tags") or ()))


def _plain(column, sign, value):
    if sign == "E":
        return lambda row: row.get(column) == value
    wanted = set(_words(value))
    return lambda row: (row.get(column) in wanted) == (sign == "IN")


def _this_week(today):
    monday = today - timedelta(days=today.weekday())
    return _day(monday), _day(monday + timedelta(days=7))


def _last_month(today):
    first = today.replace(day=1)
    return _day((first - timedelta(days=1)).replace(day=1)), _day(first)


def _day(moment: datetime):
    return f"{moment:%Y-%m-%d} 00:00:00"


PRESETS = {"TW": _this_week, "LM": _last_month}
