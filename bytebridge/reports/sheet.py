"""A statement as CSV for spreadsheets: RFC 4180 with commas, UTF-8 with a byte order mark, ISO dates, plain numbers.

The mark is what makes a spreadsheet read accents as they are. Every row has the same columns; the first one tells
movements from opening, closing and totals, so that a filter separates them.
"""

import csv
import io
import re
from collections.abc import Iterator

from bytebridge.domain.model import Instant
from bytebridge.domain.statement import Statement
from bytebridge.reports import shown
from bytebridge.reports.figures import Figures, figures

BOM = "\ufeff"

Cell = str | int
Cells = list[Cell]

# what starts a formula, also full-width, also behind a mark at which another spreadsheet would split the cell
_FORMULA = re.compile(r"""(^|[,;|])(["'\s]*)([=+\-@＝＋－＠])""")


def render(
    statement: Statement,
    *,
    language: str,
    zone: str,
    code: str,
    lasts: shown.Range | None,
    made: Instant | None = None,
) -> str:
    """made: when the statement is drawn up, None leaves that out."""
    out = io.StringIO()
    out.write(BOM)
    write = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    for cells in _table(statement, figures(language, zone), code, lasts, made):
        write.writerow([safe(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def safe(text: str) -> str:
    """The text as one cell that no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1'\2\3", shown.printable(text))


def _table(
    statement: Statement, form: Figures, code: str, lasts: shown.Range | None, made: Instant | None
) -> Iterator[Cells]:
    words = form.words
    yield [
        words["title"],
        words["date"],
        words["document"],
        words["kind"],
        words["minutes"],
        words["credits"],
        words["balance"],
        words["reason"],
        "id",
    ]
    since = form.iso_day(statement.since) if statement.since is not None else ""
    last = form.iso_day(Instant(statement.until - 1)) if statement.until is not None else ""
    yield [words["opening"], since, "", "", "", "", statement.opening, "", ""]
    for row in shown.rows(statement, form):
        line = row.line
        minutes: Cell = line.minutes if line.minutes is not None else ""
        day = form.iso_day(line.at)
        yield [
            words["movement"],
            day,
            row.document,
            row.kind,
            minutes,
            line.credits,
            line.balance,
            row.reason,
            line.id,
        ]
    yield [words["closing"], last, "", "", "", "", statement.closing, "", ""]
    for name, credits in shown.total_rows(statement, form):
        yield [words["total"], "", "", name, "", credits, "", "", ""]
    day = form.iso_day(made) if made is not None else ""
    yield [words["forecast"], day, "", "", "", "", "", shown.forecast(statement, lasts, form, made), ""]
    yield [words["receipt"], day, code, "", "", "", "", shown.holder(statement), ""]
