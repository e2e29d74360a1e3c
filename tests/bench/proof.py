"""`python tests/bench/proof.py [ENTRIES]`: what `db verify` costs against one ordered scan that hashes a chain."""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from measured import cpu

from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.ledger import entries, migrate, verify
from bytebridge.ledger.engine import Store
from bytebridge.ledger.schema import accounts

NOW = 1_796_100_000
PAGE = 1000
ACCOUNTS = 2000
TURNS = 3
DERIVATION = {"rule": "blocks", "kind": "consultation", "block": 15, "minimum": 15}


def fill(store, count):
    for number in range(1, ACCOUNTS + 1):
        row = {"id": number, "root": number, "parent": number, "name": "", "created_at": NOW}
        store.transact(lambda connection, row=row: connection.execute(sa.insert(accounts), [row]))
    balances = dict.fromkeys(range(ACCOUNTS), 0)
    for start in range(0, count, PAGE):
        postings = [_posting(number, balances) for number in range(start, min(start + PAGE, count))]
        store.transact(lambda connection, some=postings: entries.append(connection, some, 1, NOW))


def _posting(number, balances):
    account = number % ACCOUNTS
    minutes = 1 + number % 60
    credits = -max(15, -(-minutes // 15) * 15)
    balances[account] += credits
    derivation = {**DERIVATION, "minutes": minutes}
    document = f"helpdesk:t{number:08d}"
    return Posting(account + 1, document, 1, EntryKind.DEBIT, credits, balances[account], 0, NOW, derivation)


def floor(store):
    """One scan in the order of the chains, a SHA-256 a row over all its values and the row before."""
    columns = "account, seq, document, revision, kind, credits, balance, was, happened, recorded, derivation, hash"
    last = b""
    with store.read() as connection:
        rows = connection.exec_driver_sql(f"SELECT {columns} FROM entries ORDER BY account, seq")
        for row in rows:
            last = hashlib.sha256(b"%b|%b" % (last, "|".join(map(str, row)).encode())).digest()


def proof(store):
    with store.read() as connection:
        found = verify.verify(connection)
    if found.fault and "posting" not in found.fault:
        raise SystemExit(found.fault)


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/ledger.db")
        migrate.upgrade(store, NOW, Path(folder))
        fill(store, count)
        found = {"floor": [], "verify": []}
        for _ in range(TURNS):
            for name, work in (("floor", floor), ("verify", proof)):
                began = cpu()
                work(store)
                found[name].append(cpu() - began)
        store.close()
    ratio = median(one / other for one, other in zip(found["verify"], found["floor"], strict=True))
    print(json.dumps({"entries": count, **{name: median(many) for name, many in found.items()}, "ratio": ratio}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
