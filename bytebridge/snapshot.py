"""The ledger's own figures for metrics and the status page."""

from collections.abc import Mapping
from dataclasses import replace

from bytebridge.domain.model import Instant
from bytebridge.jobs import brake, overview
from bytebridge.ledger import accounts, outbox, reviews
from bytebridge.ledger.engine import Store
from bytebridge.metrics import Snapshot
from bytebridge.reports.status import render_status
from bytebridge.settings import Settings


def of(store: Store, now: Instant) -> Snapshot:
    """One consistent look at the ledger."""
    with store.read() as connection:
        rows = list(accounts.all_balances(connection).values())
        waiting, oldest = reviews.count_open(connection).get("waiting", (0, now))
        flagged, _ = reviews.count_open(connection).get("flagged", (0, now))
        states = outbox.depth(connection)
        return Snapshot(
            accounts=len(rows),
            outstanding=int(sum(row for row in rows if row > 0)),
            owed=int(-sum(row for row in rows if row < 0)),
            waiting=waiting,
            flagged=flagged,
            oldest_review_s=float(max(0, now - oldest)),
            outbox={state: states.get(state, 0) for state in (*outbox.UNSETTLED, "failed")},
            oldest_due_s=float(outbox.oldest_due(connection, now)),
            brake=brake.standing(connection),
        )


def page(
    store: Store,
    settings: Settings,
    now: Instant,
    trouble: tuple[str, ...],
    errors: Mapping[str, str],
    *,
    stands_by: bool,
) -> str:
    """The status page."""
    with store.read() as connection:
        found = overview.status(connection, settings, now, trouble, errors)
    return render_status(replace(found, stands_by=stands_by))
