"""Two processes, deadlocks, lost connections, full disks: a transaction is done whole, once, or not at all."""

import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from bytebridge.errors import StoreBroken, StoreBusy
from bytebridge.ledger import engine, entries, facts, migrate, verify
from bytebridge.ledger.engine import Store
from bytebridge.ledger.schema import meta

EACH = 40
OWN_ID = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
KILL = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


def test_two_processes_post_to_one_account_at_once(books, url, worker):
    books.open(1)
    workers = [worker("post", url, name, EACH) for name in ("ana", "ben")]
    assert [one.hear() for one in workers] == ["ready", "ready"]
    for one in workers:
        one.tell("go")
    assert [one.hear() for one in workers] == ["done", "done"]
    assert books.balance(1) == 2 * EACH
    with books.store.read() as connection:
        assert verify.verify(connection) == verify.Proof(2 * EACH, 1, None)
        by = [entry.derivation["by"] for entry in entries.of_run(connection, 1)]
    assert sorted(by) == ["ana"] * EACH + ["ben"] * EACH


def test_work_that_fails_leaves_nothing(books):
    def work(connection):
        facts.put(connection, "held", "ana")
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        books.store.transact(work)
    with books.store.read() as connection:
        assert facts.get(connection, "held") == ""


@pytest.mark.database("postgresql", "mariadb")
def test_a_lost_connection_runs_the_whole_transaction_again(books):
    seen = []

    def work(connection):
        seen.append(entries.last_revision(connection, "shop:1"))
        facts.put(connection, "held", f"attempt {len(seen)}")
        if len(seen) == 1:
            number = connection.exec_driver_sql(OWN_ID[books.store.dialect]).scalar()
            books.run(KILL[books.store.dialect].format(number))
        return connection.execute(sa.select(meta.c.value).where(meta.c.name == "held")).scalar()

    assert books.store.transact(work) == "attempt 2"


@pytest.mark.database("postgresql", "mariadb")
def test_a_process_that_stands_still_in_its_transaction_holds_up_nobody_for_long(store, open_store, monkeypatch):
    monkeypatch.setattr(engine, "STALLED_S", 1)
    stopped, other = open_store(), open_store()
    seen = []

    def work(connection):
        seen.append(facts.get(connection, "held"))
        if len(seen) == 1:
            other.transact(lambda inner: facts.put(inner, "held", "other"))
        facts.put(connection, "held", "resumed")

    stopped.transact(work)
    assert seen == ["", "other"]
    with store.read() as connection:
        assert facts.get(connection, "held") == "resumed"


@pytest.mark.database("postgresql", "mariadb")
def test_idle_connections_that_died_are_replaced(books):
    with books.store.read() as connection:
        number = connection.exec_driver_sql(OWN_ID[books.store.dialect]).scalar()
    other = Store(books.store.url.render_as_string(hide_password=False))
    with other.engine.connect() as connection:
        connection.exec_driver_sql(KILL[other.dialect].format(number))
    other.close()
    assert books.post(1, 15).balance == 15


@pytest.mark.database("postgresql", "mariadb")
def test_a_commit_whose_answer_was_lost_is_not_done_twice(books):
    """The server commits and dies before it says so: the second attempt finds its own mark and stops there."""
    ran, lost = [], []

    @sa.event.listens_for(books.store.engine, "commit")
    def _lose(connection):
        if not lost:
            lost.append(True)
            connection.connection.dbapi_connection.commit()
            raise sa.exc.OperationalError("COMMIT", None, _gone(books.store.dialect), connection_invalidated=True)

    def work(connection):
        ran.append(True)
        facts.put(connection, "held", f"run {len(ran)}")
        return len(ran)

    assert books.store.transact(work) == 1
    assert (ran, lost) == ([True], [True])
    with books.store.read() as connection:
        assert facts.get(connection, "held") == "run 1"


def _gone(dialect):
    if dialect == "postgresql":
        import psycopg

        return psycopg.errors.AdminShutdown("terminating connection")
    import pymysql

    return pymysql.err.OperationalError(2013, "Lost connection to server during query")


@pytest.mark.database("postgresql", "mariadb")
def test_a_deadlock_s_victim_is_run_again(books):
    """Two transactions lock the same two rows in opposite order; out of turn, so that they can meet at all."""
    for name in ("a", "b"):
        books.store.transact(lambda connection, name=name: facts.put(connection, name, "0"))
    both, one_is_through = threading.Barrier(2), threading.Event()
    attempts = []

    def add(first, second):
        def work(connection):
            attempts.append(first)
            if attempts.count(first) > 1:
                one_is_through.wait(20)  # or it might be the victim once more
            for name in (first, second):
                value = sa.cast(sa.cast(meta.c.value, sa.Integer) + 1, sa.String(9))
                connection.execute(sa.update(meta).where(meta.c.name == name).values(value=value))
                if name == first and attempts.count(first) == 1:
                    both.wait(20)

        books.store.transact(work, in_turn=False)
        one_is_through.set()

    threads = [threading.Thread(target=add, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with books.store.read() as connection:
        assert [facts.get(connection, name) for name in ("a", "b")] == ["2", "2"]
    assert len(attempts) == 3, "one is the victim, once"


def test_a_store_that_stays_locked_is_busy(books, url, worker):
    other = worker("hold_transaction", url)
    assert other.hear() == "ready"
    assert other.ask("go") == "inside"
    quick = {
        "sqlite": "PRAGMA busy_timeout = 50",
        "postgresql": "SET lock_timeout = '50ms'",
        "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
    }[books.store.dialect]
    sa.event.listen(books.store.engine, "checkout", lambda connection, *_: _run(connection, quick))
    with pytest.raises(StoreBusy, match="try again"):
        books.post(1, 15)
    with books.store.read() as connection:
        assert entries.of_run(connection, 1) == [], "reading goes on meanwhile"
    assert other.ask("end") == "out"
    assert books.post(1, 15).balance == 15


def _run(connection, statement):
    cursor = connection.cursor()
    cursor.execute(statement)
    cursor.close()
    connection.commit()


def test_a_reader_sees_one_state_throughout(books, open_store):
    books.post(1, 120)
    with open_store().read() as connection:
        assert len(entries.of_run(connection, 1)) == 1
        books.post(1, 15)
        assert len(entries.of_run(connection, 1)) == 1
    assert books.balance(1) == 135


@pytest.mark.database("postgresql", "mariadb")
def test_no_server_is_said_in_a_sentence(url):
    away = Store(sa.make_url(url).set(port=1).render_as_string(hide_password=False))
    with pytest.raises(StoreBusy, match=r"the database does not answer: .*check that it runs"):
        migrate.check_usable(away)
    missing = Store(sa.make_url(url).set(database="nothing_here").render_as_string(hide_password=False))
    with pytest.raises(StoreBroken, match="nothing_here"):
        migrate.check_usable(missing)


@pytest.mark.database("postgresql", "mariadb")
def test_a_customer_s_text_is_never_taken_for_an_error_code(books):
    """A unique key's violation quotes the values: neither a number nor a word in them makes it pass for a lock."""
    books.post(1, 15, "shop:40001-deadlock-1213-locked")
    with pytest.raises(sa.exc.IntegrityError):
        books.post(1, 15, "shop:40001-deadlock-1213-locked")


@pytest.mark.database("sqlite")
def test_a_full_disk_stops_the_daemon(books):
    with books.store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreBroken, match="full"):
        books.post(1, 15, derivation={"rule": "adjustment", "credits": 15, "reason": "x" * 100_000, "by": "y"})
    assert books.balance(1) == 0


@pytest.mark.database("sqlite")
def test_a_damaged_file_stops_the_daemon(books, tmp_path):
    for _ in range(50):
        books.post(1, 15)
    books.store.close()
    path = tmp_path / "bytebridge.db"
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    path.write_bytes(raw)
    with pytest.raises(StoreBroken, match="restore a backup"):
        books.balance(1)
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreBroken, match="not a database"):
        Store(f"sqlite:///{path}").transact(lambda connection: None)


@pytest.mark.database("sqlite")
def test_a_missing_folder_is_said_in_a_sentence(tmp_path):
    with pytest.raises(StoreBroken, match="unable to open"):
        Store(f"sqlite:///{tmp_path}/nowhere/bytebridge.db").transact(lambda connection: None)


@pytest.mark.database("sqlite")
def test_the_file_is_for_its_owner_alone(books, tmp_path):
    books.post(1, 15)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("bytebridge.db*")}
    assert modes == dict.fromkeys(("bytebridge.db", "bytebridge.db-wal", "bytebridge.db-shm"), 0o600)
    assert sqlite3.connect(tmp_path / "bytebridge.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.database("sqlite")
def test_of_many_jobs_at_once_few_connections_stay_open(books):
    """Each kept one holds handles, pages and statements for as long as the daemon runs, which is years."""
    at_once = threading.Barrier(6)

    def look():
        with books.store.read() as connection:
            connection.execute(sa.select(meta)).all()
            at_once.wait(10)

    jobs = [threading.Thread(target=look) for _ in range(6)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    log = Path(f"{books.store.path}-wal")  # SQLite keeps handles of the file itself for the next connection
    opened = [link for link in Path("/proc/self/fd").iterdir() if link.exists() and link.samefile(log)]
    assert len(opened) == 2
