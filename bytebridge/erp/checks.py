"""What `doctor` looks at in the ERP: each finding says what to do about it."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from bytebridge.connector import Finding, Level
from bytebridge.erp.client import Client, prove_visible
from bytebridge.erp.filters import is_id, is_moment
from bytebridge.erp.wire import text
from bytebridge.erp.write_back import empties_others, own_user
from bytebridge.errors import RemoteError, RemoteRefused
from bytebridge.settings import ErpSettings

SUPPORTED = range(18, 24)
READ = frozenset(
    {
        "facture/lire",
        "societe/lire",
        "societe/client/voir",
        "societe/contact/lire",
        "produit/lire",
        "service/lire",
    }
)
WRITE = frozenset(
    {
        "societe/lire",
        "societe/client/voir",
        "societe/contact/lire",
        "societe/creer",
        "agenda/myactions/read",
        "agenda/myactions/create",
    }
)
HARMLESS = frozenset({"user/self/creer", "user/self/password", "commande/lire"})
SKEW_S, LARGE_SKEW_S = 300, 24 * 3600
PRODUCTS_A_QUERY = 500
FAR_FUTURE = "2100-01-01 00:00:00"
STEM = re.compile(r"[^\W\d_]{3,}")


def knows_every(_reference: str) -> bool:
    """For where no rules are at hand: no product is missed by them."""
    return True


def findings(
    client: Client, settings: ErpSettings, now: Callable[[], float], knows: Callable[[str], bool]
) -> Iterator[Finding]:
    """Every finding, well or not. What fails one question is a finding and does not hide the next."""
    yield version(client)  # a wrong key ends the check here, for nothing else could be asked
    yield clock(client, now)
    questions: list[Callable[[], Iterator[Finding]]] = [lambda: rights(client, settings)]
    if settings.read_invoices:
        questions += [
            lambda: visibility(client),
            lambda: obedience(client),
            lambda: days(client, settings.time_zone),
            lambda: packs(client, knows),
        ]
    if settings.write_back:
        questions.append(lambda: balance_field(client, settings.balance_field))
    for question in questions:
        try:
            yield from question()
        except RemoteRefused as error:
            yield Finding(Level.WRONG, str(error), "give the user of the key the rights that the manual lists")
        except RemoteError as error:
            yield Finding(Level.WRONG, str(error), "run doctor again; if it stays, look into the ERP's own log")


def version(client: Client) -> Finding:
    number = client.version()
    named = "Dolibarr " + ".".join(map(str, number))
    if number[0] not in SUPPORTED:
        tested = f"tested are versions {SUPPORTED[0]} to {SUPPORTED[-1]}: watch the first days closely"
        return Finding(Level.DOUBTFUL, f"{named} is not a tested version", tested)
    if empties_others(number):
        why = "its API may empty the other extra fields of a third party; all are sent back each time"
        return Finding(Level.DOUBTFUL, f"{named}: {why}", "update to 18.0.7, 20.0.4 or later")
    return Finding(Level.WELL, f"{named} answers and knows the key")


def clock(client: Client, now: Callable[[], float]) -> Finding:
    """The server's clock, as of the answer just received."""
    if client.clock is None:
        return Finding(Level.DOUBTFUL, "the ERP's answers carry no date", "let its web server send the Date header")
    skew = int(client.clock - now())
    if abs(skew) <= SKEW_S:
        return Finding(Level.WELL, "the ERP's clock agrees with this machine's")
    level = Level.WRONG if abs(skew) > LARGE_SKEW_S else Level.DOUBTFUL
    return Finding(level, f"the ERP's clock is {skew:+d} s from this machine's", "synchronise both clocks")


def rights(client: Client, settings: ErpSettings) -> Iterator[Finding]:
    """Rights of the key's user: those that lack, and those it would be safer without."""
    try:
        me = own_user(client)
    except RemoteRefused as error:
        level = Level.WRONG if settings.write_back else Level.DOUBTFUL
        cure = "give its user user/self/creer: agenda events need its id, and its rights can be checked"
        yield Finding(level, f"the rights of the key cannot be read: {error.message}", cure)
        return
    needed = (READ if settings.read_invoices else frozenset()) | (WRITE if settings.write_back else frozenset())
    held = set(_paths(me.get("rights"), ""))
    if text(me.get("admin")) == "1":
        yield Finding(Level.DOUBTFUL, "the key is an administrator's", "make a user with the listed rights alone")
    elif excess := sorted(held - needed - HARMLESS):
        yield Finding(Level.DOUBTFUL, f"the key may do more than it needs: {', '.join(excess)}", "take these away")
    lacking = sorted(needed - held)
    for right in lacking:
        yield Finding(Level.WRONG, f"the key lacks the right {right}", _cure(right))
    if not lacking:
        yield Finding(Level.WELL, "the key has every right it needs")


def _paths(rights: Any, prefix: str) -> Iterator[str]:
    """{"societe": {"client": {"voir": 1}}} as "societe/client/voir"."""
    if not isinstance(rights, Mapping):
        return
    for name, value in rights.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{name}/")
        elif text(value) not in ("", "0"):
            yield f"{prefix}{name}"


def _cure(right: str) -> str:
    if right == "societe/client/voir":
        return "grant it: without it the ERP hides customers in silence, and lists look empty"
    return "grant it on the user's permissions page"


def visibility(client: Client) -> Iterator[Finding]:
    prove_visible(client)
    yield Finding(Level.WELL, "invoices are visible to the key")


def obedience(client: Client) -> Iterator[Finding]:
    """Whether order, limit and filters arrive: where something before the ERP drops them, lists are whole ones.

    With a single invoice every order is right.
    """
    down = _ids(client, {"sortorder": "DESC"})
    up = _ids(client, {"sortorder": "ASC"})
    if down != sorted(down, reverse=True) or up != sorted(up) or (down and up and down[0] < up[-1]):
        yield _ignored("order")
        return
    if len(_ids(client, {"limit": "1"})) > 1:
        yield _ignored("limit")
        return
    nothing = {"id": f"(t.rowid:>:{down[0] if down else 0})", "time of the last change": f"(t.tms:>=:'{FAR_FUTURE}')"}
    for what, condition in nothing.items():
        if any(identity in down for identity in _ids(client, {"sqlfilters": condition})):
            yield _ignored(f"filter on the {what}")
            return
    if len(down) > 1:
        yield Finding(Level.WELL, "the ERP honours order, limit and filters")
    else:
        what = "with a single invoice nobody can tell whether the ERP honours our order and limit"
        yield Finding(Level.DOUBTFUL, what, "run doctor again when there are two")


def _ids(client: Client, params: Mapping[str, str]) -> list[int]:
    rows = client.rows("/invoices", {"limit": "2", "sortfield": "t.rowid", "properties": "id", **params})
    return [int(identity) for row in rows if is_id(identity := text(row.get("id")))]


def _ignored(what: str) -> Finding:
    cure = "let parentheses, quotes and > in query strings pass what stands before the ERP"
    return Finding(Level.WRONG, f"the ERP ignores our {what}", cure)


def days(client: Client, zone_name: str) -> Iterator[Finding]:
    """Whether invoices' days begin at midnight in the zone of the settings."""
    params = {"limit": "5", "sortfield": "t.rowid", "sortorder": "DESC", "properties": "id,date"}
    stated = [int(day) for row in client.rows("/invoices", params) if is_moment(day := text(row.get("date")))]
    zone = ZoneInfo(zone_name)
    begins = {datetime.fromtimestamp(day, zone).time() for day in stated}
    if begins - {time()}:
        what = f"days in the ERP begin at {min(begins - {time()}):%H:%M} of {zone_name}"
        yield Finding(Level.WRONG, what, "set erp.time_zone to the time zone of the ERP's server")
    elif begins:
        yield Finding(Level.WELL, f"days in the ERP begin at midnight of {zone_name}")


def balance_field(client: Client, name: str) -> Iterator[Finding]:
    """Whether the extra field for the balance exists; only its presence in a third party can be seen."""
    params = {"limit": "1", "sortfield": "t.rowid", "sortorder": "DESC", "properties": "id,array_options"}
    parties = client.rows("/thirdparties", params)
    if not parties:
        yield Finding(Level.DOUBTFUL, "no third party is visible, so the balance field was not checked")
        return
    options = parties[0].get("array_options")
    if isinstance(options, Mapping) and f"options_{name}" in options:
        yield Finding(Level.WELL, f"third parties have the extra field {name}")
    else:
        cure = f"make a decimal extra field with the code {name} for third parties, or set erp.balance_field"
        yield Finding(Level.WRONG, f"third parties have no extra field {name}", cure)


def packs(client: Client, knows: Callable[[str], bool]) -> Iterator[Finding]:
    """Products on sale whose reference begins like a pack's but that no rule values."""
    known: set[str] = set()
    unknown: set[str] = set()
    last = 0
    while True:
        params = {
            "limit": str(PRODUCTS_A_QUERY),
            "sortfield": "t.rowid",
            "sortorder": "ASC",
            "sqlfilters": f"(t.rowid:>:{last})",
            "properties": "id,ref,status",
        }
        rows = client.rows("/products", params)
        for row in rows:
            reference = text(row.get("ref"))
            (known if knows(reference) else unknown).add(reference)
        ids = [int(identity) for row in rows if is_id(identity := text(row.get("id")))]
        if not ids or max(ids) <= last:
            break
        last = max(ids)
    stems = {_stem(reference) for reference in known} - {""}
    if alike := sorted(reference for reference in unknown if _stem(reference) in stems):
        cure = "add them to packs if they grant credits"
        yield Finding(Level.DOUBTFUL, f"products that look like packs but are none: {', '.join(alike)}", cure)
    else:
        yield Finding(Level.WELL, "no product looks like a pack that no rule knows")


def _stem(reference: str) -> str:
    found = STEM.match(reference)
    return found.group().casefold() if found else ""
