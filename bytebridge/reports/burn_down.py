"""The course of one account's balance as a step line."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_skeleton

from bytebridge.domain.model import Instant
from bytebridge.domain.statement import Statement
from bytebridge.reports import plot, shown
from bytebridge.reports.figures import Figures
from bytebridge.reports.libraries import need

LONG_DAYS = 120  # beyond it the axis names months, below it days


def inline(statement: Statement, figures: Figures, made: Instant | None) -> str:
    """The drawing for a page; "" where nothing moved. made: until when a period without an end is drawn."""
    if not statement.lines:
        return ""
    title, text = figures.words["plot"], shown.plot_text(statement, figures)
    return plot.pair(drawing(statement, figures, made), "balance", title, text, (220, 220))


def drawing(statement: Statement, figures: Figures, made: Instant | None) -> plot.Draw:
    points = shown.points(statement, made)
    times = [figures.local(point.at).replace(tzinfo=None) for point in points]
    balances = [int(point.balance) for point in points]

    def draw(axes: Any, size: plot.Size) -> None:
        axes.plot(times, balances, drawstyle="steps-post", color=plot.FIRST, linewidth=1.8)
        _fill(axes, times, balances)
        _end(axes, times, balances, figures)
        _dates(axes, times, size, figures)
        axes.yaxis.set_major_locator(need("matplotlib.ticker").MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(lambda value, _: figures.number(round(value)))
        axes.grid(axis="y", color=plot.GRID, linewidth=0.7)
        axes.margins(x=0.02, y=0.16)

    return draw


def _fill(axes: Any, times: Sequence[datetime], balances: Sequence[int]) -> None:
    """What is owed is darker and lies below the line of zero, so that it is seen without colour."""
    left, owed = [max(0, balance) for balance in balances], [min(0, balance) for balance in balances]
    axes.fill_between(times, left, step="post", color=plot.FIRST, alpha=0.12, linewidth=0)
    axes.fill_between(times, owed, step="post", color=plot.SECOND, alpha=0.45, linewidth=0)
    axes.axhline(0, color=plot.MUTED, linewidth=1)


def _end(axes: Any, times: Sequence[datetime], balances: Sequence[int], figures: Figures) -> None:
    """The last balance is written at its mark, outside of the filled side, so that nobody has to read the axis."""
    axes.plot([times[-1]], [balances[-1]], "o", color=plot.FIRST, markersize=5)
    axes.annotate(
        figures.number(balances[-1]),
        (times[-1], balances[-1]),
        xytext=(0, 7 if balances[-1] >= 0 else -7),
        textcoords="offset points",
        ha="right",
        va="bottom" if balances[-1] >= 0 else "top",
        color=plot.INK,
        weight="bold",
    )


def _dates(axes: Any, times: Sequence[datetime], size: plot.Size, figures: Figures) -> None:
    dates = need("matplotlib.dates")
    days = (times[-1] - times[0]).days
    most = 8 if size.width > plot.NARROW.width else 4
    if days > LONG_DAYS:
        axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=2, maxticks=most))
    else:
        # the library would go down to hours, and a label names a day
        midnight = times[0].replace(hour=0, minute=0, second=0)
        step = days // most + 1
        ticks = [midnight + timedelta(days=day) for day in range(step if days else 0, days + 1, step)]
        axes.set_xticks([max(times[0], tick) for tick in ticks])
    skeleton = "yMMM" if days > LONG_DAYS else "MMMd"
    axes.xaxis.set_major_formatter(
        lambda value, _: format_skeleton(skeleton, dates.num2date(value), locale=figures.locale)
    )
