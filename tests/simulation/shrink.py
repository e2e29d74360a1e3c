"""A history tried, and a failing one made short by dropping steps while it still fails in the same way."""

import traceback
from collections import Counter
from dataclasses import dataclass, field

from simulation.driver import firm
from simulation.faults import Crash

TRIES = 400


@dataclass
class Attempt:
    """error: what was wrong, "" when nothing; kind: by what one recognises the same failure.

    ends_at: number of the last boundary before the final quiet point.
    """

    error: str = ""
    kind: str = ""
    story: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    ends_at: int = 0


def attempt(steps, switches, crashes=()):
    """Plays the steps. crashes: numbers of boundaries at which the process dies."""
    with firm(switches) as ours:
        ours.weather.crashes |= set(crashes)
        found = Attempt(story=ours.story, counts=ours.weather.counts)
        try:
            ours.play(steps)
        except (Exception, Crash) as error:
            found.error = f"{type(error).__name__}: {error}"
            found.kind = _kind(error)
            ours.tell("".join(traceback.format_exception(error)))
        found.ends_at = ours.ends_at
        found.counts["boundaries"] = ours.weather.reached
        found.counts["steps"] = len(steps)
        found.counts["entries"] = len(ours.oracle.entries)
        found.counts["mails"] = len(ours.mail.messages)
        found.counts["replies"] = len(ours.world.desk.mails)
        return found


def shrunk(steps, switches, kind):
    """Fewer steps that still fail like this: halves, quarters, then one by one."""
    tries = 0
    size = len(steps) // 2
    while size and tries < TRIES:
        start = 0
        while start < len(steps) and tries < TRIES:
            fewer = steps[:start] + steps[start + size :]
            tries += 1
            if attempt(fewer, switches).kind == kind:
                steps = fewer
            else:
                start += size
        size //= 2
    return steps


def _kind(error):
    place = traceback.extract_tb(error.__traceback__)
    ours = [frame.name for frame in place if "simulation" in frame.filename and frame.name != "demand"]
    return f"{type(error).__name__} {ours[-1] if ours else ''}"
