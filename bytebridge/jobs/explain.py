"""A document with the rule applied to it, its entries, its reviews and its letters."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bytebridge.domain.reviews import sentence
from bytebridge.jobs import labels
from bytebridge.ledger import entries, outbox, reviews
from bytebridge.ledger.engine import Connection
from bytebridge.wording import steps

TIMES = ("created_at", "paid_at", "changed_at", "resolved_at", "date")


def explain(connection: Connection, words: Sequence[str]) -> dict[str, Any]:
    """Everything the ledger knows of one document; NotFound when it knows none by that name."""
    stored = labels.get(connection, words)
    posted = entries.of_documents(connection, [stored.key])
    says: dict[str, Any] = msgspec.to_builtins(stored.document)
    return {
        "document": labels.label_of(stored.key, stored.document.code),
        "email": stored.email or None,
        "account": stored.account,
        "worth": stored.worth,
        "says": {name: _shown(name, value) for name, value in says.items() if value not in (None, [], "")},
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
        "review": [
            sentence(item.code, item.found) for item in reviews.open_items(connection) if item.document == stored.key
        ],
        "notices": [
            {
                "kind": notice.kind.value,
                "channel": notice.channel.value,
                "to": notice.recipient,
                "state": notice.state,
                "code": notice.code,
            }
            for notice in outbox.listed(connection, document=stored.key)
        ],
    }


def _shown(name: str, value: Any) -> Any:
    return _iso(value) if name in TIMES else value


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
