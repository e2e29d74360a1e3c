"""`runs`: every pass and command that posted."""

from typing import Any

import click

from bytebridge.cli.shared import iso, json_option, reading, show_json, table


@click.group("runs")
def runs_command() -> None:
    """Every poll, reconciliation and command that posted: who, when, what."""


@runs_command.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@json_option
@click.pass_context
def list_(ctx: click.Context, limit: int, *, as_json: bool) -> None:
    """The latest first."""
    from bytebridge.ledger import runs

    with reading(ctx) as store, store.read() as connection:
        shown = [
            {**run, "begun": iso(run["begun"]), "finished": iso(run["finished"])}
            for run in runs.listed(connection, limit)
        ]
    if as_json:
        show_json({"runs": shown})
        return
    rows = [
        [one["id"], one["what"], one["by"], one["begun"], one["result"], one["figures"].get("posted", "")]
        for one in shown
    ]
    table(["id", "what", "by", "begun", "result", "posted"], rows)


@runs_command.command("show")
@click.argument("number", metavar="RUN", type=int)
@json_option
@click.pass_context
def show(ctx: click.Context, number: int, *, as_json: bool) -> None:
    """One run with the entries it posted."""
    from bytebridge.errors import NotFound
    from bytebridge.jobs.labels import labels
    from bytebridge.ledger import entries, runs

    with reading(ctx) as store, store.read() as connection:
        run = runs.get(connection, number)
        if run is None:
            raise NotFound(f"no run {number}")
        posted = entries.of_run(connection, number)
        names = labels(connection, [entry.document for entry in posted])
    shown = {**run, "begun": iso(run["begun"]), "finished": iso(run["finished"])}
    shown["entries"] = [
        {
            "id": entry.id,
            "document": names[entry.document],
            "account": entry.account,
            "credits": entry.credits,
        }
        for entry in posted
    ]
    if as_json:
        show_json(shown)
        return
    click.echo(f"run {run['id']}: {run['what']} by {run['by']}, {shown['begun']}: {run['result']}")
    for name, value in run["figures"].items():
        if name != "course" and value not in (None, "", [], {}):
            click.echo(f"  {name.replace('_', ' ')}: {_said(value)}")
    for line in shown["entries"]:
        click.echo(f"  {line['document']}: {line['credits']:+d} on account {line['account']}")


def _said(figure: Any) -> str:
    if isinstance(figure, dict):
        return ", ".join(f"{name} {count}" for name, count in figure.items())
    return "; ".join(map(str, figure)) if isinstance(figure, list) else str(figure)
