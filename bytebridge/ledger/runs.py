"""Passes and how far each source was read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bytebridge.domain.model import Instant, Source
from bytebridge.ledger import codec
from bytebridge.ledger.schema import runs, sources

READING = select(sources).where(sources.c.source == bindparam("which"))
CHANGE = update(sources).where(sources.c.source == bindparam("which"))


@dataclass(frozen=True, slots=True)
class Reading:
    """cursor: opaque text of the connector. begun: start of the last good reading, None before the first."""

    cursor: str | None
    begun: Instant | None
    finished: Instant | None


def start(connection: Connection, what: str, by: str, token: str, now: Instant) -> int:
    """A new run's number. token: what its log lines carry."""
    done = connection.execute(
        insert(runs).values(what=what, by=codec.fit(by, 100), token=token, begun=now, result="open", figures="{}")
    )
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def finish(connection: Connection, run: int, result: str, figures: Mapping[str, Any], now: Instant) -> None:
    connection.execute(update(runs).where(runs.c.id == run).values(finished=now, result=result, figures=_text(figures)))


def note(connection: Connection, run: int, figures: Mapping[str, Any]) -> None:
    """Figures of a run that goes on."""
    connection.execute(update(runs).where(runs.c.id == run).values(figures=_text(figures)))


def cut_off(connection: Connection, what: str, since: Instant, before: int) -> list[dict[str, Any]]:
    """Runs of this kind that did not come to their end, begun since then and before that run, the latest first."""
    question = select(runs).where(
        runs.c.what == what, runs.c.begun >= since, runs.c.id < before, runs.c.result.in_(("open", "failed", "stopped"))
    )
    return [_shown(row) for row in connection.execute(question.order_by(runs.c.id.desc()))]


def _text(figures: Mapping[str, Any]) -> str:
    return codec.storable(json.dumps(figures, ensure_ascii=False))


def listed(connection: Connection, limit: int = 50) -> list[dict[str, Any]]:
    rows = connection.execute(select(runs).order_by(runs.c.id.desc()).limit(limit)).all()
    return [_shown(row) for row in rows]


def get(connection: Connection, number: int) -> dict[str, Any] | None:
    row = connection.execute(select(runs).where(runs.c.id == number)).one_or_none()
    return _shown(row) if row is not None else None


def _shown(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "what": row.what,
        "by": row.by,
        "log": row.token,
        "begun": row.begun,
        "finished": row.finished,
        "result": row.result,
        "figures": json.loads(row.figures),
    }


def reading(connection: Connection, source: Source) -> Reading:
    row = connection.execute(READING, {"which": source.value}).one_or_none()
    if row is None:
        return Reading(None, None, None)
    begun = Instant(row.begun) if row.begun is not None else None
    return Reading(row.cursor, begun, Instant(row.finished) if row.finished is not None else None)


def save_cursor(connection: Connection, source: Source, cursor: str) -> None:
    _save(connection, source, cursor=cursor)


def save_reading(connection: Connection, source: Source, begun: Instant, finished: Instant) -> None:
    """A whole reading that went well: what it did not show did not happen before `begun`."""
    _save(connection, source, begun=begun, finished=finished)


def _save(connection: Connection, source: Source, **values: Any) -> None:
    done = connection.execute(CHANGE, {"which": source.value, **values})
    if done.rowcount == 0:
        there = connection.execute(select(sources.c.source).where(sources.c.source == source.value)).scalar()
        if there is None:
            connection.execute(insert(sources).values(source=source.value, **values))
