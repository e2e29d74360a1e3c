"""A statement as plain text of at most 78 columns, for a terminal or a ticket."""

import textwrap
from collections.abc import Iterator

from bytebridge.domain.model import Credits, Instant
from bytebridge.domain.statement import Statement
from bytebridge.reports import shown
from bytebridge.reports.figures import Figures, figures

WIDTH = 78
DAY, MINUTES, FIGURE = 14, 6, 10  # columns of a date, of minutes and of a number of credits
LEFT = WIDTH - DAY - MINUTES - 2 * FIGURE
BARS = "▁▂▃▄▅▆▇█"
COURSE = 60  # columns of the balance's course


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
    form = figures(language, zone)
    return "\n".join(_lines(statement, form, code, lasts, made)) + "\n"


def _lines(
    statement: Statement, form: Figures, code: str, lasts: shown.Range | None, made: Instant | None
) -> Iterator[str]:
    words = form.words
    yield words["title"]
    yield "=" * len(words["title"])
    yield f"{words['account']} {statement.account}  {shown.holder(statement)}".rstrip()
    yield f"{form.label('period')} {shown.period(statement, form)}"
    if made is not None:
        yield f"{form.label('made')} {form.day(made)}"
    yield f"{form.label('receipt')} {code}"
    yield ""
    yield from _movements(statement, form)
    yield ""
    if statement.lines:
        yield from _totals(statement, form)
        yield words["plot"]
        yield f"  {course(statement, made)}"
        yield from _indented(shown.plot_text(statement, form), 2)
        yield ""
    yield words["forecast"]
    yield from _indented(shown.forecast(statement, lasts, form, made), 2)
    yield ""
    yield words["credit_note"]


def _movements(statement: Statement, form: Figures) -> Iterator[str]:
    words = form.words
    yield _columns(words["date"], words["document"], "min", words["credits"], words["balance"])
    yield "-" * WIDTH
    yield _columns("", words["opening"], "", "", form.number(statement.opening))
    for row in shown.rows(statement, form):
        yield from _movement(row, form)
    if not statement.lines:
        yield from _indented(words["no_movements"], DAY)
    yield "-" * WIDTH
    yield _columns("", words["closing"], "", "", form.number(statement.closing))


def _movement(row: shown.Row, form: Figures) -> Iterator[str]:
    line = row.line
    first, *more = textwrap.wrap(row.document or row.kind, LEFT - 1) or [""]
    minutes = form.number(line.minutes) if line.minutes is not None else ""
    yield _columns(form.day(line.at), first, minutes, form.signed(line.credits), form.number(line.balance))
    for text in (*more, row.reason):
        yield from _indented(text, DAY)


def _totals(statement: Statement, form: Figures) -> Iterator[str]:
    yield form.words["totals"]
    whole = (form.words["total"], Credits(statement.closing - statement.opening))
    for name, credits in [*shown.total_rows(statement, form), whole]:
        yield f"  {name:<{DAY + LEFT + MINUTES - 2}}{form.signed(credits):>{FIGURE}}"
    yield ""


def _columns(day: str, text: str, minutes: str, credits: str, balance: str) -> str:
    figure = f"{minutes:>{MINUTES}}{credits:>{FIGURE}}{balance:>{FIGURE}}"
    return f"{day:<{DAY}}{text:<{LEFT}}{figure}".rstrip()


def _indented(text: str, columns: int) -> list[str]:
    blank = " " * columns
    return textwrap.wrap(text, WIDTH, initial_indent=blank, subsequent_indent=blank)


def course(statement: Statement, made: Instant | None) -> str:
    """The balance's course in one line: each column a stretch of time, its height the balance at the end of it."""
    points = shown.points(statement, made)
    first, last = points[0].at, points[-1].at
    lowest, highest = shown.extremes(statement)
    heights = []
    here = 0
    for column in range(1, COURSE + 1):
        ends = first + (last - first) * column / COURSE
        while here + 1 < len(points) and points[here + 1].at <= ends:
            here += 1
        share = (points[here].balance - lowest) / (highest - lowest) if highest > lowest else 1
        heights.append(BARS[round(share * (len(BARS) - 1))])
    return "".join(heights)
