from decimal import Decimal
from pathlib import Path

import pytest

from bytebridge.erp.checks import knows_every
from bytebridge.erp.connector import connect
from bytebridge.erp.write_back import Writer
from bytebridge.sandbox.dolibarr import Dolibarr
from bytebridge.settings import ErpSettings

NOW = 1_795_600_000  # 2026-11-25 10:26:40 in Madrid
RECORDINGS = Path(__file__).parents[2] / "recordings" / "dolibarr"


class Clock:
    """Time that passes only when told, shared by server and client."""

    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at

    def pass_hours(self, hours):
        self.at += int(Decimal(str(hours)) * 3600)


class Observed(list):
    def __call__(self, system, operation, result, seconds):
        self.append((system, operation, result))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def open_server(clock):
    """Opens servers; in the end none may have been asked for something outside its notes."""
    opened = []

    def start(make=Dolibarr, **more):
        server = make(now=clock, **more).start()
        opened.append(server)
        return server

    yield start
    for server in opened:
        server.stop()
    assert [outside for server in opened for outside in server.outside] == []


@pytest.fixture
def server(open_server):
    return open_server()


@pytest.fixture
def recorded(open_server):
    return open_server(lambda **more: Dolibarr.from_recordings(RECORDINGS, **more))


@pytest.fixture
def open_erp(clock):
    """A client of a server; `limit` sets its page."""

    def start(server, *, limit=None, key=None, knows=knows_every, observe=None, **settings):
        zone = settings.pop("time_zone", str(server.zone))
        erp = connect(
            ErpSettings(url=server.url, api_key=key or server.key, time_zone=zone, **settings),
            observe=observe or Observed(),
            sleep=lambda _: None,
            monotonic=clock,
            now=clock,
            knows=knows,
        )
        if limit is not None:
            erp._limit = limit
        return erp

    return start


@pytest.fixture
def erp(server, open_erp):
    return open_erp(server)


@pytest.fixture
def writer(erp):
    return Writer(erp.client, "credit_balance")


@pytest.fixture
def recordings():
    return RECORDINGS
