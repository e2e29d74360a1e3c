"""Many rows in one call: the statement compiled once for a database, the values straight to its driver.

Core makes a dictionary and a parameter set of its own of each row, which costs more than storing it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

BATCH = 500  # values in one IN list


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = list(values)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def add(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows whose values stand in the order of these columns."""
    if rows:
        kind: Any = type(connection.dialect)
        connection.exec_driver_sql(_insertion(table, names, kind), list(rows))


@lru_cache(maxsize=64)
def _insertion(table: Table, names: tuple[str, ...], kind: Callable[..., Dialect]) -> str:
    """The statement with its values by position, as qmark for SQLite and format for the servers' drivers."""
    style = "qmark" if kind().name == "sqlite" else "format"
    statement = insert(table).inline().compile(dialect=kind(paramstyle=style), column_keys=list(names))
    if statement.positiontup != list(names):
        raise AssertionError(f"{table.name}: the database takes its columns in another order")
    return str(statement)
