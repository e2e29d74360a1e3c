"""`explain`: a document, the rule applied to it, what was posted and told."""

from typing import Any

import click

from bytebridge.cli.shared import json_option, reading, show_json


@click.command("explain")
@click.argument("document", nargs=-1, required=True)
@json_option
@click.pass_context
def explain_command(ctx: click.Context, document: tuple[str, ...], *, as_json: bool) -> None:
    """What the source says, the rule step by step, what was posted when, what was told to whom.

    \b
      bytebridge explain order 1042
      bytebridge explain ticket KXB-QWERT-482
    """
    from bytebridge.jobs.explain import explain

    with reading(ctx) as store, store.read() as connection:
        shown = explain(connection, document)
    if as_json:
        show_json(shown)
        return
    click.echo(f"{shown['document']}  ({shown['email'] or 'no address'}, account {shown['account']})")
    click.echo("the source says:")
    for name, value in shown["says"].items():
        click.echo(f"  {name}: {_said(value)}")
    click.echo("the rule:")
    for step in shown["steps"] or ["nothing was posted"]:
        click.echo(f"  {step}")
    click.echo("posted:")
    for entry in shown["entries"]:
        click.echo(f"  {entry['at']}  {entry['credits']:+d}  account {entry['account']}, balance {entry['balance']}")
    for item in shown["review"]:
        click.echo(f"waits: {item}")
    for letter in shown["notices"]:
        click.echo(
            f"told: {letter['kind']} by {letter['channel']} to {letter['to']}: {letter['state']} ({letter['code']})"
        )


def _said(value: Any) -> str:
    """A value of the source as a person reads it: lists by commas, tables as `name value` pairs."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(item)}" for name, item in value.items() if item not in (None, "", False))
    if isinstance(value, list | tuple):
        return "; ".join(_said(item) for item in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
