"""One pass: the sources in their order, then the letters and the copies for the ERP that are due."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bytebridge.domain.model import Instant, Source
from bytebridge.jobs import deliver as letters
from bytebridge.jobs import module_endings, staff
from bytebridge.jobs import poll as polling
from bytebridge.jobs import write_back as copies
from bytebridge.jobs.book import Run, new_token
from bytebridge.jobs.context import Context, PassResult
from bytebridge.ledger import outbox, runs
from bytebridge.logs import bind

ORDER = (Source.SHOP, Source.ERP, Source.HELPDESK)
PURCHASES = (Source.SHOP, Source.ERP)


@dataclass(slots=True)
class Pass:
    """What `poll` reports."""

    results: dict[Source, PassResult] = field(default_factory=dict)
    sent: int = 0
    errors: list[str] = field(default_factory=list)


def one_pass(
    context: Context,
    sources: Sequence[Source],
    *,
    deliver: bool = True,
    write_back: bool = True,
    purchases_first: bool = True,
) -> Pass:
    """Shop, then ERP, then help desk, then the letters and write-backs that are due.

    purchases_first: a desk that is read alone waits for a first reading of shop and ERP, made here.
    """
    done = Pass()
    run = Run("poll", context.by, context.now(), context.token or new_token())
    with bind(run=run.token):
        context = replace(context, freshen=lambda: _read_purchases(context, run, done, always=True))
        if Source.HELPDESK in sources and purchases_first:
            _read_purchases(context, run, done, always=False)
        for source in ORDER:
            if source in sources and source not in done.results:
                _read(source, context, run, done)
        if deliver:
            _deliver(context, run, done)
        if write_back:
            _note(copies.write_back(context), done)
        _finish(context, run, done)
    return done


def _read(source: Source, context: Context, run: Run, done: Pass) -> None:
    if source not in context.connectors or context.stopping():
        return
    with context.turns[source]:
        result = polling.poll(source, context, run)
    if source in done.results:
        done.results[source].add(result)
    else:
        done.results[source] = result
    if result.error:
        done.errors.append(result.error)


def _read_purchases(context: Context, run: Run, done: Pass, *, always: bool) -> None:
    """Before a stranger is charged, and before the desk is read for the first time: who has bought is no stranger."""
    for source in PURCHASES:
        if source not in context.connectors or source in done.results:
            continue
        with context.store.read() as connection:
            never = runs.reading(connection, source).begun is None
        if always or never:
            _read(source, context, run, done)


def _deliver(context: Context, run: Run, done: Pass) -> None:
    _fresh_shop(context, run, done)
    module_endings.queue_endings(context)
    outcome = PassResult()
    done.sent = letters.deliver(context, outcome)
    staff.note_reviews(context)
    staff.digest(context)
    _note(outcome, done)


def _fresh_shop(context: Context, run: Run, done: Pass) -> None:
    """Who has just bought is not told to buy: letters about shortage wait for a reading later than their cause."""
    if Source.SHOP not in context.connectors or context.stopping():
        return
    with context.store.read() as connection:
        read = runs.reading(connection, Source.SHOP).begun or Instant(0)
        waits = outbox.waits_for_shop(connection, read)
    last = done.results.get(Source.SHOP)
    if waits and (last is None or not last.error):
        _read(Source.SHOP, context, run, done)


def _note(outcome: PassResult, done: Pass) -> None:
    if outcome.error:
        done.errors.append(outcome.error)


def _finish(context: Context, run: Run, done: Pass) -> None:
    if run.number is None:
        return
    number = run.number
    figures = {
        "examined": {source.value: result.examined for source, result in done.results.items()},
        "posted": sum(result.posted for result in done.results.values()),
        "errors": done.errors,
    }
    outcome = "failed" if done.errors else "done"
    context.store.transact(lambda connection: runs.finish(connection, number, outcome, figures, context.now()))
