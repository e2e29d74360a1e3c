"""A second process for the ledger's tests: what it is to do stands in its arguments, when on its standard input."""

import sys
import time

from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.domain.letter import Channel
from bytebridge.ledger import chains, entries, lease, lock, outbox
from bytebridge.ledger.engine import Store

NOW = 1_796_100_000


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def orders():
    say("ready")
    for line in sys.stdin:
        yield line.strip()


def post(store, name, count):
    """Adds one credit to account 1 as often as told, each time on top of the balance it then finds."""

    def work(connection, number):
        _, balance, _ = chains.heads(connection, [1]).get(1, (0, 0, ""))
        key = f"admin:{name}-{number}"
        why = {"rule": "adjustment", "credits": 1, "reason": "a test", "by": name}
        posting = Posting(1, key, 1, EntryKind.ADJUSTMENT, 1, balance + 1, 0, NOW, why)
        entries.append(connection, [posting], 1, NOW)

    for _ in orders():
        for number in range(int(count)):
            store.transact(lambda connection, number=number: work(connection, number))
        say("done")


def claim(store):
    """Claims every letter that is due; says which it got."""
    for _ in orders():
        with store.read() as connection:
            due = [one for channel in Channel for one in outbox.due(connection, channel, NOW, None, limit=1000)]
        got = [
            notice.id
            for notice in due
            if store.transact(
                lambda connection, one=notice: outbox.move(connection, one, "sending", attempts=1, due=NOW + 600)
            )
        ]
        say(" ".join(map(str, got)))


def hold_lease(store, name, holder, seconds):
    calls = {"take": lease.take, "renew": lease.renew}
    for word in orders():
        say(calls[word](store, name, holder, int(seconds)))


def hold_lock(store):
    with lock.alone(store):
        for word in orders():
            say(word)


def hold_transaction(store):
    """Keeps the writers' turn until told."""

    def work(_connection):
        say("inside")
        sys.stdin.readline()

    for _ in orders():
        store.transact(work)
        say("out")


def hold_open(store):
    with store.read() as connection:
        connection.exec_driver_sql("SELECT 1")
        for word in orders():
            say(word)


if __name__ == "__main__":
    what, url, *rest = sys.argv[1:]
    opened = Store(url, sleep=time.sleep)
    globals()[what](opened, *rest)
    opened.close()
