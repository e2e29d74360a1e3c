"""A4 pages to write on by column: fonts that hold every European letter, fast rows, page feet."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from bytebridge.domain.model import Instant
from bytebridge.reports.libraries import need

WIDTH, HEIGHT = 210.0, 297.0  # millimetres, as all lengths here; font sizes in points
SIDE, TOP, BOTTOM = 15.0, 16.0, 18.0
RIGHT = WIDTH - SIDE
FAMILY = "DejaVu"
INK, MUTED, RULE, ACCENT, WARNING = (27, 31, 36), (89, 99, 110), (209, 217, 224), (11, 92, 173), (179, 71, 11)
LINE = 0.45  # height of a line of text per point of its size
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
RIGHT_TO_LEFT = ("R", "AL", "AN")  # classes of letters
MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")

Colour = tuple[int, int, int]


class Paper:
    """A document under way: where the next line goes, and the pages so far.

    The letters are embedded as a subset with their Unicode values, so that the text can be searched and copied.
    """

    def __init__(self, language: str, title: str, made: Instant) -> None:
        self.pdf = need("fpdf").FPDF(unit="mm", format="A4")
        fonts = Path(need("matplotlib").get_data_path()) / "fonts" / "ttf"
        self.pdf.add_font(FAMILY, "", fonts / "DejaVuSans.ttf")
        self.pdf.add_font(FAMILY, "B", fonts / "DejaVuSans-Bold.ttf")
        self.pdf.set_auto_page_break(auto=False)
        self.pdf.set_lang(language)
        self.pdf.set_title(title)
        self.pdf.viewer_preferences = need("fpdf.prefs").ViewerPreferences(display_doc_title=True)
        self.pdf.set_creation_date(datetime.fromtimestamp(made, UTC))
        self.y = 0.0
        self.lacking = False  # whether a letter was met that the fonts do not have
        self._letters = self.pdf.fonts[FAMILY.lower()].cmap
        self.turn()

    def turn(self) -> None:
        """A new page."""
        self.pdf.add_page()
        self.y = TOP

    def fits(self, height: float) -> bool:
        return self.y + height <= HEIGHT - BOTTOM

    def font(self, size: float, colour: Colour = INK, *, bold: bool = False) -> None:
        """Of all that is written until the next call; pages begin without one."""
        self.pdf.set_font(FAMILY, "B" if bold else "", size)
        self.pdf.set_text_color(*colour)

    def write(self, x: float, text: str) -> None:
        if text:
            self.pdf.text(x, self.y, self.drawable(text))

    def write_right(self, x: float, text: str) -> None:
        """Ends at x."""
        if text:
            shown = self.drawable(text)
            self.pdf.text(x - self.pdf.get_string_width(shown), self.y, shown)

    def drawable(self, text: str) -> str:
        """In letters the fonts have and in the order in which they stand on paper.

        What they have no letter for is shown as such instead of left out.
        """
        if text.isascii():
            return text
        composed = unicodedata.normalize("NFC", text)
        if any(unicodedata.bidirectional(char) in RIGHT_TO_LEFT for char in composed):
            placed = need("fpdf.bidi").BidiParagraph(composed).get_reordered_characters()
            # an opening bracket is drawn as one also where the line runs to the left
            composed = "".join(
                char.character.translate(MIRRORED) if char.embedding_level % 2 else char.character for char in placed
            )
        shown = "".join(char if ord(char) in self._letters else UNKNOWN for char in composed)
        self.lacking = self.lacking or UNKNOWN in shown
        return shown

    def wrapped(self, text: str, width: float) -> list[str]:
        """Lines no wider than `width` in the present font, broken between words, or within one too long."""
        if self._width(text) <= width:
            return [text]
        lines = [""]
        for word in self._pieces(text.split(), width):
            longer = f"{lines[-1]} {word}".strip()
            if self._width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return [line for line in lines if line]

    def _pieces(self, words: Iterable[str], width: float) -> Iterable[str]:
        for word in words:
            rest = word
            while (needed := self._width(rest)) > width:
                cut = max(1, int(len(rest) * width / needed) - 1)
                yield rest[:cut]
                rest = rest[cut:]
            yield rest

    def _width(self, text: str) -> float:
        return float(self.pdf.get_string_width(self.drawable(text)))

    def bookmark(self, name: str) -> None:
        """The place where the next line goes, in the reader's list of contents."""
        self.pdf.y = self.y
        self.pdf.start_section(name)

    def paragraph(self, text: str, size: float, colour: Colour = INK, *, bold: bool = False) -> None:
        """Wrapped to the page, on a new one where it does not fit."""
        self.font(size, colour, bold=bold)
        for line in self.wrapped(text, RIGHT - SIDE):
            if not self.fits(size * LINE):
                self.turn()
                self.font(size, colour, bold=bold)
            self.y += size * LINE
            self.write(SIDE, line)

    def rule(self, weight: float = 0.2, colour: Colour = RULE) -> None:
        self.pdf.set_draw_color(*colour)
        self.pdf.set_line_width(weight)
        self.pdf.line(SIDE, self.y, RIGHT, self.y)

    def drawing(self, svg: str, height: float, text: str) -> None:
        """text: what it shows, for those who cannot see it."""
        self.pdf.image(BytesIO(svg.encode()), x=SIDE, y=self.y, w=RIGHT - SIDE, h=height, alt_text=text)
        self.y += height

    def output(self, feet: Any) -> bytes:
        """The file. feet: (page, pages) to the text at the left and at the right of its foot."""
        pages = self.pdf.pages_count
        for page in range(1, pages + 1):
            self.pdf.page = page
            self.pdf.set_font(FAMILY, "B", 8)  # the font stands once on each page: a change makes it stand
            self.font(8, MUTED)
            self.y = HEIGHT - BOTTOM + 9
            left, right = feet(page, pages)
            self.write(SIDE, left)
            self.write_right(RIGHT, right)
        return bytes(self.pdf.output())
