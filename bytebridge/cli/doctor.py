"""`doctor`: what is wrong and what to do."""

import click

from bytebridge.cli.shared import json_option, settings_of, show_json

MARKS = {"well": "✓", "doubtful": "?", "wrong": "✗"}


@click.command("doctor")
@json_option
@click.pass_context
def doctor_command(ctx: click.Context, *, as_json: bool) -> int:
    """Checks configuration, database, systems, keys, clocks and templates; says what to fix.

    Exit code 0 well, 1 wrong, 3 doubtful.
    """
    from bytebridge import service
    from bytebridge.jobs import doctor
    from bytebridge.settings import find_file

    settings = settings_of(ctx)
    connectors = service.connect(settings, service.ORDER, knows=doctor.pack_known(settings, service.clock()))
    found = doctor.examine(
        settings,
        lambda: service.open_store(settings, write=False),
        list(connectors.values()),
        find_file(ctx.find_root().obj),
    )
    shown, levels = [], set()
    for finding in found:
        levels.add(finding.level.value)
        shown.append({"level": finding.level.value, "what": finding.what, "cure": finding.cure})
        if not as_json:
            cure = f"\n    → {finding.cure}" if finding.cure else ""
            click.echo(f"{MARKS[finding.level.value]} {finding.what}{cure}")
    code = 1 if "wrong" in levels else 3 if "doubtful" in levels else 0
    if as_json:
        show_json({"findings": shown, "exit": code})
    return code
