"""A statement as PDF: searchable text, vector drawing, page feet with the receipt code."""

from collections.abc import Callable

from bytebridge.domain.model import Instant
from bytebridge.domain.statement import Statement
from bytebridge.reports import burn_down, plot, shown
from bytebridge.reports.figures import Figures, figures
from bytebridge.reports.paper import ACCENT, INK, LINE, MUTED, RIGHT, RULE, SIDE, UNKNOWN, WARNING, Paper

DOCUMENT = SIDE + 27  # left edges of the columns; figures end at theirs
MINUTES, CREDITS, BALANCE = 150.0, 173.0, RIGHT
TEXT, SMALL = 9.0, 8.0  # points
NOTES = 12.0  # height of the last lines
PLOT = plot.Size(680, 210)
EVERY = 200  # movements between two signs of progress

Tell = Callable[[int], None]


def _quiet(_written: int) -> None:
    pass


def render(
    statement: Statement,
    *,
    language: str,
    zone: str,
    code: str,
    lasts: shown.Range | None,
    made: Instant | None = None,
    tell: Tell = _quiet,
) -> bytes:
    """made: when the statement is drawn up, None leaves that out. tell: movements written since it was last called.

    The same bytes for the same values. Refused without the drawing libraries.
    """
    form = figures(language, zone)
    title = " · ".join(filter(None, (form.words["title"], shown.holder(statement), shown.period(statement, form))))
    sheet = Paper(form.language, title, _dated(statement, made))
    _head(sheet, statement, form, code, made)
    _tiles(sheet, statement, form)
    _heading(sheet, form.words["forecast"])
    sheet.paragraph(shown.forecast(statement, lasts, form, made), TEXT)
    _course(sheet, statement, form, made)
    _movements(sheet, statement, form, tell)
    _totals(sheet, statement, form)
    holder = shown.holder(statement)

    def feet(page: int, pages: int) -> tuple[str, str]:
        left = f"{form.words['account']} {statement.account} · {holder}"[:70].rstrip(" ·")
        return left, f"{code} · {form.words['page'].format(page=page, pages=pages)}"

    return sheet.output(feet)


def _dated(statement: Statement, made: Instant | None) -> Instant:
    """The file's own date: it must not tell when somebody happened to draw the same statement again."""
    last = statement.lines[-1].recorded if statement.lines else Instant(0)
    return made if made is not None else last


def _head(sheet: Paper, statement: Statement, form: Figures, code: str, made: Instant | None) -> None:
    words = form.words
    sheet.paragraph(words["title"], 18, bold=True)
    if holder := shown.holder(statement):
        sheet.y += 1
        sheet.paragraph(holder, 11)
    if address := shown.address(statement):
        sheet.paragraph(address, TEXT, MUTED)
    sheet.y += 4
    facts = [
        (words["account"], str(statement.account)),
        (words["period"], shown.period(statement, form)),
        (words["made"], form.day(made) if made is not None else ""),
        (words["receipt"], code),
    ]
    x = SIDE
    for name, value in facts:
        if value:
            x += _fact(sheet, x, name, value) + 9
    sheet.y += 13


def _fact(sheet: Paper, x: float, name: str, value: str) -> float:
    """Its width."""
    top = sheet.y
    sheet.y = top + 3
    sheet.font(SMALL, MUTED)
    sheet.write(x, name)
    width = sheet.pdf.get_string_width(name)
    sheet.y = top + 7.5
    sheet.font(TEXT)
    sheet.write(x, value)
    sheet.y = top
    return float(max(width, sheet.pdf.get_string_width(value)))


def _tiles(sheet: Paper, statement: Statement, form: Figures) -> None:
    received, used = shown.movement(statement)
    values = [
        ("closing", statement.closing),
        ("opening", statement.opening),
        ("granted", received),
        ("used", used),
    ]
    width, gap, top = 42.0, 4.0, sheet.y
    for number, (name, value) in enumerate(values):
        x = SIDE + number * (width + gap)
        chief = number == 0
        sheet.pdf.set_draw_color(*(INK if chief else RULE))
        sheet.pdf.set_line_width(0.5 if chief else 0.2)
        sheet.pdf.rect(x, top, width, 17)
        sheet.y = top + 5.5
        sheet.font(SMALL, MUTED)
        sheet.write(x + 3, form.words[name])
        sheet.y = top + 13
        sheet.font(15, WARNING if value < 0 else ACCENT if chief else INK, bold=True)
        sheet.write(x + 3, form.number(value))
    sheet.y = top + 17


def _heading(sheet: Paper, text: str, keep: float = 20.0) -> None:
    """keep: how much of what follows must fit below it on the same page."""
    if not sheet.fits(keep):
        sheet.turn()
    sheet.y += 5
    sheet.bookmark(text)
    sheet.paragraph(text, 12, bold=True)
    sheet.y += 1.5


def _course(sheet: Paper, statement: Statement, form: Figures, made: Instant | None) -> None:
    if not statement.lines:
        return
    height = (RIGHT - SIDE) * PLOT.height / PLOT.width
    _heading(sheet, form.words["plot"], height + 20)
    text = shown.plot_text(statement, form)
    sheet.drawing(plot.drawn(burn_down.drawing(statement, form, made), PLOT, words_as_shapes=True), height, text)
    sheet.paragraph(text, SMALL, MUTED)


def _movements(sheet: Paper, statement: Statement, form: Figures, tell: Tell) -> None:
    words = form.words
    _heading(sheet, words["movements"], 40)
    _columns(sheet, form)
    _sum(sheet, words["opening"], form.number(statement.opening))
    for number, row in enumerate(shown.rows(statement, form), 1):
        _movement(sheet, row, form)
        if number % EVERY == 0:
            tell(EVERY)
    if not statement.lines:
        sheet.paragraph(words["no_movements"], TEXT, MUTED)
        sheet.y += 2
    if not sheet.fits(TEXT * LINE + 3):
        sheet.turn()
    _sum(sheet, words["closing"], form.number(statement.closing))


def _columns(sheet: Paper, form: Figures) -> None:
    """The head of the table, again on each page."""
    words = form.words
    sheet.font(SMALL, MUTED, bold=True)
    sheet.y += SMALL * LINE
    sheet.write(SIDE, words["date"])
    sheet.write(DOCUMENT, f"{words['document']} · {words['reason']}")
    sheet.write_right(MINUTES, words["minutes"])
    sheet.write_right(CREDITS, words["credits"])
    sheet.write_right(BALANCE, words["balance"])
    sheet.y += 1.8
    sheet.rule(0.4)


def _sum(sheet: Paper, name: str, figure: str) -> None:
    sheet.font(TEXT, bold=True)
    sheet.y += TEXT * LINE + 0.8
    sheet.write(DOCUMENT, name)
    sheet.write_right(BALANCE, figure)
    sheet.y += 1.8
    sheet.rule()


def _movement(sheet: Paper, row: shown.Row, form: Figures) -> None:
    line = row.line
    width = MINUTES - 14 - DOCUMENT
    sheet.font(SMALL, MUTED)
    reasons = sheet.wrapped(row.reason, width) if row.reason else []
    sheet.font(TEXT)
    first, *more = sheet.wrapped(row.document or row.kind, width)
    if not sheet.fits((1 + len(more)) * TEXT * LINE + len(reasons) * SMALL * LINE + 2.6):
        sheet.turn()
        _columns(sheet, form)
        sheet.font(TEXT)
    sheet.y += TEXT * LINE + 0.8
    sheet.write(SIDE, form.day(line.at))
    sheet.write(DOCUMENT, first)
    sheet.write_right(MINUTES, f"{form.number(line.minutes)} min" if line.minutes is not None else "")
    sheet.write_right(CREDITS, form.signed(line.credits))
    sheet.font(TEXT, WARNING if line.balance < 0 else INK)
    sheet.write_right(BALANCE, form.number(line.balance))
    for text, size, colour in [(text, TEXT, INK) for text in more] + [(text, SMALL, MUTED) for text in reasons]:
        sheet.font(size, colour)
        sheet.y += size * LINE
        sheet.write(DOCUMENT, text)
    sheet.y += 1.8
    sheet.rule()


def _totals(sheet: Paper, statement: Statement, form: Figures) -> None:
    rows = shown.total_rows(statement, form)
    if rows:
        _heading(sheet, form.words["totals"], (len(rows) + 3) * (TEXT * LINE + 2.6) + NOTES)
        sheet.rule(0.4)
    for name, credits in rows:
        _total(sheet, name, form.signed(credits), bold=False)
    if rows:
        _total(sheet, form.words["total"], form.signed(statement.closing - statement.opening), bold=True)
    sheet.y += 4
    sheet.paragraph(form.words["credit_note"], SMALL, MUTED)
    if sheet.lacking:
        sheet.paragraph(form.words["lacking"].format(mark=UNKNOWN), SMALL, MUTED)


def _total(sheet: Paper, name: str, figure: str, *, bold: bool) -> None:
    sheet.font(TEXT, bold=bold)
    sheet.y += TEXT * LINE + 0.8
    sheet.write(SIDE, name)
    sheet.write_right(RIGHT, figure)
    sheet.y += 1.8
    sheet.rule()
