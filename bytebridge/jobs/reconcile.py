"""Reads the sources anew, compares every document with the ledger, reports the drift and repairs it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from bytebridge.connector import Connector, Page
from bytebridge.domain.interpret import Worth
from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Credits, Document, Instant, Source, Ticket, TicketState
from bytebridge.domain.settlement import Outcome, members
from bytebridge.domain.tariff import Lack
from bytebridge.errors import RemoteError, RemoteSurprise
from bytebridge.jobs import brake
from bytebridge.jobs.book import Run, book, confirmed, plan, unlike
from bytebridge.jobs.context import Context, PassResult
from bytebridge.jobs.labels import label_of, labels
from bytebridge.jobs.poll import drain_surprises, failed
from bytebridge.ledger import accounts, codec, documents, pages, reviews
from bytebridge.ledger.documents import Stored
from bytebridge.ledger.engine import Connection
from bytebridge.logs import bind, log

APART_S = 3600  # between the two looks after which a document counts as vanished
MANY, SHARE = 50, 10  # so many, or one in so many, missing at once is a source that lost rows, not documents
CHUNK = 200  # documents a look-up or a transaction


@dataclass(slots=True)
class Reconciled:
    """Figures of a reconciliation. drift: rows as the command shows them; moving: the documents behind them."""

    examined: dict[str, int] = field(default_factory=dict)
    drift: list[dict[str, Any]] = field(default_factory=list)
    moving: list[Document] = field(default_factory=list)
    review: int = 0
    applied: int = 0
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Window:
    """Which documents: created from `since` on and before `until`; `account`: only of this root account."""

    since: Instant | None = None
    until: Instant | None = None
    account: int | None = None


def reconcile(sources: Sequence[Source], window: Window, context: Context, run: Run, *, dry_run: bool) -> Reconciled:
    """Walks the sources, then repairs what drifted; with dry_run nothing is written, a read-only store makes sure.

    A source's repairs are made when all of it was read, so that the brake sees them together.
    """
    found = Reconciled()
    for source in sources:
        if context.stopping():
            break
        with bind(source=source.value):
            _source(context.connectors[source], window, context, run, found, dry_run=dry_run)
    with context.store.read() as connection:
        found.review = sum(total for total, _ in reviews.count_open(connection).values())
    return found


def _source(
    connector: Connector, window: Window, context: Context, run: Run, found: Reconciled, *, dry_run: bool
) -> None:
    result = PassResult()
    found.moving = []
    try:
        _walk(connector, window, context, run, found, dry_run=dry_run)
        if not dry_run:
            _repair(connector, context, run, found)
            drain_surprises(connector, context, result)
    except RemoteError as error:
        failed(error, result)
        found.errors.append(str(error))
    except brake.Braked as error:
        found.errors.append(str(error))


def _walk(
    connector: Connector, window: Window, context: Context, run: Run, found: Reconciled, *, dry_run: bool
) -> None:
    source = connector.source
    met: set[str] = set()
    found.examined[source.value] = 0
    for page in _pages(connector, window, context):
        met |= {key_of(member) for document in page.documents for member in members(document)}
        found.examined[source.value] += len(page.documents)
        _compare(page.documents, connector, context, run, found, dry_run=dry_run)
        context.progress(source.value, len(page.documents))
        if context.stopping():
            return
    if window.account is None:
        _missing(connector, window, met, context, run, found, dry_run=dry_run)


def _pages(connector: Connector, window: Window, context: Context) -> Iterator[Page]:
    if window.account is None:
        yield from connector.everything(window.since, window.until)
        return
    with context.store.read() as connection:
        emails = accounts.emails_of(connection, [window.account])[window.account]
        ids = [
            stored.document.id
            for stored in documents.of_addresses(connection, emails)
            if stored.key.startswith(f"{connector.source}:")
        ]
    for start in range(0, len(ids), CHUNK):
        yield Page(tuple(connector.by_ids(ids[start : start + CHUNK])))


def _compare(
    read: Sequence[Document], connector: Connector, context: Context, run: Run, found: Reconciled, *, dry_run: bool
) -> None:
    """Books what differs without moving anything, and keeps what would move for the repair."""
    with context.store.read() as connection:
        differing = unlike(connection, read, context.rules_digest)
    if differing and connector.source == Source.HELPDESK:
        differing = confirmed(differing, connector, context)  # its list is an index that may lag
    if not differing:
        return
    with context.store.read() as connection:
        outcomes, _ = plan(connection, differing, context)
        known = pages.seen(connection, [outcome.key for outcome in outcomes])
    drifting = [outcome for outcome in outcomes if outcome.postings]
    for outcome in drifting:
        row = _row(outcome, known.states)
        found.drift.append(row)
        fields = ("document", "account", "posted", "expected", "delta", "reason")
        log("drift_found", **{name: row[name] for name in fields})
    moving = {outcome.key for outcome in drifting}
    mine = [one for one in differing if any(key_of(member) in moving for member in members(one))]
    found.moving += mine
    still = [one for one in differing if one not in mine]
    if still and not dry_run:
        book(still, context, run, source=connector.source)


def _repair(connector: Connector, context: Context, run: Run, found: Reconciled) -> None:
    if not found.moving:
        return
    with context.store.read() as connection:
        outcomes, _ = plan(connection, found.moving, context)
    brake.check(brake.load_of(outcomes), connector.source, context, run)
    for start in range(0, len(found.moving), CHUNK):
        booked = book(found.moving[start : start + CHUNK], context, run, source=connector.source)
        found.applied += len(booked.entries)


def _row(outcome: Outcome, known: dict[str, str]) -> dict[str, Any]:
    posted = sum(posting.was for posting in outcome.postings)
    delta = sum(posting.credits for posting in outcome.postings)
    emails = outcome.worth.emails
    return {
        "source": outcome.key.partition(":")[0],
        "document": label_of(outcome.key, outcome.document.code),
        "email": emails[0] if emails else None,
        "account": outcome.account,
        "posted": posted,
        "expected": posted + delta,
        "delta": delta,
        "reason": _reason(outcome, delta, known),
        "key": outcome.key,
        "state": codec.digest(codec.encode(outcome.document)),
        "revision": outcome.postings[0].revision,
    }


def _reason(outcome: Outcome, delta: int, known: dict[str, str]) -> str:
    if len(outcome.postings) > 1:
        return "wrong account"
    if outcome.key not in known or outcome.postings[0].revision == 1:
        return "missing"
    if outcome.worth.derivation.get("why") == "shop_order":
        return "twice granted"
    return "taken back" if delta < 0 and not isinstance(outcome.document, Ticket) else "changed"


def _missing(
    connector: Connector,
    window: Window,
    met: set[str],
    context: Context,
    run: Run,
    found: Reconciled,
    *,
    dry_run: bool,
) -> None:
    """Documents that moved credits and were not met: asked for by id, twice some time apart, then reviewed."""
    source = connector.source
    with context.store.read() as connection:
        posted, absent = 0, []
        for key in documents.posted_keys(connection, source, window.since, window.until):
            posted += 1
            if key not in met:
                absent.append(key)
    if not absent:
        return
    if not met or len(absent) > max(MANY, posted // SHARE):
        message = f"{len(absent)} of {posted} documents are missing at once: a lost right or a restored system?"
        raise RemoteSurprise(source.value, "reconcile", message)
    ids = [key.partition(":")[2] for key in absent]
    there: list[Document] = []
    for start in range(0, len(ids), CHUNK):
        there += connector.by_ids(ids[start : start + CHUNK])
    _compare(there, connector, context, run, found, dry_run=dry_run)
    back = {key_of(member) for document in there for member in members(document)}
    back |= {f"{source}:{surprise.document}" for surprise in getattr(connector, "surprises", ())}  # there, unreadable
    gone = [key for key in absent if key not in back]
    _note_vanished(gone, context, found, dry_run=dry_run)


def _note_vanished(keys: Sequence[str], context: Context, found: Reconciled, *, dry_run: bool) -> None:
    if not keys:
        return
    with context.store.read() as connection:
        names = labels(connection, keys)
        stored = {key: item for key in keys if (item := documents.get(connection, key)) is not None and not _gone(item)}
    for key, item in stored.items():
        worth = item.worth or 0
        found.drift.append(
            {
                "source": key.partition(":")[0],
                "document": names[key],
                "email": item.email or None,
                "account": item.account,
                "posted": worth,
                "expected": worth,
                "delta": 0,
                "reason": "vanished",
            }
        )
    if not dry_run:
        context.store.transact(lambda connection: _mark(connection, list(stored.values()), context))


def _mark(connection: Connection, stored: Sequence[Stored], context: Context) -> None:
    now = context.now()
    view = pages.load_view(connection, [item.document for item in stored], context.rules, now)
    decided = {key for key, known in view.known.items() if known.decision is not None}
    outcomes = [_vanished(item, now, decided=item.key in decided) for item in stored]
    pages.store_documents(connection, outcomes, context.rules_digest, view, {item.key for item in stored})
    reviews.follow(connection, [outcome for outcome in outcomes if outcome.worth.lack], now)


def _gone(item: Stored) -> bool:
    """A ticket last seen deleted or spam did not vanish: the desk purges such tickets."""
    return isinstance(item.document, Ticket) and item.document.state in (TicketState.DELETED, TicketState.SPAM)


def _vanished(item: Stored, now: Instant, *, decided: bool) -> Outcome:
    missing = item.memory.missing if item.memory.missing is not None else now
    certain = now - missing >= APART_S and not decided
    worth = Worth(
        key=item.key,
        credits=item.worth,
        derivation={},
        dated=item.dated,
        happened=item.dated,
        emails=(item.email,) if item.email else (),
        memory=replace(item.memory, missing=missing),
        lack=Lack("vanished") if certain else None,
        cost=Credits(0),
    )
    return Outcome(item.key, item.document, worth, item.account)
