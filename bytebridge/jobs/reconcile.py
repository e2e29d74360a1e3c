"""Reads the sources anew, compares every document with the ledger, reports the drift and repairs it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from bytebridge.connector import Connector
from bytebridge.domain.accounts import normalise
from bytebridge.domain.entry import encode
from bytebridge.domain.interpret import Worth
from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Credits, Document, Instant, Invoice, Source, Ticket, TicketState
from bytebridge.domain.settlement import Outcome, members
from bytebridge.domain.tariff import Lack
from bytebridge.domain.view import View
from bytebridge.errors import RemoteError, RemoteSurprise
from bytebridge.jobs import brake, course
from bytebridge.jobs.book import Run, book, confirmed, plan, unlike
from bytebridge.jobs.context import Context, PassResult
from bytebridge.jobs.course import Course, Leg
from bytebridge.jobs.labels import label_of, labels
from bytebridge.jobs.poll import drain_surprises, failed
from bytebridge.ledger import accounts, codec, documents, pages, reviews
from bytebridge.ledger.documents import Stored
from bytebridge.ledger.engine import Connection
from bytebridge.logs import bind, log

APART_S = 3600  # between the two looks after which a document counts as vanished
MANY, SHARE = 50, 10  # so many, or one in so many, missing at once is a source that lost rows, not documents
CHUNK = 200  # documents a look-up or a transaction
PART = 10_000  # documents after which it is noted how far a reconciliation is


@dataclass(slots=True)
class Reconciled:
    """Figures of a reconciliation. drift: rows as the command shows them. stopped: it was asked to end early.

    moving: of the source being read, the documents behind its drift by key. goes_on: the run that it finishes.
    """

    examined: dict[str, int] = field(default_factory=dict)
    drift: list[dict[str, Any]] = field(default_factory=list)
    moving: dict[str, Document] = field(default_factory=dict)
    review: int = 0
    applied: int = 0
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stopped: bool = False
    goes_on: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which documents: created from `since` on and before `until`; `account`: only of this root account."""

    since: Instant | None = None
    until: Instant | None = None
    account: int | None = None


@dataclass(frozen=True, slots=True)
class Mine:
    """What makes a document one of the account's: its addresses, or that the ledger has it under the account.

    known: keys of those the ledger has; True: it moved credits.
    """

    emails: frozenset[str]
    known: Mapping[str, bool]

    def has(self, document: Document) -> bool:
        emails = document.emails if isinstance(document, Invoice) else (document.email,)
        named = any(normalise(email) in self.emails for email in emails if email)
        return named or any(key_of(member) in self.known for member in members(document))


def reconcile(sources: Sequence[Source], window: Window, context: Context, run: Run, *, dry_run: bool) -> Reconciled:
    """Walks the sources, then repairs what drifted; with dry_run nothing is written, a read-only store makes sure.

    A source's repairs are made when all of it was read, so that the brake sees them together. One that was cut off
    goes on where it was.
    """
    found = Reconciled()
    way = Course(kept=False) if dry_run else course.begin(window, sources, context, run)
    found.goes_on = way.earlier
    for source in sources:
        if context.stopping():
            found.stopped = True
            break
        with bind(source=source.value):
            _source(context.connectors[source], window, context, run, found, way)
    with context.store.read() as connection:
        found.review = sum(total for total, _ in reviews.count_open(connection).values())
    return found


def _source(connector: Connector, window: Window, context: Context, run: Run, found: Reconciled, way: Course) -> None:
    source, result = connector.source, PassResult()
    leg = way.leg(source)
    found.examined[source.value] = leg.examined
    if leg.done:
        return
    found.moving = {}
    try:
        _compare(connector.by_ids(leg.moving) if leg.moving else (), connector, context, run, found, way)
        met = _walk(connector, window, context, run, found, way)
        if found.stopped:
            return
        _missing(connector, leg, met, context, run, found, way)
        if way.kept:
            look = brake.Look.ALL if window == Window() else brake.Look.PART
            _repair(connector, context, run, found, look)
            drain_surprises(connector, context, result)
            leg.done = True
            course.save(way, context, run)
    except RemoteError as error:
        if isinstance(error, RemoteSurprise):
            way.forget(source)
            course.save(way, context, run)
        failed(error, result)
        found.errors.append(str(error))
    except brake.Braked as error:
        way.forget(source)
        course.save(way, context, run)
        found.errors.append(str(error))


def _walk(connector: Connector, window: Window, context: Context, run: Run, found: Reconciled, way: Course) -> set[str]:
    """Compares everything in the window, part by part; gives the keys that were met."""
    source, leg = connector.source, way.leg(connector.source)
    met: set[str] = set()
    mine = _mine(window, source, context)
    connector.forget()  # once, not at each part: who bought in one part mostly did so in others
    for since, until in _parts(source, window, leg, context):
        for page in connector.everything(since, until):
            asked = page.documents if mine is None else [one for one in page.documents if mine.has(one)]
            met |= {key_of(member) for document in page.documents for member in members(document)}
            _compare(asked, connector, context, run, found, way)
            leg.met += len(page.documents)
            leg.examined += len(asked)
            found.examined[source.value] = leg.examined
            context.progress(source.value, len(page.documents))
            if context.stopping():
                found.stopped = True
                return met
        with context.store.read() as connection:
            expected = _expected(connection, source, since, until, mine)
            leg.posted += len(expected)
            leg.absent += [key for key in expected if key not in met]
        leg.reached = until if until is not None and until != window.until else course.END
        leg.moving = sorted(document.id for document in found.moving.values())
        course.save(way, context, run)
    return met


def _mine(window: Window, source: Source, context: Context) -> Mine | None:
    if window.account is None:
        return None
    with context.store.read() as connection:
        emails = accounts.emails_of(connection, [window.account])[window.account]
        family = accounts.family(connection, window.account)
        known = documents.of_family(connection, family, emails)
    return Mine(frozenset(emails), {key: moved for key, moved in known.items() if key.startswith(f"{source}:")})


def _parts(source: Source, window: Window, leg: Leg, context: Context) -> list[tuple[Instant | None, Instant | None]]:
    """The window in parts, from where an earlier run came to: after each it is noted how far this one is."""
    if leg.reached == course.END:
        return []
    start = leg.reached if leg.reached is not None else window.since
    bounds: list[Instant] = []
    if window.account is None:
        with context.store.read() as connection:
            bounds = documents.every(connection, source, PART, start)
    inner = [bound for bound in bounds if window.until is None or bound < window.until]
    return list(pairwise([start, *inner, window.until]))


def _expected(
    connection: Connection, source: Source, since: Instant | None, until: Instant | None, mine: Mine | None
) -> list[str]:
    """Keys that moved credits and should be met in a part."""
    posted = documents.posted_keys(connection, source, since, until)
    return [key for key in posted if mine is None or key in mine.known]


def _compare(
    read: Sequence[Document], connector: Connector, context: Context, run: Run, found: Reconciled, way: Course
) -> None:
    """Books what differs without moving anything, and keeps what would move for the repair."""
    with context.store.read() as connection:
        fresh = [one for one in read if key_of(one) not in found.moving]  # parts may overlap
        differing = unlike(connection, fresh, context.rules_digest)
    if differing and connector.source == Source.HELPDESK:
        differing = confirmed(differing, connector, context)  # its list is an index that may lag
    if not differing:
        return
    with context.store.read() as connection:
        outcomes, view = plan(connection, differing, context)
        known = pages.seen(connection, [outcome.key for outcome in outcomes])
    drifting = [outcome for outcome in outcomes if outcome.postings]
    for outcome in drifting:
        row = _row(outcome, view, known.states)
        found.drift.append(row)
        fields = ("document", "account", "posted", "expected", "delta", "reason")
        log("drift_found", **{name: row[name] for name in fields})
    moving = {outcome.key for outcome in drifting}
    mine = {key_of(one): one for one in differing if any(key_of(member) in moving for member in members(one))}
    found.moving |= mine
    still = [one for one in differing if key_of(one) not in mine]
    if still and way.kept:
        book(still, context, run, source=connector.source)


def _repair(connector: Connector, context: Context, run: Run, found: Reconciled, look: brake.Look) -> None:
    moving = list(found.moving.values())
    with context.store.read() as connection:
        outcomes, _ = plan(connection, moving, context)
    by_a_person = brake.check(brake.load_of(outcomes), connector.source, context, run, look)
    for start in range(0, len(moving), CHUNK):
        booked = book(moving[start : start + CHUNK], context, run, source=connector.source)
        found.applied += len(booked.entries)
    context.store.transact(
        lambda connection: brake.let_go(connection, connector.source, run, look, context.now(), confirmed=by_a_person)
    )


def _row(outcome: Outcome, view: View, known: dict[str, str]) -> dict[str, Any]:
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
        "postings": movements(outcome, view),
    }


def movements(outcome: Outcome, view: View, opened: Collection[tuple[int, str]] = ()) -> list[dict[str, Any]]:
    """What would be posted and why, as a plan holds it. account: None for one that the plan itself opens.

    opened: those that it opened already, each with the addresses that its documents brought.
    """
    emails = {normalise(email) for email in outcome.worth.emails}
    by_plan = {account for account, email in opened if email in emails}
    return [
        {
            "account": None if view.accounts[posting.account].new or posting.account in by_plan else posting.account,
            "was": posting.was,
            "credits": posting.credits,
            "rule": json.loads(encode(posting.derivation)),
        }
        for posting in outcome.postings
    ]


def _reason(outcome: Outcome, delta: int, known: dict[str, str]) -> str:
    if len(outcome.postings) > 1:
        return "wrong account"
    if outcome.key not in known or outcome.postings[0].revision == 1:
        return "missing"
    if outcome.worth.derivation.get("why") == "shop_order":
        return "twice granted"
    return "taken back" if delta < 0 and not isinstance(outcome.document, Ticket) else "changed"


def _missing(
    connector: Connector, leg: Leg, met: set[str], context: Context, run: Run, found: Reconciled, way: Course
) -> None:
    """Documents that moved credits and were not met: asked for by id, twice some time apart, then reviewed."""
    source = connector.source
    absent = [key for key in leg.absent if key not in met]
    if not absent:
        return
    if not leg.met or len(absent) > max(MANY, leg.posted // SHARE):
        message = f"{len(absent)} of {leg.posted} documents are missing at once: a lost right or a restored system?"
        raise RemoteSurprise(source.value, "reconcile", message)
    ids = [key.partition(":")[2] for key in absent]
    there: list[Document] = []
    for start in range(0, len(ids), CHUNK):
        there += connector.by_ids(ids[start : start + CHUNK])
    _compare(there, connector, context, run, found, way)
    back = {key_of(member) for document in there for member in members(document)}
    back |= {f"{source}:{unread}" for unread in connector.unread}
    gone = [key for key in absent if key not in back]
    _note_vanished(gone, context, found, dry_run=not way.kept)


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
    share = context.policy.share_company
    view = pages.load_view(connection, [item.document for item in stored], context.rules, now, companies=share)
    decided = {key for key, known in view.known.items() if known.decision is not None}
    outcomes = [_vanished(item, now, decided=item.key in decided) for item in stored]
    # as valued by no rules: one that is back is read as changed, though it says what it said
    pages.store_documents(connection, outcomes, "", view, {item.key for item in stored})
    reviews.follow(connection, [outcome for outcome in outcomes if outcome.worth.lack], view)


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
