"""`reconcile`."""

import sys
from typing import Any

import click

from bytebridge.cli.shared import (
    dry_run_option,
    json_option,
    moment,
    need_secrets,
    settings_of,
    show_json,
    source_option,
)
from bytebridge.domain.model import Source


@click.command("reconcile")
@click.option("--since", metavar="DAY", help="Only documents created from this day on.")
@click.option("--until", metavar="DAY", help="Only documents created up to and including this day.")
@source_option
@click.option("--account", metavar="EMAIL", help="Only documents of this account.")
@dry_run_option
@json_option
@click.pass_context
def reconcile_command(
    ctx: click.Context,
    since: str | None,
    until: str | None,
    source: str | None,
    account: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Reads the sources again, compares every document with the ledger, repairs the drift.

    \b
    Exit code 3 when there was drift, repaired or not.
      bytebridge reconcile --dry-run
      bytebridge reconcile --since 2026-01-01 --source shop
    """
    from bytebridge import service
    from bytebridge.jobs.reconcile import Window
    from bytebridge.ledger import accounts

    settings = settings_of(ctx)
    sources = [Source(source)] if source else list(service.ORDER)
    need_secrets(settings, sources)
    store = service.open_for_dry_run(settings) if dry_run else service.open_store(settings, write=True)
    zone = settings.notices.time_zone
    root = None
    if account is not None:
        with store.read() as connection:
            root = accounts.get(connection, account, service.clock())
    window = Window(moment(since, zone), moment(until, zone, end=True), root)
    context = service.build(settings, store, sources=sources)
    progress = _Progress(quiet=as_json)
    found = service.reconciliation(context, sources, window, dry_run=dry_run, progress=progress)
    progress.end()
    store.close()
    shown = {
        "dry_run": dry_run,
        "examined": found.examined,
        "drift": found.drift,
        "review": found.review,
        "applied": found.applied,
        "errors": found.errors,
    }
    if as_json:
        show_json(shown)
    else:
        _say(shown)
    if found.errors:
        return 1
    return 3 if found.drift else 0


class _Progress:
    """A counter on a terminal, nothing in a pipe."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = sys.stderr.isatty() and not quiet
        self._counts: dict[str, int] = {}

    def __call__(self, what: str, count: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + count
        if self._shown:
            text = ", ".join(f"{name} {total}" for name, total in self._counts.items())
            sys.stderr.write(f"\rread: {text} ")
            sys.stderr.flush()

    def end(self) -> None:
        if self._shown and self._counts:
            sys.stderr.write("\n")


def _say(shown: dict[str, Any]) -> None:
    for row in shown["drift"]:
        click.echo(
            f"{row['document']}: {row['reason']}: posted {row['posted']}, expected {row['expected']} "
            f"({row['email'] or 'nobody'})"
        )
    examined = ", ".join(f"{source} {count}" for source, count in shown["examined"].items())
    verb = "would be repaired" if shown["dry_run"] else "repaired"
    click.echo(
        f"read: {examined or 'nothing'}; drift: {len(shown['drift'])}, {verb}: "
        f"{len(shown['drift']) if shown['dry_run'] else shown['applied']}; in review: {shown['review']}"
    )
    for line in shown["errors"]:
        click.echo(f"bytebridge: {line}", err=True)
