"""Entries, derivations, statements, forecasts and the reasons of reviews."""

import ast
import inspect
import pkgutil
import re

import pytest

from bytebridge import domain
from bytebridge.domain.derivation import recompute
from bytebridge.domain.entry import GENESIS, Entry, EntryKind, chain, receipt
from bytebridge.domain.forecast import lasts_days
from bytebridge.domain.model import OrderState, TicketState
from bytebridge.domain.settlement import differences
from bytebridge.domain.statement import make, order, totals
from bytebridge.wording.reviews import REASONS, cure, sentence
from domain_values import ANA, DAY, NOON, Books, ticket
from domain_values import order as shop_order

ELSEWHERE = {"vanished", "unreadable"}  # found when reconciling and when reading


def codes_in_source():
    found = set()
    for module in pkgutil.iter_modules(domain.__path__, "bytebridge.domain."):
        text = inspect.getsource(__import__(module.name, fromlist=["x"]))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Lack":
                found |= codes_of(node.args[0], text)
    return found


def codes_of(argument, text):
    match argument:
        case ast.Constant():
            return {argument.value}
        case ast.IfExp():
            return codes_of(argument.body, text) | codes_of(argument.orelse, text)
        case ast.JoinedStr():
            return {argument.values[0].value + name for name in ("minutes", "credits")}
        case ast.Name():
            assigned = re.search(rf'\b{argument.id} = "(\w+)" if .* else "(\w+)"', text)
            return set(assigned.groups())
    raise AssertionError(ast.dump(argument))


def test_every_reason_is_explained_and_none_is_idle():
    assert codes_in_source() == set(REASONS) - ELSEWHERE


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_is_a_sentence_in_each_language_with_a_cure(code):
    said = {language: sentence(code, "x{y}", language) for language in ("es", "fr", "en")}
    assert len(set(said.values())) == 3
    assert {text.count("x{y}") for text in said.values()} in ({0}, {1})
    assert not any("{" in text.replace("x{y}", "") for text in said.values())
    assert said["en"] == sentence(code, "x{y}")
    assert cure(code)


def test_kinds_of_work_in_a_reason_are_named_in_its_language():
    assert sentence("two_kinds", "consultation, intervention", "es") == "dos tipos de trabajo: consulta, intervención"


DIFFERENCES = [
    ("agree", {1: 30}, {1: 30}, {}),
    ("first", {1: -30}, {}, {1: -30}),
    ("to nothing", {}, {1: -30}, {1: 30}),
    ("to another", {2: -30}, {1: -30}, {1: 30, 2: -30}),
    ("less", {1: -15}, {1: -30}, {1: 15}),
]


@pytest.mark.parametrize(
    ("expected", "posted", "deltas"), [d[1:] for d in DIFFERENCES], ids=[d[0] for d in DIFFERENCES]
)
def test_differences(expected, posted, deltas):
    assert differences(expected, posted) == deltas


KINDS = [
    ("charge", [ticket()], ["debit"]),
    ("correction", [ticket(), ticket(minutes=("1",))], ["debit", "correction"]),
    ("spam and back", [ticket(), ticket(state=TicketState.SPAM), ticket()], ["debit", "correction", "correction"]),
    ("order", [shop_order(), shop_order(state=OrderState.BACK), shop_order()], ["grant", "refund", "grant"]),
]


@pytest.mark.parametrize(("documents", "kinds"), [k[1:] for k in KINDS], ids=[k[0] for k in KINDS])
def test_entry_kinds(documents, kinds):
    books = Books(ana=0)
    for document in documents:
        books.read(document)
    assert [entry.kind for entry in books.entries] == kinds
    assert [entry.revision for entry in books.entries] == list(range(1, len(kinds) + 1))
    assert [recompute(entry.derivation) for entry in books.entries] == [one.was + one.credits for one in books.entries]


RECOMPUTED = [
    ({"rule": "packs", "lines": [{"credits": 60, "units": 3, "taken_back": 1}]}, 120),
    ({"rule": "credit_note", "claim": 120, "left": 60}, -60),
    ({"rule": "blocks", "minutes": 46, "block": 15, "minimum": 45}, -60),
    ({"rule": "blocks", "minutes": 1, "block": 15, "minimum": 45}, -45),
    ({"rule": "flat", "flat": 120}, -120),
    ({"rule": "noted", "noted": 20}, -20),
    ({"rule": "free"}, 0),
    ({"rule": "module"}, 0),
    ({"rule": "void"}, 0),
    ({"rule": "decided", "credits": -40}, -40),
    ({"rule": "opening", "credits": 75}, 75),
    ({"rule": "adjustment", "credits": -5}, -5),
    ({"rule": "merge", "credits": 10}, 10),
]


@pytest.mark.parametrize(("derivation", "credits"), RECOMPUTED, ids=[str(r[0]["rule"]) for r in RECOMPUTED])
def test_recompute(derivation, credits):
    assert recompute(derivation) == credits


FIGURES = {
    "account": 1,
    "seq": 2,
    "document": "shop:1",
    "revision": 1,
    "kind": "grant",
    "credits": 120,
    "balance": 120,
    "was": 0,
    "happened": NOON,
    "recorded": NOON,
    "derivation": "{}",
    "number": 5,
    "run": 3,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_in_the_chain(name):
    other = FIGURES[name] + 1 if isinstance(FIGURES[name], int) else FIGURES[name] + "x"
    assert chain(GENESIS, **FIGURES) != chain(GENESIS, **{**FIGURES, name: other})


def test_the_chain_hangs_on_what_was_before():
    assert chain(GENESIS, **FIGURES) != chain("1" * 64, **FIGURES)


def test_a_receipt_is_the_same_again_and_differs_by_letter():
    head = chain(GENESIS, **FIGURES)
    code = receipt(7, 31, head, "helpdesk:t1", 1, "balance")
    assert code == receipt(7, 31, head, "helpdesk:t1", 1, "balance")
    assert code.startswith(f"BB-7-31-{head[:6].upper()}")
    others = {receipt(7, 31, head, f"helpdesk:t{n}", 1, "balance") for n in range(20)}
    assert len(others) > 15


def entry(number, credits, document, at=0, kind=EntryKind.DEBIT, account=1, **derivation):
    return Entry(number, account, number, document, 1, kind, credits, 0, 0, NOON + at, NOON, 1, derivation, "")


def test_a_statement_orders_by_when_it_happened_and_adds_up():
    entries = [
        entry(1, 120, "shop:1", at=10, kind=EntryKind.GRANT),
        entry(2, -30, "helpdesk:a", at=30, kind=EntryKind.DEBIT, minutes=22),
        entry(3, 75, "opening:ana@example.com", at=0, kind=EntryKind.OPENING),
        entry(4, -15, "helpdesk:b", at=30, minutes=None),
    ]
    made = make(1, (ANA,), "Ana", entries, {"shop:1": "ORD1"}, NOON + 5, NOON + 31)
    assert [(line.id, line.balance, line.source) for line in made.lines] == [
        (1, 195, "shop"),
        (2, 165, "helpdesk"),
        (4, 150, "helpdesk"),
    ]
    assert (made.opening, made.closing, made.lines[0].code, made.lines[1].minutes) == (75, 150, "ORD1", 22)
    assert made.opening + sum(line.credits for line in made.lines) == made.closing


def test_the_end_of_a_statement_is_left_out():
    made = make(1, (ANA,), "Ana", [entry(1, 120, "shop:1", at=10)], {}, None, NOON + 10)
    assert (made.lines, made.closing) == ((), 0)


def test_merges_within_a_family_cancel_out_and_hide_nothing_else():
    entries = [
        entry(1, -30, "helpdesk:a"),
        entry(2, 30, "helpdesk:a", kind=EntryKind.MERGE),
        entry(3, -30, "helpdesk:a", kind=EntryKind.MERGE, account=2),
        entry(4, 50, "merge:1", kind=EntryKind.MERGE),
    ]
    assert [one.id for one in order(entries)] == [1, 4]


def test_totals_by_kind_of_work():
    entries = [
        entry(1, -30, "helpdesk:a", kind_=None),
        entry(2, -45, "helpdesk:b"),
        entry(3, 120, "shop:1", kind=EntryKind.GRANT),
    ]
    entries[1].derivation["kind"] = "intervention"
    found = totals(make(1, (), "", entries, {}, None, None))
    assert found == {"debit": -30, "intervention": -45, "grant": 120}


STEADY = [(NOON - days * DAY, 30) for days in range(120, 0, -30)]
FORECASTS = [
    ("nothing left", 0, STEADY, None),
    ("too few debits", 100, STEADY[:2], None),
    ("too short a history", 100, [(NOON - days * DAY, 30) for days in (20, 10, 5)], None),
    ("a steady pace", 90, STEADY, (90, 90)),
    ("longer than anybody can tell", 100_000, STEADY, None),
    ("long ago does not count", 90, [(NOON - 400 * DAY, 9000), *STEADY], (90, 90)),
]


@pytest.mark.parametrize(("balance", "debits", "expected"), [f[1:] for f in FORECASTS], ids=[f[0] for f in FORECASTS])
def test_forecast(balance, debits, expected):
    assert lasts_days(balance, debits, NOON) == expected


def test_a_changing_pace_gives_a_range():
    debits = [(NOON - days * DAY, 60 if days < 40 else 15) for days in range(120, 0, -10)]
    shortest, longest = lasts_days(300, debits, NOON)
    assert 1 <= shortest < longest <= 730
