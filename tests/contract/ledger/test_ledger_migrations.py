"""Creating and upgrading the store: the same schema by every road, never a second firm in the place of the first."""

import sqlite3

import pytest
import sqlalchemy as sa

from bytebridge.errors import StoreBroken
from bytebridge.ledger import migrate, schema
from bytebridge.ledger.engine import Store


def shape(store):
    """Tables, columns with type, nullability and default, keys, indexes and references as the database has them."""
    found = {}
    with store.engine.connect() as connection:
        inspector = sa.inspect(connection)
        for table in inspector.get_table_names():
            if table == "alembic_version":
                continue
            found[table] = {
                "columns": {
                    one["name"]: (str(one["type"]), one["nullable"], str(one["default"]).strip("'\"()"))
                    for one in inspector.get_columns(table)
                },
                "primary": inspector.get_pk_constraint(table)["constrained_columns"],
                "unique": sorted(one["column_names"] for one in inspector.get_unique_constraints(table)),
                "indexes": sorted((one["name"], one["column_names"]) for one in inspector.get_indexes(table)),
                "references": [
                    (one["constrained_columns"], one["referred_table"]) for one in inspector.get_foreign_keys(table)
                ],
            }
    return found


def triggers(store):
    question = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'entries'::regclass AND NOT tgisinternal",
        "mysql": "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = DATABASE()",
    }[store.dialect]
    with store.engine.connect() as connection:
        return set(connection.exec_driver_sql(question).scalars())


def fresh_models(store):
    """The same database with the tables as the models say, for comparing."""
    with store.engine.connect().execution_options(writes=True) as connection:
        schema.metadata.drop_all(connection)
        schema.metadata.create_all(connection)
        connection.commit()
    return shape(store)


def test_migrated_equals_fresh(store):
    migrated = shape(store)
    assert len(migrated) == len(schema.metadata.tables)
    assert len(triggers(store)) == {"sqlite": 3, "postgresql": 2, "mysql": 2}[store.dialect]
    assert fresh_models(store) == migrated


def test_an_upgrade_that_has_nothing_to_do_does_nothing(store):
    before = migrate.identity(store)
    assert migrate.upgrade(store, 9, None) is False
    assert migrate.identity(store) == before
    migrate.check_usable(store)


@pytest.mark.parametrize("at", ["reviews", "notices_state", "entries_no_delete"])
@pytest.mark.database("mariadb")
def test_an_upgrade_cut_off_half_way_is_finished_by_the_next(open_store, at):
    """MariaDB commits at every step: what the first attempt made stays."""
    store, whole = open_store(), None

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def _cut(_connection, _cursor, statement, *_):
        if whole is None and f" {at} " in statement.replace("`", " ").replace("\n", " ") and "CREATE" in statement:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate.upgrade(store, 5, None)
    assert migrate.revision(store) is None
    whole = True
    assert migrate.upgrade(open_store(), 5, None) is True
    migrated = shape(store)
    assert triggers(store) == {"entries_no_update", "entries_no_delete"}
    assert fresh_models(store) == migrated


@pytest.mark.database("sqlite", "postgresql")
def test_an_upgrade_cut_off_half_way_leaves_nothing(open_store):
    store = open_store()

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def _cut(_connection, _cursor, statement, *_):
        if "CREATE TABLE IF NOT EXISTS reviews" in statement:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate.upgrade(store, 5, None)
    assert shape(open_store()) == {}


def test_a_newer_schema_is_refused(books, open_store):
    books.run("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(
        StoreBroken, match=r"schema is 0999, newer than this program's .*: install the newer bytebridge"
    ):
        migrate.upgrade(open_store(), 9, None)
    with pytest.raises(StoreBroken, match="newer"):
        migrate.check_usable(open_store())


def test_an_older_schema_is_refused_by_who_only_reads(books):
    books.run("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreBroken, match=r"schema is 0000, this program's is .*: run `bytebridge db upgrade`"):
        migrate.check_usable(books.store)


def test_another_program_s_database_is_refused(books):
    books.run("UPDATE alembic_version SET version_num = 'a1b2c3d4'")
    with pytest.raises(StoreBroken, match="belongs to another program"):
        migrate.upgrade(books.store, 9, None)


def test_an_empty_database_is_no_store_for_who_only_reads(open_store):
    store = open_store()
    with pytest.raises(StoreBroken, match=r"there is no store at .*: run `bytebridge db upgrade` first"):
        migrate.check_usable(store)
    assert shape(store) == {}


def drop_all(store):
    with store.engine.connect().execution_options(writes=True) as connection:
        schema.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.commit()


def test_an_emptied_database_is_never_a_new_firm(open_store, tmp_path):
    store = open_store()
    migrate.upgrade(store, 5, tmp_path)
    drop_all(store)
    with pytest.raises(StoreBroken, match=r"is empty or gone, but .*store-identity remembers .*: restore a backup"):
        migrate.upgrade(open_store(), 5, tmp_path)
    with pytest.raises(StoreBroken, match="restore a backup"):
        migrate.check_usable(open_store(), tmp_path)
    assert shape(store) == {}


def test_a_replaced_database_is_refused(open_store, tmp_path):
    store = open_store()
    migrate.upgrade(store, 5, tmp_path)
    drop_all(store)
    migrate.upgrade(store, 6, None)
    with pytest.raises(StoreBroken, match=r"is another one, but .*store-identity remembers"):
        migrate.upgrade(open_store(), 7, tmp_path)


def test_after_the_side_file_was_deleted_one_may_start_anew(open_store, tmp_path):
    store = open_store()
    migrate.upgrade(store, 5, tmp_path)
    drop_all(store)
    (tmp_path / migrate.SIDE_FILE).unlink()
    assert migrate.upgrade(open_store(), 6, tmp_path) is True
    assert migrate.remembered(tmp_path) == migrate.identity(store)


def test_an_emptied_side_file_is_written_again_only_beside_a_store(open_store, tmp_path):
    store = open_store()
    migrate.upgrade(store, 5, tmp_path)
    (tmp_path / migrate.SIDE_FILE).write_text("")
    migrate.upgrade(store, 6, tmp_path)
    assert migrate.remembered(tmp_path) == migrate.identity(store)
    (tmp_path / migrate.SIDE_FILE).write_text("")
    drop_all(store)
    with pytest.raises(StoreBroken, match="is empty or gone"):
        migrate.upgrade(open_store(), 7, tmp_path)


@pytest.mark.database("sqlite")
def test_a_deleted_file_is_not_made_anew(url, tmp_path):
    first = Store(url)
    migrate.upgrade(first, 5, tmp_path)
    first.close()
    path = tmp_path / "bytebridge.db"
    path.unlink()
    with pytest.raises(StoreBroken, match="is empty or gone"):
        migrate.upgrade(Store(url), 6, tmp_path)
    assert not path.exists()


@pytest.mark.database("sqlite")
def test_a_truncated_file_is_not_taken_for_a_new_one(url, tmp_path):
    first = Store(url)
    migrate.upgrade(first, 5, tmp_path)
    first.close()
    (tmp_path / "bytebridge.db").write_bytes(b"")
    with pytest.raises(StoreBroken, match="is empty or gone"):
        migrate.upgrade(Store(url), 6, tmp_path)


def test_a_password_is_not_told(tmp_path):
    sqlite3.connect(tmp_path / "x").close()
    store = Store("postgresql+psycopg://ana:secret@127.0.0.1:1/x")
    with pytest.raises(Exception, match="does not answer") as caught:
        migrate.check_usable(store)
    assert "secret" not in str(caught.value)
