"""Each operation and the balance written to the firm's ERP: a copy, never read back as the truth."""

from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Credits, Instant
from bytebridge.errors import OutcomeUnknown, RemoteError, RemoteRejected, RemoteUnavailable
from bytebridge.jobs.context import Context, PassResult
from bytebridge.ledger import accounts, copies, entries
from bytebridge.ledger.copies import Copy
from bytebridge.logs import log

LIMIT = 100  # accounts a pass
FIRST_WAIT_S, LONGEST_WAIT_S = 300, 21_600
GIVE_UP = 30  # attempts


def write_back(context: Context) -> PassResult:
    """Writes what is due, one account at a time; `posted` counts the accounts brought up to date."""
    result = PassResult()
    if context.writer is None:
        return result
    with context.store.read() as connection:
        due = copies.due(connection, context.now(), LIMIT)
    for root, rows in due.items():
        if context.stopping():
            break
        try:
            _write(root, rows, context)
            _settle(rows, context, "done", "")
            result.posted += 1
        except (RemoteUnavailable, OutcomeUnknown) as error:
            _later(rows, context, error)
        except RemoteRejected as error:
            _settle(rows, context, "parked", str(error))
            log(
                "write_back_parked",
                document=None,
                account=root,
                operation=error.operation,
                error=error.message,
            )
        except RemoteError as error:
            _later(rows, context, error)
            log("source_refused", source=error.system, operation=error.operation, error=error.message)
            result.error = str(error)
            break
    return result


def _write(root: int, rows: list[Copy], context: Context) -> None:
    """The balance of each third party is the sum of the accounts found under it; none found, nothing written."""
    assert context.writer is not None
    now = context.now()
    with context.store.read() as connection:
        emails = accounts.emails_of(connection, [root])[root]
        events = entries.by_ids(connection, [row.entry for row in rows if row.event])
    customers = context.writer.find_customer(emails)
    for customer in customers:
        for entry in events:
            label = f"{entry.credits:+d} credits, {entry.document.replace(':', ' ')}: balance {entry.balance}"
            note = f"{entry.kind.value} of {entry.credits:+d} credits by {entry.document.replace(':', ' ')}."
            context.writer.post_event(customer, _reference(entry, customer), label, note, entry.happened)
        total = _balance_under(customer, context)
        context.writer.put_balance(customer, total, now)
        log("write_back_done", document=None, account=root, credits=total)


def _reference(entry: Entry, customer: str) -> str:
    """By which an event is found again: the entry's place and hash, which outlive a restored store's numbers."""
    return f"bytebridge:{entry.account}-{entry.seq}-{entry.hash[:8]}:{customer}"


def _balance_under(customer: str, context: Context) -> Credits:
    assert context.writer is not None
    with context.store.read() as connection:
        roots = {
            root
            for email in context.writer.emails_of(customer)
            if (root := accounts.find(connection, email, context.now())) is not None
        }
        return Credits(sum(accounts.balances(connection, roots).values()))


def _settle(rows: list[Copy], context: Context, state: str, why: str) -> None:
    context.store.transact(lambda connection: copies.settle(connection, rows, state, why))


def _later(rows: list[Copy], context: Context, error: RemoteError) -> None:
    attempts = max(row.attempts for row in rows) + 1
    if attempts >= GIVE_UP:
        _settle(rows, context, "parked", str(error))
        return
    due = Instant(context.now() + min(FIRST_WAIT_S * 2 ** (attempts - 1), LONGEST_WAIT_S))
    context.store.transact(lambda connection: copies.later(connection, rows, attempts, due, str(error)))
