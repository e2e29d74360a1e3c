"""A whole firm for tests: simulated systems, real clients, a real store, a clock that passes when told."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from bytebridge import service
from bytebridge.ledger import accounts, entries, outbox, reviews
from bytebridge.ledger.engine import Store
from bytebridge.ledger.schema import accounts as accounts_table
from bytebridge.settings import Settings

NOW = 1_796_100_000  # 2026-12-01 04:40 UTC
RECORDINGS = Path(__file__).parent / "recordings"


class Clock:
    def __init__(self, at=NOW):
        self.at = at

    def __call__(self):
        return self.at

    def tick(self, seconds=1):
        self.at += seconds


@dataclass
class Firm:
    store: Store
    settings: Settings
    clock: Clock = field(default_factory=Clock)

    def context(self, settings=None, **more):
        return service.build(
            settings or self.settings, self.store, by="tester", sleep=lambda _: None, now=self.clock, **more
        )

    def poll(self, *sources, context=None):
        self.clock.tick(60)
        return service.one_pass(context or self.context(), sources or service.ORDER)

    def balances(self):
        """First address to balance, for every account that stands for itself."""
        with self.store.read() as connection:
            return {one.emails[0]: int(one.balance) for one in accounts.summaries(connection) if one.emails}

    def posted(self):
        """Document to credits, whoever owns it."""
        with self.store.read() as connection:
            roots = connection.execute(select(accounts_table.c.id).where(accounts_table.c.root == accounts_table.c.id))
            found = {}
            for root in roots.scalars():
                for entry in entries.of_family(connection, root):
                    found[entry.document] = found.get(entry.document, 0) + entry.credits
            return found

    def reviews(self, state=None):
        with self.store.read() as connection:
            return {(item.document, item.code) for item in reviews.open_items(connection, state)}

    def letters(self, **only):
        with self.store.read() as connection:
            return outbox.listed(connection, **only)


def settings(**sections):
    return Settings(**sections)
