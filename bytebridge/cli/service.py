"""`run` and `poll`."""

import sys

import click

from bytebridge.cli.shared import (
    dry_run_option,
    json_option,
    need_secrets,
    settings_of,
    show_json,
    source_option,
)
from bytebridge.domain.model import Source


@click.command("run")
@click.pass_context
def run_command(ctx: click.Context) -> int:
    """The daemon: polls, posts, writes letters until SIGTERM; SIGHUP reads the configuration again."""
    from bytebridge.daemon import Daemon

    return Daemon(ctx.find_root().obj).run()


@click.command("poll")
@source_option
@dry_run_option
@json_option
@click.pass_context
def poll_command(ctx: click.Context, source: str | None, *, dry_run: bool, as_json: bool) -> int:
    """One pass now: read what changed, post it, deliver the letters that are due.

    \b
    Safe beside the daemon. A rehearsal of going live:
      bytebridge poll --dry-run
    """
    from bytebridge import service
    from bytebridge.jobs.rehearse import rehearse

    settings = settings_of(ctx)
    sources = [Source(source)] if source else list(service.ORDER)
    need_secrets(settings, sources)
    if dry_run:
        store = service.open_for_dry_run(settings)
        shown = rehearse(service.build(settings, store, sources=sources), sources)
    else:
        store = service.open_store(settings, write=True)
        service.recover_letters(store, settings)
        done = service.one_pass(service.build(settings, store, sources=sources), sources)
        shown = {
            "examined": {source.value: result.examined for source, result in done.results.items()},
            "posted": sum(result.posted for result in done.results.values()),
            "notices_sent": done.sent,
            "errors": done.errors,
        }
    store.close()
    if as_json:
        show_json(shown)
    else:
        _say(shown, dry_run=dry_run)
    return 1 if shown["errors"] else 0


def _say(shown: dict, *, dry_run: bool) -> None:  # type: ignore[type-arg]
    examined = ", ".join(f"{source} {count}" for source, count in shown["examined"].items()) or "nothing"
    word = "would be posted" if dry_run else "posted"
    letters = "would be told" if dry_run else "sent"
    click.echo(f"changed: {examined}; {word}: {shown['posted']}; letters {letters}: {shown['notices_sent']}")
    for line in shown.get("entries", ()):
        click.echo(f"  {line['document']}: {line['credits']:+d} for {line['email']}")
    for line in shown.get("notices", ()):
        click.echo(f"  {line['document']}: letter {line['kind']} by {line['channel']}")
    for line in shown.get("review", ()):
        click.echo(f"  {line['document']} would wait for a person: {line['why']}")
    for line in shown["errors"]:
        click.echo(f"bytebridge: {line}", err=True)
    sys.stdout.flush()
