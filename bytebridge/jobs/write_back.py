"""Each operation and the balance written to the firm's ERP: a copy, never read back as the truth."""

from collections.abc import Callable, Sequence
from functools import partial

from bytebridge.domain.accounts import normalise
from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Credits, Instant, Source
from bytebridge.errors import OutcomeUnknown, RemoteError, RemoteRejected, RemoteUnavailable
from bytebridge.jobs.context import Context, PassResult
from bytebridge.ledger import accounts, copies, entries
from bytebridge.ledger.copies import Copy
from bytebridge.ledger.lock import turn
from bytebridge.logs import log

LIMIT = 100  # accounts a pass
FIRST_WAIT_S, LONGEST_WAIT_S = 300, 21_600
GIVE_UP = 30  # attempts
TURN = "write_back"


def write_back(context: Context) -> PassResult:
    """Writes what is due, one account at a time; `posted` counts the accounts brought up to date.

    Only one process at a time: two would make an event twice, and the slower one leave an old balance behind.
    """
    result = PassResult()
    if context.writer is None:
        return result
    with context.store.read() as connection:
        if not copies.due(connection, context.now(), 1):
            return result
    with turn(context.store, TURN) as mine:
        if mine:
            _write_due(context, result)
    return result


def overwrite(context: Context) -> PassResult:
    """Balances in the ERP that are not the ledger's are overwritten; what was declined for good is tried again.

    Two calls for a hundred third parties, and one write for each that differs. `posted` counts these.
    """
    result = PassResult()
    if context.writer is None:
        return result
    with turn(context.store, TURN) as mine:
        if not mine:
            return result
        context.store.transact(lambda connection: copies.retry_parked(connection, context.now()))
        try:
            _overwrite(context, result)
        except RemoteError as error:
            result.error = str(error)
            log("source_refused", source=error.system, operation=error.operation, error=error.message)
    return result


def _overwrite(context: Context, result: PassResult) -> None:
    assert context.writer is not None
    with context.store.read() as connection:
        owners = {email: one for one in accounts.summaries(connection) for email in one.emails}
    for page in context.writer.copies():
        for shown in page:
            under = {one.id: one for email in shown.emails if (one := owners.get(normalise(email) or ""))}
            if not under or shown.balance == sum(one.balance for one in under.values()):
                continue
            # what the ledger says now, not at the beginning of the walk
            total = _balance_of(_roots_of(shown.emails, context), context)
            try:
                result.posted += context.writer.put_balance(shown.socid, total, context.now())
            except RemoteRejected as error:
                result.failed += 1
                _log_parked(min(under), error)
        context.progress(TURN, len(page))
        if context.stopping():
            return


def _write_due(context: Context, result: PassResult) -> None:
    with context.store.read() as connection:
        due = copies.due(connection, context.now(), LIMIT)
    nobodys: list[Copy] = []
    for root, rows in due.items():
        if context.stopping():
            break
        try:
            customers = _customers(root, context)
            declined = _write(root, customers, rows, context)
        except RemoteError as error:
            if not _put_off(rows, context, result, error):
                break
        else:
            if customers:
                _settle(rows, context, declined)
                result.posted += declined is None
            else:
                nobodys += rows
    if nobodys:
        _leave_out(nobodys, context, result)


def _put_off(rows: list[Copy], context: Context, result: PassResult, error: RemoteError) -> bool:
    """False: it would be the same with the others."""
    _later(rows, context, error)
    if isinstance(error, RemoteUnavailable | OutcomeUnknown):
        return True
    log("source_refused", source=error.system, operation=error.operation, error=error.message)
    result.error = str(error)
    return False


def _leave_out(rows: list[Copy], context: Context, result: PassResult) -> None:
    """Whoever is no third party has no copy; but a key that lost its right sees none at all (Dolibarr notes 1.3)."""
    assert context.writer is not None
    try:
        context.writer.prove_visible()
    except RemoteError as error:
        _put_off(rows, context, result, error)
    else:
        _settle(rows, context, None)


def _customers(root: int, context: Context) -> list[str]:
    assert context.writer is not None
    with context.store.read() as connection:
        emails = accounts.emails_of(connection, [root])[root]
    return context.writer.find_customer(emails)


def _write(root: int, customers: list[str], rows: list[Copy], context: Context) -> RemoteRejected | None:
    """The balance of each third party is the sum of the accounts found under it; none found, nothing written.

    What one third party declines holds up neither its other copies nor the account's other third parties; the last
    refusal is the answer.
    """
    with context.store.read() as connection:
        events = entries.by_ids(connection, [row.entry for row in rows if row.event])
    # an event that is declined does not keep back the balance either
    writes: list[Callable[[str, Context], None]] = [
        *(partial(_write_event, entry) for entry in events),
        partial(_write_balance, root),
    ]
    declined = None
    for customer in customers:
        for write in writes:
            try:
                write(customer, context)
            except RemoteRejected as error:
                declined = error
                _log_parked(root, error)
    return declined


def _write_event(entry: Entry, customer: str, context: Context) -> None:
    assert context.writer is not None
    label = f"{entry.credits:+d} credits, {entry.document.replace(':', ' ')}: balance {entry.balance}"
    note = f"{entry.kind.value} of {entry.credits:+d} credits by {entry.document.replace(':', ' ')}."
    context.writer.post_event(customer, _reference(entry, customer), label, note, entry.happened)


def _write_balance(root: int, customer: str, context: Context) -> None:
    """Waits while the account does not show under the third party: what is not shown there is not gone."""
    assert context.writer is not None
    roots = _roots_of(context.writer.emails_of(customer), context)
    if root not in roots:
        raise RemoteUnavailable(Source.ERP, f"GET /thirdparties/{customer}", "the account's address is not shown there")
    total = _balance_of(roots, context)
    context.writer.put_balance(customer, total, context.now())
    log("write_back_done", document=None, account=None, credits=total)


def _reference(entry: Entry, customer: str) -> str:
    """By which an event is found again: the entry's place and hash, which outlive a restored store's numbers."""
    return f"bytebridge:{entry.account}-{entry.seq}-{entry.hash[:8]}:{customer}"


def _roots_of(emails: Sequence[str], context: Context) -> set[int]:
    with context.store.read() as connection:
        return {root for email in emails if (root := accounts.find(connection, email, context.now())) is not None}


def _balance_of(roots: set[int], context: Context) -> Credits:
    with context.store.read() as connection:
        return Credits(sum(accounts.balances(connection, roots).values()))


def _log_parked(account: int, error: RemoteRejected) -> None:
    log("write_back_parked", document=None, account=account, operation=error.operation, error=error.message)


def _settle(rows: list[Copy], context: Context, declined: RemoteRejected | None) -> None:
    state, why = ("done", "") if declined is None else ("parked", str(declined))
    context.store.transact(lambda connection: copies.settle(connection, rows, state, why))


def _later(rows: list[Copy], context: Context, error: RemoteError) -> None:
    attempts = max(row.attempts for row in rows) + 1
    if attempts >= GIVE_UP:
        context.store.transact(lambda connection: copies.settle(connection, rows, "parked", str(error)))
        return
    due = Instant(context.now() + min(FIRST_WAIT_S * 2 ** (attempts - 1), LONGEST_WAIT_S))
    context.store.transact(lambda connection: copies.later(connection, rows, attempts, due, str(error)))
