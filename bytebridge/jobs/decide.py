"""A person's decision on a review, carried out through the one road."""

from collections.abc import Iterator
from dataclasses import dataclass

from bytebridge.domain.accounts import normalise
from bytebridge.domain.addressed import addressed
from bytebridge.domain.model import Credits, Document, Invoice, Source
from bytebridge.domain.worth import Known
from bytebridge.errors import NotFound, Refused
from bytebridge.jobs.book import Run, book
from bytebridge.jobs.context import Context
from bytebridge.jobs.labels import labels
from bytebridge.ledger import accounts, codec, documents, reviews, runs
from bytebridge.ledger.documents import Stored
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.reviews import Review
from bytebridge.logs import bind
from bytebridge.wording.reviews import sentence


@dataclass(frozen=True, slots=True)
class Wish:
    """choice: charge, accept, account or dismiss. credits: positive figures charge a ticket and grant else."""

    number: int
    choice: str
    credits: int
    email: str
    reason: str


def resolve(wish: Wish, context: Context, *, dry_run: bool) -> Iterator[str]:
    with context.store.read() as connection:
        review = _open(connection, wish)
        name = labels(connection, [review.document])[review.document]
        stored = documents.get(connection, review.document)
        if wish.email and not (stored is not None and _is_its_own(wish.email, stored.document)):
            accounts.get(connection, wish.email, context.now())
    if not wish.reason:
        raise Refused("a reason is needed")
    if dry_run:
        yield f"{name}: {sentence(review.code, review.found)}: would be decided by {wish.choice}"
        return
    run = Run("review", context.by, context.now())
    signed = Credits(-wish.credits if review.document.startswith("helpdesk:") else wish.credits)

    def record(connection: Connection) -> None:
        present = documents.get(connection, review.document)
        if present is not None and stored is not None and present.state != stored.state:
            raise Refused(f"{name} has just changed: look at review {wish.number} again")
        reviews.decide(
            connection,
            _open(connection, wish),
            wish.choice,
            _basis(present) if present is not None else "",
            credits=signed,
            target=normalise(wish.email) or "",
            reason=wish.reason,
            by=context.by,
            now=context.now(),
        )

    source = Source(review.document.partition(":")[0])
    settled = [stored.document] if stored is not None else []
    with bind(run=run.token):
        booked = book(settled, context, run, source=source, first=record)
    posted = sum(entry.credits for entry in booked.entries)
    if run.number is not None:
        number = run.number
        figures = {"posted": 1, "credits": posted}
        context.store.transact(lambda connection: runs.finish(connection, number, "done", figures, context.now()))
    yield f"{name}: decided by {wish.choice}, {posted:+d} credits posted"


def _basis(stored: Stored) -> str:
    """Digest of what is decided on: the document by the addresses it is judged by."""
    document = stored.document
    if isinstance(document, Invoice):
        document = addressed(document, {stored.key: Known(stored.memory)})
    return codec.basis(document)


def _is_its_own(email: str, document: Document) -> bool:
    """Whether an invoice names this address itself, which then need not have an account yet."""
    return isinstance(document, Invoice) and normalise(email) in map(normalise, document.emails)


def _open(connection: Connection, wish: Wish) -> Review:
    review = reviews.get(connection, wish.number)
    if review is None:
        raise NotFound(f"no review {wish.number}")
    if review.closed_at is not None:
        raise Refused(f"review {wish.number} is closed already")
    if review.state == "flagged" and wish.choice != "dismiss":
        raise Refused(f"review {wish.number} is booked and only flagged: --dismiss it, or use `adjust`")
    return review
