"""Dates and numbers as the reader's language writes them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from bytebridge.domain.model import Instant
from bytebridge.reports.words import Words, words
from bytebridge.wording.language import LOCALES, known, span, typeset

MINUS = "−"


@dataclass(slots=True)
class Figures:
    """Writes values for one reader; remembers each day it wrote, since thousands of lines share few days."""

    language: str
    zone: ZoneInfo
    locale: Locale
    words: Words
    _days: dict[date, str] = field(default_factory=dict)

    def label(self, word: str) -> str:
        """That word as what stands before a value."""
        return typeset(f"{self.words[word]} :", "fr") if self.language == "fr" else f"{self.words[word]}:"

    def local(self, at: Instant) -> datetime:
        return datetime.fromtimestamp(at, self.zone)

    def day(self, at: Instant) -> str:
        day = self.local(at).date()
        if day not in self._days:
            self._days[day] = format_date(day, "medium", locale=self.locale)
        return self._days[day]

    def iso_day(self, at: Instant) -> str:
        return self.local(at).date().isoformat()

    def moment(self, at: Instant) -> str:
        return f"{self.day(at)} {self.local(at):%H:%M}"

    def month(self, month: str) -> str:
        """month: "2026-03"."""
        first = date.fromisoformat(f"{month}-01")
        return str(format_skeleton("yMMM", first, locale=self.locale))

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.locale).replace("-", MINUS)

    def signed(self, value: int) -> str:
        return f"+{self.number(value)}" if value > 0 else self.number(value)

    def money(self, value: Decimal, currency: str) -> str:
        return format_currency(value, currency, locale=self.locale)

    def share(self, part: int, whole: int) -> str:
        return format_percent(part / whole if whole else 0, locale=self.locale)

    def span(self, days: tuple[int, int]) -> str:
        """A range of days, in weeks or months where it is long."""
        return span(days, self.language)


def figures(language: str, zone: str) -> Figures:
    """zone: an IANA name such as "Europe/Madrid"."""
    plain = known(language)
    return Figures(plain, ZoneInfo(zone), Locale.parse(LOCALES[plain]), words(plain))
