"""Entries are added and never changed: the database itself refuses, whoever asks."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

import bytebridge.ledger
from bytebridge.ledger.schema import entries

CHANGES = {
    "credits": "UPDATE entries SET credits = 1000 WHERE id = 1",
    "nothing": "UPDATE entries SET credits = credits",
    "delete": "DELETE FROM entries WHERE id = 2",
    "delete all": "DELETE FROM entries",
}
COPY = (
    "INTO entries (id, account, seq, document, revision, kind, credits, balance, was, happened, recorded, run, "
    "derivation, hash) SELECT {id}, account, {seq}, {document}, revision, kind, 9, balance, was, happened, recorded, "
    "run, derivation, hash FROM entries WHERE id = 1"
)
CLASHES = {
    "id": {"id": "1", "seq": "7", "document": "'admin:x'"},
    "number in the account": {"id": "9", "seq": "1", "document": "'admin:x'"},
    "document and revision": {"id": "9", "seq": "7", "document": "document"},
}
REFUSED = "never changed or deleted|foreign key"


@pytest.fixture
def rows(books):
    for credits in (120, -45, -15):
        books.post(1, credits)

    def read():
        with books.store.read() as connection:
            return connection.execute(sa.select(entries).order_by(entries.c.id)).all()

    return read


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_changes_are_refused(books, rows, statement):
    before = rows()
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED):
        books.run(statement)
    assert rows() == before


@pytest.mark.database("sqlite", "mariadb")
@pytest.mark.parametrize("clash", CLASHES.values(), ids=CLASHES)
def test_replacing_is_refused(books, rows, clash):
    before = rows()
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED):
        books.run("REPLACE " + COPY.format(**clash))
    assert rows() == before


@pytest.mark.database("sqlite")
def test_insert_or_replace_is_refused(books, rows):
    before = rows()
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED):
        books.run("INSERT OR REPLACE " + COPY.format(**CLASHES["document and revision"]))
    assert rows() == before


@pytest.mark.database("sqlite")
def test_replacing_is_refused_among_rows_that_are_new(books, rows):
    """In the transaction of somebody who goes on: what came before it is there, as new."""
    before = rows()
    fresh = COPY.format(id="9", seq="8", document="'admin:y'")
    clash = COPY.format(**CLASHES["document and revision"])
    both = f"INSERT OR REPLACE {fresh} UNION ALL {clash.partition(') ')[2]}"
    connection = books.store.engine.connect()
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED):
        connection.exec_driver_sql(both)
    connection.commit()
    connection.close()
    assert rows()[: len(before)] == before
    assert [row.document for row in rows()[len(before) :]] == ["admin:y"]


@pytest.mark.database("mariadb", "postgresql")
def test_upsert_is_refused(books, rows):
    before = rows()
    ending = {
        "mysql": " ON DUPLICATE KEY UPDATE credits = 9",
        "postgresql": " ON CONFLICT (id) DO UPDATE SET credits = 9",
    }[books.store.dialect]
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED):
        books.run("INSERT " + COPY.format(**CLASHES["id"]) + ending)
    assert rows() == before


@pytest.mark.database("mariadb", "postgresql")
def test_truncate_is_refused(books, rows):
    before = rows()
    cascade = " CASCADE" if books.store.dialect == "postgresql" else ""
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED):
        books.run(f"TRUNCATE TABLE entries{cascade}")
    assert rows() == before


def test_a_document_s_revision_is_posted_once(books):
    books.post(1, 120, "shop:7")
    with pytest.raises(sa.exc.IntegrityError):
        books.post(1, 120, "shop:7")
    assert books.balance(1) == 120


def test_code_has_no_way_to_change_an_entry():
    sources = [path.read_text() for path in Path(bytebridge.ledger.__file__).parent.glob("*.py")]
    assert not [text for text in sources if re.search(r"(update|delete)\(\s*entries\s*\)", text)]
