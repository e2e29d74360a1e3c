"""Builds everything from the settings, and runs the jobs on a schedule; knows no rule."""

import gc
import getpass
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from bytebridge.connector import Connector
from bytebridge.domain.model import Instant, Source
from bytebridge.errors import Refused
from bytebridge.jobs import repair_plan
from bytebridge.jobs.book import Run, new_token
from bytebridge.jobs.context import Context
from bytebridge.jobs.reconcile import Reconciled, Window, reconcile
from bytebridge.jobs.rules import policy_of, rules_of, systems
from bytebridge.jobs.write_back import overwrite
from bytebridge.ledger import codec, facts, lock, outbox, runs
from bytebridge.ledger.engine import Connection, Store
from bytebridge.logs import bind, log
from bytebridge.opening import clock, open_for_dry_run, open_store, side_directory
from bytebridge.passes import ORDER, Pass, one_pass
from bytebridge.settings import Settings

if TYPE_CHECKING:
    from bytebridge.erp.connector import Erp
    from bytebridge.erp.write_back import Writer
    from bytebridge.helpdesk.connector import HelpDesk
    from bytebridge.notices.smtp import Mailer

COLLECT_AFTER = 20_000  # new objects: a page is many small values without cycles, and looking for some takes its time

Observe = Callable[[str, str, str, float], None]
__all__ = [
    "ORDER",
    "Pass",
    "build",
    "clock",
    "connect",
    "one_pass",
    "open_for_dry_run",
    "open_store",
    "reconciliation",
    "side_directory",
]


def login() -> str:
    """Who runs this command, as the ledger records it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _ignore(_system: str, _operation: str, _result: str, _seconds: float) -> None:
    pass


def recover_letters(store: Store, settings: Settings) -> None:
    """Attempts of a process that died are looked up soon, unless a daemon runs whose attempts they may be."""
    if store.dialect != "sqlite":
        return
    try:
        with lock.alone(store):
            store.transact(lambda connection: outbox.recover(connection, clock(), settings.notices.recheck_after))
    except Refused:
        return


def created_at(store: Store) -> Instant:
    with store.read() as connection:
        return facts.created_at(connection)


def connect(
    settings: Settings,
    sources: Iterable[Source],
    *,
    observe: Observe = _ignore,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], Instant] = clock,
    monotonic: Callable[[], float] = time.monotonic,
    mine: Callable[[], bool] = lambda: True,
    knows: Callable[[str], bool] = bool,
) -> dict[Source, Connector]:
    """A connector for each of these sources that this firm has.

    mine: False once another process works in this one's place. knows: False for a reference doctor should name.
    """
    tools: dict[str, Any] = {
        "observe": observe, "sleep": sleep, "monotonic": monotonic, "now": now, "may_write": mine,
    }  # fmt: skip
    found: dict[Source, Connector] = {}
    for source in ORDER:
        if source not in sources:
            continue
        if source == Source.SHOP and settings.shop.url:
            from bytebridge.shop import connector as shop  # noqa: PLC0415  (only what is configured is imported)

            found[source] = shop.connect(settings.shop, knows=knows, **tools)
        if source == Source.ERP and settings.erp.url:
            from bytebridge.erp import connector as erp  # noqa: PLC0415

            found[source] = erp.connect(settings.erp, knows=knows, **tools)
        if source == Source.HELPDESK and settings.helpdesk.url:
            from bytebridge.helpdesk import connector as helpdesk  # noqa: PLC0415

            found[source] = helpdesk.connect(settings.helpdesk, **tools)
    return found


def build(
    settings: Settings,
    store: Store,
    *,
    sources: Sequence[Source] = ORDER,
    by: str | None = None,
    observe: Observe = _ignore,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], Instant] = clock,
    monotonic: Callable[[], float] = time.monotonic,
    stopping: Callable[[], bool] = lambda: False,
    mine: Callable[[], bool] = lambda: True,
) -> Context:
    """Everything the jobs work with. mine: False once another process works in this one's place."""
    gc.set_threshold(COLLECT_AFTER)
    connectors = connect(settings, sources, observe=observe, sleep=sleep, now=now, monotonic=monotonic, mine=mine)
    rules = rules_of(settings)
    return Context(
        store=store,
        settings=settings,
        rules=rules,
        rules_digest=codec.digest(repr(rules)),
        policy=policy_of(settings, created_at(store)),
        connectors=connectors,
        turns={source: threading.Lock() for source in connectors},
        now=now,
        by=by or login(),
        desk=cast("HelpDesk | None", connectors.get(Source.HELPDESK)),
        mailer=_mailer(settings, mine),
        writer=_writer(settings, connectors),
        stopping=stopping,
    )


def _mailer(settings: Settings, mine: Callable[[], bool]) -> "Mailer | None":
    if not settings.smtp.host:
        return None
    from bytebridge.notices.smtp import Mailer  # noqa: PLC0415

    return Mailer(settings.smtp, may_send=mine)


def _writer(settings: Settings, connectors: Mapping[Source, Connector]) -> "Writer | None":
    if Source.ERP not in connectors or not settings.erp.write_back:
        return None
    from bytebridge.erp.write_back import Writer  # noqa: PLC0415

    return Writer(cast("Erp", connectors[Source.ERP]).client, settings.erp.balance_field)


def intervals(settings: Settings) -> dict[str, float]:
    """Seconds between two passes of each source this firm has."""
    return {source.value: float(section.poll_interval) for source, section in systems(settings).items() if section.url}


def reconciliation(
    context: Context,
    sources: Sequence[Source],
    window: Window,
    *,
    dry_run: bool,
    repairs: list[dict[str, Any]] | None = None,
    progress: Callable[[str, int], None] = lambda _what, _count: None,
) -> Reconciled:
    """A reconciliation as a recorded run; a dry one leaves no trace. repairs: of a plan, instead of a walk."""
    context = replace(context, progress=progress)
    run = Run("reconcile", context.by, context.now(), context.token or new_token())
    if not dry_run:
        run.number = context.store.transact(run.take_number)
    began = time.monotonic()
    wanted = [source for source in ORDER if source in sources and source in context.connectors]
    with bind(run=run.token):
        found = (
            reconcile(wanted, window, context, run, dry_run=dry_run)
            if repairs is None
            else repair_plan.apply(repairs, context, run, dry_run=dry_run)
        )
        if repairs is None and not dry_run and Source.ERP in wanted and window.account is None:
            copied = overwrite(context)
            found.errors += [copied.error] if copied.error else []
        _finish(context, run, found)
        log(
            "reconcile_finished",
            examined=sum(found.examined.values()),
            drift=len(found.drift),
            applied=found.applied,
            review=found.review,
            duration_ms=round((time.monotonic() - began) * 1000),
            dry_run=dry_run,
        )
    return found


def _finish(context: Context, run: Run, found: Reconciled) -> None:
    if run.number is None:
        return
    number = run.number
    figures = {
        "examined": found.examined,
        "posted": found.applied,
        "drift": len(found.drift),
        "refused": len(found.refused),
        "errors": found.errors,
    }
    outcome = "failed" if found.errors else "stopped" if found.stopped else "done"

    def work(connection: Connection) -> None:
        present = runs.get(connection, number)
        if outcome != "done" and present is not None:
            figures["course"] = present["figures"].get("course")  # the next one goes on from there
        runs.finish(connection, number, outcome, figures, context.now())

    context.store.transact(work)
