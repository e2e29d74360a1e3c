"""`config`: the effective configuration and its mistakes."""

import click

from bytebridge.cli.shared import json_option, show_json


@click.group("config")
def config_command() -> None:
    """The effective configuration and its mistakes."""


@config_command.command("show")
@json_option
@click.pass_context
def show(ctx: click.Context, *, as_json: bool) -> None:
    """Every key, its value and where it comes from; secrets are masked."""
    from bytebridge import settings

    path = settings.find_file(ctx.find_root().obj)
    found = settings.load(ctx.find_root().obj)
    rows = settings.effective(found, settings.origins(path))
    if as_json:
        show_json({row.key: {"value": row.value, "origin": str(row.origin)} for row in rows})
        return
    for row in rows:
        click.echo(f"{row.key} = {row.value}  # {row.origin}")


@config_command.command("check")
@click.pass_context
def check(ctx: click.Context) -> None:
    """Names every mistake at once; exit code 2 when there is one."""
    from bytebridge import settings

    path = settings.find_file(ctx.find_root().obj)
    settings.load(ctx.find_root().obj, secrets=settings.SECRETS)
    click.echo(f"{path or 'defaults and environment'}: no mistakes")
