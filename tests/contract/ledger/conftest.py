"""The same suite on every database: SQLite always, a server when its URL is given, each test in a place of its own."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.domain.letter import Channel, NoticeKind
from bytebridge.domain.notices import Draft
from bytebridge.ledger import chains, entries, migrate, outbox
from bytebridge.ledger.engine import Store
from bytebridge.ledger.schema import accounts

NOW = 1_796_100_000  # 2026-12-01 04:40 UTC
VARIABLES = {"postgresql": "BYTEBRIDGE_TEST_POSTGRESQL_URL", "mariadb": "BYTEBRIDGE_TEST_MARIADB_URL"}
SERVERS = {name: os.environ[variable] for name, variable in VARIABLES.items() if os.environ.get(variable)}
WORKER = Path(__file__).parent / "worker.py"
numbers = itertools.count(1)


def pytest_generate_tests(metafunc):
    """`@pytest.mark.database("mariadb")` keeps a test to what concerns that database alone."""
    if "database" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("database")
        wanted = marker.args if marker else ("sqlite", *VARIABLES)
        metafunc.parametrize("database", [name for name in wanted if name == "sqlite" or name in SERVERS])


@pytest.fixture
def url(database, tmp_path, worker_id):
    if database == "sqlite":
        yield f"sqlite:///{tmp_path}/bytebridge.db"
        return
    server = sa.make_url(SERVERS[database])
    name = f"test_{worker_id}_{os.getpid()}_{next(numbers)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    force = " WITH (FORCE)" if database == "postgresql" else ""
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}{force}")
    engine.dispose()


@pytest.fixture
def worker_id(request):
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture
def open_store(url):
    """Opens the test's store once more; everything opened is closed at the end."""
    opened = []

    def opener(**options):
        store = Store(url, sleep=lambda _: None, **options)
        opened.append(store)
        return store

    yield opener
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store):
    store = open_store()
    migrate.upgrade(store, NOW, None)
    return store


class Books:
    """A ledger's store with the few verbs that these tests need."""

    def __init__(self, store):
        self.store = store

    def open(self, account):
        """An account that nobody has an address of; its first entry would open it, too."""
        self.store.transact(lambda connection: self._open(connection, account))

    def _open(self, connection, account):
        row = {"id": account, "root": account, "parent": account, "name": "", "created_at": NOW}
        connection.execute(sa.insert(accounts).values(row))

    def post(self, account, credits, document=None, *, happened=NOW, now=NOW, was=0, revision=1, derivation=None):
        """One entry in a transaction of its own; its derivation says what it says."""

        def work(connection):
            if connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account)).first() is None:
                self._open(connection, account)
            _, balance, _ = chains.heads(connection, [account]).get(account, (0, 0, ""))
            key = document or f"admin:{account}-{chains.heads(connection, [account]).get(account, (0,))[0] + 1}"
            reason = {"rule": "adjustment", "credits": was + credits, "reason": "a test", "by": "tester"}
            why = derivation or reason
            kind = EntryKind.ADJUSTMENT
            one = Posting(account, key, revision, kind, credits, balance + credits, was, happened, why)
            return entries.append(connection, [one], 1, now)[0]

        return self.store.transact(work)

    def letter(self, document="helpdesk:t1", *, account=1, channel=Channel.EMAIL, cause=NOW, now=NOW, added=(), **more):
        draft = Draft(
            more.get("kind", NoticeKind.BALANCE),
            account,
            document,
            more.get("revision", 1),
            channel,
            "ana@example.com",
            "t1" if channel == Channel.TICKET else "",
            cause,
            needs_shop=False,
            facts=more.get("facts", {}),
        )
        return self.store.transact(lambda connection: outbox.queue(connection, [draft], added, now, ()))[0]

    def balance(self, account):
        with self.store.read() as connection:
            return chains.heads(connection, [account]).get(account, (0, 0, ""))[1]

    def run(self, *statements):
        """Statements as somebody with the database's own client would run them."""
        with self.store.engine.connect().execution_options(writes=True) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()

    def without_triggers(self, *statements):
        """The same by somebody who takes the triggers away first."""
        dropped = {
            "sqlite": ["entries_no_update", "entries_no_delete", "entries_no_replace"],
            "postgresql": ["entries_no_change ON entries", "entries_no_truncate ON entries"],
            "mysql": ["entries_no_update", "entries_no_delete"],
        }[self.store.dialect]
        self.run(*(f"DROP TRIGGER {name}" for name in dropped), *statements)


@pytest.fixture
def books(store):
    return Books(store)


class Worker:
    """Another process on the same store, told what to do over a pipe, a line at a time."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self):
        return self.process.stdout.readline().strip()

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def ask(self, word):
        self.tell(word)
        return self.hear()


@pytest.fixture
def worker():
    started = []

    def start(*words):
        started.append(Worker(*words))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()
