"""An account's statement out of the ledger, in each format."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from bytebridge.domain import statement as domain
from bytebridge.domain.entry import Entry, receipt
from bytebridge.domain.forecast import charges, lasts_days
from bytebridge.domain.letter import StatementRow
from bytebridge.domain.model import Instant
from bytebridge.domain.statement import Statement
from bytebridge.jobs.languages import language_of
from bytebridge.ledger import accounts, chains, documents, entries, past
from bytebridge.ledger.accounts import Summary
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.past import Standing
from bytebridge.reports import apart, shown
from bytebridge.reports.figures import figures
from bytebridge.settings import Settings

FORMS = {"text": "text", "json": "data", "csv": "sheet", "html": "page", "pdf": "pdf"}


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` on and before `until`; known_at: as it would have been drawn up just before it."""

    since: Instant | None = None
    until: Instant | None = None
    known_at: Instant | None = None

    def made(self, now: Instant) -> Instant:
        return now if self.known_at is None else min(now, Instant(self.known_at - 1))

    def end(self, now: Instant) -> Instant:
        """The last moment it tells of."""
        return min(self.made(now), Instant(self.until - 1)) if self.until is not None else self.made(now)


def render(
    connection: Connection,
    root: int,
    window: Window,
    fmt: str,
    language: str | None,
    settings: Settings,
    now: Instant,
    tell: Callable[[int], None] | None = None,
    standing: Standing | None = None,
    code: str | None = None,
    *,
    separate: bool = False,
) -> bytes:
    """The statement as bytes. fmt: text, json, csv, html or pdf. tell: movements written since it was last called.

    standing: the account as it stood at the window's end; None: as it stands now. code: that of the letter it
    belongs to; None for one of its own. separate: drawn by a process of its own.
    """
    made = window.made(now)
    if standing is not None:
        history = past.history(connection, standing, window.known_at)
        summary = past.as_it_stood(connection, standing)
    else:
        known_at = None if window.known_at is None else made
        history = entries.of_members(connection, accounts.family(connection, root), known_at)
        summary = accounts.summaries(connection, [root])[0]
    statement = _statement(connection, summary, history, window)
    lasts = None if shown.is_past(statement, made) else lasts_days(statement.closing, charges(history), made)
    options: dict[str, Any] = {
        "language": language or language_of(None, summary.language, settings.notices.language),
        "zone": settings.notices.time_zone,
        "code": code or code_of(connection, root),
        "lasts": lasts,
        "made": made,
    }
    if fmt == "pdf" and tell is not None:
        options["tell"] = tell
    draw = partial(apart.render, FORMS[fmt]) if separate else form_of(fmt)
    content = draw(statement, **options)
    return content if isinstance(content, bytes) else content.encode()


def _statement(connection: Connection, summary: Summary, history: Sequence[Entry], window: Window) -> Statement:
    codes = documents.codes(connection, sorted({entry.document for entry in history}))
    return domain.make(summary.id, summary.emails, summary.name, history, codes, window.since, window.until)


def latest(
    connection: Connection, root: int, language: str, settings: Settings, count: int
) -> tuple[tuple[StatementRow, ...], bool]:
    """The last movements, newest first, for where no table fits; and whether there are more."""
    summary = accounts.summaries(connection, [root])[0]
    statement = _statement(connection, summary, entries.of_family(connection, root), Window())
    form = figures(language, settings.notices.time_zone)
    last = replace(statement, lines=statement.lines[-count:])
    rows = [
        StatementRow(
            form.day(row.line.at),
            row.document or row.kind,
            row.reason,
            form.signed(row.line.credits),
            form.number(row.line.balance),
        )
        for row in shown.rows(last, form)
    ]
    return tuple(reversed(rows)), len(statement.lines) > count


def form_of(fmt: str) -> Callable[..., str | bytes]:
    """The function that draws a statement in this format; what it draws with is imported only now."""
    module = importlib.import_module(f"bytebridge.reports.{FORMS[fmt]}")
    draw: Callable[..., str | bytes] = module.render
    return draw


def code_of(connection: Connection, root: int) -> str:
    """The receipt of a statement: it proves the account's history up to its present head."""
    seq, _, head = chains.heads(connection, [root]).get(root, chains.NO_HEAD)
    return receipt(root, seq, head, f"statement:{root}", seq, "statement")
