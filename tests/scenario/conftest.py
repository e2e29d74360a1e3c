import pytest

from bytebridge.ledger import migrate
from bytebridge.ledger.engine import Store
from bytebridge.sandbox.dolibarr import Dolibarr
from bytebridge.sandbox.liveagent import LiveAgent
from bytebridge.sandbox.mail import MailServer
from bytebridge.sandbox.prestashop import KEY, PrestaShop
from bytebridge.settings import Settings
from firm import Clock, Firm

PACKS = [
    {"reference": "SERVDOLIA30", "credits": 30, "price": "36.30", "url": "https://shop.example.com/30"},
    {"reference": "SERVDOLIA60", "credits": 60, "price": "72.60", "url": "https://shop.example.com/60"},
    {"reference": "SERVDOLIA120", "credits": 120, "price": "145.20", "url": "https://shop.example.com/120"},
]


class World(Firm):
    """A firm with its four systems. `told` empties what customers received since it was last asked."""

    def __init__(self, folder, **sections):
        self.clock = Clock()
        self.shop = PrestaShop(now=self.clock).start()
        self.erp = Dolibarr(now=self.clock).start()
        self.desk = LiveAgent(now=self.clock, rate_limit=None).start()
        self.mail = MailServer(now=self.clock).start()
        self.erp.invoice(self.erp.customer("Elm Electrics", "elm@example.com"), [("SERVDOLIA60", 1, 60)])
        store = Store(f"sqlite:///{folder}/bytebridge.db")
        migrate.upgrade(store, self.clock(), None)
        super().__init__(store, self.settings_of(**sections), self.clock)
        self._seen = set()

    def settings_of(self, **sections):
        fast = {"requests_per_minute": 60_000}
        base = {
            "shop": {"url": self.shop.url, "api_key": KEY, **fast},
            "erp": {"url": self.erp.url, "api_key": self.erp.key, **fast},
            "helpdesk": {
                "url": self.desk.url,
                "api_key": self.desk.api_key,
                "message_api_key": self.desk.message_api_key,
                "agent": "creditos@example.com",
                "note_reviews": False,
                **fast,
            },
            "smtp": {"host": "127.0.0.1", "port": self.mail.port, "security": "none"},
            "notices": {"from": "creditos@example.com", "office_hours": ""},
        }
        for name, values in sections.items():
            base[name] = {**base[name], **values} if name in base and isinstance(values, dict) else values
        return Settings(packs=PACKS, **base)

    def told(self):
        """(kind, channel, to) of each letter delivered since the last time, in order; the world agrees."""
        sent = [one for one in self.letters(state="sent") if one.id not in self._seen]
        self._seen |= {one.id for one in sent}
        for one in sent:
            if one.carrier is None and one.channel == "ticket":
                texts = [*self.desk.replies(one.ticket), *self.desk.notes(one.ticket)]
                assert sum(one.code in text for text in texts) == 1
            elif one.carrier is None:
                texts = [message for message in self.mail.messages if one.code.lower() in message.message["Message-ID"]]
                assert [message.recipients for message in texts] == [(one.recipient,)]
        return [(one.kind.value, one.channel.value, one.recipient) for one in sorted(sent, key=lambda one: one.id)]

    def buys(self, email, **units):
        return self.shop.buy(self.shop.customer(email), units)

    def asks(self, email, subject="Una duda", **more):
        return self.desk.open(email, subject, **more)

    def stop(self):
        for system in (self.shop, self.erp, self.desk, self.mail):
            system.stop()
        self.store.close()
        assert self.shop.outside == []
        assert self.erp.outside == []
        assert self.desk.outside == []


@pytest.fixture
def open_world(tmp_path):
    opened = []

    def start(**sections):
        world = World(tmp_path, **sections)
        opened.append(world)
        return world

    yield start
    for world in opened:
        world.stop()


@pytest.fixture
def world(open_world):
    """A firm whose first, empty pass is behind it."""
    found = open_world()
    found.poll()
    return found
