"""What a reference grants, and which pack covers a need."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bytebridge.domain.packs import grants, looks_like_pack, offered, smallest_cover, value_of
from bytebridge.domain.rules import Pack, Rules, is_literal
from domain_values import DAY, NOON, PACKS, RULES

GRANTS = [
    ("literal", "SERVDOLIA120", 120),
    ("by pattern", "SERVDOLIA45", 45),
    ("the whole reference", "XSERVDOLIA45", None),
    ("not a bit more", "SERVDOLIA45-B", None),
    ("case counts", "servdolia120", None),
    ("module", "MODSTOCK", None),
    ("empty", "", None),
    ("other digits", "SERVDOLIA٤٥", None),
    ("more credits than anybody sells", "SERVDOLIA" + "9" * 30, None),
]


@pytest.mark.parametrize(("reference", "expected"), [g[1:] for g in GRANTS], ids=[g[0] for g in GRANTS])
def test_grants(reference, expected):
    assert grants(RULES, reference, NOON) == expected


def test_a_literal_beats_a_younger_pattern():
    packs = (Pack("SERVDOLIA120", 130, True), Pack(r"SERVDOLIA(\d+)", None, False, valid_from=NOON))
    assert grants(Rules(packs=packs), "SERVDOLIA120", NOON) == 130


def test_the_price_list_in_force_at_the_date():
    packs = (Pack("A1", 100, True, valid_from=NOON), Pack("A1", 90, True, valid_from=NOON + DAY))
    rules = Rules(packs=packs)
    assert [grants(rules, "A1", at) for at in (NOON - 1, NOON, NOON + DAY - 1, NOON + DAY)] == [None, 100, 100, 90]
    assert [pack.credits for pack in offered(rules, NOON)] == [100]
    assert [pack.credits for pack in offered(rules, NOON + DAY)] == [90]


def test_a_pattern_with_fixed_credits():
    assert grants(Rules(packs=(Pack("GIFT-.*", 10, False),)), "GIFT-XMAS", NOON) == 10


LOOKS = [
    ("unknown pack of the family", "SERVDOLIA-XL", True),
    ("lower case", "servdolia 60", True),
    ("says pack", "PACK-SOPORTE", True),
    ("says credits", "CRÉDITOS50", True),
    ("module", "MODSTOCK", False),
    ("short common stem", "SERV", False),
]


@pytest.mark.parametrize(("reference", "expected"), [g[1:] for g in LOOKS], ids=[g[0] for g in LOOKS])
def test_looks_like_a_pack(reference, expected):
    assert looks_like_pack(PACKS, reference) is expected


@pytest.mark.parametrize(
    ("reference", "literal"),
    [("SERVDOLIA120", True), ("PACK 120", True), ("PACK-120_B#2", True), (r"S(\d+)", False), ("GIFT.*", False)],
)
def test_literal_references(reference, literal):
    assert is_literal(reference) is literal


COVERS = [
    ("nothing needed", 0, []),
    ("one credit", 1, [("SERVDOLIA60", 1)]),
    ("exactly", 60, [("SERVDOLIA60", 1)]),
    ("one more", 61, [("SERVDOLIA120", 1)]),
    ("the largest", 300, [("SERVDOLIA300", 1)]),
    ("two packs", 301, [("SERVDOLIA300", 1), ("SERVDOLIA60", 1)]),
    ("two of the largest", 421, [("SERVDOLIA300", 2)]),
    ("three packs", 650, [("SERVDOLIA300", 2), ("SERVDOLIA60", 1)]),
]


@pytest.mark.parametrize(("need", "expected"), [c[1:] for c in COVERS], ids=[c[0] for c in COVERS])
def test_smallest_cover(need, expected):
    offers = smallest_cover(RULES, need, NOON)
    assert [(offer.reference, offer.quantity) for offer in offers] == expected


def test_no_offer_without_literal_packs():
    assert smallest_cover(replace(RULES, packs=PACKS[-1:]), 10, NOON) == ()


@settings(max_examples=40)
@given(st.sets(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 130))
def test_fewest_packs_then_fewest_credits(sizes, need):
    rules = Rules(packs=tuple(Pack(f"P{size}", size, True) for size in sizes))
    offers = smallest_cover(rules, need, NOON)
    count = sum(offer.quantity for offer in offers)
    assert count == -(-need // max(sizes))
    if count <= 4:
        sums = (sum(some) for some in combinations_with_replacement(sorted(sizes), count))
        assert value_of(offers) == min(total for total in sums if total >= need)
