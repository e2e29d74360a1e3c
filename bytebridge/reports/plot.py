"""Drawings as inline SVG that stand in a page by themselves: named, described, readable without colour.

Kinds differ by hatch and by a label at the mark itself, so that grey print and colour-blind readers lose nothing.
Colours go into the page as CSS variables, so that it can show them in the dark too.
"""

import io
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from bytebridge.reports.libraries import need

INK, MUTED, GRID, PAPER = "#1b1f24", "#59636e", "#d1d9e0", "#ffffff"
FIRST, SECOND, THIRD = "#0b5cad", "#b3470b", "#767f89"  # as dark as each other on white: 4.5:1 and better
VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "rule",
    PAPER: "paper",
    FIRST: "first",
    SECOND: "second",
    THIRD: "third",
}
PLAIN, HATCHED, CROSSED = "", "////", "xxxx"
POINTS = 72  # an inch
DPI = 96  # of CSS

_drawing = threading.Lock()  # the settings of the library are one for the whole process


@dataclass(frozen=True, slots=True)
class Size:
    """Of a drawing on its page [CSS pixels]."""

    width: int
    height: int


WIDE, NARROW = Size(720, 260), Size(340, 240)

Draw = Callable[[Any, Size], None]
"""Draws onto the axes it is given."""


def pair(draw: Draw, name: str, title: str, text: str, heights: tuple[int, int] | None = None) -> str:
    """The drawing for a wide page and for a phone; the page's style shows one of them.

    name: unique on the page. text: what the drawing shows, in a sentence. heights: instead of the usual ones.
    """
    tall, narrow = heights or (WIDE.height, NARROW.height)
    return svg(draw, f"{name}-wide", title, text, Size(WIDE.width, tall), "wide") + svg(
        draw, f"{name}-narrow", title, text, Size(NARROW.width, narrow), "narrow"
    )


def svg(draw: Draw, name: str, title: str, text: str, size: Size = WIDE, style: str = "") -> str:
    """One `<svg>` element, the same for the same values."""
    raw = drawn(draw, size, words_as_shapes=False)
    return _in_page(raw, name, title, text, f"plot {style}".strip())


def drawn(draw: Draw, size: Size, *, words_as_shapes: bool) -> str:
    """The library's own SVG file."""
    matplotlib = need("matplotlib")
    figures, backend = need("matplotlib.figure"), need("matplotlib.backends.backend_svg")
    settings = {
        "svg.hashsalt": "bytebridge",
        "svg.fonttype": "path" if words_as_shapes else "none",
        "font.family": "DejaVu Sans",
        "font.size": 11 * POINTS / DPI,
        "hatch.linewidth": 0.6,
        "axes.unicode_minus": True,
    }
    with _drawing, matplotlib.rc_context(settings), warnings.catch_warnings():
        if not words_as_shapes:
            # the page's own letters are drawn, not those of the font that measures them
            warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        figure = figures.Figure(figsize=(size.width / DPI, size.height / DPI), layout="constrained")
        backend.FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        _plain(axes)
        draw(axes, size)
        out = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    return out.getvalue()


def _plain(axes: Any) -> None:
    """Little ink besides the data."""
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=MUTED, labelcolor=MUTED, length=0)
    axes.set_axisbelow(True)


def _in_page(raw: str, name: str, title: str, text: str, style: str) -> str:
    """The element without the file's head, with ids of its own, colours by variable and its text alternative."""
    body = raw[raw.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', body)
    inner = body[body.index(">") + 1 :]
    inner = re.sub(r"<style.*?</style>", "", inner, flags=re.DOTALL)  # it would hold for the whole page
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    inner = re.sub(r"<!--.*?-->", "", inner, flags=re.DOTALL)
    inner = re.sub(r'\bid="', f'id="{name}-', inner)
    inner = re.sub(r'(href="|url\()#', rf"\1#{name}-", inner).replace("xlink:href", "href")
    inner = inner.replace(" font-family: 'DejaVu Sans';", "")  # the page's own letters
    for colour, variable in VARIABLES.items():
        inner = inner.replace(colour, f"var(--{variable})")
    head = (
        f'<svg class="{style}" role="img" aria-labelledby="{name}-title {name}-text" '
        f'viewBox="{box[1] if box else ""}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-text">{escape(text)}</desc>'
    )
    return head + re.sub(r"\n\s*", "\n", inner).strip()
