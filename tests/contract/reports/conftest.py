import html
import json
import os
import re
import shutil
import signal
import subprocess
import zlib
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bytebridge.domain.entry import Entry, EntryKind
from bytebridge.domain.statement import make
from bytebridge.reports import fold
from bytebridge.reports import overview as overviews
from bytebridge.reports.health import SourceHealth
from bytebridge.reports.status import LowBalance, PastRun, Status

HOSTILE = (
    "=cmd|'/C calc'!A0 </script><img src=x onerror=\"alert(1)\"> $x^{2 %s {{ 7*7 }} "
    "\u202egnp.exe\n\tЖ漢 & Söhne " + "W" * 120
)


def at(year, month, day, hour=10):
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


def packs(units, credits, back=0):
    line = {"reference": f"SERVDOLIA{credits}", "units": units, "taken_back": back, "credits": credits}
    return {"rule": "packs", "standing": "paid", "lines": [line]}


def blocks(kind, minutes):
    return {
        "rule": "blocks",
        "kind": kind,
        "minutes": minutes,
        "block": 15,
        "minimum": 15 if kind == "consultation" else 45,
    }


TEN_YEARS_AGO = at(2016, 1, 1)
MOVEMENTS = [
    (
        "opening:old@example.com",
        "opening",
        45,
        at(2025, 9, 1),
        {"rule": "opening", "credits": 45, "reason": "", "by": "root"},
    ),
    ("shop:1042", "grant", 120, at(2025, 9, 14), packs(2, 60)),
    ("helpdesk:t1", "debit", -30, at(2025, 9, 20), blocks("consultation", 16)),
    ("helpdesk:t2", "debit", -60, at(2025, 10, 11), blocks("intervention", 46)),
    ("erp:41", "grant", 1240, at(2025, 11, 20), packs(2, 620)),
    ("helpdesk:t3", "debit", -120, at(2025, 12, 9), {"rule": "flat", "kind": "upgrade", "flat": 120}),
    ("helpdesk:t4", "debit", -1195, at(2026, 1, 14), {"rule": "noted", "kind": "quote", "noted": 1195, "minutes": 75}),
    ("helpdesk:t2", "correction", -15, at(2026, 1, 20), blocks("intervention", 61)),
    ("shop:1042", "refund", -60, at(2026, 2, 2), packs(2, 60, 1)),
    (
        "adjustment:3",
        "adjustment",
        5,
        at(2026, 2, 27),
        {"rule": "adjustment", "credits": 5, "reason": "Cortesía a luis@example.com", "by": "root"},
    ),
    ("shop:1187", "grant", 120, at(2026, 3, 4), packs(1, 120)),
    ("helpdesk:t5", "debit", 0, at(2026, 3, 6), {"rule": "module", "kind": "module", "until": at(2026, 9, 1)}),
]
CODES = {
    "shop:1042": "1042",
    "shop:1187": "1187",
    "erp:41": "FA2511-0040",
    "helpdesk:t1": "KXB-QWERT-482",
    "helpdesk:t2": "LMB-AWPCE-117",
    "helpdesk:t3": "QQA-PLKJH-221",
    "helpdesk:t4": "BNV-CXZAS-650",
    "helpdesk:t5": "POI-UYTRE-777",
}


def book(movements):
    entries, balance = [], 0
    for number, (document, kind, credits, when, why) in enumerate(movements, 1):
        balance += credits
        entries.append(
            Entry(number, 7, number, document, 1, EntryKind(kind), credits, balance, 0, when, when, 1, why, "0" * 64)
        )
    return entries


def statement(
    movements=MOVEMENTS,
    name="Gestoría Ñandú, S.L.",
    emails=("ana@example.com", "luis@example.com"),
    since=None,
    until=None,
    codes=CODES,
):
    return make(7, emails, name, book(movements), codes, since, until)


def long_history(count, when=TEN_YEARS_AGO, apart=31_000):
    """Movements from `when` on, `apart` [s], three tickets to a purchase."""
    movements = []
    for number in range(count):
        when += apart
        if number % 4 == 0:
            movements.append((f"shop:{number}", "grant", 120, when, packs(1, 120)))
        else:
            movements.append((f"helpdesk:{number}", "debit", -30, when, blocks("consultation", 16 + number % 15)))
    return movements


STATEMENTS = {
    "whole": statement(),
    "window": statement(since=at(2025, 10, 1, 0), until=at(2026, 2, 1, 0)),
    "one entry": statement(MOVEMENTS[:1]),
    "empty": statement([]),
    "nothing in the window": statement(since=at(2026, 5, 1, 0)),
    "below zero": statement(MOVEMENTS[2:4], emails=("ana@example.com",), name=""),
    "hostile": statement(
        [
            ("helpdesk:t1", "debit", -30, at(2026, 1, 1), blocks("consultation", 16)),
            (
                "adjustment:1",
                "adjustment",
                7,
                at(2026, 1, 2),
                {"rule": "adjustment", "credits": 7, "reason": HOSTILE, "by": HOSTILE},
            ),
        ],
        name=HOSTILE,
        codes={"helpdesk:t1": HOSTILE},
    ),
}


@pytest.fixture
def statements():
    return STATEMENTS


@pytest.fixture
def options():
    return {"language": "es", "zone": "Europe/Madrid", "code": "BB-7-14-A1B2C3D4", "lasts": (24, 41)}


@pytest.fixture
def many():
    return lambda count: statement(long_history(count), codes={})


@pytest.fixture
def firm_report():
    names = {7: "Gestoría Ñandú, S.L.", 8: HOSTILE}
    firm = overviews.Firm(
        names,
        (
            overviews.ReviewItem(
                5, "ticket KXB-QWERT-482", HOSTILE, -15, "waiting", at(2026, 3, 29), lacks_minutes=True
            ),
        ),
        (overviews.NoticeCount("balance", 120, 3, 4), overviews.NoticeCount("taken_back", 2, 0, 0)),
        (
            SourceHealth("shop", at(2026, 4, 1), 60, 300),
            SourceHealth("helpdesk", None, 9000, 60, "helpdesk: no answer in time"),
        ),
    )
    entries = [(7, entry) for entry in book(MOVEMENTS)] + [
        (8, entry) for entry in book(long_history(200, at(2026, 1, 20), 30_000))
    ]
    prices = {"SERVDOLIA60": Decimal("72.60"), "SERVDOLIA120": Decimal("145.20")}
    return fold.overview(entries, firm, lambda reference, _: prices.get(reference), at(2026, 4, 1), "Europe/Madrid")


@pytest.fixture
def status():
    return Status(
        at=at(2026, 4, 1),
        zone="Europe/Madrid",
        version="1.0.0",
        trouble=("helpdesk: no good answer for 9000 s", "brake: more than 50 documents changed at once"),
        sources=(SourceHealth("shop", at(2026, 4, 1), 60, 300), SourceHealth("helpdesk", None, 9000, 60, HOSTILE)),
        outbox=(("pending", 4), ("failed", 1)),
        oldest_due_s=340,
        waiting=2,
        flagged=1,
        oldest_review=at(2026, 3, 20),
        runs=(
            PastRun(812, "poll shop", at(2026, 4, 1, 9), at(2026, 4, 1, 10), "ok", 3),
            PastRun(811, "poll erp", at(2026, 4, 1, 8), None, "open"),
        ),
        low=(LowBalance(7, "Ana", 5, 30), LowBalance(8, HOSTILE, -120, 30)),
        low_more=12,
        at_zero=340,
    )


ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t"}


class Pdf:
    """What a reader of the file finds: the text of each page as pieces, by the fonts' own Unicode tables."""

    def __init__(self, data):
        assert data.startswith(b"%PDF-")
        assert data.rstrip().endswith(b"%%EOF")
        self.objects = {}
        for found in re.finditer(rb"(\d+) 0 obj\s(.*?)endobj", data, re.DOTALL):
            self.objects[int(found[1])] = found[2]
        fonts = {}
        for body in self.objects.values():
            for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", body):
                fonts[name] = self._unicode(int(number))
        self.pages = [
            self._pieces(self._stream(int(found[1])), fonts)
            for body in self.objects.values()
            if b"/Type /Page\n" in body and (found := re.search(rb"/Contents (\d+) 0 R", body))
        ]

    def _stream(self, number):
        head, _, rest = self.objects[number].partition(b"stream\n")
        data = rest[: rest.rindex(b"endstream")]
        return zlib.decompress(data) if b"FlateDecode" in head else data

    def _unicode(self, number):
        table = self._stream(int(re.search(rb"/ToUnicode (\d+) 0 R", self.objects[number])[1]))
        pairs = re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>", table)
        return {int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for glyph, text in pairs}

    def _pieces(self, content, fonts):
        pieces, font = [], {}
        for found in re.finditer(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", content, re.DOTALL):
            if found[1]:
                font = fonts[found[1]]
                continue
            raw = re.sub(rb"\\(.)", lambda one: ESCAPES.get(one[1], one[1]), found[2], flags=re.DOTALL)
            glyphs = [int.from_bytes(raw[place : place + 2], "big") for place in range(0, len(raw), 2)]
            pieces.append("".join(font[glyph] for glyph in glyphs))
        return pieces

    @property
    def pieces(self):
        return [piece for page in self.pages for piece in page]


@pytest.fixture
def read_pdf():
    return Pdf


MEASURE = """
const page = document.getElementById("page").contentDocument, view = page.defaultView;
const channel = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
  .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ground = node => {
  for (let one = node; one; one = one.parentElement) {
    const colour = channel(view.getComputedStyle(one).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const faint = [];
const walk = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const holder = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || !holder.getClientRects().length) continue;
  if (["SCRIPT", "STYLE", "title", "desc"].includes(holder.tagName)) continue;
  const style = view.getComputedStyle(holder);
  const ink = light(channel(holder instanceof view.SVGElement ? style.fill : style.color));
  const paper = light(ground(holder));
  const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  if (ratio < 4.5) faint.push([walk.currentNode.data.trim().slice(0, 40), ratio]);
}
const shown = [...page.querySelectorAll("svg.plot")].filter(one => one.getClientRects().length);
document.getElementById("found").textContent = JSON.stringify({
  width: view.innerWidth, needed: page.documentElement.scrollWidth, faint,
  plots: shown.length, figures: page.querySelectorAll("figure").length,
  smallest: Math.min(...shown.flatMap(svg => [...svg.querySelectorAll("text")]
    .map(text => parseFloat(view.getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))),
});
"""


class Browser:
    """Headless Chromium, one process a question."""

    def __init__(self, program, folder):
        self._program, self._folder = program, folder

    @contextmanager
    def started(self, *arguments):
        """A running browser, ended with all its helpers."""
        command = [
            self._program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            f"--user-data-dir={self._folder / 'profile'}",
            *arguments,
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        with process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def run(self, *arguments):
        with self.started(*arguments) as process:
            out, _ = process.communicate(timeout=90)
            assert process.returncode == 0
        return out.decode()

    def measure(self, page, width, *, dark=False):
        """What a reader with a window of that width gets; the page is not touched, it stands in a frame."""
        frame = self._folder / "frame.html"
        frame.write_text(
            f'<!doctype html><meta charset="utf-8"><iframe id="page" width="{width}" height="900" style="border:0" srcdoc="{html.escape(page)}">'
            f'</iframe><pre id="found"></pre><script>window.onload = () => {{ {MEASURE} }};</script>',
            encoding="utf-8",
        )
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        dom = self.run("--window-size=1400,1000", scheme, "--dump-dom", frame.as_uri())
        return json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)[1]))


@pytest.fixture
def browser(tmp_path):
    program = shutil.which("chromium")
    if program is None:
        # the one program that `make test` does not bring along; where it must be there, its absence is a failure
        missing = "the pages were not tried: Debian's package chromium is not installed"
        outcome = pytest.fail if os.environ.get("BYTEBRIDGE_TEST_CHROMIUM") else pytest.skip
        outcome(missing)
    return Browser(program, tmp_path)
