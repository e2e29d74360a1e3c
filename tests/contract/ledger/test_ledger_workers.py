"""Several workers: one lease, one claim of each letter, one daemon for one file; also when a holder dies or sleeps."""

import os
import signal

import pytest
import sqlalchemy as sa

from bytebridge.domain.letter import Channel
from bytebridge.errors import Refused
from bytebridge.ledger import lease, lock, outbox
from bytebridge.ledger.schema import leases, notices

LONG = 600


def until(store, name="poll"):
    with store.read() as connection:
        return connection.execute(sa.select(leases.c.until).where(leases.c.name == name)).scalar()


def pass_seconds(store, seconds):
    """The database's clock cannot be set: the lease's end comes nearer instead."""
    change = sa.update(leases).values(until=leases.c.until - seconds)
    store.transact(lambda connection: connection.execute(change))


def test_one_holder_for_each_name(store):
    assert lease.take(store, "poll", "ana")
    assert not lease.take(store, "poll", "ben")
    assert lease.take(store, "reconcile", "ben")
    assert lease.take(store, "poll", "ana"), "whoever has it may take it again"
    with store.read() as connection:
        assert lease.holder_of(connection, "poll")[0] == "ana"
        assert lease.holder_of(connection, "nothing") is None


def test_renewing_holds_it_for_longer(store):
    assert lease.take(store, "poll", "ana", 5)
    pass_seconds(store, 3)
    before = until(store)
    assert lease.renew(store, "poll", "ana", 50)
    assert until(store) >= before + 47
    assert not lease.renew(store, "poll", "ben")


def test_given_back_it_is_free_at_once(store):
    lease.take(store, "poll", "ana")
    lease.release(store, "poll", "ben")
    assert not lease.take(store, "poll", "ben")
    lease.release(store, "poll", "ana")
    assert lease.take(store, "poll", "ben")


def test_a_dead_holder_is_followed_within_thirty_seconds(store, url, worker):
    assert lease.LEASE_S + lease.RENEW_EVERY_S < 30
    other = worker("hold_lease", url, "poll", "ana", lease.LEASE_S)
    assert other.hear() == "ready"
    assert other.ask("take") == "True"
    other.process.kill()
    other.process.wait()
    assert not lease.take(store, "poll", "ben"), "it may be alive behind a broken network"
    pass_seconds(store, lease.LEASE_S)
    assert lease.take(store, "poll", "ben")


def test_a_holder_that_slept_learns_that_it_lost_the_lease(store, url, worker):
    other = worker("hold_lease", url, "poll", "ana", lease.LEASE_S)
    assert other.hear() == "ready"
    assert other.ask("take") == "True"
    os.kill(other.process.pid, signal.SIGSTOP)
    pass_seconds(store, lease.LEASE_S)
    assert lease.take(store, "poll", "ben")
    os.kill(other.process.pid, signal.SIGCONT)
    assert other.ask("renew") == "False"
    assert other.ask("take") == "False"
    assert lease.renew(store, "poll", "ben")


def test_a_lease_run_out_is_not_renewed_even_if_nobody_took_it(store):
    lease.take(store, "poll", "ana")
    pass_seconds(store, lease.LEASE_S)
    assert not lease.renew(store, "poll", "ana")
    assert lease.take(store, "poll", "ana")


def test_the_first_lease_goes_to_one_of_two_processes(store, url, worker):
    workers = [worker("hold_lease", url, "poll", name, LONG) for name in ("ana", "ben", "eva")]
    assert [one.hear() for one in workers] == ["ready"] * 3
    for one in workers:
        one.tell("take")
    assert sorted(one.hear() for one in workers) == ["False", "False", "True"]


@pytest.mark.database("postgresql", "mariadb")
def test_a_lease_is_renewed_while_a_writer_takes_its_time(store, url, worker):
    lease.take(store, "poll", "ana")
    other = worker("hold_transaction", url)
    assert other.hear() == "ready"
    assert other.ask("go") == "inside"
    assert lease.renew(store, "poll", "ana")
    assert other.ask("end") == "out"


def test_two_workers_never_get_the_same_letter(books, url, worker):
    wanted = [books.letter(f"helpdesk:t{number}").id for number in range(60)]
    workers = [worker("claim", url) for _ in range(2)]
    assert [one.hear() for one in workers] == ["ready", "ready"]
    for one in workers:
        one.tell("go")
    got = [int(number) for one in workers for number in one.hear().split()]
    assert sorted(got) == wanted


def test_a_letter_is_queued_once(books):
    first = books.letter()
    assert books.store.transact(lambda connection: len(outbox.listed(connection))) == 1
    with pytest.raises(IndexError):
        books.letter()
    with books.store.read() as connection:
        assert [notice.id for notice in outbox.listed(connection)] == [first.id]


def move(store, notice, state, **values):
    return store.transact(lambda connection: outbox.move(connection, notice, state, **values))


def read(store, number):
    with store.read() as connection:
        return outbox.get(connection, number)


def test_the_outcome_of_an_attempt_counts_until_the_next_one_begins(books):
    """A starting daemon takes an attempt under way for unknown; the one that made it still knows how it ended."""
    due = books.letter()
    assert move(books.store, due, "sending", attempts=1)
    mine = read(books.store, due.id)
    assert books.store.transact(lambda connection: outbox.recover(connection, 5, 60)) == 1
    assert read(books.store, due.id).state == "unknown"
    assert move(books.store, mine, "sent", sent_at=9)
    assert read(books.store, due.id).state == "sent"


def test_an_outcome_that_comes_after_the_next_attempt_is_ignored(books):
    due = books.letter()
    move(books.store, due, "sending", attempts=1)
    slow = read(books.store, due.id)
    move(books.store, slow, "unknown")
    move(books.store, read(books.store, due.id), "sending", attempts=2)
    assert not move(books.store, slow, "failed")
    assert read(books.store, due.id).state == "sending"


def test_a_letter_s_code_proves_the_entry_it_was_written_on(books):
    entry = books.post(7, 120, "shop:1")
    letter = books.letter("shop:1", account=7, added=[entry])
    books.post(7, -15)
    later = books.letter("helpdesk:t2", account=7, channel=Channel.TICKET)
    assert letter.code.startswith(f"BB-7-1-{entry.hash[:6].upper()}")
    assert later.code.startswith("BB-7-2-")
    with books.store.read() as connection:
        assert connection.execute(sa.select(notices.c.seq).order_by(notices.c.id)).scalars().all() == [1, 2]


@pytest.mark.database("sqlite")
def test_a_second_daemon_on_one_file_is_refused(store, url, worker):
    other = worker("hold_lock", url)
    assert other.hear() == "ready"
    with pytest.raises(Refused, match=rf"another bytebridge \(process {other.process.pid}\) runs on .*: stop it first"):
        lock.alone(store).__enter__()
    other.process.kill()
    other.process.wait()
    with lock.alone(store):
        assert (store.path.parent / "bytebridge.db.lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.database("postgresql", "mariadb")
def test_a_server_s_daemons_are_not_locked_out(store, open_store):
    with lock.alone(store), lock.alone(open_store()):
        assert lease.take(store, "poll", "ana")
