"""What every command needs: settings, the store, dates, JSON on standard output."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from bytebridge.domain.model import Instant, Source
from bytebridge.terminal import printable

if TYPE_CHECKING:
    from bytebridge.ledger.engine import Store
    from bytebridge.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would happen; write nothing.")
source_option = click.option(
    "--source",
    type=click.Choice([source.value for source in Source if source != Source.ADMIN]),
    help="Only this one.",
)
FIRST_YEAR, LAST_YEAR = 1970, 9000  # of dates that a database and a calendar agree on
SECRETS = {
    Source.HELPDESK: ("helpdesk.api_key",),
    Source.SHOP: ("shop.api_key",),
    Source.ERP: ("erp.api_key",),
}


def settings_of(ctx: click.Context) -> "Settings":
    """The checked configuration, with logs going to standard error as it says."""
    from bytebridge import logs
    from bytebridge.settings import load, secret_values

    settings = load(ctx.find_root().obj)
    logs.configure(settings.logging.level, settings.logging.format, secrets=secret_values(settings))
    return settings


def need_secrets(settings: "Settings", sources: Any) -> None:
    from bytebridge.settings import need

    need(settings, *(secret for source in sources for secret in SECRETS[source]))


@contextmanager
def reading(ctx: click.Context) -> Iterator["Store"]:
    """The store for a command that only reads."""
    from bytebridge.opening import open_store

    store = open_store(settings_of(ctx), write=False)
    try:
        yield store
    finally:
        store.close()


def show_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_file(path: str, content: bytes) -> None:
    """Where `--output` says; Refused when that cannot be written."""
    from bytebridge import files
    from bytebridge.errors import Refused

    try:
        files.write(Path(path), content)
    except OSError as error:
        raise Refused(f"{path}: cannot be written ({error.strerror}): name another file") from error
    click.echo(f"written: {path}", err=True)


def write_json(text: str, output: str | None) -> None:
    """As `write_out`; nobody's words in the document command a terminal, it means the same."""
    write_out(f"{printable(text)}\n".encode(), output)


def write_out(content: bytes, output: str | None) -> None:
    """To that file, else to standard output as it is, whatever its encoding; Refused when neither can take it."""
    from bytebridge.errors import Refused

    if output is not None:
        write_file(output, content)
        return
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.close(sys.stdout.fileno())  # the interpreter would try once more at its end
        raise Refused(f"standard output: cannot be written ({error.strerror}): use --output FILE") from error


def moment(text: str | None, zone: str, *, end: bool = False) -> Instant | None:
    """ISO 8601 text as an instant; a bare day is one in `zone`, with `end` all of it is meant."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text}: an ISO 8601 date or time such as 2026-01-31") from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise click.BadParameter(f"{text}: a year from {FIRST_YEAR} to {LAST_YEAR}")
    bare = _is_bare_day(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(zone if bare else "UTC"))
    if end and bare:
        found += timedelta(days=1)
    return Instant(int(found.timestamp()))


def _is_bare_day(text: str) -> bool:
    """Also as 20260131 or 2026-W05-6."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def iso(instant: int | None) -> str | None:
    """UTC, ISO 8601 with Z."""
    if instant is None:
        return None
    return datetime.fromtimestamp(instant, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def table(headers: list[str], rows: list[list[Any]]) -> None:
    """Columns on standard output: aligned text, plain in a pipe."""
    texts = [["" if cell is None else " ".join(str(cell).splitlines()) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [headers, *texts]) for column in range(len(headers))]
    for line in [headers, *texts]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
