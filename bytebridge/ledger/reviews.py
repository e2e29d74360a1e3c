"""The review list: what waits for a person, and what was booked but is worth a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from bytebridge.domain.accounts import normalise
from bytebridge.domain.model import Credits, Instant
from bytebridge.domain.settlement import Outcome
from bytebridge.domain.view import View
from bytebridge.ledger import codec, many
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import reviews

EVERY = select(reviews)
UNREADABLE = select(reviews.c.document).where(
    reviews.c.code == "unreadable", reviews.c.state == "waiting", reviews.c.closed_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Review:
    """code: from `wording.reviews`; found: what the document said; cost: credits it would move, None if unknown."""

    id: int
    document: str
    state: str
    code: str
    found: str
    cost: Credits | None
    email: str
    since: Instant
    closed_at: Instant | None
    choice: str
    reason: str
    by: str
    noted: Instant | None


def from_row(row: Row[Any]) -> Review:
    return Review(
        row.id,
        row.document,
        row.state,
        row.code,
        row.found,
        Credits(row.cost) if row.cost is not None else None,
        row.email,
        Instant(row.since),
        Instant(row.closed_at) if row.closed_at is not None else None,
        row.choice,
        row.reason,
        row.by,
        row.noted,
    )


def follow(connection: Connection, outcomes: Sequence[Outcome], view: View) -> tuple[list[Review], int]:
    """Opens what is new and closes what resolved itself; gives the opened ones and how many were closed.

    view: what the ledger knew of the documents. Of one never seen before only its not having been readable waits.
    """
    now = view.now
    wanted: dict[tuple[str, str, str, str], Outcome] = {}
    for outcome in outcomes:
        if outcome.worth.lack is not None:
            lack = outcome.worth.lack
            wanted[outcome.key, "waiting", lack.code, codec.fit(lack.found, 250)] = outcome
        for flag in outcome.worth.flags:
            wanted[outcome.key, "flagged", flag.code, codec.fit(flag.found, 250)] = outcome
    met = view.known.keys() | unreadable(connection)
    rows = many.among(connection, EVERY, reviews.c.document, {one.key for one in outcomes if one.key in met})
    _end_decisions(connection, rows, outcomes)
    known = {(row.document, row.state, row.code, row.found): row for row in rows if _counts(row)}
    gone = [row.id for key, row in known.items() if key not in wanted and row.closed_at is None]
    for some in batches(gone):
        connection.execute(update(reviews).where(reviews.c.id.in_(some)).values(closed_at=now))
    fresh = [_row(key, outcome, now) for key, outcome in wanted.items() if key not in known]
    if fresh:
        connection.execute(insert(reviews), fresh)
    _refresh(connection, wanted, known)
    opened = _opened(connection, [row["document"] for row in fresh], now)
    return opened, len(gone)


def _end_decisions(connection: Connection, rows: Sequence[Row[Any]], outcomes: Sequence[Outcome]) -> None:
    """A decision ends with the first reading of what it was made on having changed, also if that changes back."""
    made = [row for row in rows if row.state == "waiting" and row.choice and row.basis]
    if not made:
        return
    read = {outcome.key: codec.basis(outcome.document) for outcome in outcomes}
    ended = [row.id for row in made if row.basis != read[row.document]]
    for some in batches(ended):
        connection.execute(update(reviews).where(reviews.c.id.in_(some)).values(basis=""))


def open_unreadable(connection: Connection, key: str, why: str, now: Instant) -> None:
    """A document that could not be read waits for a person until it can be."""
    there = connection.execute(
        select(reviews.c.id).where(
            reviews.c.document == key, reviews.c.code == "unreadable", reviews.c.closed_at.is_(None)
        )
    ).first()
    if there is None:
        values = {"document": key, "state": "waiting", "code": "unreadable", "found": codec.fit(why, 250)}
        connection.execute(insert(reviews).values(**values, email="", basis="", since=now))


def unreadable(connection: Connection) -> set[str]:
    """Keys of the documents that could not be read when last met."""
    return set(connection.execute(UNREADABLE).scalars())


def _counts(row: Row[Any]) -> bool:
    """Rows that still say something: open ones, and flags that a person dismissed."""
    return row.closed_at is None or (row.state == "flagged" and row.choice == "dismiss")


def _row(key: tuple[str, str, str, str], outcome: Outcome, now: Instant) -> dict[str, Any]:
    document, state, code, found = key
    emails = outcome.worth.emails
    return {
        "document": document,
        "state": state,
        "code": code,
        "found": found,
        "cost": outcome.worth.cost if state == "waiting" else outcome.worth.credits,
        "email": (normalise(emails[0]) or "") if emails else "",
        "basis": codec.basis(outcome.document),
        "since": now,
    }


def _refresh(
    connection: Connection,
    wanted: dict[tuple[str, str, str, str], Outcome],
    known: dict[tuple[str, str, str, str], Row[Any]],
) -> None:
    for key, outcome in wanted.items():
        row = known.get(key)
        if row is None or row.state != "waiting" or row.cost == outcome.worth.cost:
            continue
        connection.execute(update(reviews).where(reviews.c.id == row.id).values(cost=outcome.worth.cost))


def _opened(connection: Connection, keys: Sequence[str], now: Instant) -> list[Review]:
    found: list[Review] = []
    for some in batches(set(keys)):
        question = select(reviews).where(
            reviews.c.document.in_(some), reviews.c.since == now, reviews.c.closed_at.is_(None)
        )
        found += [from_row(row) for row in connection.execute(question.order_by(reviews.c.id))]
    return found


def open_items(connection: Connection, state: str | None = None) -> list[Review]:
    question = select(reviews).where(reviews.c.closed_at.is_(None)).order_by(reviews.c.id)
    if state is not None:
        question = question.where(reviews.c.state == state)
    return [from_row(row) for row in connection.execute(question)]


def get(connection: Connection, number: int) -> Review | None:
    row = connection.execute(select(reviews).where(reviews.c.id == number)).one_or_none()
    return from_row(row) if row is not None else None


def decide(
    connection: Connection,
    review: Review,
    choice: str,
    basis: str,
    *,
    credits: int,
    target: str,
    reason: str,
    by: str,
    now: Instant,
) -> None:
    """Records a person's choice; it holds until the state it was made on changes."""
    connection.execute(
        update(reviews)
        .where(reviews.c.id == review.id)
        .values(
            choice=choice,
            basis=basis,
            credits=credits,
            target=codec.fit(target, 254),
            reason=codec.fit(reason, 500),
            by=codec.fit(by, 100),
            closed_at=now,
        )
    )


def count_open(connection: Connection) -> dict[str, tuple[int, int]]:
    """Per state: how many are open, and since when the oldest is."""
    rows = connection.execute(
        select(reviews.c.state, func.count(), func.min(reviews.c.since))
        .where(reviews.c.closed_at.is_(None))
        .group_by(reviews.c.state)
    )
    return {state: (count, since) for state, count, since in rows}


def to_note(connection: Connection, limit: int = 50) -> list[Review]:
    """The first waiting review of each ticket that has not got its one internal note yet."""
    there = select(reviews.c.document).where(reviews.c.noted.is_not(None))
    first = (
        select(func.min(reviews.c.id))
        .where(
            reviews.c.closed_at.is_(None),
            reviews.c.state == "waiting",
            reviews.c.document.like("helpdesk:%"),
            reviews.c.document.not_in(there),
        )
        .group_by(reviews.c.document)
    )
    question = select(reviews).where(reviews.c.id.in_(first)).order_by(reviews.c.id).limit(limit)
    return [from_row(row) for row in connection.execute(question)]


def noted(connection: Connection, review: Review, now: Instant) -> None:
    connection.execute(update(reviews).where(reviews.c.id == review.id).values(noted=now))
