"""The recorded orders and invoices through the real clients, the whole road and a real store: row by row."""

import json

import pytest

from bytebridge.domain.model import Source
from bytebridge.ledger import migrate
from bytebridge.ledger.engine import Store
from bytebridge.sandbox.dolibarr import Dolibarr
from bytebridge.sandbox.prestashop import KEY, PrestaShop
from bytebridge.settings import Settings
from firm import NOW, RECORDINGS, Clock, Firm

ORDERS = json.loads((RECORDINGS / "prestashop" / "expected.json").read_text())
INVOICES = json.loads((RECORDINGS / "dolibarr" / "expected.json").read_text())
PACKS = [{"reference": r"SERVDOLIA(\d+)"}]
VERSIONS = ("9.1.4", "8.2.4")


def firm(folder, clock, **sections):
    store = Store(f"sqlite:///{folder}/bytebridge.db")
    migrate.upgrade(store, clock(), None)
    return Firm(store, Settings(packs=PACKS, notices={"quiet_before": ""}, **sections), clock)


@pytest.fixture(scope="module", params=VERSIONS)
def shop(request, tmp_path_factory):
    clock = Clock(NOW)
    with PrestaShop.from_recordings(RECORDINGS / "prestashop", request.param, now=clock) as simulator:
        section = {"url": simulator.url, "api_key": KEY, "requests_per_minute": 60_000}
        ours = firm(tmp_path_factory.mktemp("shop"), clock, shop=section)
        done = ours.poll()
        assert not done.errors
        yield ours
        assert simulator.outside == []


@pytest.fixture(scope="module")
def erp(tmp_path_factory):
    clock = Clock(NOW)
    with Dolibarr.from_recordings(RECORDINGS / "dolibarr", now=clock) as simulator:
        section = {
            "url": simulator.url,
            "api_key": simulator.key,
            "time_zone": "Europe/Paris",
            "requests_per_minute": 60_000,
            "write_back": False,
        }
        ours = firm(tmp_path_factory.mktemp("erp"), clock, erp=section)
        done = ours.poll()
        assert not done.errors
        yield ours
        assert simulator.outside == []


@pytest.mark.parametrize("order", [pytest.param(key, id=f"{key}-{row['what']}") for key, row in ORDERS.items()])
def test_order_moves_what_the_table_says(shop, order):
    assert shop.posted().get(f"shop:{order}", 0) == ORDERS[order]["owed"]


@pytest.mark.parametrize("invoice", [pytest.param(key, id=f"{key}-{row['what']}") for key, row in INVOICES.items()])
def test_invoice_moves_what_the_table_says(erp, invoice):
    row = INVOICES[invoice]
    assert erp.posted().get(f"erp:{invoice}", 0) == row["credits"]
    listed = {(document, state) for state in ("waiting", "flagged") for document, _ in erp.reviews(state)}
    expected = {"review": "waiting", "flagged": "flagged"}.get(row["stands"])
    assert {state for document, state in listed if document == f"erp:{invoice}"} == ({expected} if expected else set())


def test_orders_that_a_person_should_see_are_flagged(shop):
    assert shop.reviews("flagged") == {
        ("shop:19", "looks_like_pack"),
        ("shop:36", "goodwill"),
        ("shop:43", "underpaid"),
        ("shop:52", "hold"),
        ("shop:53", "hold"),
        ("shop:58", "looks_like_pack"),
    }
    assert shop.reviews("waiting") == set()


def test_guests_and_a_returning_buyer_are_one_account(shop):
    balances = shop.balances()
    assert balances["guest@example.com"] == 90
    assert sum(balances.values()) == sum(row["owed"] for row in ORDERS.values())


def test_reading_the_recordings_again_posts_nothing(shop):
    again = shop.poll()
    assert again.results[Source.SHOP].posted == 0
    assert again.results[Source.SHOP].examined == 0


def test_invoices_of_the_recording_settle_on_the_customer_they_name(erp):
    balances = erp.balances()
    for row in INVOICES.values():
        if row["credits"]:
            assert row["email"].split(";")[0] in balances
