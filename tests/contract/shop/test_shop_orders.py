"""The 58 recorded orders through the real client: what each of them is worth, in both versions."""

import json
import re
import time
from functools import cache
from pathlib import Path

import pytest

from bytebridge.domain.model import OrderState
from bytebridge.sandbox.prestashop import KEY, PrestaShop
from bytebridge.settings import ShopSettings
from bytebridge.shop.connector import connect

RECORDINGS = Path(__file__).parents[2] / "recordings" / "prestashop"
EXPECTED = json.loads((RECORDINGS / "expected.json").read_text(encoding="utf-8"))
VERSIONS = ("9.1.4", "8.2.4")
CASES = [
    pytest.param(version, number, id=f"{version}-{number} {case['what']}")
    for version in VERSIONS
    for number, case in EXPECTED.items()
]


@cache
def orders(version):
    """All orders of a version's recorded shop, by the client as the daemon builds it."""
    with PrestaShop.from_recordings(RECORDINGS, version) as simulator:
        shop = connect(
            ShopSettings(url=simulator.url, api_key=KEY, requests_per_minute=100_000),
            observe=lambda *_: None,
            sleep=lambda _: None,
            monotonic=time.monotonic,
            now=time.time,
        )
        found = {order.id: order for page in shop.everything(None, None) for order in page.documents}
        assert shop.surprises == []
        assert simulator.outside == []
    return found


def standing(order):
    if order.state == OrderState.OTHER:
        return "hold" if order.once_paid else "unpaid"
    return order.state.value


def owed(order):
    """Credits by reference and units kept, by a rule that shares nothing with the domain's."""
    if standing(order) not in ("paid", "hold"):
        return 0
    total = 0
    for line in order.lines:
        if pack := re.fullmatch(r"SERVDOLIA(\d+)", line.reference):
            total += int(pack[1]) * max(0, line.quantity - line.taken_back)
    return total


@pytest.mark.parametrize(("version", "number"), CASES)
def test_an_order_is_worth_what_was_kept_of_it(version, number):
    order = orders(version)[number]
    assert (standing(order), owed(order)) == (EXPECTED[number]["class"], EXPECTED[number]["owed"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_and_the_shop_name_the_same_orders(version):
    assert sorted(orders(version), key=int) == sorted(EXPECTED, key=int)
    assert sum(owed(order) for order in orders(version).values()) == sum(case["owed"] for case in EXPECTED.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_person_should_see_is_flagged_and_nothing_else(version):
    found = orders(version).values()
    assert [order.id for order in found if any(line.goodwill for line in order.lines)] == ["36"]
    assert [order.id for order in found if order.underpaid] == ["43"]
    assert [(order.id, order.state_name) for order in found if standing(order) == "hold"] == [
        ("52", "Partial refund"),
        ("53", "Credits assigned"),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_guests_and_a_registered_customer_share_an_address(version):
    found = orders(version)
    assert {found[number].email for number in ("20", "21")} == {"guest@example.com"}
    assert found["20"].customer != found["21"].customer
    assert found["22"].email == found["9"].email == "ana@example.com"
    assert found["22"].customer != found["9"].customer
    assert (found["9"].name, found["9"].language, found["16"].language) == ("Ana Lopez", "es", "en")


@pytest.mark.parametrize("version", VERSIONS)
def test_both_halves_of_a_split_cart_are_orders_of_their_own(version):
    found = orders(version)
    assert found["57"].code == found["58"].code
    assert not found["57"].underpaid
    assert not found["58"].underpaid
