"""A simulated shop on loopback, the real client, and a ledger that is a dictionary."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bytebridge.remote import Limits, Remote
from bytebridge.sandbox.prestashop import KEY, PrestaShop
from bytebridge.settings import ShopSettings
from bytebridge.shop.client import API, SYSTEM, classify, credentials
from bytebridge.shop.connector import Shop

RECORDINGS = Path(__file__).parents[2] / "recordings" / "prestashop"
VERSIONS = ("9.1.4", "8.2.4")
NOON = 1796122800  # 2026-12-01 11:00:00 UTC, noon in Madrid


class Clock:
    def __init__(self, at=NOON):
        self.at = at

    def __call__(self):
        return self.at

    def tick(self, seconds=1):
        self.at += seconds


@dataclass
class Reading:
    """What one poll asked and brought."""

    orders: dict
    requests: list
    surprises: list

    @property
    def ids(self):
        return sorted(self.orders, key=int)

    def asked(self, resource):
        return [request for request in self.requests if request.path == f"/api/{resource}"]


@dataclass
class Ledger:
    """Last-seen orders and the cursor, as the real one keeps them: the cursor only with its page."""

    shop: Shop
    simulator: PrestaShop
    orders: dict = field(default_factory=dict)
    cursor: str | None = None

    def known(self, ids):
        return {id_: self.orders[id_] for id_ in ids if id_ in self.orders}

    def poll(self, since=None):
        first = len(self.simulator.requests)
        found = {}
        for page in self.shop.changed(self.cursor, self.known, since if self.cursor is None else None):
            found |= {order.id: order for order in page.documents}
            self.orders |= {order.id: order for order in page.documents}
            self.cursor = page.cursor if page.cursor is not None else self.cursor
        surprises, self.shop.surprises[:] = list(self.shop.surprises), []
        return Reading(found, self.simulator.requests[first:], surprises)


@pytest.fixture
def recordings():
    return RECORDINGS


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def start(clock):
    """Starts simulated shops; a request outside the notes fails the test that made it."""
    running = []

    def begin(simulator):
        running.append(simulator.start())
        return simulator

    yield begin
    for simulator in running:
        simulator.stop()
        assert simulator.outside == []


@pytest.fixture
def simulator(start, clock, version):
    """An empty shop as installed."""
    return start(PrestaShop(version, now=clock))


@pytest.fixture
def recorded(start, clock, version):
    """The shop of the recordings."""
    return start(PrestaShop.from_recordings(RECORDINGS, version, now=clock))


@pytest.fixture
def join(clock):
    """The real client of a simulated shop. No pause is ever slept."""

    def make(simulator, *, key=KEY, page=100, counters_page=1000, knows=bool, url=None, **settings):
        section = ShopSettings(url=url or simulator.url, api_key=key, **settings)
        headers, params = credentials(key, in_query=section.key_in_query)
        remote = Remote(
            SYSTEM,
            section.url + API,
            headers=headers,
            params=params,
            limits=Limits(requests_per_minute=1_000_000, connect_s=5, read_s=5),
            classify=classify,
            monotonic=time.monotonic,
            sleep=lambda _seconds: None,
        )
        return Shop(remote, section, now=clock, page=page, counters_page=counters_page, knows=knows)

    return make


@pytest.fixture
def shop(simulator, join):
    return join(simulator)


@pytest.fixture
def ledger(shop, simulator):
    return Ledger(shop, simulator)


@pytest.fixture
def open_ledger(join):
    def make(simulator, **options):
        return Ledger(join(simulator, **options), simulator)

    return make
