import html
import json
import queue
import re
import threading
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from bytebridge.domain.model import Instant
from bytebridge.reports import burn_down, overview_page, overview_plots, page, plot
from bytebridge.reports.figures import figures
from bytebridge.reports.health import SourceHealth
from bytebridge.reports.overview import Month, Standing
from bytebridge.reports.status import render_status, script_source

EMPTY = {"meta", "link", "br", "img", "input", "hr"}


class Outline(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self):
        super().__init__()
        self.language, self.title, self.headings, self.ids, self.refers = "", "", [], [], []
        self.landmarks, self.tables, self.drawings, self.open, self.said = Counter(), [], [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "html":
            self.language = given.get("lang", "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"])
        self.refers += given.get("aria-labelledby", "").split()
        if tag in ("main", "header", "footer"):
            self.landmarks[tag] += 1
        if tag == "table":
            self.tables.append({"named": "aria-labelledby" in given, "heads": 0})
        if tag == "caption":
            self.tables[-1]["named"] = True
        if tag == "th":
            assert given.get("scope") in ("col", "row"), given
            self.tables[-1]["heads"] += 1
        if tag == "svg":
            self.drawings.append(given)
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] == "title" and not self.title:
            self.title = text


@pytest.fixture(params=["statement", "statement without movements", "report", "report in English", "status"])
def written(request, statements, options, firm_report, status):
    match request.param:
        case "statement":
            return page.render(statements["hostile"], **options)
        case "statement without movements":
            return page.render(statements["empty"], **options)
        case "report":
            return overview_page.render_html(firm_report)
        case "report in English":
            return overview_page.render_html(firm_report, "en")
    return render_status(status)


def test_page_is_built_for_a_screen_reader(written):
    outline = Outline()
    outline.feed(written)
    assert outline.open == []
    assert outline.language in ("es", "en")
    assert outline.title
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(outline.headings))
    assert outline.landmarks["main"] == outline.landmarks["header"] == 1
    assert [name for name, times in Counter(outline.ids).items() if times > 1] == []
    assert set(outline.refers) <= set(outline.ids)
    assert outline.tables
    assert all(table["named"] and table["heads"] for table in outline.tables)
    assert all(svg.get("role") == "img" and svg.get("aria-labelledby") for svg in outline.drawings)


def test_drawings_have_a_title_and_say_what_they_show(firm_report):
    written = overview_page.render_html(firm_report, "en")
    titles = re.findall(
        r'<svg class="plot wide".*?<title[^>]*>(.*?)</title><desc[^>]*>(.*?)</desc>', written, re.DOTALL
    )
    assert [title for title, _ in titles] == [
        "Credits per month",
        "Outstanding by age of purchase",
        "By kind of work",
        "Who runs out next",
    ]
    assert all(re.search(r"\d", text) for _, text in titles)
    assert "CreationDate" not in written
    assert "<!DOCTYPE svg" not in written


@pytest.mark.parametrize("name", ["王 漢字 🦄", "$x^{2", "עברית", "<b>&amp;"])
def test_any_name_can_stand_in_a_drawing(name):
    draw = overview_plots.ranges([Standing(1, name, 5, (1, 5), 3)], "días", figures("es", "UTC"))
    assert html.escape(f"1 {name}", quote=False) in plot.pair(draw, "one", "title", "text")


@pytest.mark.parametrize("count", [1, 5, 24])
def test_bars_of_a_first_month_do_not_fill_the_drawing(count):
    found = [Month("2026-03", 120, 60, 0, 0, 60)] * count
    axes = Figure().add_subplot()
    overview_plots.months(found, ("sold", "used", "back"), figures("en", "UTC"))(axes, plot.WIDE)
    left, right = axes.get_xlim()
    assert len(axes.patches) == 3 * count
    assert all(bar.get_width() < (right - left) / 20 for bar in axes.patches)
    assert all(left < bar.get_x() and bar.get_x() + bar.get_width() < right for bar in axes.patches)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1000, 360])
def test_page_fits_its_window_and_can_be_read(browser, written, width, dark):
    found = browser.measure(written, width, dark=dark)
    assert found["width"] == width
    assert found["needed"] <= width
    assert found["faint"] == []
    assert found["plots"] == found["figures"]  # of each drawing the wide or the narrow one
    if found["plots"]:
        assert found["smallest"] >= 9  # pixels, of the letters in drawings


def test_page_prints(browser, written, tmp_path, read_pdf):
    source, printed = tmp_path / "page.html", tmp_path / "page.pdf"
    source.write_text(written, encoding="utf-8")
    browser.run("--no-pdf-header-footer", f"--print-to-pdf={printed}", source.as_uri())
    assert printed.read_bytes().startswith(b"%PDF-")
    assert b"/Count 0" not in printed.read_bytes()


@pytest.fixture
def served():
    """Serves a page on loopback under a policy; gives its address and the queue of what was asked for."""
    servers = []

    def serve(written, policy):
        asked = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.put(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(written.encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/", asked

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def test_status_page_refreshes_itself_under_its_policy(browser, status, served):
    written = render_status(status).replace('data-seconds="30"', 'data-seconds="0.1"')
    address, asked = served(written, f"{POLICY}; script-src {script_source()}")
    with browser.started(address):
        for _ in range(3):
            assert asked.get(timeout=30) == "/"


def test_status_page_lets_its_reader_pause(browser, status, served):
    address, _ = served(render_status(status), f"{POLICY}; script-src {script_source()}")
    dom = browser.run("--dump-dom", address)
    assert re.search(r'<span id="by-script" class="quiet">.*<button id="pause" type="button" aria-pressed="false"', dom)


def test_status_page_offers_a_link_where_no_script_runs(browser, status, served):
    address, asked = served(render_status(status), POLICY)
    dom = browser.run("--virtual-time-budget=65000", "--dump-dom", address)
    assert re.search(r'<span id="by-script" hidden', dom)
    assert '<a href="/">Refresh</a>' in dom
    assert asked.qsize() == 1


def test_status_page_offers_no_action_and_shows_no_address(status):
    written = render_status(status)
    assert "<form" not in written
    assert "@example.com" not in written
    assert "</script><img" not in written
    assert written.count("<script>") == written.count("</script>") == 1
    assert "brake: more than 50 documents changed at once" in written
    assert "5 min" in written  # delay of the oldest letter


def test_report_as_json_and_as_page_show_the_same_figures(firm_report):
    shown = json.loads(overview_page.as_json(firm_report))
    written = overview_page.render_html(firm_report, "es")
    assert shown["outstanding"] == firm_report.outstanding
    assert re.search(r'<dd id="outstanding">([\d.]+)<', written)[1].replace(".", "") == str(shown["outstanding"])
    assert [month["month"] for month in shown["months"]][-1] == firm_report.months[-1].month
    assert shown["notices"]["balance"] == {"sent": 120, "failed": 3, "waiting": 4}
    assert [source["state"] for source in shown["sources"]] == ["well", "wrong"]
    assert shown["review"][0]["cost"] == -15


@pytest.mark.parametrize("language", ["es", "fr", "en"])
def test_every_figure_of_the_report_has_its_definition_beside_it(firm_report, language):
    defined = json.loads(overview_page.as_json(firm_report, language))["definitions"]
    sections = {"months", "ages", "works", "running_out", "negative", "dormant", "reviews", "notices", "sources"}
    tiles = {"outstanding", "value", "owed", "accounts", "at_minimum", "without_minutes"}
    assert set(defined) == sections | tiles
    written = html.unescape(overview_page.render_html(firm_report, language))
    assert [name for name, text in defined.items() if text not in written] == []
    assert "{" not in "".join(defined.values())


SHOP_WELL = SourceHealth("shop", Instant(1_775_000_000), 60, 300)
DESK_SILENT = SourceHealth("helpdesk", None, 9000, 60)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sources": (SHOP_WELL,)}, "All is well."),
        ({"sources": (SHOP_WELL, DESK_SILENT)}, "Not every source is well:"),
        ({"sources": (SHOP_WELL, DESK_SILENT), "stands_by": True}, "Stands by."),
        ({"sources": (SHOP_WELL,), "stands_by": True, "trouble": ("the ledger cannot be read",)}, "Needs attention"),
    ],
)
def test_status_page_says_well_only_when_everything_on_it_is(status, changes, says):
    written = render_status(replace(status, **{"trouble": (), **changes}))
    banners = ("All is well.", "Not every source is well:", "Stands by.", "Needs attention")
    assert [banner for banner in banners if f"<strong>{banner}</strong>" in written] == [says]


def test_course_of_less_than_a_day_names_the_day(many):
    day = many(2)
    form = figures("es", "Europe/Madrid")
    name = form.day(day.lines[0].at).rsplit(" ", 1)[0]
    drawn = burn_down.inline(day, form, None)
    assert len(re.findall(rf">\s*{name}\s*<", drawn)) == 2, "the wide drawing and the narrow one"
