"""The same client against a real PrestaShop, read only: BYTEBRIDGE_TEST_PRESTASHOP_URL and _KEY."""

import os
import time
from itertools import islice

import pytest

from bytebridge.connector import Level
from bytebridge.settings import ShopSettings
from bytebridge.shop.connector import connect

URL = os.environ.get("BYTEBRIDGE_TEST_PRESTASHOP_URL")
KEY = os.environ.get("BYTEBRIDGE_TEST_PRESTASHOP_KEY", "")
pytestmark = [pytest.mark.real, pytest.mark.skipif(not URL, reason="no real PrestaShop is named")]


@pytest.fixture
def shop():
    return connect(
        ShopSettings(url=URL or "", api_key=KEY),
        observe=lambda *_: None,
        sleep=time.sleep,
        monotonic=time.monotonic,
        now=time.time,
    )


def test_key_clock_and_filters_are_sound(shop):
    assert [finding for finding in shop.check() if finding.level == Level.WRONG] == []


def test_orders_read_in_a_walk_are_read_the_same_by_id(shop):
    (page, *_) = islice(shop.everything(None, None), 1)
    some = page.documents[:5]
    assert shop.by_ids([order.id for order in some]) == list(some)


def test_a_second_poll_finds_nothing_changed(shop):
    seen = {}
    cursor = None
    for page in shop.changed(None, lambda ids: {}, int(time.time()) - 30 * 86_400):
        seen |= {order.id: order for order in page.documents}
        cursor = page.cursor or cursor
    again = [
        order
        for page in shop.changed(cursor, lambda ids: {i: seen[i] for i in ids if i in seen}, None)
        for order in page.documents
    ]
    assert all(seen.get(order.id) == order for order in again)
