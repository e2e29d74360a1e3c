import csv
import io

import pytest

from bytebridge.reports.sheet import safe

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    '"=1+1',
    "'=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠A1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\x00=1+1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://example.com","x")',
    "a;=1+1",
    "a,=1+1",
    "a|@b",
    "a; =1+1",
    'a,"=1+1',
    "a\n=1+1;-2",
]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_no_cell_is_a_formula_however_a_spreadsheet_splits_it(text, delimiter):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_NONNUMERIC).writerow(["2026-01-01", safe(text), 5])
    quoted = next(csv.reader(io.StringIO(out.getvalue()), delimiter=delimiter))
    bare = out.getvalue().replace('"', "").split(delimiter)
    for cell in [*quoted, *bare]:
        assert cell.strip().strip("\"'")[:1] not in tuple("=+-@＝＋－＠") or cell.lstrip().startswith("'"), cell


@pytest.mark.parametrize("text", ["2 × SERVDOLIA60", "ticket KXB-QWERT-482", "Consulta, 16 min", "a = b", "5 - 3"])
def test_ordinary_text_stays_as_it_is(text):
    assert safe(text) == text


def test_cell_is_one_line_without_control_characters():
    assert safe("a\r\nb\x07\u202ec") == "a bc"
