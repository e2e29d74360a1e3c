"""One pass over one source: what changed since the cursor, booked page by page."""

import time
from collections.abc import Iterable, Sequence
from functools import partial

from bytebridge.connector import Connector, Page
from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Document, Instant, Source
from bytebridge.errors import RemoteError, RemoteRefused, RemoteSurprise, RemoteUnavailable
from bytebridge.jobs import brake
from bytebridge.jobs.book import Booked, Run, book, confirmed, plan, unlike
from bytebridge.jobs.context import Context, PassResult
from bytebridge.jobs.rules import systems
from bytebridge.ledger import codec, documents, pages, reviews, runs
from bytebridge.ledger.engine import Connection
from bytebridge.logs import bind, log

# what was paid or resolved after `since` may have been ordered or opened long before
LOOK_BACK_S = 366 * 86_400
RECHECKS = 500
GATHERED = 5_000  # documents of one poll that the brake judges together
CHUNK = 500  # documents a transaction


def poll(source: Source, context: Context, run: Run) -> PassResult:
    """Reads and books what changed. A source that fails is reported in the result; what was booked stays."""
    connector = context.connectors[source]
    result = PassResult()
    began = time.monotonic()
    with bind(source=source.value):
        try:
            _poll(connector, context, run, result)
        except RemoteError as error:
            failed(error, result)
            if isinstance(error, RemoteSurprise):
                review_unreadable(error, source, context)
        except brake.Braked as error:
            result.error = str(error)
        if result.error is None or result.seen:
            log(
                "poll_finished",
                seen=result.seen,
                posted=result.posted,
                review=result.reviews,
                failed=result.failed,
                duration_ms=round((time.monotonic() - began) * 1000),
            )
    return result


def failed(error: RemoteError, result: PassResult) -> None:
    """One line that says what a person must do, if anything; the cursor stays where it was."""
    result.error = str(error)
    if isinstance(error, RemoteUnavailable):
        log(
            "remote_unavailable",
            operation=error.operation,
            error=error.message,
            retry_after_s=error.retry_after_s,
        )
    elif isinstance(error, RemoteRefused):
        log("source_refused", operation=error.operation, error=error.message)
    else:
        log("source_surprised", operation=error.operation, error=error.message)


def _poll(connector: Connector, context: Context, run: Run, result: PassResult) -> None:
    source = connector.source
    begun = context.now()
    with context.store.read() as connection:
        reading = runs.reading(connection, source)
        going_live = brake.is_going_live(connection, reading, begun)
    first = reading.cursor is None
    since = since_of(source, context)
    log("poll_started", cursor=reading.cursor)

    def known(ids: Sequence[str]) -> dict[str, Document]:
        with context.store.read() as inner:
            return pages.known_documents(inner, source, ids)

    pages_read = connector.changed(reading.cursor, known, since if first else None)
    if going_live:
        for page in pages_read:
            take_page(page, connector, context, run, result)
            if context.stopping():
                return
        connector.forget()  # everybody who ever bought was met, few of whom polls meet
    else:
        _gather(pages_read, reading.cursor, connector, context, run, result)
        if context.stopping():
            return
    recheck(connector, context, run, result)
    drain_surprises(connector, context, result)

    def finish(connection: Connection) -> None:
        # also when nothing differs from the last seen, as after a mistake that was taken back
        brake.let_go(connection, source, run, brake.Look.POLL, context.now())
        runs.save_reading(connection, source, begun, context.now())

    context.store.transact(finish)


def _gather(
    pages_read: Iterable[Page], saved: str | None, connector: Connector, context: Context, run: Run, result: PassResult
) -> None:
    """Books a poll as a whole, so that the brake sees all of it before anything moves. saved: the cursor so far."""
    waiting: list[Document] = []
    cursor = saved
    broken: RemoteError | None = None
    try:
        for page in pages_read:
            waiting += differing_of(page, connector, context, result)
            cursor = page.cursor if page.cursor is not None else cursor
            if len(waiting) >= GATHERED:
                _let_through(waiting, connector, context, run, result)
                waiting = []
            if context.stopping():
                return
    except RemoteError as error:
        broken = error  # what was read before it is true all the same
    _let_through(waiting, connector, context, run, result)
    if cursor != saved:
        book([], context, run, source=connector.source, cursor=cursor)
    if broken is not None:
        raise broken


def _let_through(
    waiting: Sequence[Document], connector: Connector, context: Context, run: Run, result: PassResult
) -> None:
    if not waiting:
        return
    # a document may stand on several pages of one poll (the list and its second witness): the last reading counts
    waiting = list({key_of(document): document for document in waiting}.values())
    with context.store.read() as connection:
        outcomes, view = plan(connection, waiting, context)
    if any(account.new and account.balance < 0 for account in view.accounts.values()):
        context.freshen()
    brake.check(brake.load_of(outcomes), connector.source, context, run, brake.Look.POLL)
    for start in range(0, len(waiting), CHUNK):
        count(book(waiting[start : start + CHUNK], context, run, source=connector.source), result)


def since_of(source: Source, context: Context) -> Instant | None:
    """From when a first load reads; a year before the date that counts."""
    since = systems(context.settings)[source].since
    return Instant(since - LOOK_BACK_S) if since is not None else None


def take_page(page: Page, connector: Connector, context: Context, run: Run, result: PassResult) -> None:
    """Books the part of a page that differs from what was last seen."""
    if page.trusted:
        booked = book(page.documents, context, run, source=connector.source, cursor=page.cursor, changed=True)
        result.seen += len(page.documents)
        result.examined += booked.settled
        context.progress(connector.source.value, len(page.documents))
    else:
        differing = differing_of(page, connector, context, result)
        booked = book(differing, context, run, source=connector.source, cursor=page.cursor)
    count(booked, result)


def differing_of(page: Page, connector: Connector, context: Context, result: PassResult) -> list[Document]:
    """Documents of a page that differ from the last seen, confirmed where an index only hinted at them."""
    if not page.documents:
        return []
    result.seen += len(page.documents)
    with context.store.read() as connection:
        differing = unlike(connection, page.documents, None)
    result.examined += len(differing)
    if differing and not page.trusted:
        differing = confirmed(differing, connector, context)
    context.progress(connector.source.value, len(page.documents))
    return differing


def count(booked: Booked, result: PassResult) -> None:
    result.posted += len(booked.entries)
    result.reviews += len(booked.opened)


def recheck(connector: Connector, context: Context, run: Run, result: PassResult) -> None:
    """Documents whose worth changes without them (a reopened invoice after its grace, a twin that fell) are read again.

    Only when the ledger would settle them otherwise now: what merely goes on waiting costs no request. So are those
    that another process could not read, or this one before it died: the connector knows of its own alone.
    """
    with context.store.read() as connection:
        spoilt = reviews.unreadable(connection)
        due = documents.to_recheck(connection, connector.source, context.now())
        families = {key_of(document): document for document in due.values()}
        still = _still_waiting(connection, list(families.values()), context)
    ids = [number for number in due if f"{connector.source}:{number}" not in still]
    prefix = f"{connector.source}:"
    met = {key.removeprefix(prefix) for key in spoilt if key.startswith(prefix)}
    ids += sorted(met - connector.unread - {*ids})
    if ids:
        _let_through(connector.by_ids(ids[:RECHECKS]), connector, context, run, result)


def _still_waiting(connection: Connection, due: Sequence[Document], context: Context) -> set[str]:
    """Keys of those that wait for the very reason for which a person sees them in the list."""
    if not due:
        return set()
    listed = {(item.document, item.code, item.found) for item in reviews.open_items(connection, "waiting")}
    still: set[str] = set()
    for start in range(0, len(due), CHUNK):
        outcomes, _ = plan(connection, due[start : start + CHUNK], context)
        for outcome in outcomes:
            lack, moves = outcome.worth.lack, outcome.postings or outcome.drafts or outcome.worth.recheck is None
            if lack is not None and not moves and (outcome.key, lack.code, codec.fit(lack.found, 250)) in listed:
                still.add(outcome.key)
    return still


def drain_surprises(connector: Connector, context: Context, result: PassResult) -> None:
    """Single documents that could not be read: each waits for a person, unless it was read after all in this pass."""
    while connector.surprises:
        surprise = connector.surprises.pop(0)
        result.failed += 1
        log("source_surprised", operation=surprise.operation, document=surprise.document, error=surprise.message)
        if surprise.document in connector.unread:
            review_unreadable(surprise, connector.source, context)


def review_unreadable(surprise: RemoteSurprise, source: Source, context: Context) -> None:
    """One document that could not be read waits for a person until it can be."""
    if surprise.document is not None:
        key = f"{source}:{surprise.document}"
        context.store.transact(partial(reviews.open_unreadable, key=key, why=surprise.message, now=context.now()))
