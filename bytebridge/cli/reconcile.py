"""`reconcile`."""

from dataclasses import replace
from typing import Any

import click

from bytebridge.cli.progress import Progress
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
@click.option(
    "--account",
    metavar="EMAIL",
    help="Compare only this account's documents; the window is read whole all the same, so narrow it with --since.",
)
@dry_run_option
@click.option(
    "--plan",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Write every repair with its evidence to FILE; repair nothing.",
)
@click.option(
    "--apply",
    "applied",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Do exactly what a plan says, item by item, or refuse it.",
)
@click.option("--confirm", type=int, metavar="RUN", help="Let through what the brake held back in RUN.")
@json_option
@click.pass_context
def reconcile_command(
    ctx: click.Context,
    since: str | None,
    until: str | None,
    source: str | None,
    account: str | None,
    plan: str | None,
    applied: str | None,
    confirm: int | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Reads the sources again, compares every document with the ledger, repairs the drift.

    \b
    Exit code 3 when there was drift, repaired or not. One that was cut off in the last hours goes on where it was.
      bytebridge reconcile --dry-run
      bytebridge reconcile --since 2026-01-01 --source shop
      bytebridge reconcile --plan repairs.json   then   bytebridge reconcile --apply repairs.json
    """
    from bytebridge import service
    from bytebridge.jobs import brake, repair_plan
    from bytebridge.jobs.reconcile import Window
    from bytebridge.ledger import accounts

    if sum(given is not None for given in (plan, applied, confirm)) > 1:
        raise click.UsageError("give one of --plan, --apply and --confirm")
    settings = settings_of(ctx)
    dry = dry_run or plan is not None
    store = service.open_for_dry_run(settings) if dry else service.open_store(settings, write=True)
    sources = [Source(source)] if source else list(service.ORDER)
    allowed, root = 0, None
    with store.read() as connection:
        if account is not None:
            root = accounts.get(connection, account, service.clock())
        if confirm is not None:
            held, allowed = brake.confirmed_load(connection, confirm)
            sources = [held]
    need_secrets(settings, sources)
    zone = settings.notices.time_zone
    window = Window(moment(since, zone), moment(until, zone, end=True), root)
    context = replace(service.build(settings, store, sources=sources), allowed=allowed)
    repairs = repair_plan.read(applied, context) if applied is not None else None
    with Progress(quiet=as_json) as progress:
        found = service.reconciliation(context, sources, window, dry_run=dry, repairs=repairs, progress=progress)
    if plan is not None:
        repair_plan.write(plan, found, context)
    store.close()
    shown = {
        "dry_run": dry,
        "examined": found.examined,
        "drift": found.drift,
        "review": found.review,
        "applied": found.applied,
        "refused": found.refused,
        "errors": found.errors,
        "goes_on": found.goes_on,
    }
    if as_json:
        show_json(shown)
    else:
        _say(shown)
    if found.errors:
        return 1
    return 3 if found.drift or found.refused else 0


def _say(shown: dict[str, Any]) -> None:
    if shown["goes_on"] is not None:
        click.echo(f"goes on where run {shown['goes_on']} was cut off")
    for row in shown["drift"]:
        reason = row.get("reason", "as planned")
        click.echo(f"{row['document']}: {reason}: {row['delta']:+d} credits ({row.get('email') or 'nobody'})")
    for line in shown["refused"]:
        click.echo(f"refused: {line}")
    examined = ", ".join(f"{source} {count}" for source, count in shown["examined"].items())
    repaired = "nothing repaired" if shown["dry_run"] else f"repaired: {shown['applied']}"
    click.echo(f"read: {examined or 'nothing'}; drift: {len(shown['drift'])}, {repaired}; in review: {shown['review']}")
    for line in shown["errors"]:
        click.echo(f"bytebridge: {line}", err=True)
