"""A dry run cannot write: the database refuses, not the program."""

import os
import tempfile
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa

from bytebridge.errors import StoreBroken
from bytebridge.ledger import entries, facts, migrate
from bytebridge.ledger.engine import Store

NOBODY = 65534
WRITES = [
    "INSERT INTO leases (name, holder, until) VALUES ('x', 'y', 1)",
    "UPDATE meta SET value = 'x'",
    "DELETE FROM documents",
    "CREATE TABLE anything (x INTEGER)",
    "DROP TABLE leases",
]


@pytest.mark.parametrize("statement", WRITES)
def test_every_write_is_refused(books, open_store, statement):
    books.post(1, 15)
    dry = open_store(read_only=True)
    with pytest.raises(StoreBroken), dry.meaning(), dry.engine.connect() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()
    with dry.read() as connection:
        assert len(entries.of_run(connection, 1)) == 1


def test_a_transaction_is_refused(books, open_store):
    with pytest.raises(StoreBroken, match=r"(?i)read.?only"):
        open_store(read_only=True).transact(lambda connection: facts.put(connection, "held", "x"))
    with books.store.read() as connection:
        assert facts.get(connection, "held") == ""


def test_a_store_is_not_upgraded_by_a_dry_run(open_store):
    with pytest.raises(StoreBroken):
        migrate.upgrade(open_store(read_only=True), 5, None)


@pytest.mark.database("sqlite")
def test_a_missing_file_is_not_made(tmp_path):
    with pytest.raises(StoreBroken):
        migrate.check_usable(Store(f"sqlite:///{tmp_path}/none.db", read_only=True))
    assert list(tmp_path.iterdir()) == []


def as_nobody(work):
    """Runs it in a child without root's right to write everywhere; gives what went wrong, empty when nothing did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        words = ""
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
        except BaseException:
            words = traceback.format_exc()
        os.write(writing, words.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        words = pipe.read()
    os.waitpid(child, 0)
    return words


@pytest.fixture
def sealed(books):
    """The store's file as 0444 in a folder of 0555 that anybody may enter."""
    books.post(1, 120)
    path = books.store.path
    books.store.close()
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        target = path.replace(folder / "bytebridge.db")
        target.chmod(0o444)
        folder.chmod(0o555)
        yield target
        folder.chmod(0o755)


@pytest.mark.database("sqlite")
def test_a_dry_run_reads_a_file_that_nobody_can_write(sealed):
    before = sealed.stat()

    def work():
        store = Store(f"sqlite:///{sealed}", read_only=True)
        migrate.check_usable(store)
        with store.read() as connection:
            assert [entry.credits for entry in entries.of_run(connection, 1)] == [120]
        store.close()

    assert as_nobody(work) == ""
    after = sealed.stat()
    assert (after.st_mtime_ns, after.st_size, after.st_mode) == (before.st_mtime_ns, before.st_size, before.st_mode)
    assert list(sealed.parent.iterdir()) == [sealed]


@pytest.mark.database("sqlite")
def test_a_writer_says_why_it_cannot_use_such_a_file(sealed):
    def work():
        Store(f"sqlite:///{sealed}").transact(lambda connection: facts.put(connection, "held", "x"))

    words = as_nobody(work)
    assert "StoreBroken" in words
    assert "check that its disk has room, and its owner and rights" in words


@pytest.mark.database("sqlite")
def test_a_dry_run_reads_beside_a_daemon(books, open_store):
    """The log beside the file holds what is not in it yet: a reader must see that too."""
    dry = open_store(read_only=True)
    for credits in (120, -45):
        books.post(1, credits)
        with dry.read() as connection:
            assert entries.of_run(connection, 1)[-1].credits == credits
    with pytest.raises(sa.exc.OperationalError), dry.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        connection.exec_driver_sql("DELETE FROM documents")
