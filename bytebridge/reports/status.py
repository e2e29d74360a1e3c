"""The daemon's status page: what it does and whether it is well. It shows and changes nothing, and names no address."""

import base64
import hashlib
from dataclasses import dataclass

from bytebridge.domain.model import Credits, Instant
from bytebridge.reports.figures import figures
from bytebridge.reports.frame import asset, fill
from bytebridge.reports.health import SourceHealth, State, state_of
from bytebridge.reports.overview_words import words
from bytebridge.reports.shown import printable

LANGUAGE = "en"  # of those who run the daemon, as in logs and commands
REFRESH_S = 30


@dataclass(frozen=True, slots=True)
class PastRun:
    """result: ok, failed or open (still running). posted: entries."""

    id: int
    what: str
    begun: Instant
    finished: Instant | None
    result: str
    posted: int = 0


@dataclass(frozen=True, slots=True)
class LowBalance:
    """An account by number and name."""

    account: int
    name: str
    balance: Credits
    threshold: Credits


@dataclass(frozen=True, slots=True)
class Status:
    """Of the moment `at`; shown in `zone`.

    trouble: every reason why the daemon is not healthy, none when it is. outbox: letters by state, settled ones
    left out. oldest_due_s: delay of the oldest letter that is due [s]. oldest_review: since when the oldest item
    waits, None when none does. low: who runs out first in front; low_more: how many more there are than `low` shows.
    at_zero: accounts with nothing left and nothing owed. stands_by: another daemon does the work.
    """

    at: Instant
    zone: str
    version: str
    trouble: tuple[str, ...] = ()
    sources: tuple[SourceHealth, ...] = ()
    outbox: tuple[tuple[str, int], ...] = ()
    oldest_due_s: float = 0.0
    waiting: int = 0
    flagged: int = 0
    oldest_review: Instant | None = None
    runs: tuple[PastRun, ...] = ()
    low: tuple[LowBalance, ...] = ()
    low_more: int = 0
    at_zero: int = 0
    stands_by: bool = False

    def unwell(self) -> list[str]:
        """Sources that the table does not call well."""
        return [health.source for health in self.sources if state_of(health) != State.WELL]


def render_status(status: Status) -> str:
    """The page, whole in itself; its one script needs `script_source()` in the policy it is served with."""
    form = figures(LANGUAGE, status.zone)
    return fill(
        "status.html",
        s=status,
        form=form,
        names=words(LANGUAGE),
        printable=printable,
        state_of=state_of,
        clock=lambda at: f"{form.local(at):%H:%M:%S %Z}",
        age=age,
        script=asset("refresh.js"),
        refresh_s=REFRESH_S,
    )


def script_source() -> str:
    """What a Content-Security-Policy must allow under script-src for the page to refresh by itself."""
    digest = hashlib.sha256(str(asset("refresh.js")).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def age(seconds: float) -> str:
    """A span of time in its largest unit, rounded down."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
