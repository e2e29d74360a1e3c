"""The drawings of the firm's report. Series differ by hatch, and each carries its name or its figure itself."""

from collections.abc import Callable, Sequence
from typing import Any

from bytebridge.reports import plot
from bytebridge.reports.figures import Figures
from bytebridge.reports.libraries import need
from bytebridge.reports.overview import Month, Standing
from bytebridge.reports.plot import FIRST, GRID, INK, MUTED, PAPER, SECOND, THIRD

BAR = 0.28  # width, three to a month
ROOM = 6  # months there is at least room for, so that those of a first month are bars and no walls
ROW = 30  # height of one bar that lies [CSS pixels]
AXES = 56
LONGEST_NAME = 24

Series = tuple[str, str, str, Callable[[Month], int]]


def months(found: Sequence[Month], names: tuple[str, str, str], figures: Figures) -> plot.Draw:
    """Three bars a month. names: of sold, used and taken back."""
    series: list[Series] = [
        (names[0], FIRST, plot.PLAIN, lambda month: month.sold),
        (names[1], SECOND, plot.HATCHED, lambda month: month.used),
        (names[2], THIRD, plot.CROSSED, lambda month: month.taken_back),
    ]

    def draw(axes: Any, size: plot.Size) -> None:
        shown = found if size.width > plot.NARROW.width else found[-6:]
        for number, (name, colour, hatch, value) in enumerate(series):
            places = [place + (number - 1) * BAR for place in range(len(shown))]
            fill = PAPER if hatch else colour
            axes.bar(
                places,
                [value(month) for month in shown],
                BAR * 0.9,
                label=name,
                facecolor=fill,
                edgecolor=colour,
                hatch=hatch,
                linewidth=1,
            )
        _month_names(axes, shown, size, figures)
        axes.set_xlim(-0.6, max(len(shown), ROOM) - 0.4)
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            frameon=False,
            labelcolor=INK,
            borderaxespad=0,
            handleheight=1.1,
        )
        axes.yaxis.set_major_locator(need("matplotlib.ticker").MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(lambda value, _: figures.number(round(value)))
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.axhline(0, color=MUTED, linewidth=1)

    return draw


def _month_names(axes: Any, shown: Sequence[Month], size: plot.Size, figures: Figures) -> None:
    """As many as fit, always the last one."""
    most = 8 if size.width > plot.NARROW.width else 3
    step = -(-len(shown) // most) if shown else 1
    places = list(range(len(shown) - 1, -1, -step))
    axes.set_xticks(places, [figures.month(shown[place].month) for place in places])


def bars(labels: Sequence[str], values: Sequence[int], figures: Figures) -> plot.Draw:
    """Lying bars, each with its figure at its end, the first on top."""

    def draw(axes: Any, _size: plot.Size) -> None:
        places = range(len(values))
        axes.barh(places, values, 0.62, facecolor=FIRST, linewidth=0)
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.set_yticks(places, labels, color=INK)
        axes.invert_yaxis()
        axes.set_xticks([])
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                figures.number(value),
                (value, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=INK,
            )
        axes.margins(x=0.16)
        axes.set_xlim(left=0)

    return draw


def ranges(standings: Sequence[Standing], days: str, figures: Figures) -> plot.Draw:
    """How many days each balance lasts, from the quickest pace to the slowest. days: the unit's name."""

    def draw(axes: Any, size: plot.Size) -> None:
        most = LONGEST_NAME if size.width > plot.NARROW.width else LONGEST_NAME // 2
        for place, standing in enumerate(standings):
            low, high = standing.lasts or (0, 0)
            axes.plot([low, high], [place, place], color=FIRST, linewidth=3, solid_capstyle="butt")
            axes.plot([low, high], [place, place], "|", color=FIRST, markersize=9, markeredgewidth=2)
            label = f"{figures.number(low)}–{figures.number(high)} {days}"
            axes.annotate(label, (high, place), xytext=(6, 0), textcoords="offset points", va="center", color=INK)
        axes.set_yticks(range(len(standings)), [_name(one, most) for one in standings], color=INK)
        axes.set_ylim(len(standings) - 0.4, -0.6)
        axes.set_xlim(left=0, right=max((one.lasts or (0, 1))[1] for one in standings) * 1.3)
        axes.set_xticks([])
        axes.axvline(0, color=MUTED, linewidth=1)

    return draw


def _name(standing: Standing, most: int) -> str:
    name = standing.name if len(standing.name) <= most else standing.name[: most - 1] + "…"
    # a dollar sign would begin a formula of the drawing library
    return f"{standing.account} {name}".strip().replace("$", "\\$")


def height(rows: int) -> tuple[int, int]:
    """Of a drawing with so many lying bars, wide and narrow."""
    return rows * ROW + AXES // 2, rows * ROW + AXES // 2
