"""What `doctor` looks at in the shop: each finding says what to do about it. Nothing is tried that writes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bytebridge.connector import Finding, Level
from bytebridge.errors import RemoteError, RemoteRefused, RemoteSurprise
from bytebridge.settings import ShopSettings
from bytebridge.shop import wire
from bytebridge.shop.client import SYSTEM, Client
from bytebridge.shop.wire import State

NEEDED = (
    "orders",
    "order_details",
    "order_slip",
    "order_histories",
    "order_states",
    "customers",
    "languages",
)
SECRETS = "configurations"  # shows the shop's own secrets (shop notes 8)
CATALOGUE = ("products", "combinations")
HARMLESS = ("order_payments", "order_invoices", "order_cart_rules", "shops")  # tell no more than the orders do
OWN_STATES = range(1, 14)  # what every shop starts with (shop notes 23)
SKEW_S, LARGE_SKEW_S = 300, 3600
AHEAD_S = 600
PRODUCTS_PAGE = 500


def findings(
    client: Client, settings: ShopSettings, now: Callable[[], float], knows: Callable[[str], bool]
) -> Iterator[Finding]:
    """Every finding, well or not. What fails one question is a finding and does not hide the next."""
    rights = client.rights()  # a wrong key ends the check here, for nothing else could be asked
    yield version(client.version)
    yield clock(client.clock, now())
    yield from permissions(rights)
    questions: list[tuple[tuple[str, ...], Callable[[], Iterator[Finding]]]] = [
        (("order_states",), lambda: states(client, settings)),
        (("orders",), lambda: obedience(client)),
        (("order_details",), lambda: belonging(client, "order_details")),
        (("order_slip",), lambda: belonging(client, "order_slip")),
        (("orders",), lambda: time_zone(client, settings.time_zone)),
        (CATALOGUE, lambda: packs(client, knows)),
    ]
    for resources, ask in questions:
        if all("get" in rights.get(resource, ()) for resource in resources):
            try:
                yield from ask()
            except RemoteRefused as error:
                yield Finding(Level.WRONG, str(error), "mend what is named and run doctor again")
            except RemoteError as error:
                yield Finding(Level.WRONG, str(error), "run doctor again; if it stays, look into the shop's own log")
    if any("get" not in rights.get(resource, ()) for resource in CATALOGUE):
        yield Finding(Level.WELL, "references on sale were not compared: the catalogue is not granted to the key")


def version(stated: str) -> Finding:
    """By the answer's PSWS-Version; tried are 1.7 to 9."""
    major, _, rest = stated.partition(".")
    minor = rest.partition(".")[0]
    if major in ("8", "9") or (major == "1" and minor == "7"):
        return Finding(Level.WELL, f"PrestaShop {stated} answers and knows the key")
    named = f"PrestaShop {stated}" if stated not in ("", "0") else "a shop that does not tell its version"
    return Finding(
        Level.DOUBTFUL,
        f"{named} is not a tested version",
        "tested are 1.7 to 9: watch the first days",
    )


def clock(stated: int | None, ours: float) -> Finding:
    """The server's clock against this machine's [epoch s]."""
    if stated is None:
        return Finding(Level.DOUBTFUL, "the shop's answers carry no date", "let its web server send the Date header")
    skew = int(stated - ours)
    if abs(skew) <= SKEW_S:
        return Finding(Level.WELL, "the shop's clock agrees with this machine's")
    level = Level.WRONG if abs(skew) > LARGE_SKEW_S else Level.DOUBTFUL
    ahead = "ahead of" if skew > 0 else "behind"
    return Finding(level, f"the shop's clock is {abs(skew)} s {ahead} this machine's", "set both by NTP")


def permissions(rights: dict[str, frozenset[str]]) -> Iterator[Finding]:
    """What the key lacks and what it has too much, by the shop's own list: nothing is tried out."""
    missing = [resource for resource in NEEDED if "get" not in rights.get(resource, ())]
    if missing:
        yield Finding(
            Level.WRONG,
            f"the key may not read {', '.join(missing)}",
            "grant GET on them to the key",
        )
    writing = sorted(
        f"{resource} ({', '.join(sorted(excess)).upper()})"
        for resource, methods in rights.items()
        if (excess := methods - {"get", "head"})
    )
    if writing:
        yield Finding(
            Level.DOUBTFUL,
            f"the key may write: {', '.join(writing)}",
            "leave it GET alone: nothing is ever written to the shop",
        )
    if "get" in rights.get(SECRETS, ()):
        yield Finding(
            Level.DOUBTFUL,
            "the key may read configurations, which hold the shop's own secrets",
            "withdraw that permission",
        )
    known = {*NEEDED, *CATALOGUE, *HARMLESS, SECRETS}
    idle = sorted(resource for resource, methods in rights.items() if "get" in methods and resource not in known)
    if idle:
        what = f"the key may read more than it needs: {', '.join(idle)}"
        yield Finding(Level.DOUBTFUL, what, "withdraw these permissions")
    if not missing and not writing and not idle and SECRETS not in rights:
        yield Finding(Level.WELL, "the key may read what is needed and write nothing")


def states(client: Client, settings: ShopSettings) -> Iterator[Finding]:
    found = {state.id: state for state in map(wire.state, client.rows("order_states", wire.STATE_FIELDS))}
    paid, back = set(settings.paid_states), set(settings.taken_back_states)
    if unknown := sorted((paid | back) - found.keys()):
        yield Finding(
            Level.WRONG,
            f"the shop has no order states {_listed(unknown)}",
            "correct shop.paid_states and shop.taken_back_states",
        )
    if both := sorted(paid & back):
        yield Finding(
            Level.WRONG,
            f"order states {_listed(both)} are configured as paid and as taken back",
            "leave each in one of the two lists",
        )
    if flagged := [id_ for id_ in sorted(back & found.keys()) if "paid" in found[id_].flags]:
        yield Finding(
            Level.DOUBTFUL,
            f"order states {_listed(flagged)} take back although the shop flags them as paid",
            "see that shop.taken_back_states is meant so",
        )
    unclear = [state for state in found.values() if _unclear(state, paid | back)]
    if unclear:
        names = ", ".join(f"{state.id} “{state.name}”" for state in unclear)
        yield Finding(
            Level.DOUBTFUL,
            f"order states neither paid nor taken back: {names}; an order once paid keeps its credits there",
            "name each in shop.paid_states or shop.taken_back_states if it is one of these",
        )
    else:
        yield Finding(Level.WELL, f"all {len(found)} order states have a meaning")


def obedience(client: Client) -> Iterator[Finding]:
    """Whether sort and filters arrive: a firewall that drops brackets makes every list the whole list."""
    newest = client.rows("orders", "id", {"sort": "[id_DESC]", "limit": "2"})
    ids = [wire.number(row, "id") for row in newest]
    oldest = [wire.number(row, "id") for row in client.rows("orders", "id", {"limit": "2"})]
    if ids != sorted(ids, reverse=True) or oldest != sorted(oldest):
        yield _ignored("sort")
        return
    if not ids:
        yield Finding(Level.WELL, "the shop has no orders yet: sort and filters could not be tried")
        return
    beyond = client.rows("orders", "id", {"filter[id]": f">[{ids[0]}]", "limit": "2"})
    if any(wire.number(row, "id") <= ids[0] for row in beyond):
        yield _ignored("filter on id")
        return
    last = _newest_change(client)
    later = client.rows("orders", "id,date_upd", {"date": "1", "filter[date_upd]": f">[{last}]", "limit": "2"})
    if any(str(row.get("date_upd")) <= last for row in later):
        yield _ignored("filter on date_upd")
        return
    what = "sort and filters" if len(ids) > 1 else "filters; sort could not be tried on a single order"
    yield Finding(Level.WELL, f"the shop honours {what}")


def belonging(client: Client, resource: str) -> Iterator[Finding]:
    """Whether the newest row of what belongs to orders is shown when its order is asked for, and no other order's."""
    for row in client.rows(resource, "id,id_order", {"sort": "[id_DESC]", "limit": "1"}):
        id_, order = wire.number(row, "id"), wire.number(row, "id_order")
        own = client.rows(resource, "id,id_order", {"filter[id_order]": f"[{order}]", "limit": "100"})
        shown = {(wire.number(one, "id"), wire.number(one, "id_order")) for one in own}
        if (id_, order) not in shown or any(of != order for _, of in shown):
            what = f"asked for the {resource} of an order, the shop shows none or those of others"
            yield Finding(Level.WRONG, what, "let brackets in query strings pass the firewall before the shop")


def time_zone(client: Client, zone: str) -> Iterator[Finding]:
    """A zone too far west puts the newest change into the shop's future; one too far east cannot be told."""
    last = _newest_change(client)
    if not last or client.clock is None:
        return
    changed = datetime.strptime(last, wire.FORMAT).replace(tzinfo=ZoneInfo(zone)).timestamp()
    ahead = int(changed - client.clock)
    if ahead > AHEAD_S:
        yield Finding(
            Level.WRONG,
            f"by shop.time_zone {zone} an order was changed {ahead} s in the shop's future",
            "set shop.time_zone to the time zone in the shop's localisation settings",
        )
    else:
        what = f"read in {zone}, the newest order changed {max(0, -ahead) // 60} minutes ago"
        yield Finding(Level.WELL, f"{what}; a zone too far east shows only if you compare that with the shop")


def packs(client: Client, knows: Callable[[str], bool]) -> Iterator[Finding]:
    unknown = [reference for reference in references(client, [""]) if not knows(reference)]
    if unknown:
        yield Finding(
            Level.DOUBTFUL,
            f"the shop sells packs that no rule knows: {', '.join(unknown)}",
            "add them to packs in the configuration, or they grant nothing",
        )
    else:
        yield Finding(Level.WELL, "every pack of the shop is known to a rule")


def references(client: Client, prefixes: Sequence[str]) -> list[str]:
    """References of active products and of combinations that begin so, each once; "" stands for all."""
    found: dict[str, None] = {}
    for resource, fields in (("products", "id,reference,active"), ("combinations", "id,reference")):
        for prefix in prefixes:
            query = {"filter[reference]": f"[{prefix}]%"} if prefix else {}
            for rows in client.pages(resource, fields, PRODUCTS_PAGE, query):
                sold = [row for row in rows if str(row.get("active", 1)) != "0"]
                found |= {str(row["reference"]): None for row in sold if row.get("reference")}
    return list(found)


def _unclear(state: State, configured: set[int]) -> bool:
    return state.id not in OWN_STATES and state.id not in configured and "paid" not in state.flags


def _newest_change(client: Client) -> str:
    """The greatest date_upd in the shop's text; "" without orders."""
    rows = client.rows("orders", "id,date_upd", {"date": "1", "sort": "[date_upd_DESC]", "limit": "1"})
    text = str(rows[0].get("date_upd")) if rows else ""
    try:
        wire.earlier(text or "2000-01-01 00:00:00", 0)
    except ValueError as error:
        raise RemoteSurprise(SYSTEM, "GET /orders", "date_upd is no date") from error
    return text


def _ignored(what: str) -> Finding:
    return Finding(
        Level.WRONG,
        f"the shop ignores our {what}",
        "let brackets and > in query strings pass the firewall before the shop",
    )


def _listed(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids))
