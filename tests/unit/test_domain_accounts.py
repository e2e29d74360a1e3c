"""The normal form of addresses, and whose they are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytebridge.domain.accounts import account_of, normalise, owner
from bytebridge.domain.addressed import addressed, mindful
from bytebridge.domain.memory import Memory, key_of
from bytebridge.domain.tariff import Lack
from bytebridge.domain.worth import Known
from domain_values import invoice

ADDRESSES = [
    ("plain", "ana@example.com", "ana@example.com"),
    ("capitals", "Ana@Example.COM", "ana@example.com"),
    ("spaces around", "  ana@example.com\t", "ana@example.com"),
    ("hard space", "\u00a0ana@example.com", "ana@example.com"),
    ("display name", "Ana Pérez <Ana@example.com>", "ana@example.com"),
    ("quoted display name", '"Pérez, Ana" <ana@example.com>', "ana@example.com"),
    ("brackets", "<ana@example.com>", "ana@example.com"),
    ("link", "MAILTO:ana@example.com", "ana@example.com"),
    ("plus", "ana+soporte@example.com", "ana+soporte@example.com"),
    ("wide letters", "ａｎａ＠example.com", "ana@example.com"),
    ("decomposed accent", "jose\u0301@example.com", "josé@example.com"),
    ("sharp s", "GROSS@straße.example.com", "gross@strasse.example.com"),
    ("None", None, None),
    ("empty", "", None),
    ("telephone", "+34 600 000 000", None),
    ("two addresses", "a@example.com;b@example.com", None),
    ("two addresses, comma", "a@example.com, b@example.com", None),
    ("two in brackets", "<a@example.com> <b@example.com>", None),
    ("no domain", "ana@", None),
    ("no dot", "ana@localhost", None),
    ("trailing dot", "ana@example.com.", None),
    ("empty label", "ana@example..com", None),
    ("two ats", "a@b@example.com", None),
    ("space inside", "ana perez@example.com", None),
    ("line break", "ana@example.com\nBcc: eva@example.com", None),
    ("invisible", "ana@exam\u200bple.com", None),
    ("half a character", "ana\ud800@example.com", None),
    ("too long", "a" * 250 + "@example.com", None),
]


@pytest.mark.parametrize(("text", "expected"), [a[1:] for a in ADDRESSES], ids=[a[0] for a in ADDRESSES])
def test_normal_form(text, expected):
    assert normalise(text) == expected


@given(st.one_of(st.text(max_size=20), st.builds("{}@{}.com".format, st.text(max_size=6), st.text(max_size=6))))
def test_the_normal_form_is_its_own(text):
    found = normalise(text)
    assert found is None or normalise(found) == found


HISTORY = {
    "a": [(0, 1), (100, 2)],
    "gone": [(0, 1), (100, None)],
    "gap": [(0, 1), (100, None), (200, 2)],
    "late": [(50, 3)],
}
OWNERS = [
    ("first owner from the beginning", "late", 0, 3),
    ("before the change", "a", 99, 1),
    ("from the change", "a", 100, 2),
    ("nobody knows it", "x", 5, None),
    ("given up", "gone", 100, None),
    ("before it was given up", "gone", 99, 1),
    ("nobody's for a while", "gap", 150, 2),
    ("owned again", "gap", 200, 2),
]


@pytest.mark.parametrize(("email", "at", "expected"), [o[1:] for o in OWNERS], ids=[o[0] for o in OWNERS])
def test_owner(email, at, expected):
    assert owner(HISTORY, email, at) == expected


PEOPLE = {"a": [(0, 1)], "b": [(0, 2)], "c": [(0, 3)]}
ROOTS = {1: 1, 2: 2, 3: 1}
FITS = [
    ("nobody's", ["x"], False, None),
    ("no address", [], False, None),
    ("its own", ["b"], False, 2),
    ("merged", ["c"], False, 1),
    ("the first decides", ["b", "a"], False, 2),
    ("a contact's", ["x", "b"], False, 2),
    ("two contacts of one family", ["x", "a", "c"], False, 1),
    ("two that differ", ["x", "a", "b"], False, "two_accounts"),
    ("one of two companies' for nobody", ["x"], False, None, ["b"]),
    ("one of two companies' against a contact's", ["x", "a"], False, "two_accounts", ["b"]),
    ("one of two companies' not against its own", ["a"], False, 1, ["b"]),
    ("one of two companies' as the contact's", ["x", "a"], False, 1, ["c"]),
    ("shared: all must agree", ["b", "a"], True, "two_accounts"),
    ("shared: one family", ["c", "x", "a"], True, 1),
]


@pytest.mark.parametrize(
    ("emails", "share", "expected", "elsewhere"), [[*f[1:], ()][:4] for f in FITS], ids=[f[0] for f in FITS]
)
def test_account_of_addresses(emails, share, expected, elsewhere):
    found = account_of(PEOPLE, ROOTS.__getitem__, emails, 10, share=share, elsewhere=elsewhere)
    assert (found.code if isinstance(found, Lack) else found) == expected


SHOWN = [  # addresses shown in turn, each with those of others; by which addresses it is judged in the end
    ("fewer", [("ab", ""), ("b", "")], "ab"),
    ("none", [("ab", ""), ("", "")], "ab"),
    ("fewer and fewer", [("abc", ""), ("bc", ""), ("c", ""), ("bc", "")], "abc"),
    ("all again", [("ab", ""), ("b", ""), ("ab", "")], "ab"),
    ("in another order", [("ab", ""), ("ba", "")], "ba"),
    ("in another order after a gap", [("ab", ""), ("b", ""), ("ba", "")], "ba"),
    ("a new one", [("ab", ""), ("bx", "")], "bx"),
    ("a new one after a gap", [("ab", ""), ("b", ""), ("xb", "")], "xb"),
    ("fewer of the new ones", [("ab", ""), ("bx", ""), ("b", "")], "bx"),
    ("no more another's", [("b", "a"), ("ab", "")], "b"),
    ("another's now", [("ab", ""), ("b", "a")], "ab"),
    ("a new one of another", [("ab", ""), ("b", "x")], "b"),
]


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize(("shown", "judged"), [s[1:] for s in SHOWN], ids=[s[0] for s in SHOWN])
def test_addresses_that_are_shown_no_more(shown, judged, moved):
    readings = [invoice(emails=tuple(map(at_example, own)), elsewhere=tuple(map(at_example, of))) for own, of in shown]
    memory = Memory(charged=moved)
    for before, now in pairwise(readings):
        memory = mindful(memory, before, now)
    found = addressed(now, {key_of(now): Known(memory)})
    assert found.emails == (tuple(map(at_example, judged)) if moved else now.emails)


def at_example(name):
    return f"{name}@example.com"


def test_another_third_party_is_an_edit_and_a_spelling_is_none():
    seen = invoice(emails=("a@example.com", "b@example.com"))
    for now, emails in (
        (invoice(emails=("b@example.com",), customer="4"), ()),
        (invoice(emails=("B@Example.com",)), seen.emails),
    ):
        assert mindful(Memory(charged=True), seen, now).emails == emails
