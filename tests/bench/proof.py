"""`python tests/bench/proof.py [ENTRIES] [URL …]`: what `db verify` costs against one ordered scan that hashes a chain.

With URLs of database servers: the same proof on each, in a database made for it, as a process of its own.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import sqlalchemy as sa
import stores
from measured import cpu, measured

from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.ledger import entries, migrate, verify
from bytebridge.ledger.engine import Store
from bytebridge.ledger.schema import accounts

NOW = 1_796_100_000
PAGE = 5_000
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


def main(count, servers):
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        store = Store(url)
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
        figures = {"cpu_s": {name: median(many) for name, many in found.items()}, "ratio": ratio}
        print(json.dumps({"entries": count, **figures}), flush=True)
        print(json.dumps(alone(url)), flush=True)
    for server in servers:
        print(json.dumps(on_server(server, count)), flush=True)


def on_server(server, count):
    with stores.on_server(server) as url:
        store = Store(url)
        migrate.upgrade(store, NOW, None)
        fill(store, count)
        store.close()
        return alone(url)


def alone(url):
    """The proof in a process that does nothing else."""
    command = [sys.executable, __file__, "--measure"]
    return json.loads(subprocess.run(command, input=url, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure(url):
    store = Store(url, read_only=True)
    with measured() as figures:
        proof(store)
    store.close()
    print(json.dumps({"database": store.dialect, **figures}))


if __name__ == "__main__":
    given = sys.argv[1:]
    if given == ["--measure"]:
        measure(sys.stdin.read())
    else:
        main(int(given[0]) if given else 1_000_000, given[1:])
