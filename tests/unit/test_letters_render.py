"""Letters from values: what may be absent, what must never show, a firm's own templates."""

import re
from html.parser import HTMLParser
from itertools import combinations

import pytest
from msgspec.structs import replace

from bytebridge.domain.letter import Letter, Movement, NoticeKind, PackOffer, StatementRow
from bytebridge.domain.model import Source
from bytebridge.domain.rules import fold
from bytebridge.notices.mail import build
from bytebridge.notices.render import BUILT_IN, faults, render
from bytebridge.notices.samples import sample, samples

LANGUAGES = ("es", "fr", "en")
BLOCKS = {"rule": "blocks", "kind": "intervention", "minutes": 22, "block": 15, "minimum": 45}
STATEMENT_WORDS = {"saldo", "informe de creditos", "solde", "releve", "balance", "statement"}


def bare(kind, language, **values):
    given = {
        "kind": kind,
        "language": language,
        "name": "",
        "code": "BB-7-12-9F3A1C07",
        "source": Source.HELPDESK,
        "document": "KXB-QWERT-482",
        "balance_after": 0,
        "balance_now": 0,
        **values,
    }
    return Letter(**given)


OPTIONAL = {
    "name": "Ana",
    "balance_now": 44,
    "threshold": 30,
    "movement": Movement(-45, 0, -45, BLOCKS, 1_772_697_600),
    "low": True,
    "owed": 5,
    "offer": (PackOffer("SERVDOLIA60", 60, 1, "72.60", "https://shop.example.com/60"),),
    "lasts_days": (20, 40),
    "estimate": 45,
    "estimate_kind": "intervention",
    "charged_already": 15,
    "credentials_reminder": True,
    "stranger": True,
    "module": "MODX",
    "module_ends": 1_772_697_600,
    "statement_text": "one line",
    "statement_rows": (StatementRow("5 mar 2026", "KXB-QWERT-482", "22 min", "−30", "75"),),
    "more_rows": True,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_value_may_be_absent_or_present(kind, language):
    names = list(OPTIONAL)
    chosen = [(), tuple(names), *combinations(names, 1), *combinations(names, 2)]
    chosen += [tuple(name for name in names if name != left_out) for left_out in names]
    cases = [(Source.HELPDESK, present) for present in chosen]
    cases += [(source, present) for source in Source for present in ((), tuple(names), ("movement",))]
    for source, present in cases:
        letter = bare(kind, language, source=source, **{name: OPTIONAL[name] for name in present})
        rendered = render(letter, zone="Europe/Madrid")
        assert rendered.fallback is None
        assert rendered.subject[:1].isupper()
        assert "None" not in rendered.text
        assert "{" not in rendered.text
        assert letter.code in rendered.text


def test_a_letter_without_a_code_shows_no_reference():
    assert "Ref." not in render(replace(sample(NoticeKind.BALANCE, "en"), code=""), zone="UTC").text


def sentences(text):
    return [part for part in re.split(r"(?<=[.?!:])\s+|\n+", text) if len(part) > 12]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_no_letter_says_one_sentence_twice(kind, language):
    for title, letter in samples(kind, language).items():
        said = sentences(render(letter, zone="UTC").text)
        assert len(said) == len(set(said)), title


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_the_code_ends_the_letter_and_the_subject_asks_us_for_nothing(kind, language):
    for letter in [*samples(kind, language).values(), bare(kind, language), bare(kind, language, document="")]:
        rendered = render(letter, zone="UTC")
        assert rendered.text.endswith(f"f. {letter.code}\n")
        assert re.sub(r"[\W_]+", " ", fold(rendered.subject)).strip() not in STATEMENT_WORDS


def test_balance_after_and_now_only_when_they_differ():
    kind = NoticeKind.BALANCE
    same = render(bare(kind, "es", balance_after=30, balance_now=30), zone="UTC").text
    moved = render(bare(kind, "es", balance_after=30, balance_now=45), zone="UTC").text
    assert "Saldo actual: 30 créditos" in same
    assert "tras este" not in same
    assert "Saldo tras este movimiento: 30 créditos\nSaldo actual: 45 créditos" in moved


def test_a_correction_tells_before_now_and_difference():
    moved = Movement(-15, -45, -60, {**BLOCKS, "minutes": 46}, 0)
    text = render(bare(NoticeKind.BALANCE, "en", movement=moved), zone="UTC").text
    assert "Previous charge: 45 credits\nNew charge: 60 credits\nChange to your balance: -15 credits" in text


@pytest.mark.parametrize(("owed", "low"), [(0, True), (5, True), (5, False)])
def test_owed_and_low_are_never_both_said(owed, low):
    letter = bare(NoticeKind.BALANCE, "en", owed=owed, low=low, threshold=30, balance_now=5 - 2 * owed)
    text = render(letter, zone="UTC").text
    assert ("you owe" in text, "running low" in text) == (owed > 0, owed == 0)


def test_insufficient_before_any_work_says_that_nothing_was_charged():
    letter = sample(NoticeKind.INSUFFICIENT, "en")
    assert "Nothing has been charged so far." in render(letter, zone="UTC").text


def test_an_unknown_language_is_answered_in_the_firms_own():
    text = render(replace(sample(NoticeKind.BALANCE, "es"), language="de"), zone="UTC").text
    assert text.startswith("Hola, Ana:")


class Page(HTMLParser):
    """Tags, links and text of an HTML letter."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.links, self.outside, self.open = set(), [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        given = dict(attributes)
        if tag == "a":
            self.links.append(given["href"])
        self.outside += [value for name, value in attributes if name in ("src", "background", "srcset", "onclick")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_html_is_whole_and_fetches_nothing(kind, language):
    for letter in samples(kind, language).values():
        source = render(letter, zone="UTC").html
        page = Page(source)
        assert page.open == []
        assert page.outside == []
        assert page.tags.isdisjoint({"img", "script", "link", "iframe", "form", "object"})
        assert "url(" not in source
        assert "@import" not in source
        assert "prefers-color-scheme: dark" in source
        assert f'<html lang="{language}">' in source


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% for x in y %}",
    "=?utf-8?q?hi=0ABcc=3A_eve@example.com?=",
    "a\r\nBcc: eve@example.com",
    "\u202etxt.exe\u2066\u200f",
    "nul\x00bell\x07esc\x1b[31m",
    "lone \ud800 surrogate \udfff",
    "eve@example.com",
    "long " * 5000,
    "x" * 2_000_000,
    "🎟️ 积分 نقاط",
    "%s %(x)s {0} {name!r}",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_hostile_text_stays_text(kind, text):
    line = {"reference": text, "units": 1, "taken_back": 0, "credits": 60}
    movements = [
        {"rule": "packs", "standing": "paid", "lines": [line]},
        {"rule": "decided", "credits": -30, "reason": text, "by": text},
    ]
    for derivation in movements:
        letter = bare(
            kind,
            "fr",
            name=text,
            document=text,
            module=text,
            statement_text=text,
            statement_rows=(StatementRow(text, text, text, text, text),),
            estimate_kind=text,
            low=True,
            movement=Movement(60, 0, 60, derivation, 0),
            offer=(PackOffer(text, 60, 1, text, text), PackOffer("B", 60, 1, None, "javascript:alert(1)")),
        )
        rendered = render(letter, zone="UTC")
        page = Page(rendered.html)
        assert page.tags.isdisjoint({"img", "script"})
        assert page.links == []
        for shown in (rendered.subject, rendered.text, rendered.html):
            assert "@example.com" not in shown
            shown.encode("utf-8")
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)
        assert "\n" not in rendered.subject
        assert len(rendered.subject) <= 150
        assert "49" not in rendered.text
        addressed = {"sender": "support@example.org", "recipient": "ana@example.org", "message_id": "<bb@example.org>"}
        assert b"eve" not in build(rendered, **addressed, date=0)


def own(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return folder


GOOD = """\
{% extends "built-in/es/balance.j2" %}
{% block question %}Llámenos al 900 000 000.{% endblock %}
"""


def test_a_firms_own_template_replaces_one_and_may_build_on_the_original(tmp_path):
    own(tmp_path, "es/balance.j2", GOOD)
    rendered = render(sample(NoticeKind.BALANCE, "es"), zone="UTC", overrides=tmp_path)
    assert "900 000 000" in rendered.text
    assert "900 000 000" in rendered.html
    assert rendered.fallback is None
    other = render(sample(NoticeKind.PURCHASE, "es"), zone="UTC", overrides=tmp_path)
    assert other == render(sample(NoticeKind.PURCHASE, "es"), zone="UTC")
    assert faults(tmp_path) == []


def test_a_change_of_an_own_template_shows_in_the_next_letter(tmp_path):
    letter = sample(NoticeKind.BALANCE, "es")
    own(tmp_path, "es/balance.j2", GOOD)
    assert "900" in render(letter, zone="UTC", overrides=tmp_path).text
    changed = own(tmp_path, "es/balance.j2", GOOD.replace("900", "901")) / "es/balance.j2"
    import os

    os.utime(changed, (1, 1))
    assert "901" in render(letter, zone="UTC", overrides=tmp_path).text


FAULTY = {
    "syntax": "{% if %}",
    "unknown name": GOOD.replace("Llámenos", "{{ nobody }}"),
    "unknown filter": "{{ name | nothing }}",
    "unknown parent": '{% extends "es/none.j2" %}',
    "arithmetic": GOOD.replace("Llámenos", "{{ 1 // 0 }}"),
    "wrong type": GOOD.replace("Llámenos", "{{ balance_now + name }}"),
    "endless": GOOD.replace("Llámenos", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
    "reaching out of the sandbox": GOOD.replace("Llámenos", "{{ ''.__class__.__mro__ }}"),
    "a huge range": GOOD.replace("Llámenos", "{% for i in range(10000000) %}{% endfor %}"),
    "without subject": '{% extends "es/letter.j2" %}{% block subject %}{% endblock %}',
    "without code": '{% extends "built-in/es/balance.j2" %}{% block body %}Hola{% endblock %}',
    "no blocks": "Hola {{ code }}",
}


@pytest.mark.parametrize("case", FAULTY)
def test_a_faulty_own_template_is_named_and_the_built_in_one_speaks(tmp_path, case):
    own(tmp_path, "es/balance.j2", FAULTY[case])
    own(tmp_path, "fr/balance.j2", GOOD.replace("/es/", "/fr/"))
    rendered = render(sample(NoticeKind.BALANCE, "es"), zone="UTC", overrides=tmp_path)
    plain = render(sample(NoticeKind.BALANCE, "es"), zone="UTC")
    assert (rendered.subject, rendered.text, rendered.html) == (plain.subject, plain.text, plain.html)
    assert rendered.fallback
    (fault,) = faults(tmp_path)
    assert fault.startswith("es/balance.j2: ")


def test_an_unreadable_own_template_is_named(tmp_path):
    own(tmp_path, "es/balance.j2", "")
    (tmp_path / "es/balance.j2").write_bytes(b"\xff\xfe\x00")
    assert render(sample(NoticeKind.BALANCE, "es"), zone="UTC", overrides=tmp_path).fallback
    assert faults(tmp_path)[0].startswith("es/balance.j2: ")


def test_an_own_layout_is_tried_on_every_letter(tmp_path):
    source = (BUILT_IN / "ui.html").read_text("utf-8")
    own(
        tmp_path,
        "ui.html",
        source.replace("{% macro statement(balance, rest) %}", "{% macro statement(a, b, c) %}{{ c }}"),
    )
    (fault,) = faults(tmp_path)
    assert fault.startswith("ui.html: ")


def test_a_name_no_template_has_is_a_fault(tmp_path):
    own(tmp_path, "es/balanse.j2", GOOD)
    assert faults(tmp_path) == ["es/balanse.j2: no template has this name"]
    assert faults(tmp_path / "none") == [f"{tmp_path / 'none'}: no such folder"]


def test_the_built_in_templates_have_no_fault(tmp_path):
    for pattern in ("*.*", "fr/*"):
        for path in BUILT_IN.glob(pattern):
            own(tmp_path, path.relative_to(BUILT_IN).as_posix(), path.read_text("utf-8"))
    assert faults(tmp_path) == []
