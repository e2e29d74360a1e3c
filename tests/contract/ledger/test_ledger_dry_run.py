"""On a server too, what only looks writes nothing, and a role that may read suffices for it."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from bytebridge.ledger.schema import metadata
from world import World

LOOKS = (
    ("reconcile", "--dry-run"),
    ("reconcile", "--plan", "repairs.json"),
    ("import", "openings.csv", "--with-history", "--dry-run"),
    ("adjust", "ana@example.com", "5", "--reason", "x", "--dry-run"),
)


def connected(url):
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect()


@contextmanager
def reader(url):
    """The same database for a role that may read its tables and nothing else."""
    owner = sa.make_url(url)
    role, word = owner.database, "only-reads"
    if owner.get_backend_name() == "postgresql":
        make = [f"CREATE ROLE {role} LOGIN PASSWORD '{word}'", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"]
        drop = [f"DROP OWNED BY {role}", f"DROP ROLE {role}"]
    else:
        make = [f"CREATE USER {role} IDENTIFIED BY '{word}'", f"GRANT SELECT ON {role}.* TO {role}"]
        drop = [f"DROP USER {role}"]
    with connected(owner) as connection:
        for statement in make:
            connection.exec_driver_sql(statement)
        try:
            yield owner.set(username=role, password=word).render_as_string(hide_password=False)
        finally:
            for statement in drop:
                connection.exec_driver_sql(statement)


def dump(url):
    with connected(url) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in metadata.sorted_tables
        }


@pytest.mark.database("postgresql", "mariadb")
def test_looking_writes_nothing_and_needs_no_right_to_write(url, tmp_path):
    with World(tmp_path) as world:
        (tmp_path / "openings.csv").write_text("email,credits\nana@example.com,40\n")
        buyer = world.shop.customer("ana@example.com", "Ana", "Pérez")
        world.shop.buy(buyer, {"SERVDOLIA60": 1})
        world.pass_time(60)
        assert world.run("poll", BYTEBRIDGE_STORE__URL=url).code == 0
        world.shop.buy(buyer, {"SERVDOLIA120": 1})
        world.pass_time(60)
        before = dump(url)
        assert len(before["entries"]) == 1
        with reader(url) as looking:
            for command in LOOKS:
                done = world.run(*command, BYTEBRIDGE_STORE__URL=looking)
                assert (done.code, command, done.err) == (3 if command[0] == "reconcile" else 0, command, done.err)
            with pytest.raises(sa.exc.DBAPIError, match=r"(?i)denied"), connected(looking) as connection:
                connection.exec_driver_sql("INSERT INTO leases (name, holder, until) VALUES ('x', 'y', 1)")
        assert dump(url) == before
        assert '"shop:2"' in (tmp_path / "repairs.json").read_text()
