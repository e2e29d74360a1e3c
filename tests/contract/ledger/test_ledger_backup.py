"""Copies of an SQLite store, taken beside a daemon and put back without telling anybody twice."""

import sqlite3

import pytest
import sqlalchemy as sa

from bytebridge.domain.letter import Channel, NoticeKind
from bytebridge.domain.model import Source
from bytebridge.errors import Refused, StoreBroken
from bytebridge.ledger import backup, lock, migrate, outbox, restored, runs, verify
from bytebridge.ledger.engine import Store

NOW = 1_796_100_000
LATER = NOW + 86_400


@pytest.fixture
def here(books, tmp_path):
    """The store remembered in a side file, with an account of 120."""
    migrate.upgrade(books.store, NOW, tmp_path)
    books.post(1, 120, "shop:7")
    return tmp_path


def opened(path):
    return Store(f"sqlite:///{path}")


def proof(path):
    store = opened(path)
    with store.read() as connection:
        found = verify.verify(connection)
    store.close()
    return found


@pytest.mark.database("sqlite")
def test_a_copy_is_whole_and_for_its_owner_alone(books, here):
    target = here / "copy.db"
    with books.store.engine.connect().execution_options(writes=True) as writer:
        writer.exec_driver_sql("UPDATE meta SET value = 'x' WHERE name = 'held'")  # a writer under way holds nothing up
        size = backup.backup(books.store, target)
        writer.rollback()
    assert size == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert proof(target) == verify.Proof(1, 1, None)
    assert sqlite3.connect(target).execute("SELECT value FROM meta WHERE name = 'held'").fetchone() == ("",)
    assert not [path.name for path in here.iterdir() if path.name.startswith(".copy")]


@pytest.mark.database("sqlite")
def test_a_copy_replaces_the_last_one_in_one_step(books, here):
    target = here / "copy.db"
    backup.backup(books.store, target)
    books.post(1, -15)
    backup.backup(books.store, target)
    assert proof(target).entries == 2


@pytest.mark.database("sqlite")
def test_a_copy_that_fails_leaves_the_last_one(books, here):
    target = here / "copy.db"
    backup.backup(books.store, target)
    before = target.read_bytes()
    books.store.close()
    path = books.store.path
    raw = path.read_bytes()
    path.write_bytes(raw[:8192] + b"\xa5" * (len(raw) - 8192))
    with pytest.raises(StoreBroken):
        backup.backup(books.store, target)
    assert target.read_bytes() == before
    assert not list(here.glob(".copy*"))


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("target", ["bytebridge.db", "."])
def test_a_copy_onto_the_store_itself_is_refused(books, here, target):
    with pytest.raises(Refused, match="name a new file"):
        backup.backup(books.store, here / target)


@pytest.mark.database("sqlite")
def test_a_copy_into_a_missing_folder_is_said_in_a_sentence(books, here):
    with pytest.raises(StoreBroken, match="No such file or directory"):
        backup.backup(books.store, here / "nowhere" / "copy.db")


@pytest.mark.database("postgresql", "mariadb")
def test_a_server_has_its_own_tools(store, tmp_path):
    tool = {"postgresql": "pg_dump", "mysql": "mariadb-dump"}[store.dialect]
    with pytest.raises(Refused, match=f"use {tool}"):
        backup.backup(store, tmp_path / "copy.db")
    with pytest.raises(Refused, match="own tools"):
        backup.restore(store, tmp_path / "copy.db", tmp_path, NOW)


@pytest.fixture
def copied(books, here):
    """A copy, and a store that went on after it."""
    target = here / "copy.db"
    backup.backup(books.store, target)
    books.post(1, -45, "helpdesk:t1", now=NOW + 60)
    return target


@pytest.mark.database("sqlite")
def test_a_restore_puts_the_copy_in_place_and_keeps_the_old_store(books, here, copied):
    found = backup.restore(books.store, copied, here, LATER)
    assert found == backup.Restored(1, NOW, here / "bytebridge.db.before-restore")
    assert books.balance(1) == 120
    assert proof(found.kept).entries == 2
    assert books.store.path.stat().st_mode & 0o777 == 0o600
    assert migrate.upgrade(books.store, LATER, here) is False, "the side file knows it"
    again = backup.restore(books.store, copied, here, LATER)
    assert again.kept == here / "bytebridge.db.before-restore-2"


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("state", ["gone", "damaged", "empty"])
def test_a_lost_store_is_restored(books, here, copied, state):
    books.store.close()
    path = books.store.path
    if state == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if state == "empty" else b"\xa5" * 9_000)
    found = backup.restore(books.store, copied, here, LATER)
    assert books.balance(1) == 120
    assert (found.kept is None) == (state == "gone")


@pytest.mark.database("sqlite")
def test_a_restore_beside_a_daemon_is_refused(books, here, copied, url, worker):
    other = worker("hold_lock", url)
    assert other.hear() == "ready"
    with pytest.raises(Refused, match="stop it first"):
        backup.restore(books.store, copied, here, LATER)
    assert books.balance(1) == 75


@pytest.mark.database("sqlite")
def test_a_restore_beside_a_command_is_refused(books, here, copied, url, worker):
    other = worker("hold_open", url)
    assert other.hear() == "ready"
    assert other.ask("ping") == "ping"
    with pytest.raises(Refused, match="in use by another bytebridge"):
        backup.restore(books.store, copied, here, LATER)
    assert books.balance(1) == 75


def _another_firm_s(path):
    path.unlink()
    store = opened(path)
    migrate.upgrade(store, NOW, None)
    store.close()


def _altered(path):
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TRIGGER entries_no_update")
        raw.execute("UPDATE entries SET credits = 500, balance = 500")
    raw.close()


def _newer(path):
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0999'")
    raw.close()


WRONG = {
    "another firm's": (_another_firm_s, "is a backup of another store"),
    "altered": (_altered, "is not whole: entry 1"),
    "newer": (_newer, "newer than this program's"),
    "no database": (lambda path: path.write_text("hello" * 500), "is no whole backup"),
    "another database": (lambda path: path.write_bytes(b""), "is no backup of a bytebridge store"),
    "missing": (lambda path: path.unlink(), "there is no such file"),
}


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(("spoil", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_whole_backup_of_this_store_is_refused(books, here, copied, spoil, says):
    spoil(copied)
    with pytest.raises(Refused, match=says):
        backup.restore(books.store, copied, here, LATER)
    assert books.balance(1) == 75
    with lock.alone(books.store):
        assert not list(here.glob("*before-restore*"))


def states(books):
    with books.store.read() as connection:
        return {notice.document: (notice.state, notice.why) for notice in outbox.listed(connection)}


@pytest.mark.database("sqlite")
def test_letters_that_were_due_in_the_backup_are_not_just_sent(books, here):
    books.letter("helpdesk:t1", channel=Channel.TICKET)
    books.letter("shop:7", kind=NoticeKind.PURCHASE)
    backup.backup(books.store, here / "copy.db")
    backup.restore(books.store, here / "copy.db", here, LATER)
    assert states(books) == {"helpdesk:t1": ("unknown", restored.WHY), "shop:7": ("held", restored.WHY)}


def test_letters_of_the_gap_are_not_sent_twice(books):
    """What happened between backup and restore is read and posted anew: its letters may be out already."""
    books.store.transact(lambda connection: restored.mark(connection, LATER))
    gap = LATER - 3600
    first = books.post(1, 120, "shop:8", happened=gap, now=LATER + 60)
    books.letter("shop:8", kind=NoticeKind.PURCHASE, cause=LATER + 60, added=[first], now=LATER + 60)
    books.letter("helpdesk:t5", channel=Channel.TICKET, cause=gap, now=LATER + 60)
    refund = books.post(1, -120, "shop:8", revision=2, was=120, happened=LATER + 60, now=LATER + 60)
    books.letter("shop:8", kind=NoticeKind.TAKEN_BACK, revision=2, cause=LATER + 60, added=[refund], now=LATER + 60)
    with books.store.read() as connection:
        found = [(notice.document, notice.kind, notice.state) for notice in outbox.listed(connection)]
    assert found == [
        ("shop:8", "purchase", "held"),
        ("helpdesk:t5", "balance", "unknown"),
        ("shop:8", "taken_back", "held"),
    ]


def test_after_a_whole_reading_letters_go_out_as_ever(books):
    books.store.transact(lambda connection: restored.mark(connection, LATER))
    books.store.transact(lambda connection: runs.save_reading(connection, Source.SHOP, LATER, LATER + 60))
    entry = books.post(1, 120, "shop:8", happened=LATER + 120, now=LATER + 120)
    books.letter("shop:8", kind=NoticeKind.PURCHASE, cause=LATER + 120, added=[entry])
    books.letter("admin:adjust-1", kind=NoticeKind.LOW_BALANCE, cause=LATER + 120)
    assert {state for state, _ in states(books).values()} == {"pending"}


def test_a_carried_letter_stands_for_itself_after_a_restore(books):
    carrier = books.letter("helpdesk:t1", channel=Channel.TICKET)
    carried = books.letter("helpdesk:t1", kind=NoticeKind.LOW_BALANCE)
    books.store.transact(lambda connection: outbox.move(connection, carried, "pending", carrier=carrier.id))
    books.store.transact(lambda connection: restored.mark(connection, LATER))
    with books.store.read() as connection:
        assert outbox.get(connection, carried.id).carrier is None
        assert connection.execute(sa.text("SELECT COUNT(*) FROM notices WHERE state = 'held'")).scalar() == 1
