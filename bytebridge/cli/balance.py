"""`balance` and `statement`."""

import sys
from pathlib import Path
from typing import Any

import click

from bytebridge.cli.shared import iso, json_option, moment, settings_of, show_json


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


def _missing(email: str, *, as_json: bool) -> int:
    if as_json:
        show_json({"error": f"no account for {email}"})
    else:
        click.echo(f"bytebridge: no account for {email}", err=True)
    return 1


@click.command("balance")
@click.argument("email")
@click.option("--at", metavar="DAY", help="As it was on a day (included).")
@click.option("--known-at", metavar="DAY", help="As it was known on a day (included).")
@json_option
@click.pass_context
def balance_command(ctx: click.Context, email: str, at: str | None, known_at: str | None, *, as_json: bool) -> int:
    """The balance of the account that owns EMAIL."""
    from bytebridge.ledger import accounts
    from bytebridge.service import clock, open_store

    settings = settings_of(ctx)
    zone = settings.notices.time_zone
    store = open_store(settings, write=False)
    with store.read() as connection:
        root = accounts.find(connection, email, clock())
        if root is None:
            return _missing(email, as_json=as_json)
        summary = accounts.summary_at(connection, root, moment(at, zone, end=True), moment(known_at, zone, end=True))
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
@click.option("--output", metavar="FILE", help="Write to this file instead of standard output.")
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
    from bytebridge.ledger import accounts
    from bytebridge.service import clock, open_store

    settings = settings_of(ctx)
    zone = settings.notices.time_zone
    fmt = "json" if as_json else fmt
    store = open_store(settings, write=False)
    with store.read() as connection:
        root = accounts.find(connection, email, clock())
        if root is None:
            return _missing(email, as_json=fmt == "json")
        window = statements.Window(moment(since, zone), moment(until, zone, end=True), moment(known_at, zone, end=True))
        content = statements.render(connection, root, window, fmt, language, settings, clock())
    store.close()
    if output:
        Path(output).write_bytes(content)
        click.echo(f"written: {output}", err=True)
    else:
        sys.stdout.buffer.write(content)
    return 0
