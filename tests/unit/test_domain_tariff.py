"""What a ticket costs, and what one still lacks."""

import pytest
from msgspec.structs import replace

from bytebridge.domain.derivation import recompute
from bytebridge.domain.model import Kind
from bytebridge.domain.rules import Rate
from bytebridge.domain.tariff import Lack, charge, least
from domain_values import DAY, NOON, RATES, RULES, ticket

PRICES = [
    ("1 min of consultation", "consulta", "1", (), 15),
    ("15 is 15", "consulta", "15", (), 15),
    ("16 is 30", "consulta", "16", (), 30),
    ("30 is 30", "consulta", "30", (), 30),
    ("intervention of 10", "intervencion", "10", (), 45),
    ("intervention of 45", "intervencion", "45", (), 45),
    ("intervention of 46", "intervencion", "46", (), 60),
    ("upgrade is flat", "actualizacion", "300", (), 120),
    ("upgrade without minutes", "actualizacion", None, (), 120),
    ("quote", "presupuesto", None, ("200",), 200),
    ("quote with minutes", "presupuesto", "90", ("200",), 200),
    ("free", "gratis", "300", (), 0),
    ("free without minutes", "gratis", None, (), 0),
    ("free with 0 credits", "gratis", None, ("0",), 0),
    ("a gesture", "intervencion", "50", ("0",), 0),
    ("a figure is the charge", "consulta", "22", ("20",), 20),
    ("a figure on an upgrade", "actualizacion", None, ("90",), 90),
    ("credits without a kind", None, None, ("25",), 25),
    ("credits win over unreadable minutes", "consulta", "abc", ("25",), 25),
    ("capitals and accents", " Intervención ", "10", (), 45),
    ("leading zeros", "consulta", "016", (), 30),
    ("with a unit", "consulta", "16 min", (), 30),
    ("spaces", "consulta", " 16 ", (), 30),
]
LACKS = [
    ("no kind", None, ("22",), (), "no_kind"),
    ("no minutes", "consulta", (), (), "no_minutes"),
    ("0 minutes", "consulta", ("0",), (), "zero_minutes"),
    ("words", "consulta", ("abc",), (), "unreadable_minutes"),
    ("negative", "consulta", ("-5",), (), "unreadable_minutes"),
    ("fraction", "consulta", ("7.5",), (), "unreadable_minutes"),
    ("exponent", "consulta", ("1e3",), (), "unreadable_minutes"),
    ("hours", "consulta", ("1:30",), (), "unreadable_minutes"),
    ("other digits", "consulta", ("٢٢",), (), "unreadable_minutes"),
    ("two figures", "consulta", ("22", "30"), (), "two_minutes"),
    ("two credits", "consulta", ("22",), ("20", "30"), "two_credits"),
    ("negative credits", "consulta", ("22",), ("-20",), "unreadable_credits"),
    ("unreadable credits", "consulta", ("22",), ("x",), "unreadable_credits"),
    ("credits on free work", "gratis", (), ("20",), "credits_on_free"),
    ("unknown kind", "otra cosa", ("22",), (), "unknown_kind"),
    ("quote without figure", "presupuesto", ("22",), (), "no_quote"),
    ("module outside its year", "modulo", ("22",), (), "module_outside_year"),
]


@pytest.mark.parametrize(
    ("kind", "minutes", "credits", "expected"), [p[1:] for p in PRICES], ids=[p[0] for p in PRICES]
)
def test_price(kind, minutes, credits, expected):
    resolved = ticket(kinds=(kind,) if kind else (), minutes=(minutes,) if minutes else (), credits=credits)
    price = charge(resolved, RULES, NOON, None)
    assert not isinstance(price, Lack), price
    assert price[0] == expected
    assert recompute(price[1]) == -expected


@pytest.mark.parametrize(("kind", "minutes", "credits", "code"), [p[1:] for p in LACKS], ids=[p[0] for p in LACKS])
def test_lack(kind, minutes, credits, code):
    resolved = ticket(kinds=(kind,) if kind else (), minutes=minutes, credits=credits)
    price = charge(resolved, RULES, NOON, None)
    assert isinstance(price, Lack), price
    assert price.code == code


TAGS = [
    ("tag alone", (), ("Consulta",), 30),
    ("tag and field agree", ("consulta",), ("CONSULTA",), 30),
    ("unknown tag is ignored", ("consulta",), ("urgente",), 30),
    ("field and tag differ", ("consulta",), ("intervención",), "two_kinds"),
    ("two tags differ", (), ("consulta", "intervencion"), "two_kinds"),
    ("unknown field beside a known tag", ("raro",), ("consulta",), "unknown_kind"),
]


@pytest.mark.parametrize(("kinds", "tags", "expected"), [p[1:] for p in TAGS], ids=[p[0] for p in TAGS])
def test_kind_by_field_and_tag(kinds, tags, expected):
    price = charge(ticket(kinds=kinds, tags=tags), RULES, NOON, None)
    assert (price.code if isinstance(price, Lack) else price[0]) == expected


def test_two_kinds_are_a_review_even_with_a_figure():
    price = charge(ticket(tags=("intervencion",), credits=("20",)), RULES, NOON, None)
    assert isinstance(price, Lack)
    assert price.code == "two_kinds"


def test_default_kind_stands_in_for_none_but_not_for_an_unknown_one():
    rules = replace(RULES, default_kind=Kind.CONSULTATION)
    assert charge(ticket(kinds=()), rules, NOON, None)[0] == 30
    assert charge(ticket(kinds=("raro",)), rules, NOON, None).code == "unknown_kind"


MODULE_YEARS = [
    ("last second", 0, 0),
    ("a day before the end", DAY, 0),
    ("a second late", -1, "module_outside_year"),
]


@pytest.mark.parametrize(("spare", "expected"), [p[1:] for p in MODULE_YEARS], ids=[p[0] for p in MODULE_YEARS])
def test_module_year_counts_to_the_creation_of_the_ticket(spare, expected):
    asked = ticket(kinds=("modulo",), at=NOON + 90 * DAY)
    price = charge(asked, RULES, NOON, asked.created_at + spare)
    assert (price.code if isinstance(price, Lack) else price[0]) == expected


MODULE_FIGURES = [
    ("a figure on support that is free", 0, ("20",), "credits_on_free"),
    ("a gesture on support that is free", 0, ("0",), 0),
    ("a figure after the year", -1, ("20",), 20),
    ("a gesture after the year", -1, ("0",), 0),
]


@pytest.mark.parametrize(
    ("spare", "credits", "expected"), [p[1:] for p in MODULE_FIGURES], ids=[p[0] for p in MODULE_FIGURES]
)
def test_credits_noted_on_module_support(spare, credits, expected):
    asked = ticket(kinds=("modulo",), credits=credits, at=NOON + 90 * DAY)
    price = charge(asked, RULES, NOON, asked.created_at + spare)
    assert (price.code if isinstance(price, Lack) else price[0]) == expected


def test_the_rate_in_force_at_the_date():
    dearer = Rate(Kind.CONSULTATION, minimum=20, block=20, valid_from=NOON)
    rules = replace(RULES, rates=(dearer, *RATES))
    assert charge(ticket(), rules, NOON - 1, None)[0] == 30
    assert charge(ticket(), rules, NOON, None)[0] == 40


def test_no_rate_yet():
    rules = replace(RULES, rates=(Rate(Kind.CONSULTATION, 15, 15, valid_from=NOON),))
    assert charge(ticket(), rules, NOON - 1, None) == Lack("no_rate", "consultation")


LEAST = [
    ("unknown kind", (), (), (), 15),
    ("unknown kind, known minutes", (), ("50",), (), 60),
    ("a kind no rule knows is unknown", ("raro",), (), (), 15),
    ("consultation", ("consulta",), (), (), 15),
    ("consultation with minutes", ("consulta",), ("40",), (), 45),
    ("intervention", ("intervencion",), (), (), 45),
    ("upgrade", ("actualizacion",), (), (), 120),
    ("quote with its figure", ("presupuesto",), (), ("200",), 200),
    ("quote without", ("presupuesto",), (), (), None),
    ("gesture", ("intervencion",), (), ("0",), None),
    ("free", ("gratis",), (), (), None),
    ("module", ("modulo",), (), (), None),
    ("two kinds", ("consulta", "gratis"), (), (), None),
]


@pytest.mark.parametrize(("kinds", "minutes", "credits", "expected"), [p[1:] for p in LEAST], ids=[p[0] for p in LEAST])
def test_least_cost_beforehand(kinds, minutes, credits, expected):
    found = least(ticket(kinds=kinds, minutes=minutes, credits=credits), RULES, NOON)
    assert (found[0] if found else None) == expected
