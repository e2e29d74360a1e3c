"""Which letters were considered for an account, what became of them, and why nobody was told."""

from datetime import UTC, datetime
from typing import Any

from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Instant
from bytebridge.domain.notices import UNTOLD
from bytebridge.jobs.context import Context
from bytebridge.jobs.labels import labels
from bytebridge.ledger import accounts, entries, outbox
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.outbox import Notice


def explain(
    connection: Connection, email: str, since: Instant | None, until: Instant | None, context: Context
) -> list[dict[str, Any]]:
    """Letters and entries without a letter, by when they were recorded."""
    root = accounts.get(connection, email, context.now())
    letters = outbox.listed(connection, account=root)
    posted = entries.of_family(connection, root)
    names = labels(connection, [*(one.document for one in letters), *(one.document for one in posted)])
    told = {(letter.document, letter.revision) for letter in letters}
    rows = [(letter.created_at, letter.document, letter.kind.value, _became(letter)) for letter in letters]
    rows += [
        (entry.recorded, entry.document, entry.kind.value, _untold(entry, context))
        for entry in posted
        if (entry.document, entry.revision) not in told
    ]
    return [
        {"at": _iso(at), "document": names.get(document, document), "kind": kind, "became": became}
        for at, document, kind, became in sorted(rows)
        if (since is None or at >= since) and (until is None or at < until)
    ]


def _became(letter: Notice) -> str:
    where = f"{letter.channel} to {letter.recipient}" if letter.channel == "email" else "reply in the ticket"
    sent = f" at {_iso(letter.sent_at)}" if letter.sent_at is not None else ""
    why = f": {letter.why}" if letter.why else ""
    return f"{letter.state}, {where}{sent}{why}"


def _untold(entry: Entry, context: Context) -> str:
    if entry.kind in UNTOLD:
        return "told to nobody: a change by a person, who tells it themselves"
    if entry.happened < context.policy.quiet_before:
        return "told to nobody: it happened before notices.quiet_before"
    return "told to nobody: the document belongs to another account now"


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
