"""`explain`: a document, the rule applied to it, what was posted and told."""

from typing import Any

import click

from bytebridge.cli.shared import json_option, need_secrets, reading, settings_of, show_json


@click.command("explain")
@click.argument("document", nargs=-1, required=True)
@json_option
@click.pass_context
def explain_command(ctx: click.Context, document: tuple[str, ...], *, as_json: bool) -> None:
    """What the source says now, the rule step by step, what was posted when, what was told to whom.

    \b
      bytebridge explain order 1042
      bytebridge explain ticket KXB-QWERT-482
    """
    from bytebridge import service
    from bytebridge.errors import SettingsError
    from bytebridge.jobs.explain import explain
    from bytebridge.jobs.labels import WORDS

    settings = settings_of(ctx)
    words = " ".join(document).split()
    sources = [WORDS[words[0]]] if words and words[0] in WORDS else []
    why_not = ""
    try:
        need_secrets(settings, sources)
    except SettingsError as error:
        sources, why_not = [], str(error)
    with reading(ctx) as store:
        shown = explain(document, service.build(settings, store, sources=sources), why_not)
    if as_json:
        show_json(shown)
        return
    click.echo(f"{shown['document']}  ({shown['email'] or 'no address'}, account {shown['account']})")
    source = shown["source"]
    if source["why"]:
        click.echo(f"{source['why']}; last seen {source['last_seen']}:")
    else:
        click.echo("the source says now:" if not source["changed_since"] else "the source says now, not yet read:")
    for name, value in shown["says"].items():
        click.echo(f"  {name}: {_said(value)}")
    click.echo("the rule:")
    for step in shown["steps"] or ["nothing was posted"]:
        click.echo(f"  {step}")
    _say_now(shown["now"])
    click.echo("posted:")
    for entry in shown["entries"]:
        click.echo(f"  {entry['at']}  {entry['credits']:+d}  account {entry['account']}, balance {entry['balance']}")
    for item in shown["review"]:
        click.echo(f"waits: {item}")
    for letter in shown["notices"]:
        click.echo(
            f"told: {letter['kind']} by {letter['channel']} to {letter['to']}: {letter['state']} ({letter['code']})"
        )


def _say_now(now: dict[str, Any]) -> None:
    """What is different by what the source says now, if anything is."""
    if not now["would_post"]:
        return
    click.echo(f"by what it says now it is worth {now['worth']}; the next pass posts {now['would_post']:+d}:")
    for step in now["steps"]:
        click.echo(f"  {step}")


def _said(value: Any) -> str:
    """A value of the source as a person reads it: lists by commas, tables as `name value` pairs."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(item)}" for name, item in value.items() if item not in (None, "", False))
    if isinstance(value, list | tuple):
        return "; ".join(_said(item) for item in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
