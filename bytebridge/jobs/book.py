"""The one road: what a page of documents is worth now, against what is posted, in one transaction."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bytebridge.connector import Connector
from bytebridge.domain.entry import Entry
from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Document, Instant, Source, Ticket, TicketState
from bytebridge.domain.settlement import Outcome, members, settle
from bytebridge.domain.view import View
from bytebridge.jobs.context import Context
from bytebridge.ledger import accounts, codec, copies, entries, modules, outbox, pages, reviews, runs
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.outbox import Notice
from bytebridge.ledger.reviews import Review
from bytebridge.logs import is_heard, log


@dataclass(slots=True)
class Booked:
    """What one page's transaction wrote. settled: how many of its documents were settled."""

    settled: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    opened: list[Review] = field(default_factory=list)
    closed: int = 0
    queued: list[Notice] = field(default_factory=list)
    strangers: list[Outcome] = field(default_factory=list)


def new_token() -> str:
    return secrets.token_hex(4)


@dataclass(slots=True)
class Run:
    """A pass as the ledger records it: its row is written with the first thing it posts.

    token: by which its log lines are found, whether it posted or not. added: what a person's change posted.
    """

    what: str
    by: str
    begun: Instant
    token: str = field(default_factory=new_token)
    number: int | None = None
    added: list[Entry] = field(default_factory=list)

    def take_number(self, connection: Connection) -> int:
        if self.number is None:
            return runs.start(connection, self.what, self.by, self.token, self.begun)
        return self.number


def unlike(connection: Connection, documents: Sequence[Document], rules_digest: str | None) -> list[Document]:
    """Documents whose content, or that of a credit note they bring, differs from the last seen, or was unreadable then.

    rules_digest: given, a document valued by other rules differs too. The last of several readings counts.
    """
    latest = {key_of(document): document for document in documents}
    keys = [key_of(member) for document in latest.values() for member in members(document)]
    seen = pages.seen(connection, keys)
    spoilt = reviews.unreadable(connection) if documents else set()

    def differs(member: Document) -> bool:
        key = key_of(member)
        if key in spoilt or seen.states.get(key) != codec.encode(member):
            return True
        return rules_digest is not None and seen.rules.get(key) != rules_digest

    return [document for document in latest.values() if any(differs(member) for member in members(document))]


def plan(
    connection: Connection, documents: Sequence[Document], context: Context, *, changed: bool = False
) -> tuple[list[Outcome], View]:
    """What booking these documents would do, by the ledger as this connection shows it.

    changed: only of those whose content differs from the last seen. The last of several readings counts.
    """
    if changed:
        documents = list({key_of(document): document for document in documents}.values())
    view = pages.load_view(connection, documents, context.rules, context.now(), companies=context.policy.share_company)
    if changed and view.unchanged:
        same = view.unchanged
        documents = [one for one in documents if any(key_of(member) not in same for member in members(one))]
    in_order = sorted(documents, key=_changed)  # who is warned beforehand is warned by what was charged before
    outcomes = [outcome for document in in_order for outcome in settle(document, view, context.rules, context.policy)]
    return outcomes, view


def _changed(document: Document) -> tuple[int, bool]:
    """Tickets go by when they changed, in one second those that are charged first; others stay as they came."""
    if not isinstance(document, Ticket):
        return 0, False
    return document.changed_at, document.state in (TicketState.NEW, TicketState.OPEN)


def confirmed(documents: Sequence[Document], connector: Connector, context: Context) -> list[Document]:
    """The documents, those that would move credits or call for a letter read anew from the system itself.

    A hint of an index moves nothing (help desk notes): what the system no longer has is left out.
    """
    with context.store.read() as connection:
        outcomes, _ = plan(connection, documents, context)
    movers = {outcome.document.id for outcome in outcomes if outcome.postings}
    if not movers:
        return list(documents)
    fresh = {document.id: document for document in connector.by_ids(sorted(movers))}
    return [
        fresh.get(document.id, document) for document in documents if document.id not in movers or document.id in fresh
    ]


def book(
    documents: Sequence[Document],
    context: Context,
    run: Run,
    *,
    source: Source,
    cursor: str | None = None,
    changed: bool = False,
    first: Callable[[Connection], None] = lambda _connection: None,
) -> Booked:
    """Settles the documents and stores everything that follows, with the cursor, in one transaction.

    changed: passes over the documents that say what was last seen of them. first: what belongs to it and comes
    before, such as a person's decision on them.
    """

    def work(connection: Connection) -> tuple[Booked, int | None]:
        booked = Booked()
        number = run.number
        first(connection)
        if documents:
            booked.outcomes, view = plan(connection, documents, context, changed=changed)
            booked.settled = len({outcome.key for outcome in booked.outcomes}.intersection(map(key_of, documents)))
            number = _store(connection, booked, view, context, run)
        if cursor is not None:
            runs.save_cursor(connection, source, cursor)
        return booked, number

    booked, run.number = context.store.transact(work)
    _report(booked)
    return booked


def _store(connection: Connection, booked: Booked, view: View, context: Context, run: Run) -> int | None:
    postings = [posting for outcome in booked.outcomes for posting in outcome.postings]
    drafts = [draft for outcome in booked.outcomes for draft in outcome.drafts]
    pages.store_documents(connection, booked.outcomes, context.rules_digest, view, view.known)
    modules.follow(connection, booked.outcomes, view.known, context.rules, view.now)
    accounts.open_new(connection, view)
    number = run.number
    if postings:
        number = run.take_number(connection)
        booked.entries = entries.append(connection, postings, number, view.now, view.heads)
        _queue_write_backs(connection, booked, context, view.now)
    only_to = context.settings.notices.only_to
    booked.queued = outbox.queue(connection, drafts, booked.entries, view.now, only_to)
    booked.opened, booked.closed = reviews.follow(connection, booked.outcomes, view)
    booked.strangers = [
        outcome
        for outcome in booked.outcomes
        if outcome.drafts and any(draft.facts.get("stranger") for draft in outcome.drafts)
    ]
    return number


def copied(context: Context) -> bool:
    """Whether this firm wants its operations in the ERP, whichever systems the present command calls."""
    return bool(context.settings.erp.url) and context.settings.erp.write_back


def _queue_write_backs(connection: Connection, booked: Booked, context: Context, now: Instant) -> None:
    if not copied(context):
        return
    news = {outcome.key: outcome.news for outcome in booked.outcomes}  # the quiet past brings no events
    copies.queue(connection, [(entry, news[entry.document]) for entry in booked.entries], now)


def report_posted(posted: Sequence[Entry]) -> None:
    for entry in posted if is_heard("entry_posted") else ():
        log(
            "entry_posted",
            entry=entry.id,
            kind=entry.kind.value,
            document=entry.document,
            account=entry.account,
            credits=entry.credits,
            balance=entry.balance,
        )


def _report(booked: Booked) -> None:
    report_posted(booked.entries)
    for review in booked.opened:
        log("review_opened", item=review.id, document=review.document, why=review.code, state=review.state)
    for notice in booked.queued:
        named = {
            "notice": notice.id,
            "kind": notice.kind.value,
            "channel": notice.channel.value,
            "document": notice.document,
            "account": notice.account,
        }
        log("notice_queued", **named)
        if notice.state == "held":
            log("notice_held", **named, why=notice.why)
        elif notice.state == "cancelled":
            log("notice_dropped", **named, why=notice.why)
    for outcome in booked.strangers:
        log("stranger_charged", document=outcome.key, account=outcome.account, credits=outcome.worth.credits)
