"""The forms of a setting's value: each turns what was written into a checked value or says what is expected.

Numbers and flags are strict, because a quoted number in a file is a slip; text from the environment is `Text`
and is read as what the key needs.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr

MASK = "***"
LONGEST_SECRET = 4096  # what is longer is some other file, and no header takes it
FLAGS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
SUNDAY = WEEK[6]
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of each month
CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))  # minute, hour, day, month, day of the week
DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
EXTRAS = {"psycopg": "postgres", "pymysql": "mariadb"}
# user, password, host, port, name of the database; a password among the options is not masked where a URL is shown
AT_SERVER = r"([^:/@]*(:[^@]*)?@)?(\[[0-9a-fA-F:.]+\]|[^@/:?\[\]]*)(:\d{1,5})?/[^/?]+(\?(?!(.*&)?passw(or)?d=).*)?"


class Text(str):
    """A value from the environment or a credential file, which cannot say whether it is a number."""

    __slots__ = ()


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, Text) and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value) else value


def _flag(value: Any) -> Any:
    return FLAGS.get(value.strip().lower(), value) if isinstance(value, Text) else value


def _decimal(value: Any) -> Any:
    """A price as a TOML number or as text; never through a binary fraction."""
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise ValueError("a decimal such as 145.20") from error
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ValueError("a decimal such as 145.20")
    return amount


def _site(value: str) -> str:
    if not re.fullmatch(r"(https?://[^/\s@?#]+(/[^\s@?#]*)?)?", value):
        raise ValueError("the site's root, such as https://desk.example.com")
    try:
        urlsplit(value).port  # noqa: B018  (what it raises is the answer)
    except ValueError:
        raise ValueError("a port of at most 65535, and brackets in pairs around an IPv6 address") from None
    if re.search(r"/api(/|$)", value):
        raise ValueError("the site's root, without /api…")
    return value.rstrip("/")


def each_once(packs: list[Any]) -> list[Any]:
    """Of two that hold from the same moment the first would count, and nobody would know."""
    met = [(pack.reference, pack.valid_from) for pack in packs]
    if twice := sorted({reference for reference, since in met if met.count((reference, since)) > 1}):
        raise ValueError(f"each reference once for each valid_from, and not twice {', '.join(twice)}")
    return packs


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError) as error:  # KeyError: no such zone
        raise ValueError("a time zone such as Europe/Madrid") from error
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression ({error})") from error
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"([^@\s<>,;]+@[^@\s<>,;]+)?", value):
        raise ValueError("an e-mail address such as support@example.com")
    return value


def _moment(value: Any) -> Any:
    """ISO 8601 text or a TOML date; without a zone it is UTC. Empty text means None."""
    if value == "" or value is None:
        return None
    text = value.isoformat() if isinstance(value, date) else value
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError("an ISO 8601 date or time such as 2026-01-31 or 2026-01-31T09:00:00+01:00") from error


def _quiet(value: Any) -> Any:
    return value if value == "creation" else _moment(value)


def iso(value: Any) -> Any:
    """An instant [epoch s] as ISO 8601 in UTC; anything else as it is."""
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, int) else value


def _secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isprintable() or len(value.get_secret_value()) > LONGEST_SECRET:
        raise ValueError(f"one line of printable text, at most {LONGEST_SECRET} characters")
    return value


def _store(value: str) -> str:
    """What would otherwise fail in the driver's words, or quietly be another file or one in memory."""
    kind, _, place = value.partition("://")
    database, _, driver = kind.partition("+")
    if not value:
        return value
    if kind == "sqlite":
        if not re.fullmatch(r"/[^:?][^?]*", place):
            raise ValueError("sqlite:/// and a file, as in sqlite:////var/lib/bytebridge/bytebridge.db")
        return value
    if database not in DRIVERS or not place:
        raise ValueError(f"a SQLAlchemy URL that begins with one of sqlite, {', '.join(DRIVERS)}")
    needed = DRIVERS[database]
    if driver not in ("", needed):
        raise ValueError(f"the driver {needed}, as in {database}+{needed}://user@host/name")
    if find_spec(needed) is None:
        raise ValueError(f"{needed}, which is not installed: pip install bytebridge[{EXTRAS[needed]}]")
    if not re.fullmatch(AT_SERVER, place):
        raise ValueError(f"{kind}://user:password@host:port/name, with %40 for @ in a password")
    return f"{database}+{needed}://{place}"


def without_password(url: str) -> str:
    return re.sub(r"(?<=://)([^/@:]*):.*@", rf"\1:{MASK}@", url)


def _host(value: str) -> str:
    if not re.fullmatch(r"[^\s:/@\[\]]*|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", value):
        raise ValueError("a name or an address alone, such as smtp.example.com; the port has a key of its own")
    return value


def _listen(value: str) -> str:
    match = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[^:\s\[\]]+):(\d{1,5})", value)
    if value and (match is None or int(match[1]) > 65535):
        raise ValueError('an address and a port such as 127.0.0.1:9464, or "" for none')
    return value


def _hours(value: str) -> str:
    match = re.fullmatch(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)", value)
    expected = 'days and times such as mon-fri 09:00-18:00, or "" for always'
    if value and match is None:
        raise ValueError(expected)
    if match is not None:
        first, last, *figures = match.groups()
        opens, opens_minute, closes, closes_minute = map(int, figures)
        known = first in WEEK and (last is None or last in WEEK)
        begins, ends = opens * 60 + opens_minute, closes * 60 + closes_minute
        if not known or max(opens_minute, closes_minute) > 59 or not begins < ends < 24 * 60:
            raise ValueError(expected)
    return value


def cron_fields(text: str) -> list[set[int]]:
    """All minutes, hours, days, months and days of the week, Sunday 0 or 7, that one line of cron means."""
    fields = text.split()
    found = [_cron_values(*each) for each in zip(fields, CRON_RANGES, strict=False)]
    if len(fields) != len(CRON_RANGES) or not all(found):
        raise ValueError('minute, hour, day, month and day of the week as in cron, such as 30 3 * * *, or "" for never')
    if min(found[2]) > max(LONGEST[month - 1] for month in found[3]):
        raise ValueError("a day that one of the months has")
    return found


def _cron(value: str) -> str:
    if value:
        cron_fields(value)
    return value


def _cron_values(field: str, limits: tuple[int, int]) -> set[int]:
    """All that one field means; none when it means nothing."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = limits[0] if span == "*" else _cron_number(first, limits)
        stop = limits[1] if span == "*" or (slash and not dash) else _cron_number(last or first, limits)
        if last.lower() == SUNDAY:
            stop = limits[1]
        if (slash and not (step.isdecimal() and int(step))) or not limits[0] <= start <= stop <= limits[1]:
            return set()
        found |= set(range(start, stop + 1, int(step or 1)))
    return found


def _cron_number(text: str, limits: tuple[int, int]) -> int:
    names = {CRON_RANGES[3]: MONTHS, CRON_RANGES[4]: (SUNDAY, *WEEK)}.get(limits, ())
    if text.lower() in names:
        return names.index(text.lower()) + limits[0]
    return int(text) if text.isdecimal() else -1


def _masked(value: SecretStr) -> str:
    return MASK if value.get_secret_value() else ""


Whole = Annotated[int, BeforeValidator(_whole)]
Positive = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Port = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=65535)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Price = Annotated[Decimal, BeforeValidator(_decimal)]
Site = Annotated[str, AfterValidator(_site)]
Zone = Annotated[str, AfterValidator(_zone)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Reference = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
Email = Annotated[str, AfterValidator(_email)]
Host = Annotated[str, AfterValidator(_host)]
Listen = Annotated[str, AfterValidator(_listen)]
OfficeHours = Annotated[str, AfterValidator(_hours)]
Cron = Annotated[str, AfterValidator(_cron)]
StoreUrl = Annotated[
    str, AfterValidator(_store), PlainSerializer(without_password, when_used="json"), Field(repr=False)
]
Moment = Annotated[int | None, BeforeValidator(_moment), PlainSerializer(iso, when_used="json")]
QuietBefore = Annotated[int | str | None, BeforeValidator(_quiet), PlainSerializer(iso, when_used="json")]
Secret = Annotated[SecretStr, AfterValidator(_secret), PlainSerializer(_masked, when_used="json")]


class TableOrList:
    """Marks a list that may also be written as its one table."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self.keys = keys
