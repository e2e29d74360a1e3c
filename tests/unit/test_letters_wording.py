"""Reasons, sentences and steps for every rule; numbers, plurals, dates and spans in three languages."""

import string

import pytest

from bytebridge.domain.derivation import recompute
from bytebridge.wording import explain, reason, steps
from bytebridge.wording.language import TABLES, counted, day, money, span
from bytebridge.wording.plain import lines, link, one_line, person
from bytebridge.wording.sentences import tell


def blocks(minutes, kind="consultation", minimum=15, block=15):
    return {"rule": "blocks", "kind": kind, "minutes": minutes, "block": block, "minimum": minimum}


def packs(*units, standing="paid"):
    """(reference, units, taken back) of each line; the credits stand in the reference."""
    rows = [
        {"reference": name, "units": bought, "taken_back": back, "credits": int(name.removeprefix("SERVDOLIA"))}
        for name, bought, back in units
    ]
    return {"rule": "packs", "standing": standing, "lines": rows}


def note(claim, left):
    line = {"reference": "SERVDOLIA60", "units": -1, "taken_back": 0, "credits": 60}
    return {"rule": "credit_note", "lines": [line], "source": "41", "claim": claim, "left": left}


EXPLAINED = [
    (blocks(22), "Consulta de 22 min: 2 bloques de 15 = 30 créditos."),
    (blocks(1), "Consulta de 1 min: 1 bloque de 15 = 15 créditos."),
    (blocks(15), "Consulta de 15 min: 1 bloque de 15 = 15 créditos."),
    (blocks(16), "Consulta de 16 min: 2 bloques de 15 = 30 créditos."),
    (blocks(10, "intervention", 45), "Intervención de 10 min: se aplica el mínimo de 45 créditos."),
    (blocks(45, "intervention", 45), "Intervención de 45 min: 3 bloques de 15 = 45 créditos."),
    (blocks(46, "intervention", 45), "Intervención de 46 min: 4 bloques de 15 = 60 créditos."),
    (blocks(7, minimum=0, block=1), "Consulta de 7 min = 7 créditos."),
    ({"rule": "flat", "kind": "upgrade", "flat": 120}, "Actualización de versión: tarifa fija de 120 créditos."),
    (
        {"rule": "noted", "kind": "consultation", "noted": 20},
        "Consulta: 20 créditos, según la cifra indicada por el técnico.",
    ),
    (
        {"rule": "noted", "kind": None, "noted": 1},
        "Trabajo realizado: 1 crédito, según la cifra indicada por el técnico.",
    ),
    ({"rule": "noted", "kind": "quote", "noted": 200}, "Trabajo presupuestado: 200 créditos."),
    ({"rule": "noted", "kind": "consultation", "noted": 0}, "Consulta: sin cargo, por gentileza nuestra."),
    ({"rule": "free", "kind": "free"}, "Trabajo gratuito: no consume créditos."),
    (
        {"rule": "module", "kind": "module", "until": 1_772_749_800},
        "Soporte de módulo, incluido hasta el 5 de marzo de 2026: no consume créditos.",
    ),
    (packs(("SERVDOLIA60", 2, 0)), "2 × SERVDOLIA60 = 120 créditos."),
    (
        packs(("SERVDOLIA60", 3, 1), ("SERVDOLIA120", 1, 1), ("SERVDOLIA30", 1, 0)),
        "2 × SERVDOLIA60 + 1 × SERVDOLIA30 = 150 créditos.",
    ),
    (packs(("SERVDOLIA60", 1, 1)), "0 = 0 créditos."),
    (note(60, 60), "Abono de 1 × SERVDOLIA60: 60 créditos menos."),
    (note(60, 45), "Abono de 1 × SERVDOLIA60: 45 créditos menos, lo que quedaba de esa compra."),
    ({"rule": "void", "why": "spam"}, "El ticket se ha marcado como correo no deseado y no se cobra."),
    ({"rule": "void", "why": "something new"}, "El documento ya no mueve créditos."),
    (
        {"rule": "decided", "credits": -30, "reason": "media hora.", "by": "eva"},
        "Valorado por nuestro equipo: 30 créditos (media hora).",
    ),
    ({"rule": "decided", "credits": -30}, "Valorado por nuestro equipo: 30 créditos."),
    ({"rule": "opening", "credits": 100}, "Saldo inicial: 100 créditos."),
    (
        {"rule": "adjustment", "credits": -5, "reason": "error de ana@example.com"},
        "Ajuste de nuestro equipo: -5 créditos (error de …).",
    ),
    ({"rule": "merge", "credits": 5, "by": "eva"}, "Unión de cuentas: +5 créditos."),
    ({"rule": "unheard of"}, ""),
    ({}, ""),
]


@pytest.mark.parametrize(("derivation", "sentence"), EXPLAINED)
def test_a_rule_in_one_sentence(derivation, sentence):
    assert explain(derivation, "es", zone="Europe/Madrid") == sentence


@pytest.mark.parametrize("language", ["es", "fr", "en", "de", ""])
@pytest.mark.parametrize("derivation", [derivation for derivation, _ in EXPLAINED])
def test_every_rule_has_words_in_every_language(derivation, language):
    said = explain(derivation, language)
    assert bool(said) == (derivation.get("rule") in {known.get("rule") for known, text in EXPLAINED if text})
    assert bool(steps(derivation, language)) == bool(said)
    moved = recompute(derivation) if said else 0
    assert reason(derivation, moved, language).strip() == reason(derivation, moved, language)


REASONS = [
    (blocks(22), -30, "Consulta, 22 min"),
    (blocks(22), -15, "Corrección: consulta, 22 min"),
    ({"rule": "flat", "kind": "upgrade", "flat": 120}, -120, "Actualización de versión"),
    ({"rule": "noted", "kind": "quote", "noted": 200}, -200, "Trabajo presupuestado"),
    ({"rule": "free", "kind": "free"}, 30, "Corrección: trabajo gratuito"),
    (packs(("SERVDOLIA60", 2, 0)), 120, "2 × SERVDOLIA60"),
    (packs(("SERVDOLIA60", 1, 0), ("SERVDOLIA120", 1, 0)), 180, "1 × SERVDOLIA60 + 1 × SERVDOLIA120"),
    (packs(("SERVDOLIA60", 3, 1)), 120, "2 × SERVDOLIA60"),
    (packs(("SERVDOLIA60", 3, 1)), -60, "Reembolso de 1 × SERVDOLIA60"),
    # the second refund of one unit: the lines count both, the entry only its own
    (packs(("SERVDOLIA60", 3, 2)), -60, "Reembolso de 1 × SERVDOLIA60"),
    (
        packs(("SERVDOLIA60", 3, 2), ("SERVDOLIA120", 1, 1)),
        -60,
        "Reembolso; retirados en total: 2 × SERVDOLIA60 + 1 × SERVDOLIA120",
    ),
    # nothing was given back: staff edited the order, or the price list says something else
    (packs(("SERVDOLIA60", 1, 0)), -60, "Corrección; cuenta ahora: 1 × SERVDOLIA60"),
    (packs(), -60, "Corrección; cuenta ahora: 0"),
    (packs(("SERVDOLIA60", 2, 2), standing="back"), -120, "Anulación o reembolso de 2 × SERVDOLIA60"),
    (note(60, 60), -60, "Abono de 1 × SERVDOLIA60"),
    ({"rule": "void", "why": "deleted"}, 30, "El ticket se ha eliminado y no se cobra"),
    ({"rule": "adjustment", "credits": 5, "reason": "cortesía", "by": "eva"}, 5, "cortesía"),
    ({"rule": "adjustment", "credits": 5}, 5, "Ajuste de nuestro equipo"),
    ({"rule": "opening", "credits": 5, "reason": "hoja de 2024"}, 5, "Saldo inicial: hoja de 2024"),
    (
        {"rule": "decided", "credits": -15, "reason": "la mitad"},
        -15,
        "Valorado por nuestro equipo: la mitad",
    ),
    ({"rule": "merge", "credits": 5, "by": "eva"}, 5, "Unión de cuentas"),
]


@pytest.mark.parametrize(("derivation", "credits", "line"), REASONS)
def test_a_movement_in_one_line(derivation, credits, line):
    assert reason(derivation, credits, "es") == line


def test_units_taken_back_are_told_by_their_difference():
    partly = packs(("SERVDOLIA60", 3, 2))
    assert tell(partly, -60, "es") == "Reembolso de 1 × SERVDOLIA60: 60 créditos menos."
    assert tell(partly, 60, "es") == explain(partly, "es")
    fewer = packs(("SERVDOLIA60", 1, 0))
    assert tell(fewer, -60, "es") == "Corrección; cuenta ahora: 1 × SERVDOLIA60: 60 créditos menos."


def test_the_steps_of_a_minimum():
    assert steps(blocks(10, "intervention", 45)) == [
        "Kind of work: intervention.",
        "Minutes noted by the technician: 10.",
        "Rounded up to blocks of 15: 1 × 15 = 15.",
        "Raised to the minimum: 45.",
        "Expected movement: -45 credits.",
    ]


def test_the_steps_of_a_decision_name_who_took_it():
    decided = {**blocks(22), "reason": "agreed by phone.", "by": "eva"}
    assert steps(decided)[-3:] == [
        "Reason: agreed by phone.",
        "Decided by eva.",
        "Expected movement: -30 credits.",
    ]


def test_languages_have_the_same_phrases_with_the_same_blanks():
    def blanks(table):
        return {key: {name for _, name, _, _ in string.Formatter().parse(text) if name} for key, text in table.items()}

    assert blanks(TABLES["es"]) == blanks(TABLES["fr"]) == blanks(TABLES["en"])


COUNTED = [
    ("es", 0, "0 créditos"),
    ("es", 1, "1 crédito"),
    ("es", -1, "-1 crédito"),
    ("es", 2, "2 créditos"),
    ("es", 12_000, "12.000 créditos"),
    ("es", 1_000_000, "1.000.000 de créditos"),
    ("fr", 0, "0 crédit"),
    ("fr", 1, "1 crédit"),
    ("fr", 2, "2 crédits"),
    ("fr", 12_000, "12\u202f000 crédits"),
    ("fr", 1_000_000, "1\u202f000\u202f000 de crédits"),
    ("en", 0, "0 credits"),
    ("en", 1, "1 credit"),
    ("en", 12_000, "12,000 credits"),
]


@pytest.mark.parametrize(("language", "value", "text"), COUNTED)
def test_plural_forms(language, value, text):
    assert counted(value, language) == text


SPANS = [
    ((1, 1), "alrededor de 1 día"),
    ((5, 9), "entre 5 y 9 días"),
    ((13, 20), "entre 13 y 20 días"),
    ((10, 60), "entre 10 días y 2 meses"),
    ((20, 40), "entre 3 y 6 semanas"),
    ((20, 200), "entre 3 semanas y 7 meses"),
    ((60, 62), "alrededor de 2 meses"),
    ((400, 730), "entre 13 meses y 2 años"),
    ((9, 2), "alrededor de 9 días"),
]


@pytest.mark.parametrize(("days", "text"), SPANS)
def test_spans_in_fitting_units(days, text):
    assert span(days, "es").replace("\u00a0", " ") == text


def test_days_are_those_of_the_given_zone():
    before_midnight_utc = 1_772_320_000  # 2026-02-28 23:06 UTC
    assert day(before_midnight_utc, "fr", "Europe/Madrid") == "1er mars 2026"
    assert day(before_midnight_utc, "fr", "UTC") == "28 février 2026"
    assert day(before_midnight_utc, "en", "UTC") == "28 February 2026"


@pytest.mark.parametrize("price", [None, "", "abc", "NaN", "Infinity", "-1", "0", "1e99"])
def test_a_price_that_is_none_is_not_shown(price):
    assert money(price, 1, "es") == ""


def test_money_as_each_language_writes_it():
    assert [money("145.20", 2, language).replace("\u00a0", " ") for language in ("es", "fr", "en")] == [
        "290,40 €",
        "290,40 €",
        "€290.40",
    ]


NAMES = [
    ("Ana", "Ana"),
    ("  Ana \t  Núñez\r\nBcc: x ", "Ana Núñez Bcc: x"),
    ("J. R. R. Tolkien", "J. R. R. Tolkien"),
    ("ana@example.com", ""),
    ("You won http://evil.example", ""),
    ("www.evil", ""),
    ("evil.example", ""),
    ("<script>", ""),
    ("A\u202ena\u0000\u200b\ud800", "Ana"),
    ("x" * 10_000_000, "x" * 59 + "…"),
    ("\u200b" * 10_000_000, ""),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_names_to_greet_by(name, shown):
    assert person(name) == shown


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//shop.example.com",
        "shop.example.com",
        "https://",
        "https://shop@evil.example/",
        "https://shop.example.com/ x",
        'https://shop.example.com/"onclick=',
        "https://shop.example.com/\u202e",
        "https://[::1",
        "https://shop.example.com/" + "x" * 3000,
        "ftp://shop.example.com/",
        "",
    ],
)
def test_what_is_no_web_address_is_no_link(url):
    assert link(url) == ""


def test_web_addresses_are_links():
    assert link("https://shop.example.com/a?b=1&c=2#d") == "https://shop.example.com/a?b=1&c=2#d"


def test_addresses_are_never_printed():
    assert one_line("see ana.b+c@example.com, please") == "see …, please"
    assert lines("a  1\n <luc@example.com>  2\x00\n\n") == "a  1\n <…>  2"
