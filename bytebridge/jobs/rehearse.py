"""What a pass would post, tell and review, on a store that cannot be written: a rehearsal of going live."""

from collections.abc import Sequence
from typing import Any

from bytebridge.domain.model import Document, Source
from bytebridge.errors import RemoteError
from bytebridge.jobs.book import plan, unlike
from bytebridge.jobs.context import Context, PassResult
from bytebridge.jobs.labels import label_of
from bytebridge.jobs.poll import failed, since_of
from bytebridge.ledger import pages, runs
from bytebridge.wording.reviews import sentence


def rehearse(context: Context, sources: Sequence[Source]) -> dict[str, Any]:
    """As `poll` reports, with the entries, letters and reviews one by one."""
    shown: dict[str, Any] = {
        "dry_run": True,
        "examined": {},
        "posted": 0,
        "notices_sent": 0,
        "errors": [],
        "entries": [],
        "notices": [],
        "review": [],
    }
    for source in (one for one in context.connectors if one in sources):
        shown["examined"][source.value] = 0
        try:
            _source(source, context, shown)
        except RemoteError as error:
            failed(error, PassResult())
            shown["errors"].append(str(error))
    return shown


def _source(source: Source, context: Context, shown: dict[str, Any]) -> None:
    connector = context.connectors[source]
    with context.store.read() as connection:
        cursor = runs.reading(connection, source).cursor

    def known(ids: Sequence[str]) -> dict[str, Document]:
        with context.store.read() as inner:
            return pages.known_documents(inner, source, ids)

    since = since_of(source, context) if cursor is None else None
    for page in connector.changed(cursor, known, since):
        with context.store.read() as connection:
            differing = unlike(connection, page.documents, None)
            outcomes, _ = plan(connection, differing, context)
        shown["examined"][source.value] += len(differing)
        for outcome in outcomes:
            shown["posted"] += len(outcome.postings)
            shown["notices_sent"] += len(outcome.drafts)
            email = outcome.worth.emails[0] if outcome.worth.emails else None
            shown["entries"] += [
                {
                    "document": label_of(outcome.key, outcome.document.code),
                    "email": email,
                    "credits": posting.credits,
                }
                for posting in outcome.postings
            ]
            shown["notices"] += [
                {
                    "document": label_of(outcome.key, outcome.document.code),
                    "kind": draft.kind.value,
                    "channel": draft.channel.value,
                }
                for draft in outcome.drafts
            ]
            if outcome.worth.lack is not None:
                lack = outcome.worth.lack
                shown["review"].append(
                    {
                        "document": label_of(outcome.key, outcome.document.code),
                        "why": sentence(lack.code, lack.found),
                    }
                )
        context.progress(source.value, len(page.documents))
