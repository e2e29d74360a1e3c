"""An account's statement out of the ledger, in each format."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from bytebridge.domain import statement as domain
from bytebridge.domain.entry import EntryKind, receipt
from bytebridge.domain.forecast import lasts_days
from bytebridge.domain.model import Credits, Instant
from bytebridge.domain.statement import Statement
from bytebridge.jobs.languages import language_of
from bytebridge.ledger import accounts, documents, entries, pages
from bytebridge.ledger.engine import Connection
from bytebridge.settings import Settings

FORMS = {"text": "text", "json": "data", "csv": "sheet", "html": "page", "pdf": "pdf"}


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` on and before `until`; known_at: only what was recorded before it."""

    since: Instant | None = None
    until: Instant | None = None
    known_at: Instant | None = None


def statement_of(connection: Connection, root: int, window: Window) -> Statement:
    known = None if window.known_at is None else Instant(window.known_at - 1)
    found = entries.of_family(connection, root, known)
    emails = accounts.emails_of(connection, [root])[root]
    summary = accounts.summaries(connection, [root])[0]
    codes = documents.codes(connection, sorted({entry.document for entry in found}))
    return domain.make(root, emails, summary.name, found, codes, window.since, window.until)


def render(
    connection: Connection,
    root: int,
    window: Window,
    fmt: str,
    language: str | None,
    settings: Settings,
    now: Instant,
) -> bytes:
    """The statement as bytes. fmt: text, json, csv, html or pdf."""
    statement = statement_of(connection, root, window)
    summary = accounts.summaries(connection, [root])[0]
    tongue = language or language_of(None, summary.language, settings.notices.language)
    zone = settings.notices.time_zone
    code = code_of(connection, root)
    lasts = forecast(statement, now) if window.until is None else None
    draw = form_of(fmt)
    content = draw(statement, language=tongue, zone=zone, code=code, lasts=lasts, made=now)
    return content if isinstance(content, bytes) else content.encode()


def form_of(fmt: str) -> Callable[..., str | bytes]:
    """The function that draws a statement in this format; what it draws with is imported only now."""
    module = importlib.import_module(f"bytebridge.reports.{FORMS[fmt]}")
    draw: Callable[..., str | bytes] = module.render
    return draw


def code_of(connection: Connection, root: int) -> str:
    """The receipt of a statement: it proves the account's history up to its present head."""
    seq, _, head = pages.heads(connection, [root]).get(root, (0, 0, "0" * 64))
    return receipt(root, seq, head, f"statement:{root}", seq, "statement")


def forecast(statement: Statement, now: Instant) -> tuple[int, int] | None:
    used = [
        (line.at, Credits(-line.credits))
        for line in statement.lines
        if line.kind in (EntryKind.DEBIT, EntryKind.CORRECTION)
    ]
    return lasts_days(statement.closing, used, now)
