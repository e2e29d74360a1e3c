"""The firm's overview and the status page's figures, gathered out of the ledger."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from bytebridge import __version__
from bytebridge.domain.model import Instant
from bytebridge.domain.packs import price_of
from bytebridge.domain.rules import Rules
from bytebridge.jobs.labels import labels
from bytebridge.jobs.rules import rules_of, systems
from bytebridge.ledger import accounts, entries, outbox, reviews, runs
from bytebridge.ledger.engine import Connection
from bytebridge.reports import fold
from bytebridge.reports.health import SourceHealth
from bytebridge.reports.overview import Firm, NoticeCount, Overview, ReviewItem
from bytebridge.reports.status import LowBalance, PastRun, Status
from bytebridge.settings import Settings
from bytebridge.wording.reviews import sentence

WITHOUT_MINUTES = ("no_minutes", "zero_minutes")
SHOWN = 15  # runs and low balances on the status page
WAITS = ("pending", "sending", "unknown", "held")


def overview(
    connection: Connection, settings: Settings, now: Instant, progress: Callable[[str, int], None], language: str
) -> Overview:
    """Everything the firm's report shows; the entries are streamed, an account at a time.

    language: of the sentences that say why something is in review.
    """
    firm = Firm(
        names=accounts.names(connection),
        reviews=_reviews(connection, language),
        notices=_notices(connection),
        sources=_sources(connection, settings, now),
    )
    counted = entries.by_family(connection, lambda rows: progress("entries", rows))
    return fold.overview(counted, firm, _price(rules_of(settings)), now, settings.notices.time_zone)


def _price(rules: Rules) -> Callable[[str, Instant], Decimal | None]:
    def price(reference: str, at: Instant) -> Decimal | None:
        text = price_of(rules, reference, at)
        return Decimal(text) if text is not None else None

    return price


def _reviews(connection: Connection, language: str) -> tuple[ReviewItem, ...]:
    items = reviews.open_items(connection)
    names = labels(connection, [item.document for item in items])
    return tuple(
        ReviewItem(
            item.id,
            names[item.document],
            sentence(item.code, item.found, language),
            item.cost,
            item.state,
            item.since,
            lacks_minutes=item.code in WITHOUT_MINUTES,
        )
        for item in items
    )


def _notices(connection: Connection) -> tuple[NoticeCount, ...]:
    counts = outbox.counts(connection)
    kinds = sorted({kind for kind, _ in counts})
    return tuple(
        NoticeCount(
            kind,
            sent=counts.get((kind, "sent"), 0),
            failed=counts.get((kind, "failed"), 0),
            waiting=sum(counts.get((kind, state), 0) for state in WAITS),
        )
        for kind in kinds
    )


def _sources(
    connection: Connection, settings: Settings, now: Instant, errors: Mapping[str, str] | None = None
) -> tuple[SourceHealth, ...]:
    found = []
    for source, section in systems(settings).items():
        if section.url:
            read = runs.reading(connection, source).finished
            lag = float(now - read) if read is not None else 0.0
            error = (errors or {}).get(source.value, "")
            found.append(SourceHealth(source.value, read, lag, float(section.poll_interval), error))
    return tuple(found)


def status(
    connection: Connection, settings: Settings, now: Instant, trouble: tuple[str, ...], errors: Mapping[str, str]
) -> Status:
    """What the daemon's own page shows; accounts by number and name, no address."""
    below = [LowBalance(*row) for row in accounts.below(connection, settings.notices.low_balance)]
    low = sorted((one for one in below if one.balance), key=lambda one: (one.balance < 0, one.balance))
    waiting, oldest = reviews.count_open(connection).get("waiting", (0, None))
    flagged, _ = reviews.count_open(connection).get("flagged", (0, None))
    letters = outbox.depth(connection)
    return Status(
        at=now,
        zone=settings.notices.time_zone,
        version=__version__,
        trouble=trouble,
        sources=_sources(connection, settings, now, errors),
        outbox=tuple((state, letters[state]) for state in (*outbox.UNSETTLED, "failed") if state in letters),
        oldest_due_s=float(outbox.oldest_due(connection, now)),
        waiting=waiting,
        flagged=flagged,
        oldest_review=Instant(oldest) if oldest is not None else None,
        runs=tuple(
            PastRun(
                run["id"], run["what"], run["begun"], run["finished"], run["result"], run["figures"].get("posted", 0)
            )
            for run in runs.listed(connection, SHOWN)
        ),
        low=tuple(low[:SHOWN]),
        low_more=max(0, len(low) - SHOWN),
        at_zero=len(below) - len(low),
    )
