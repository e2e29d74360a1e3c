"""A document as its source shows it now, with the rule applied to it, its entries, its reviews and its letters."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Document, Source
from bytebridge.domain.settlement import members
from bytebridge.errors import RemoteError
from bytebridge.jobs import labels
from bytebridge.jobs.book import plan
from bytebridge.jobs.context import Context
from bytebridge.ledger import codec, entries, outbox, reviews
from bytebridge.ledger.engine import Connection
from bytebridge.wording import steps
from bytebridge.wording.reviews import sentence

TIMES = ("created_at", "paid_at", "changed_at", "resolved_at", "date")


def explain(words: Sequence[str], context: Context, why_not: str = "") -> dict[str, Any]:
    """Everything known of one document; NotFound when the ledger knows none by that name.

    The source is asked what it says now. why_not: why it cannot be; then, and when it does not answer, what was
    seen last is shown and `source` says so.
    """
    with context.store.read() as connection:
        stored = labels.get(connection, words)
    whole, silent = _ask(stored.key, context) if not why_not else (None, why_not)
    present = _member(whole, stored.key)
    with context.store.read() as connection:
        return {
            "document": labels.label_of(stored.key, stored.document.code),
            "email": stored.email or None,
            "account": stored.account,
            "worth": stored.worth,
            "source": {
                "answered": not silent,
                "why": silent or ("" if present is not None else "the source does not have it any more"),
                "last_seen": _iso(stored.seen_at),
                "changed_since": present is not None and codec.encode(present) != stored.state,
            },
            "says": _says(present if present is not None else stored.document),
            "now": _by_the_rules(connection, whole if whole is not None else stored.document, stored.key, context),
            **_booked(connection, stored.key),
        }


def _ask(key: str, context: Context) -> tuple[Document | None, str]:
    """What the source has of it now, with the documents that come with it; and why it did not answer."""
    source, _, number = key.partition(":")
    connector = context.connectors.get(Source(source))
    if connector is None:
        return None, f"no {source} is configured"
    try:
        found = connector.by_ids([number])
    except RemoteError as error:
        return None, str(error)
    unreadable = [str(surprise) for surprise in connector.surprises]
    return (found[0], "") if found else (None, "; ".join(unreadable))


def _member(whole: Document | None, key: str) -> Document | None:
    found = members(whole) if whole is not None else []
    return next((member for member in found if key_of(member) == key), None)


def _says(document: Document) -> dict[str, Any]:
    says: dict[str, Any] = _shown(msgspec.to_builtins(document))
    return {name: value for name, value in says.items() if value not in (None, [], "")}


def _by_the_rules(connection: Connection, whole: Document, key: str, context: Context) -> dict[str, Any]:
    """What the rules give for what is said now, and what a pass would post for it."""
    outcomes, _ = plan(connection, [whole], context)
    outcome = next(one for one in outcomes if one.key == key)
    worth = outcome.worth
    return {
        "worth": worth.credits,
        "steps": steps(worth.derivation) if worth.derivation else [],
        "review": sentence(worth.lack.code, worth.lack.found) if worth.lack is not None else None,
        "would_post": sum(posting.credits for posting in outcome.postings),
    }


def _booked(connection: Connection, key: str) -> dict[str, Any]:
    posted = entries.of_documents(connection, [key])
    return {
        "steps": steps(posted[-1].derivation) if posted else [],
        "entries": [
            {
                "id": entry.id,
                "at": _iso(entry.happened),
                "recorded": _iso(entry.recorded),
                "kind": entry.kind.value,
                "account": entry.account,
                "credits": entry.credits,
                "balance": entry.balance,
                "run": entry.run,
                "derivation": dict(entry.derivation),
            }
            for entry in posted
        ],
        "review": [sentence(item.code, item.found) for item in reviews.open_items(connection) if item.document == key],
        "notices": [
            {
                "kind": notice.kind.value,
                "channel": notice.channel.value,
                "to": notice.recipient,
                "state": notice.state,
                "code": notice.code,
            }
            for notice in outbox.listed(connection, document=key)
        ],
    }


def _shown(value: Any, name: str = "") -> Any:
    """As people read it: times as text, also those of what stands within."""
    match value:
        case dict():
            return {inner: _shown(one, inner) for inner, one in value.items()}
        case list() | tuple():
            return [_shown(one) for one in value]
        case int() if name in TIMES:
            return _iso(value)
        case _:
            return value


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
