"""Many rows in one call: the statement compiled once for a database, the values straight to its driver.

Core makes a dictionary and a parameter set of its own of each row, which costs more than storing it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Select, Table, bindparam, insert

BATCH = 512  # values in one IN list
VALUES = 999  # of one statement: as many as each SQLite takes


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = list(values)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def add(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows whose values stand in the order of these columns. After an error the transaction is of no use."""
    kind: Any = type(connection.dialect)
    # several in one statement where a driver would ask for each by itself
    together = VALUES // len(names)
    whole = len(rows) // together * together if connection.dialect.name == "sqlite" else 0
    for start in range(0, whole, together):
        values = tuple(chain.from_iterable(rows[start : start + together]))
        connection.exec_driver_sql(_insertion(table, names, kind, together), values)
    if rest := list(rows[whole:]):
        connection.exec_driver_sql(_insertion(table, names, kind), rest)


def among(
    connection: Connection, statement: Select[Any], column: ColumnElement[Any], values: Iterable[Any]
) -> list[Any]:
    """Rows of `statement` in which the column has one of these values, batch after batch.

    statement: made once and without values of its own, since it is compiled once.
    """
    kind: Any = type(connection.dialect)
    found: list[Any] = []
    for some in batches(values):
        size = 1 << (len(some) - 1).bit_length()  # few sizes: some value may stand there again
        values = (*some, *some[-1:] * (size - len(some)))
        found += connection.exec_driver_sql(_question(statement, column, kind, size), values).all()
    return found


@lru_cache(maxsize=128)
def _question(statement: Select[Any], column: ColumnElement[Any], kind: Callable[..., Dialect], size: int) -> str:
    """The statement for this many values: Core would write its list of them anew for each."""
    places = [bindparam(f"value{number}", type_=column.type) for number in range(size)]
    return str(statement.where(column.in_(places)).compile(dialect=_positional(kind)))


def _positional(kind: Callable[..., Dialect]) -> Dialect:
    """A dialect that takes values by their position, whatever its driver's custom."""
    return kind(paramstyle="qmark" if kind().name == "sqlite" else "format")


@lru_cache(maxsize=64)
def _insertion(table: Table, names: tuple[str, ...], kind: Callable[..., Dialect], together: int = 1) -> str:
    # who may have to undo one row of several copies each page beforehand; whoever calls undoes all of it
    statement = insert(table).inline().prefix_with("OR FAIL", dialect="sqlite")
    compiled = statement.compile(dialect=_positional(kind), column_keys=list(names))
    if compiled.positiontup != list(names):
        raise AssertionError(f"{table.name}: the database takes its columns in another order")
    written = str(compiled)
    places = f"({', '.join('?' * len(names))})"
    return written.replace(places, ", ".join([places] * together)) if together > 1 else written
