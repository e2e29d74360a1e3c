import csv
import io
import json
import re
import sys
from html.parser import HTMLParser

import msgspec
import pytest

from bytebridge.domain.statement import make
from bytebridge.errors import Refused
from bytebridge.reports import apart, data, libraries, page, pdf, sheet, text

NAMES = ["whole", "window", "one entry", "empty", "nothing in the window", "below zero", "hostile"]


def plain(figure):
    """A number as a language writes it, read back."""
    return int(re.sub(r"[.\s\u202f\u00a0,]", "", figure.replace("−", "-").replace("+", "")))


def figures_of_json(written):
    shown = json.loads(written)
    return shown["opening"], [(entry["credits"], entry["balance"]) for entry in shown["entries"]], shown["closing"]


def figures_of_csv(written):
    assert written.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(written.removeprefix("\ufeff"))))
    assert len({len(row) for row in rows}) == 1
    moved = [(int(row[5]), int(row[6])) for row in rows if row[0] == "Movimiento"]
    (opening,) = [int(row[6]) for row in rows if row[0] == "Saldo inicial"]
    (closing,) = [int(row[6]) for row in rows if row[0] == "Saldo final"]
    return opening, moved, closing


class Reached(HTMLParser):
    """Every place the page would fetch or lead to."""

    def __init__(self):
        super().__init__()
        self.places = []

    def handle_starttag(self, tag, attributes):
        self.places += [
            value for name, value in attributes if name in ("src", "href", "xlink:href", "action", "data", "srcset")
        ]


class Cells(HTMLParser):
    """Cells of the movements by class, row by row."""

    def __init__(self):
        super().__init__()
        self.rows, self._cell = [], None

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "tr" and (given.get("data-entry") or given.get("id") in ("opening", "closing")):
            self.rows.append({"row": given.get("id", "entry")})
        if tag == "td" and self.rows:
            self._cell = next((name for name in given.get("class", "").split() if name in ("credits", "balance")), None)

    def handle_endtag(self, tag):
        if tag in ("td", "table"):
            self._cell = None

    def handle_data(self, written):
        if self._cell:
            self.rows[-1][self._cell] = written


def figures_of_html(written):
    cells = Cells()
    cells.feed(written)
    first, *moved, last = cells.rows
    assert (first["row"], last["row"]) == ("opening", "closing")
    return (
        plain(first["balance"]),
        [(plain(row["credits"]), plain(row["balance"])) for row in moved],
        plain(last["balance"]),
    )


NUMBER = r"([+−]?\d[\d.]*)"


def figures_of_text(written):
    table = written.split("-" * text.WIDTH)[1]
    (opening,) = re.findall(rf"Saldo inicial\s+{NUMBER}$", table, re.MULTILINE)[:1]
    moved = re.findall(rf"^(?:\d.{{13}}).*?\s{NUMBER}\s+{NUMBER}$", table, re.MULTILINE)
    (closing,) = re.findall(rf"^\s+Saldo final\s+{NUMBER}$", written, re.MULTILINE)
    return plain(opening), [(plain(credits), plain(balance)) for credits, balance in moved], plain(closing)


def figures_of_pdf(pieces):
    start = pieces.index("Saldo")
    rest = pieces[start + 1 :]
    last = rest.index("Saldo final")
    body = [piece for piece in rest[:last] if re.fullmatch(NUMBER, piece)]
    opening, moved = body[0], body[1:]
    return (
        plain(opening),
        list(zip(map(plain, moved[::2]), map(plain, moved[1::2]), strict=True)),
        plain(rest[last + 1]),
    )


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_all_formats_agree_to_the_credit(name, statements, options, read_pdf):
    statement = statements[name]
    expected = (statement.opening, [(line.credits, line.balance) for line in statement.lines], statement.closing)
    assert figures_of_json(data.render(statement, **options)) == expected
    assert figures_of_csv(sheet.render(statement, **options)) == expected
    assert figures_of_html(page.render(statement, **options)) == expected
    assert figures_of_text(text.render(statement, **options)) == expected
    assert figures_of_pdf(read_pdf(pdf.render(statement, **options)).pieces) == expected


def test_totals_of_all_formats_agree(statements, options, read_pdf):
    statement = statements["whole"]
    totals = json.loads(data.render(statement, **options))["totals"]
    assert sum(totals.values()) == statement.closing - statement.opening
    rows = [row for row in csv.reader(io.StringIO(sheet.render(statement, **options))) if row[0] == "Total"]
    assert [int(row[5]) for row in rows] == list(totals.values())
    table = text.render(statement, **options).split("Totales por concepto")[1].split("\n\n")[0]
    in_text = [plain(line.split()[-1]) for line in table.strip().splitlines()]
    assert in_text == [*totals.values(), sum(totals.values())]
    in_html = re.findall(
        r'<tr><th scope="row">[^<]+</th><td class="figure[^"]*">([^<]+)</td></tr>', page.render(statement, **options)
    )
    assert [plain(figure) for figure in in_html[-len(totals) :]] == list(totals.values())
    pieces = read_pdf(pdf.render(statement, **options)).pieces
    after = pieces[pieces.index("Totales por concepto") + 1 :]
    assert [plain(figure) for figure in after[1 : 2 * len(totals) : 2]] == list(totals.values())


def test_json_has_the_promised_shape_and_documents(statements, options):
    shown = json.loads(data.render(statements["whole"], **options))
    assert {
        "account": 7,
        "emails": ["ana@example.com", "luis@example.com"],
        "opening": 0,
        "closing": 50,
    }.items() <= shown.items()
    assert shown["entries"][1] == {
        "id": 2,
        "at": "2025-09-14T10:00:00Z",
        "kind": "grant",
        "credits": 120,
        "balance": 165,
        "source": "shop",
        "document": "order 1042",
        "reason": "2 × SERVDOLIA60",
        "work": None,
        "minutes": None,
        "recorded_at": "2025-09-14T10:00:00Z",
    }
    documents = [entry["document"] for entry in shown["entries"]]
    assert documents[:5] == [
        "opening",
        "order 1042",
        "ticket KXB-QWERT-482",
        "ticket LMB-AWPCE-117",
        "invoice FA2511-0040 (41)",
    ]
    assert shown["entries"][2]["minutes"] == 16
    assert shown["receipt"] == "BB-7-14-A1B2C3D4"


@pytest.mark.parametrize("form", [text, page, sheet, pdf], ids=["text", "html", "csv", "pdf"])
def test_shared_account_shows_no_colleagues_address_or_name(form, statements, options, read_pdf):
    written = form.render(statements["whole"], **options)
    shown = " ".join(read_pdf(written).pieces) if form is pdf else written
    assert "@" not in shown.replace("@media", "").replace("@page", "")
    assert "Gestoría" not in shown
    assert "KXB-QWERT-482" in shown


def test_address_of_a_lone_customer_is_shown(statements, options, read_pdf):
    statement = statements["below zero"]
    assert "ana@example.com" in text.render(statement, **options)
    assert "ana@example.com" in page.render(statement, **options)
    assert "ana@example.com" in read_pdf(pdf.render(statement, **options)).pieces


@pytest.mark.parametrize("language", ["es", "fr", "en"])
def test_statement_speaks_one_language(language, statements, options, read_pdf):
    words = {
        "es": ("Informe de créditos", "Saldo final", "Consulta", "pedido 1042", "14 sept 2025"),
        "fr": ("Relevé de crédits", "Solde final", "Consultation", "commande 1042", "14 sept. 2025"),
        "en": ("Credit statement", "Closing balance", "Consultation", "order 1042", "14 Sept 2025"),
    }[language]
    chosen = {**options, "language": language}
    statement = statements["whole"]
    for shown in (
        text.render(statement, **chosen),
        page.render(statement, **chosen),
        " ".join(read_pdf(pdf.render(statement, **chosen)).pieces),
    ):
        assert [word for word in words if word not in shown] == []
    assert f'<html lang="{language}">' in page.render(statement, **chosen)


def test_every_format_has_forecast_as_range_and_receipt(statements, options, read_pdf):
    for form in (text, page, sheet, pdf):
        written = form.render(statements["whole"], **options)
        shown = " ".join(read_pdf(written).pieces) if form is pdf else written
        assert "entre 3 y 6 semanas" in shown
        assert "BB-7-14-A1B2C3D4" in shown
    assert json.loads(data.render(statements["whole"], **options))["lasts_days"] == [24, 41]


def test_period_names_the_last_day_included(statements, options):
    assert "del 1 oct 2025 al 1 feb 2026" in text.render(statements["window"], **{**options, "zone": "Europe/Madrid"})
    assert "del 1 oct 2025 al 31 ene 2026" in text.render(statements["window"], **{**options, "zone": "UTC"})


def test_html_file_is_whole_in_itself(statements, options):
    written = page.render(statements["hostile"], **options)
    assert "<script" not in written
    assert "<img" not in written
    reached = Reached()
    reached.feed(written)
    assert [place for place in reached.places if not place.startswith("#")] == []
    assert not re.search(r"url\((?!#)|@import", written)
    assert "onerror=&#34;" in written
    assert "{{ 7*7 }}" in written


def test_same_values_make_the_same_bytes(statements, options):
    statement = statements["whole"]
    assert page.render(statement, **options) == page.render(statement, **options)
    assert pdf.render(statement, **options) == pdf.render(statement, **options)


@pytest.fixture
def named():
    """A statement on one page whose holder has that name."""
    return lambda name: msgspec.structs.replace(STATEMENT, name=name)


STATEMENT = make(7, ("ana@example.com",), "", [], {}, None, None)


@pytest.mark.parametrize("name", ["Łukasz Żółć", "Ñandú & Söhne", "Ιωάννης", "Жанна", "Õie Šubrt", "Zoë 😀"])
def test_pdf_has_the_letters_of_every_european_language(name, named, options, read_pdf):
    pieces = read_pdf(pdf.render(named(name), **options)).pieces
    assert name in pieces
    assert "no puede dibujar" not in " ".join(pieces)


def test_pdf_says_so_where_it_lacks_a_letter(named, options, read_pdf):
    pieces = read_pdf(pdf.render(named("王 Wang\u202e"), **options)).pieces
    assert "\N{REPLACEMENT CHARACTER} Wang" in pieces
    assert "\N{REPLACEMENT CHARACTER} es una letra que este documento no puede dibujar" in " ".join(pieces)


def test_pdf_composes_letters_that_come_in_parts(named, options, read_pdf):
    assert "Zoë" in read_pdf(pdf.render(named("Zoe\u0308"), **options)).pieces


def test_pdf_stands_from_right_to_left_where_the_letters_do(named, options, read_pdf):
    assert "יול 12 השמ" in read_pdf(pdf.render(named("משה 12 לוי"), **options)).pieces
    assert "Dr. יול" in read_pdf(pdf.render(named("Dr. לוי"), **options)).pieces
    for written, drawn in (("משה (לוי)", "(יול) השמ"), ("Ana (לוי)", "Ana (יול)")):
        assert drawn in read_pdf(pdf.render(named(written), **options)).pieces


def test_pdf_has_a_title_a_language_and_a_list_of_contents(statements, options):
    written = pdf.render(statements["one entry"], **{**options, "language": "fr"})
    assert b"/Lang (fr)" in written
    assert b"/DisplayDocTitle true" in written
    assert written.count(b"/Dest ") == 4  # forecast, balance over time, movements, totals


def test_pdf_numbers_its_pages(many, options, read_pdf):
    read = read_pdf(pdf.render(many(200), **options))
    count = len(read.pages)
    assert count > 5
    assert [page[-1] for page in read.pages] == [
        f"BB-7-14-A1B2C3D4 · Página {n} de {count}" for n in range(1, count + 1)
    ]
    heads = [page for page in read.pages if "Minutos anotados" in page]
    assert len(heads) >= count - 1


def test_ten_thousand_entries_are_written_whole(many, options, read_pdf):
    statement = many(10_000)
    written = {form: form.render(statement, **options) for form in (data, sheet, text, page, pdf)}
    assert len(json.loads(written[data])["entries"]) == 10_000
    assert figures_of_pdf(read_pdf(written[pdf]).pieces)[2] == statement.closing
    assert all(written.values())


def test_pdf_tells_how_far_it_is(many, options):
    told = []
    pdf.render(many(450), **options, tell=told.append)
    assert told == [200, 200]


@pytest.mark.parametrize(("form", "library"), [(page, "matplotlib"), (pdf, "fpdf")])
def test_missing_library_is_one_sentence_that_names_the_extra(form, library, statements, options, monkeypatch):
    def absent(name):
        if name.startswith(library):
            raise ModuleNotFoundError(name)
        return __import__(name)

    monkeypatch.setattr(libraries.importlib, "import_module", absent)
    with pytest.raises(Refused, match=rf"needs {library}, which is not installed: pip install bytebridge\[reports\]"):
        form.render(statements["whole"], **options)
    assert data.render(statements["whole"], **options)
    assert text.render(statements["whole"], **options)
    assert sheet.render(statements["whole"], **options)


@pytest.mark.parametrize("name", ["whole", "empty", "hostile"])
def test_a_process_of_its_own_draws_the_same(name, statements, options):
    given = {**options, "made": None}
    assert apart.render("page", statements[name], **given) == page.render(statements[name], **given).encode()
    assert apart.render("pdf", statements[name], **given) == pdf.render(statements[name], **given)


def test_a_process_of_its_own_says_why_it_drew_nothing(statements, options, tmp_path, monkeypatch):
    given = {**options, "made": None}
    with pytest.raises(RuntimeError, match="no_such_form"):
        apart.render("no_such_form", statements["whole"], **given)
    (tmp_path / "fpdf.py").write_text("raise ModuleNotFoundError('fpdf')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Refused, match="fpdf, which is not installed"):
        apart.render("pdf", statements["whole"], **given)


def test_a_process_of_its_own_knows_no_secret_and_has_its_time(statements, options, tmp_path, monkeypatch):
    given = {**options, "made": None}
    (tmp_path / "fpdf.py").write_text(
        "import os; raise RuntimeError([name for name in os.environ if 'BYTEBRIDGE' in name])"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("BYTEBRIDGE_SHOP__API_KEY", "k" * 32)
    with pytest.raises(RuntimeError, match=r"RuntimeError: \[\]$"):
        apart.render("pdf", statements["whole"], **given)
    (tmp_path / "fpdf.py").write_text("import time; time.sleep(600)")
    monkeypatch.setattr(apart, "WITHIN_S", 0.5)
    with pytest.raises(Refused, match="timed out"):
        apart.render("pdf", statements["whole"], **given)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    with pytest.raises(Refused, match="nothing was drawn"):
        apart.render("pdf", statements["whole"], **given)
