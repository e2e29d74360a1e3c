"""How often a page of documents asks its database: not once a row."""

import pytest
import sqlalchemy as sa

from bytebridge import service
from bytebridge.domain.model import Order, OrderLine, OrderState, Source
from bytebridge.jobs.book import Run, book
from bytebridge.ledger import many, pages
from bytebridge.ledger.schema import accounts, addresses, documents, entries
from bytebridge.settings import Settings

NOW = 1_796_100_000  # 2026-12-01 04:40 UTC
FEW, MANY = 20, 400
SETTINGS = Settings(packs=[{"reference": "P120", "credits": 120}], notices={"quiet_before": "2027-01-01"})


def orders(count, units, first):
    return [
        Order(
            id=str(number),
            code=f"R{number}",
            customer=str(number),
            email=f"c{number}@example.com",
            name="Ana",
            language="es",
            state=OrderState.PAID,
            state_name="Paid",
            once_paid=True,
            created_at=NOW - 60,
            paid_at=NOW - 60,
            lines=(OrderLine("1", "P120", units),),
        )
        for number in range(first, first + count)
    ]


@pytest.fixture
def asked(store, database):
    """Statements sent since it was last called: what MariaDB was asked, or what the driver was given."""
    given = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *parts: given.append(parts[2]))

    def questions():
        if database != "mariadb":
            return len(given)
        with store.read() as connection:
            return int(connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Questions'").one()[1])

    last = questions()

    def since():
        nonlocal last
        before, last = last, questions()
        return last - before

    return since


def test_a_long_page_asks_as_often_as_a_short_one(store, database, asked):
    context = service.build(SETTINGS, store, by="tester", now=lambda: NOW)
    found = {}
    asked()
    for count, first in ((FEW, 1), (FEW, 1_001), (MANY, 2_001)):
        for what, units in (("new", 2), ("changed", 1)):
            booked = book(orders(count, units, first), context, Run("poll", "tester", NOW), source=Source.SHOP)
            assert len(booked.entries) == count
            found[count, what] = asked()
    for what, tables in (("new", 4), ("changed", 2)):
        assert found[FEW, what] < FEW * 2
        if database != "sqlite":
            assert found[MANY, what] == found[FEW, what]
        else:  # a file is no round trip away: so many values go into one statement
            most = max(len(table.columns) for table in (documents, entries))
            assert found[MANY, what] <= found[FEW, what] + tables * -(-MANY // (many.VALUES // most))


def test_rows_of_which_one_clashes_leave_nothing(store):
    """Neither those before it in its statement nor those of statements before."""
    rows = [(number, number, number, "", None, NOW) for number in (*range(1, MANY - 50), 7, *range(MANY, MANY + 60))]
    names = ("id", "root", "parent", "name", "language", "created_at")
    with pytest.raises(sa.exc.IntegrityError):
        store.transact(lambda connection: many.add(connection, accounts, names, rows))
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(accounts)).scalar() == 0
    store.transact(lambda connection: many.add(connection, accounts, names, rows[: MANY - 51]))
    with store.read() as connection:
        assert connection.execute(sa.select(accounts.c.id)).scalars().all() == list(range(1, MANY - 50))


@pytest.mark.database("postgresql")
def test_rows_travel_together_to_postgresql(store):
    from psycopg import capabilities

    assert store.engine.dialect.driver == "psycopg"
    assert capabilities.has_pipeline()


@pytest.mark.database("postgresql")
def test_no_plan_of_postgresql_outlives_what_it_was_made_for(store):
    """The driver has its server keep statements; a plan kept with one from when the tables were empty reads them whole."""
    with store.read() as connection:
        for number in range(20):
            many.among(connection, pages.OWNERS, addresses.c.email, [f"c{number}@example.com"])
        kept = connection.exec_driver_sql("SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements")
        generic, custom = kept.one()
    assert (generic, custom > 5) == (0, True)
