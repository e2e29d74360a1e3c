"""`adjust` and `import`."""

import uuid

import click

from bytebridge.cli.shared import dry_run_option, moment, settings_of


@click.command("adjust", context_settings={"ignore_unknown_options": True})
@click.argument("email")
@click.argument("credits", type=int)
@click.option("--reason", required=True, help="Why; it stands in the ledger with who ran the command.")
@dry_run_option
@click.pass_context
def adjust_command(ctx: click.Context, email: str, credits: int, reason: str, *, dry_run: bool) -> int:
    """A correction by a person: bytebridge adjust ana@example.com -15 --reason "goodwill"."""
    from bytebridge import service
    from bytebridge.domain.model import Credits
    from bytebridge.jobs import people

    if not reason.strip():
        raise click.BadParameter("a reason is needed", param_hint="--reason")
    if credits == 0:
        raise click.BadParameter("0 credits would change nothing", param_hint="CREDITS")
    settings = settings_of(ctx)
    store = service.open_for_dry_run(settings) if dry_run else service.open_store(settings, write=True)
    context = service.build(settings, store, sources=())
    change = people.Adjust(email, Credits(credits), reason.strip(), f"adjust:{uuid.uuid4().hex[:12]}")
    for line in people.carry_out(context, change, dry_run=dry_run):
        click.echo(line)
    store.close()
    return 0


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--date", metavar="DAY", help="Day of the openings [today].")
@click.option("--with-history", is_flag=True, help="Although a source that is read has no `since`.")
@dry_run_option
@click.pass_context
def import_command(ctx: click.Context, file: str, date: str | None, *, with_history: bool, dry_run: bool) -> int:
    """Opening balances from a CSV file with the header email,credits[,name,language,reason].

    \b
    All or nothing; the same file again posts nothing. Nobody is told.
      bytebridge import openings.csv --date 2026-01-01 --dry-run
    """
    from bytebridge import service
    from bytebridge.jobs import openings, people

    settings = settings_of(ctx)
    day = moment(date, settings.notices.time_zone)
    rows = openings.read(file)
    if not with_history:
        openings.refuse_double_count(settings)
    store = service.open_for_dry_run(settings) if dry_run else service.open_store(settings, write=True)
    context = service.build(settings, store, sources=())
    total = people.import_openings(
        rows, day if day is not None else context.now(), context, dry_run=dry_run, tell=click.echo
    )
    store.close()
    click.echo(f"{len(rows)} openings read, {total} {'would change' if dry_run else 'posted'}")
    return 0
