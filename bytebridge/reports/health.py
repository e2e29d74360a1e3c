"""How a source of documents fares: one value for the report and the status page."""

from dataclasses import dataclass
from enum import StrEnum

from bytebridge.domain.model import Instant


class State(StrEnum):
    WELL = "well"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """source: shop, erp or helpdesk. read_at: end of the last good pass, None before the first.

    lag_s: since it last answered [s]; interval_s: between two passes [s]. error: the last pass's trouble in a
    sentence without secrets, "" when it went well.
    """

    source: str
    read_at: Instant | None
    lag_s: float
    interval_s: float
    error: str = ""


SILENT_AFTER = 3  # intervals, as for the daemon's own health


def state_of(health: SourceHealth) -> State:
    if health.read_at is None or health.lag_s > SILENT_AFTER * health.interval_s:
        return State.WRONG
    return State.DOUBTFUL if health.error else State.WELL
