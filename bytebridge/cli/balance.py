"""`balance` and `statement`."""

import sys
from typing import Any

import click

from bytebridge.cli.progress import Progress
from bytebridge.cli.shared import iso, json_option, moment, settings_of, show_json, write_json, write_out


def summary_json(summary: Any, threshold: int) -> dict[str, Any]:
    """An account as every command shows it."""
    low = summary.threshold if summary.threshold is not None else threshold
    return {
        "account": summary.id,
        "emails": list(summary.emails),
        "name": summary.name,
        "balance": summary.balance,
        "low": summary.balance < low,
        "granted": summary.granted,
        "debited": summary.debited,
        "last_entry_at": iso(summary.last_entry_at),
    }


@click.command("balance")
@click.argument("email")
@click.option("--at", metavar="DAY", help="As it was on a day (included).")
@click.option("--known-at", metavar="DAY", help="As it was known on a day (included).")
@json_option
@click.pass_context
def balance_command(ctx: click.Context, email: str, at: str | None, known_at: str | None, *, as_json: bool) -> int:
    """The balance of the account that owns EMAIL."""
    from bytebridge.ledger import past
    from bytebridge.opening import clock, open_store

    settings = settings_of(ctx)
    zone = settings.notices.time_zone
    store = open_store(settings, write=False)
    with store.read() as connection:
        before, known = moment(at, zone, end=True), moment(known_at, zone, end=True)
        summary = past.summary(connection, email, before, known, clock())
    store.close()
    shown = summary_json(summary, settings.notices.low_balance)
    if as_json:
        show_json(shown)
    else:
        low = "  (low)" if shown["low"] else ""
        click.echo(f"{shown['balance']} credits{low}  {', '.join(summary.emails)}  {summary.name}".rstrip())
    return 0


@click.command("statement")
@click.argument("email")
@click.option("--since", metavar="DAY", help="From this day on.")
@click.option("--until", "--at", "until", metavar="DAY", help="Up to and including this day.")
@click.option("--known-at", metavar="DAY", help="As it was known on a day (included).")
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "json", "csv", "html", "pdf"]),
    default="text",
    show_default=True,
)
@click.option("--language", type=click.Choice(["es", "fr", "en"]), help="Instead of the account's own.")
@click.option(
    "--output", type=click.Path(readable=False), metavar="FILE", help="Write to this file instead of standard output."
)
@json_option
@click.pass_context
def statement_command(
    ctx: click.Context,
    email: str,
    since: str | None,
    until: str | None,
    known_at: str | None,
    fmt: str,
    language: str | None,
    output: str | None,
    *,
    as_json: bool,
) -> int:
    """Every movement of an account with its reason and running balance."""
    from bytebridge.jobs import statements
    from bytebridge.ledger import accounts, past
    from bytebridge.opening import clock, open_store

    settings = settings_of(ctx)
    zone = settings.notices.time_zone
    fmt = "json" if as_json else fmt
    if fmt == "pdf" and output is None and sys.stdout.isatty():
        raise click.UsageError("a PDF is not for a terminal: name a file with --output, or use a pipe")
    window = statements.Window(moment(since, zone), moment(until, zone, end=True), moment(known_at, zone, end=True))
    if window.since is not None and window.until is not None and window.since >= window.until:
        raise click.UsageError(f"--since {since} is not before the end of --until {until}")
    store = open_store(settings, write=False)
    with store.read() as connection, Progress(quiet=False, verb="written") as progress:
        bygone = window.until is not None or window.known_at is not None
        standing = past.standing(connection, email, window.end(clock())) if bygone else None
        content = statements.render(
            connection,
            standing.root if standing is not None else accounts.get(connection, email, clock()),
            window,
            fmt,
            language,
            settings,
            clock(),
            lambda count: progress("movements", count),
            standing,
        )
    store.close()
    if fmt == "json":
        write_json(content.decode(), output)
    else:
        write_out(content, output)
    return 0
