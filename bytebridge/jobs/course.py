"""How far a reconciliation got, kept with its run: one that was cut off goes on where it was."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from bytebridge.domain.model import Instant, Source
from bytebridge.jobs.book import Run
from bytebridge.jobs.context import Context
from bytebridge.ledger import codec, runs
from bytebridge.ledger.engine import Connection

STILL_GOOD_S = 6 * 3600  # after which everything is read anew
END = Instant(2**62)


class Leg(Struct):
    """One source. reached: what was created before is compared; None: nothing yet. moving: ids left to be repaired.

    met: documents read; examined: those of them that were asked for; posted: those of the ledger that should be
    there; absent: their keys that were not met. done: repaired too.
    """

    reached: Instant | None = None
    met: int = 0
    examined: int = 0
    posted: int = 0
    moving: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    done: bool = False


class Course(Struct):
    """key: what was asked for and the rules, so that only the same is gone on with. kept: saved in the run.

    begun: when its first run began. earlier: the run that was cut off.
    """

    key: str = ""
    begun: Instant = Instant(0)
    legs: dict[str, Leg] = field(default_factory=dict)
    kept: bool = True
    earlier: int | None = None

    def leg(self, source: Source) -> Leg:
        return self.legs.setdefault(source.value, Leg())

    def forget(self, source: Source) -> None:
        """The source is to be read anew next time."""
        self.legs[source.value] = Leg()


def begin(asked: object, sources: Sequence[Source], context: Context, run: Run) -> Course:
    """The course of a run that was cut off lately and asked for the same, now this run's; else a new one."""
    key = codec.digest(repr((asked, tuple(sources), context.rules_digest)))

    def work(connection: Connection) -> Course:
        assert run.number is not None
        good = Instant(context.now() - STILL_GOOD_S)
        for earlier in runs.cut_off(connection, run.what, good, run.number):
            course = _read(earlier["figures"].get("course"))
            if course is not None and course.key == key and course.begun >= good:
                _hand_over(connection, earlier, run.number, context.now())
                course.earlier = earlier["id"]
                _write(connection, course, run)
                return course
        return Course(key, run.begun)

    return context.store.transact(work)


def _hand_over(connection: Connection, earlier: dict[str, Any], number: int, now: Instant) -> None:
    """The run that died is over; one that ended by itself stays as it was, but for who goes on with it."""
    figures = {**earlier["figures"], "course": None, "gone_on_with_in": number}
    if earlier["result"] == "open":
        runs.finish(connection, earlier["id"], "cut off", figures, now)
    else:
        runs.note(connection, earlier["id"], figures)


def save(course: Course, context: Context, run: Run) -> None:
    if course.kept:
        context.store.transact(lambda connection: _write(connection, course, run))


def _write(connection: Connection, course: Course, run: Run) -> None:
    assert run.number is not None
    runs.note(connection, run.number, {"course": msgspec.to_builtins(course)})


def _read(value: object) -> Course | None:
    try:
        return msgspec.convert(value, Course)
    except msgspec.ValidationError:
        return None
