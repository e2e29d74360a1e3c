"""The brake: a pass that would move far more than this firm ever saw posts nothing and waits for a person.

A shop restored from a backup, a lost right, a renamed state or a changed tariff or pack list looks like hundreds of
refunds or charges, or like as many gifts, at once. The limits are learnt from the ledger, never below the floors.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from bytebridge.domain.model import Credits, Instant, Source
from bytebridge.domain.settlement import Outcome
from bytebridge.errors import Refused
from bytebridge.jobs.book import Run
from bytebridge.jobs.context import Context
from bytebridge.ledger import entries, facts, runs
from bytebridge.ledger.engine import Connection
from bytebridge.logs import log

FLOOR_CHARGED = 3_000  # credits a pass may charge whatever the history says: 50 hours of work
FLOOR_TAKEN_BACK = 1_200  # credits a pass may take back: ten of the larger packs
FLOOR_GIVEN = 3_000  # credits that documents which moved some already may bring beyond those
TIMES = 3  # the busiest day so far
DAY_S = 86_400
GOING_LIVE_S = DAY_S  # from the first document booked: first readings in this time are the firm's past
EVERYTHING = Credits(2**62)
FACT = "brake"


class Look(StrEnum):
    """How much of a source a pass saw. Only who saw as much can tell that what was held is gone."""

    POLL = "poll"  # what changed since it was last booked
    PART = "part"  # a reconciliation of a window or of one account
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Load:
    """What a pass would move over how many documents [credits, positive].

    given: to balances by documents that moved some already. What is granted for the first time is not counted.
    """

    documents: int = 0
    charged: int = 0
    taken_back: int = 0
    given: int = 0

    @property
    def credits(self) -> Credits:
        return Credits(max(self.charged, self.taken_back, self.given))


class Braked(Refused):
    """Nothing was posted; `reconcile --confirm RUN` lets it through."""


def load_of(outcomes: Sequence[Outcome]) -> Load:
    charged = taken_back = given = 0
    moving = [outcome for outcome in outcomes if outcome.postings]
    for outcome in moving:
        net = sum(posting.credits for posting in outcome.postings)
        if outcome.key.startswith(Source.HELPDESK):
            charged += max(0, -net)
        else:
            taken_back += max(0, -net)
        if any(posting.was for posting in outcome.postings):
            given += max(0, net)
    return Load(len(moving), charged, taken_back, given)


def limits(connection: Connection, since_last_s: int) -> tuple[int, int, int]:
    """Most credits a pass may charge, take back and give: three times the busiest day so far, for each day not read."""
    charged, taken_back, given = entries.busiest_day(connection)
    times = TIMES * max(1, -(-since_last_s // DAY_S))
    return (
        max(FLOOR_CHARGED, times * charged),
        max(FLOOR_TAKEN_BACK, times * taken_back),
        max(FLOOR_GIVEN, times * given),
    )


def is_going_live(connection: Connection, reading: runs.Reading, now: Instant) -> bool:
    """Whether a source's first reading belongs to the firm's going live, which no brake stops.

    A source that is added later to a ledger in use was never read either, but its past may have been counted.
    """
    if reading.cursor is not None:
        return False
    first = entries.first_recorded(connection)
    return first is None or now - first < GOING_LIVE_S


def check(load: Load, source: Source, context: Context, run: Run, look: Look) -> bool:
    """Braked when the load is far beyond anything seen; recorded as a run that `--confirm` can name.

    True: only because a person lets it through.
    """
    moved = (load.charged, load.taken_back, load.given)
    if not _beyond(moved, (FLOOR_CHARGED, FLOOR_TAKEN_BACK, FLOOR_GIVEN)):
        return False
    with context.store.read() as connection:
        reading = runs.reading(connection, source)
        if is_going_live(connection, reading, context.now()):
            return False
        most = limits(connection, context.now() - (reading.begun or context.now()))
    over = _beyond(moved, most)
    if not over:
        return False
    if load.credits <= context.allowed:
        return True
    word, credits, limit = over[0]
    number = _pull(load, limit, source, context, run, look)
    why = f"{source} would {word} {credits} credits over {load.documents} documents, far more than ever ({limit})"
    raise Braked(f"{why}: nothing was posted; look at the source, then `bytebridge reconcile --confirm {number}`")


def _beyond(moved: tuple[int, int, int], most: tuple[int, int, int]) -> list[tuple[str, int, int]]:
    """What is more than its limit: the word for it, how much, and the limit."""
    named = zip(("charge", "take back", "give anew"), moved, most, strict=True)
    return [(word, credits, limit) for word, credits, limit in named if credits > limit]


def _pull(load: Load, limit: int, source: Source, context: Context, run: Run, look: Look) -> int:
    """The number of the run that records it; pulled once, said once, its figures kept up as the source is read."""
    name = _fact(source)

    def work(connection: Connection) -> tuple[int, bool]:
        present = facts.get(connection, name)
        # a row of its own: the pass may have posted for another source, and goes on
        number = int(present) if present else runs.start(connection, run.what, run.by, run.token, run.begun)
        first = runs.reading(connection, source).cursor is None
        figures = {"source": source.value, **asdict(load), "look": look.value, "first_reading": first}
        if not present or _may_judge(connection, number, look):
            runs.finish(connection, number, "braked", figures, context.now())
        facts.put(connection, name, str(number))
        return number, not present

    number, fresh = context.store.transact(work)
    if fresh:
        fields = {"documents": load.documents, "credits": load.credits, "limit": limit}
        log("brake_pulled", source=source.value, **fields, why=f"run {number}")
    return number


def _fact(source: Source) -> str:
    return f"{FACT}_{source.value}"


def _may_judge(connection: Connection, number: int, look: Look) -> bool:
    """Whether this look saw what is held by that run: all of a source, or the same poll again."""
    held = runs.get(connection, number)
    return look == Look.ALL or held is None or look == held["figures"].get("look", held["what"]) == Look.POLL


def let_go(
    connection: Connection, source: Source, run: Run, look: Look, now: Instant, *, confirmed: bool = False
) -> None:
    """A look that came to its end and booked what it met: what it would have held is gone from the source.

    Its run cannot be confirmed again. confirmed: a person let it through; the brake stays on until all of it is booked,
    so that no poll beside pulls it anew, and a confirmation that dies can be given again.
    """
    present = facts.get(connection, _fact(source))
    if not present or not _may_judge(connection, int(present), look):
        return
    facts.put(connection, _fact(source), "")
    held = runs.get(connection, int(present))
    figures = {**(held["figures"] if held else {}), "let_go_in": run.number}
    runs.finish(connection, int(present), "confirmed" if confirmed else "released", figures, now)


def confirmed_load(connection: Connection, number: int) -> tuple[Source, Credits]:
    """Source and credits that a braked run wanted to move; Refused when it is no braked run.

    Of a first reading only a part was seen when it was held: whoever lets it through lets all of it through.
    """
    run = runs.get(connection, number)
    if run is None or run["result"] != "braked":
        raise Refused(f"run {number} was not held by the brake: see `bytebridge runs list`")
    figures = run["figures"]
    if figures.get("first_reading"):
        return Source(figures["source"]), EVERYTHING
    return Source(figures["source"]), Load(**{name: figures.get(name, 0) for name in Load.__dataclass_fields__}).credits


def standing(connection: Connection) -> str:
    """Why nothing moves, or empty."""
    held = {source: facts.get(connection, _fact(source)) for source in Source}
    return "; ".join(
        f"{source}: run {number} waits for `reconcile --confirm {number}`" for source, number in held.items() if number
    )
