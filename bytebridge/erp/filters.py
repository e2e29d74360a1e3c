"""What we write into Dolibarr's `sqlfilters`, past all of its silent traps (Dolibarr notes §3)."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bytebridge.domain.model import Instant

# what the server's request firewall reads as an attack, also when it is put together from two addresses
FIREWALL = re.compile(
    r"union.+select|select.+from|insert.+into|delete.+from|update.+set|<\s*script|script\s*:", re.IGNORECASE
)
SENDABLE = re.compile(r"[^\s'\"()<>;,:\\%&=@]+@[^\s'\"()<>;,:\\%&=@]+")
NAME = re.compile(r"[\w.:\-]+")
UNSENT = re.compile(r"['&=%]")  # what an address may hold and a filter may not
VOWELS = re.compile(r"[aeiou]", re.IGNORECASE)
LONGEST_ID, LONGEST_MOMENT = 18, 11  # digits
ADDRESSES_A_QUERY, LENGTH_A_QUERY = 80, 6000  # below 8 KB of address line, the usual limit of a web server


def ids_in(column: str, ids: Iterable[str]) -> str:
    """Rows with one of these ids. ValueError for what is not a positive number: 0 gets an invented record."""
    wanted = list(ids)
    if not wanted or not all(is_id(text) for text in wanted):
        raise ValueError("ids are positive numbers")
    return f"({column}:IN:{','.join(wanted)})"


def is_id(text: str) -> bool:
    return _is_number(text, LONGEST_ID) and int(text) > 0


def is_moment(text: str) -> bool:
    """Whether it is a time [epoch s] that a calendar has."""
    return _is_number(text, LONGEST_MOMENT)


def _is_number(text: str, longest: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= longest


def moment(at: int, zone: ZoneInfo) -> str:
    """A time as filters compare it: quoted text in the ERP's own zone. Any other form matches every row."""
    return f"'{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M:%S}'"


def day_from(at: int, zone: ZoneInfo) -> str:
    """The first day whose midnight in the ERP's zone is not before `at`."""
    local = datetime.fromtimestamp(at, zone)
    day = local.date() if local.time() == time() else local.date() + timedelta(days=1)
    return f"'{day:%Y-%m-%d} 00:00:00'"


def midnight(at: int, zone: ZoneInfo) -> Instant:
    """The beginning of the local day that holds `at`."""
    local = datetime.fromtimestamp(at, zone)
    return Instant(int(datetime.combine(local.date(), time(), zone).astimezone(UTC).timestamp()))


def named(column: str, name: str) -> str:
    """Rows whose text equals `name`. ValueError for what could not travel in a filter."""
    if NAME.fullmatch(name) is None or FIREWALL.search(name):
        raise ValueError("a name of letters, digits, dots, colons and dashes")
    return f"({column}:=:'{name}')"


def is_sendable(pattern: str) -> bool:
    """Whether this text may stand in a filter as an address: no quotes, no parentheses, nothing like SQL."""
    return SENDABLE.fullmatch(pattern) is not None and not FIREWALL.search(pattern)


def by_addresses(addresses: Iterable[str]) -> list[str]:
    """Filters that together find every record which holds one of these addresses, alone or beside another.

    They find too much (`_` is a wildcard, a longer address ends in a shorter one): compare what comes back. Equality
    would miss one of two addresses in a field. What could not be sent as it is goes with wildcards; what
    is no address at all is left out.
    """
    patterns = [pattern for address in addresses for pattern in _patterns(address) if is_sendable(pattern)]
    groups: list[list[str]] = [[]]
    length = 0
    for condition in (f"(t.email:like:'%{pattern}%')" for pattern in patterns):
        size = len(quote(condition)) + len("%20or%20")
        if groups[-1] and (len(groups[-1]) == ADDRESSES_A_QUERY or length + size > LENGTH_A_QUERY):
            groups.append([])
            length = 0
        groups[-1].append(condition)
        length += size
    found: list[str] = []
    for group in groups:
        together = " or ".join(group)
        found += group if FIREWALL.search(together) else [together]
    return [condition for condition in found if condition]


def _patterns(address: str) -> list[str]:
    """Wildcards for an apostrophe and its like, and for vowels of what looks like SQL; accents in both normal forms."""
    spellings = {unicodedata.normalize(form, address) for form in ("NFC", "NFD")}
    plain = [UNSENT.sub("_", spelling) for spelling in sorted(spellings)]
    return [VOWELS.sub("_", pattern) if FIREWALL.search(pattern) else pattern for pattern in plain]
