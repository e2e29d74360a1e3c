"""What we write into Dolibarr's `sqlfilters`, past all of its silent traps (Dolibarr notes §3)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bytebridge.domain.model import Instant

# what the server's request firewall reads as an attack, also when it is put together from two addresses
FIREWALL = re.compile(
    r"union.+select|select.+from|insert.+into|delete.+from|update.+set|<\s*script|script\s*:", re.IGNORECASE
)
SENDABLE = re.compile(r"[^\s'\"()<>;,:\\%&=@]+@[^\s'\"()<>;,:\\%&=@]+")
NAME = re.compile(r"[\w.:\-]+")
ADDRESSES_A_QUERY = 30  # below 8 KB of address line, the usual limit of a web server


def ids_in(column: str, ids: Iterable[str]) -> str:
    """Rows with one of these ids. ValueError for what is not a positive number: 0 gets an invented record."""
    wanted = list(ids)
    if not wanted or not all(is_id(text) for text in wanted):
        raise ValueError("ids are positive numbers")
    return f"({column}:IN:{','.join(wanted)})"


def is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) > 0


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


def is_sendable(address: str) -> bool:
    """Whether this e-mail address may stand in a filter: no quotes, no parentheses, nothing like SQL."""
    return SENDABLE.fullmatch(address) is not None and not FIREWALL.search(address)


def by_addresses(addresses: Iterable[str]) -> list[str]:
    """Filters that together find every record which holds one of these addresses, alone or beside another.

    They find too much (`_` is a wildcard, a longer address ends in a shorter one): compare what comes back.
    Addresses that could not be sent are left out, but `o'hara@example.com` goes as `o_hara@example.com`. Equality would
    miss one of two addresses in a field.
    """
    patterns = [address.replace("'", "_").replace("&", "_").replace("=", "_") for address in addresses]
    conditions = [f"(t.email:like:'%{pattern}%')" for pattern in patterns if is_sendable(pattern)]
    groups = [conditions[start : start + ADDRESSES_A_QUERY] for start in range(0, len(conditions), ADDRESSES_A_QUERY)]
    found: list[str] = []
    for group in groups:
        together = " or ".join(group)
        found += group if FIREWALL.search(together) else [together]
    return found
