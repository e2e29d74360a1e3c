"""Which letters were considered for an account, what became of them, and why nobody was told."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from bytebridge.domain.accounts import normalise
from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Instant, Ticket, TicketState
from bytebridge.domain.notices import STATEMENTS_A_DAY, UNTOLD, unwarned
from bytebridge.jobs.context import Context
from bytebridge.jobs.labels import labels
from bytebridge.ledger import accounts, documents, entries, outbox, reviews
from bytebridge.ledger.documents import Stored
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.outbox import Notice
from bytebridge.ledger.reviews import Review
from bytebridge.wording.reviews import sentence

Row = tuple[Instant, str, str, str]
"""When, document, letter, what became of it."""


def explain(
    connection: Connection, email: str, since: Instant | None, until: Instant | None, context: Context
) -> list[dict[str, Any]]:
    """Letters, entries without one and documents without either, by when they came up.

    NotFound for an address that neither an account nor a document or letter knows.
    """
    root = accounts.find(connection, email, context.now())
    if root is not None:
        letters = outbox.listed(connection, account=root)
        posted = entries.of_family(connection, root)
        seen = documents.of_account(connection, root)
    else:
        plain = normalise(email) or ""
        letters = [letter for letter in outbox.listed(connection) if letter.recipient == plain]
        posted, seen = [], documents.of_addresses(connection, [plain])
        if not (letters or seen):
            accounts.get(connection, email, context.now())
    told = {(letter.document, letter.revision) for letter in letters}
    held = outbox.is_held(connection)
    rows: list[Row] = [(one.created_at, one.document, one.kind.value, _became(one, held)) for one in letters]
    rows += [
        (entry.recorded, entry.document, entry.kind.value, _untold(entry, context))
        for entry in posted
        if (entry.document, entry.revision) not in told
    ]
    known = {document for _, document, _, _ in rows}
    reviewed = {item.document: item for item in reviews.open_items(connection, "waiting")}
    rows += [_silent(one, reviewed.get(one.key), root, context) for one in seen if one.key not in known]
    names = labels(connection, [document for _, document, _, _ in rows])
    return [
        {"at": _iso(at), "document": names.get(document, document), "kind": kind, "became": became}
        for at, document, kind, became in sorted(rows, key=itemgetter(0))
        if (since is None or at >= since) and (until is None or at < until)
    ]


def _silent(stored: Stored, review: Review | None, root: int | None, context: Context) -> Row:
    """A document that brought neither an entry nor a letter, and why."""
    document = stored.document
    if not isinstance(document, Ticket):
        why = sentence(review.code, review.found) if review is not None else "it moved no credits"
        return stored.seen_at, stored.key, "purchase", f"not written: {why}"
    kind = "insufficient" if document.state in (TicketState.NEW, TicketState.OPEN) else "balance"
    if stored.memory.asked:
        kind = "statement"
    return document.changed_at, stored.key, kind, f"not written: {_why_silent(stored, document, review, root, context)}"


def _why_silent(stored: Stored, ticket: Ticket, review: Review | None, root: int | None, context: Context) -> str:
    if review is not None:
        return f"it waits for a person: {sentence(review.code, review.found)}"
    if ticket.changed_at < context.policy.quiet_before:
        return "it happened before notices.quiet_before"
    if stored.memory.asked:
        return f"{STATEMENTS_A_DAY} statements were answered that day already, or a machine asked"
    if stored.worth == 0:
        return "its work cost nothing"
    silent = unwarned(ticket, stored.memory, context.rules, context.policy, context.now())
    if silent is not None:
        return silent
    if root is None and not context.policy.strangers:
        return "nobody without an account is warned beforehand (notices.strangers)"
    return "the balance covered what it costs at least, when it was last read"


def _became(letter: Notice, held: bool) -> str:
    where = f"{letter.channel} to {letter.recipient}" if letter.channel == "email" else "reply in the ticket"
    sent = f" at {_iso(letter.sent_at)}" if letter.sent_at is not None else ""
    stopped = outbox.ALL_HELD if held and letter.state in ("pending", "unknown") else ""
    why = "".join(f": {words}" for words in (letter.why, stopped) if words)
    return f"{letter.state}, {where}{sent}{why}"


def _untold(entry: Entry, context: Context) -> str:
    if entry.kind in UNTOLD:
        return "told to nobody: a change by a person, who tells it themselves"
    if entry.happened < context.policy.quiet_before:
        return "told to nobody: it happened before notices.quiet_before"
    return "told to nobody: the document belongs to another account now"


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
