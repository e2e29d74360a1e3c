"""Numbers, plurals, dates, spans and sums of money as each language writes them."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit

from bytebridge.domain.model import Instant
from bytebridge.wording import en, es, fr

LOCALES = {"es": "es_ES", "fr": "fr_FR", "en": "en_GB"}
TABLES: Mapping[str, Mapping[str, str]] = {"es": es.WORDS, "fr": fr.WORDS, "en": en.WORDS}
CURRENCY = "EUR"
NO_BREAK = "\N{NO-BREAK SPACE}"
DAYS_IN = {"duration-day": 1, "duration-week": 7, "duration-month": 30.44, "duration-year": 365.25}
LONGEST = {"duration-day": 14, "duration-week": 45, "duration-month": 700}  # days; more reads better in the next unit
SAME_UNIT_BELOW = {"duration-day": 29, "duration-week": 90}  # days; a range up to here keeps its lower end's unit


def known(language: str) -> str:
    """The language itself if there are words for it, else Spanish, the firm's own."""
    return language if language in TABLES else "es"


def say(language: str, key: str, **values: object) -> str:
    """The phrase `key` with its blanks filled, set as its language sets it."""
    return typeset(TABLES[language][key].format(**values), language)


def typeset(text: str, language: str) -> str:
    """French keeps a space that never breaks before its high punctuation; other languages have none there."""
    return re.sub(r" (?=[:;!?»])", NO_BREAK, text) if language == "fr" else text


def number(value: int, language: str) -> str:
    return format_decimal(value, locale=LOCALES[language])


def counted(value: int, language: str, noun: str = "credit") -> str:
    """`30 créditos`, with the plural form that the language asks for. noun: credit or block."""
    table = TABLES[language]
    form = Locale.parse(LOCALES[language]).plural_form(value)
    return f"{number(value, language)} {table.get(f'{noun}.{form}', table[f'{noun}.other'])}"


def signed(value: int, language: str) -> str:
    """Credits with their sign, also the plus."""
    return ("+" if value > 0 else "") + counted(value, language)


def day(at: Instant, language: str, zone: str) -> str:
    """The day in `zone` on which `at` falls, written out."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    text = format_date(local.date(), format="long", locale=LOCALES[language])
    return re.sub(r"^1 ", "1er ", text) if language == "fr" else text


def money(price: str | None, times: int, language: str) -> str:
    """`times` this price, "" without a readable one. price: decimal text [euros]."""
    try:
        amount = Decimal(price or "")
    except InvalidOperation:
        return ""
    if not amount.is_finite() or not 0 < amount < 10**9:
        return ""
    return format_currency(amount * times, CURRENCY, locale=LOCALES[language])


def kind(name: object, language: str) -> str:
    """Name of a kind of work; `work done` for none and for one that nobody knows."""
    table = TABLES[language]
    return table.get(f"kind.{name or ''}", table["kind."])


def span(days: tuple[int, int], language: str) -> str:
    """A range of days in words of the fitting size: `between 3 and 5 weeks`, `about 2 months`."""
    low, high = _sized(days[0]), _sized(max(days))
    if low[1] != high[1] and max(days) < SAME_UNIT_BELOW.get(low[1], 0):
        high = _in(low[1], max(days))
    shown = format_unit(*high, locale=LOCALES[language])
    if low == high:
        return say(language, "about", span=shown)
    first = number(low[0], language) if low[1] == high[1] else format_unit(*low, locale=LOCALES[language])
    return say(language, "between", low=first, high=shown)


def _sized(days: int) -> tuple[int, str]:
    unit = next((unit for unit, below in LONGEST.items() if days < below), "duration-year")
    return _in(unit, days)


def _in(unit: str, days: int) -> tuple[int, str]:
    return max(1, round(days / DAYS_IN[unit])), unit
