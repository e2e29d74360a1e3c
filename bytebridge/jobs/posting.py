"""Posts what people's changes call for: the difference under a key, in their transaction, and tells a low balance."""

from collections.abc import Sequence
from typing import Any

from bytebridge.domain import notices
from bytebridge.domain.entry import Entry, EntryKind, Posting
from bytebridge.domain.model import Credits, Instant
from bytebridge.domain.notices import Draft
from bytebridge.domain.settlement import differences
from bytebridge.domain.view import Account
from bytebridge.jobs.book import Run, copied
from bytebridge.jobs.context import Context
from bytebridge.ledger import accounts, chains, copies, entries, outbox
from bytebridge.ledger.engine import Connection


def post(
    connection: Connection,
    key: str,
    kind: EntryKind,
    expected: dict[int, Credits],
    derivation: dict[str, Any],
    context: Context,
    run: Run,
) -> list[Entry]:
    """Brings what is posted under `key` to what is expected, on the accounts themselves, not their roots."""
    posted = {account: credits for account, credits in entries.posted(connection, key).items() if credits}
    return bring(connection, key, kind, expected, posted, derivation, context, run)


def bring(
    connection: Connection,
    key: str,
    kind: EntryKind,
    expected: dict[int, Credits],
    posted: dict[int, Credits],
    derivation: dict[str, Any],
    context: Context,
    run: Run,
    happened: Instant | None = None,
) -> list[Entry]:
    deltas = differences(expected, posted)
    return add(connection, key, kind, deltas, posted, derivation, context, run, happened) if deltas else []


def add(
    connection: Connection,
    key: str,
    kind: EntryKind,
    deltas: dict[int, Credits],
    posted: dict[int, Credits],
    derivation: dict[str, Any],
    context: Context,
    run: Run,
    happened: Instant | None = None,
) -> list[Entry]:
    now = context.now()
    before = {number: balance for number, (_, balance, _) in chains.heads(connection, list(deltas)).items()}
    revision = entries.last_revision(connection, key) + 1
    postings = [
        Posting(
            account,
            key,
            revision,
            kind,
            delta,
            Credits(before.get(account, 0) + delta),
            posted.get(account, Credits(0)),
            happened if happened is not None else now,
            _why(derivation, Credits(posted.get(account, 0) + delta), context),
        )
        for account, delta in deltas.items()
    ]
    run.number = run.take_number(connection)
    added = entries.append(connection, postings, run.number, now)
    run.added += added
    if copied(context):
        # openings and merges bring the balance up to date, a correction is an operation of its own
        copies.queue(connection, [(entry, entry.kind == EntryKind.ADJUSTMENT) for entry in added], now)
    _tell_low(connection, postings, before, context)
    return added


def _why(derivation: dict[str, Any], credits: Credits, context: Context) -> dict[str, Any]:
    """What the document moves on this account now, by whom: each account of a merge has its own figure."""
    return {"rule": "merge", "by": context.by, **derivation, "credits": credits}


def _tell_low(
    connection: Connection, postings: Sequence[Posting], before: dict[int, int], context: Context
) -> list[Draft]:
    """People's changes tell nobody, but a low balance they cause is told."""
    drafts = []
    for posting in postings:
        if posting.kind not in (EntryKind.ADJUSTMENT, EntryKind.MERGE):
            continue
        row = accounts.summaries(connection, [posting.account])
        if not row:
            continue
        waits = outbox.low_waits(connection, posting.account)
        holder = Account(posting.account, posting.account, posting.balance, row[0].threshold, low_pending=waits)
        draft = notices.low_balance(
            holder, Credits(before.get(posting.account, 0)), posting, context.policy, context.now()
        )
        if draft is not None:
            drafts.append(draft)
    outbox.queue(connection, drafts, [], context.now(), context.settings.notices.only_to)
    return drafts


def rooted(connection: Connection, key: str) -> dict[int, Credits]:
    """What is posted under `key` by root account: a family is settled as one."""
    posted = entries.posted(connection, key)
    roots = accounts.roots_of(connection, set(posted))
    found: dict[int, Credits] = {}
    for account, credits in posted.items():
        root = roots.get(account, account)
        found[root] = Credits(found.get(root, 0) + credits)
    return found
