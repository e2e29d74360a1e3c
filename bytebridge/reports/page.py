"""A statement as one HTML file: no network, no script; for a wide screen, a phone, paper and a screen reader."""

from markupsafe import Markup

from bytebridge.domain.model import Instant
from bytebridge.domain.statement import Statement
from bytebridge.reports import burn_down, shown
from bytebridge.reports.figures import figures
from bytebridge.reports.frame import fill


def render(
    statement: Statement,
    *,
    language: str,
    zone: str,
    code: str,
    lasts: shown.Range | None,
    made: Instant | None = None,
) -> str:
    """made: when the statement is drawn up, None leaves that out. Refused without the drawing libraries."""
    form = figures(language, zone)
    received, used = shown.movement(statement)
    return fill(
        "statement.html",
        language=form.language,
        words=form.words,
        account=statement.account,
        holder=shown.holder(statement),
        address=shown.address(statement),
        period=shown.period(statement, form),
        made=form.day(made) if made is not None else "",
        code=code,
        opening=statement.opening,
        closing=statement.closing,
        received=received,
        used=used,
        forecast=shown.forecast(statement, lasts, form, made),
        plot=Markup(burn_down.inline(statement, form, made)),  # nosec B704  # noqa: S704  (made by us; its texts are escaped there)
        plot_text=shown.plot_text(statement, form),
        months=[(form.month(month), form.number(balance)) for month, balance in shown.months(statement, form)],
        rows=shown.rows(statement, form),
        totals=shown.total_rows(statement, form),
        number=form.number,
        signed=form.signed,
        day=form.day,
    )
