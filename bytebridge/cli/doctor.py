"""`doctor`: what is wrong and what to do, on one screen."""

import shutil
import textwrap
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

import click

from bytebridge.cli.shared import json_option, settings_of, show_json

if TYPE_CHECKING:
    from bytebridge.connector import Finding

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
    for findings in map(list, found):
        levels |= {finding.level.value for finding in findings}
        shown += [{"level": one.level.value, "what": one.what, "cure": one.cure} for one in findings]
        if not as_json:
            _say(findings)
    code = 1 if "wrong" in levels else 3 if "doubtful" in levels else 0
    if as_json:
        show_json({"findings": shown, "exit": code})
    return code


def _say(findings: "Iterable[Finding]") -> None:
    """What is well in one paragraph, whatever is not on lines of its own with its cure."""
    width = shutil.get_terminal_size((100, 24)).columns
    for level, group in groupby(findings, lambda finding: finding.level.value):
        if level == "well":
            words = f"{MARKS[level]} " + "; ".join(finding.what for finding in group)
            click.echo(
                textwrap.fill(words, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
            )
            continue
        for finding in group:
            cure = f"\n    → {finding.cure}" if finding.cure else ""
            click.echo(f"{MARKS[level]} {finding.what}{cure}")
