"""`python tests/bench/statement.py [ENTRIES]`: what an account's balance, and its statement in each format, cost the store."""

import sys
import tempfile
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from measured import cpu

from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.jobs import statements
from bytebridge.ledger import accounts, entries, migrate
from bytebridge.ledger.engine import Store
from bytebridge.ledger.schema import accounts as table
from bytebridge.ledger.schema import addresses
from bytebridge.settings import Settings

NOW = 1_796_100_000
APART_S = 3_600
PACK, WORK = 120, -30
TURNS = 5
DERIVATION = {"rule": "blocks", "kind": "consultation", "minutes": 16, "block": 15, "minimum": 15}
BOUGHT = {
    "rule": "packs",
    "standing": "paid",
    "lines": [{"credits": PACK, "reference": "P120", "taken_back": 0, "units": 1}],
}


def fill(store, count):
    """One account: a purchase, three tickets, and so on."""

    def work(connection):
        row = {"id": 1, "root": 1, "parent": 1, "name": "Ana", "language": "es", "created_at": NOW}
        connection.execute(sa.insert(table), [row])
        owned = {"email": "ana@example.com", "account": 1, "since": 0, "recorded_at": NOW, "by": ""}
        connection.execute(sa.insert(addresses), [owned])
        entries.append(connection, list(postings(count)), 1, NOW)

    store.transact(work)


def postings(count):
    balance = 0
    for number in range(count):
        bought = number % 4 == 0
        credits, key = (PACK, f"shop:{number}") if bought else (WORK, f"helpdesk:t{number}")
        kind, why = (EntryKind.GRANT, BOUGHT) if bought else (EntryKind.DEBIT, DERIVATION)
        balance += credits
        yield Posting(1, key, 1, kind, credits, balance, 0, NOW - (count - number) * APART_S, why)


def took(work):
    """Median CPU of some turns, the first left out: it opens and prepares [s]."""
    work()
    found = []
    for _ in range(TURNS):
        began = cpu()
        work()
        found.append(cpu() - began)
    return median(found)


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/ledger.db")
        migrate.upgrade(store, NOW, Path(folder))
        fill(store, count)

        def balance():
            with store.read() as connection:
                return accounts.balances(connection, {accounts.find(connection, "ana@example.com", NOW)})

        def statement(form):
            with store.read() as connection:
                statements.render(connection, 1, statements.Window(), form, "es", Settings(), NOW)

        print(f"balance: {1e3 * took(balance):.2f} ms CPU")
        for form in statements.FORMS:
            print(f"statement of {count:,} entries as {form}: {took(lambda form=form: statement(form)):.2f} s CPU")
        store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
