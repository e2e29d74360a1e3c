"""Whether the daemon makes progress: counts what jobs report, answers `/healthz`, `/readyz` and `/metrics`.

Every span is measured on a monotonic clock: a wall clock set back must not make anything look fresh or stale.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import generate_latest

from bytebridge.errors import BytebridgeError
from bytebridge.metrics import Metrics, Snapshot

SILENT_AFTER = 3  # intervals without an answer
CRASHES = 3  # of one job in a row
# a letter that is due goes out within minutes, also after an hour's outage of the mail server
STUCK_S = 3600.0
SNAPSHOT_S = 5.0  # scrapes and probes within this time share one reading of the ledger


@dataclass(frozen=True, slots=True)
class Overdue:
    """A job that has shown no sign of life for `seconds`, longer than the `limit_s` it was given."""

    job: str
    seconds: float
    limit_s: float


class Jobs:
    """Signs of life of the daemon's jobs, shared by all its threads."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._metrics, self._monotonic = metrics, monotonic
        self._lock = threading.Lock()
        self._limits: dict[str, float] = {}
        self._alive: dict[str, float] = {}
        self._crashed: Counter[str] = Counter()

    def watch(self, job: str, limit_s: float) -> None:
        """From now on `job` must end, or say `alive`, at least every `limit_s`, until it may `rest`."""
        for counter in (self._metrics.crashes, self._metrics.overruns):
            counter.labels(job)  # from 0 on: the growth of a counter that first shows as 1 is seen by no alert
        with self._lock:
            self._limits[job] = limit_s
            self._alive[job] = self._monotonic()

    def rest(self, job: str) -> None:
        """Nothing is expected of it until it is watched again."""
        with self._lock:
            self._limits.pop(job, None)

    def forget(self, job: str) -> None:
        """A job that is not run any more, as after a reload."""
        with self._lock:
            for memory in (self._limits, self._alive, self._crashed):
                memory.pop(job, None)

    def alive(self, job: str) -> None:
        with self._lock:
            self._alive[job] = self._monotonic()

    def ended(self, job: str, *, crashed: bool) -> None:
        """crashed: by a bug; trouble that a job expects and reports is no crash."""
        self._metrics.crashes.labels(job).inc(crashed)
        with self._lock:
            self._crashed[job] = self._crashed[job] + 1 if crashed else 0
            self._alive[job] = self._monotonic()

    def overdue(self) -> list[Overdue]:
        """Jobs that hang or are no longer started: while there are any, systemd's watchdog is not fed."""
        with self._lock:
            now = self._monotonic()
            spans = [Overdue(job, now - self._alive[job], limit) for job, limit in self._limits.items()]
        return [span for span in spans if span.seconds > span.limit_s]

    def crashing(self) -> dict[str, int]:
        """How often in a row, for the jobs that crash again and again."""
        with self._lock:
            return {job: times for job, times in self._crashed.items() if times >= CRASHES}


class Monitor:
    """Shared by all threads of the daemon.

    intervals: seconds between two passes, by source. snapshot: reads the ledger's own figures; may raise the
    errors of the store.
    """

    def __init__(
        self,
        intervals: Mapping[str, float],
        snapshot: Callable[[], Snapshot],
        monotonic: Callable[[], float],
        version: str,
    ) -> None:
        self.metrics = Metrics(version)
        self.jobs = Jobs(self.metrics, monotonic)
        self._monotonic, self._read = monotonic, snapshot
        self._lock = threading.Lock()
        self._snapshot_lock = threading.Lock()  # apart: a slow ledger must not hold up the jobs' reports
        self._intervals: dict[str, float] = {}
        self._answered: dict[str, float] = {}
        self._heard: set[str] = set()  # whose answer it was, not only this daemon's beginning
        self._failed: Counter[str] = Counter()
        self._ready = False
        self._stands_by = False
        self._snapshot: tuple[float, Snapshot | None] | None = None
        self.set_intervals(intervals)

    def set_intervals(self, intervals: Mapping[str, float]) -> None:
        """At the start and after a reload; a source that is new counts as having answered just now."""
        with self._lock:
            for gone in self._intervals.keys() - intervals.keys():
                self.metrics.lag.remove(gone)
                self.metrics.interval.remove(gone)
                del self._answered[gone]
                self._heard.discard(gone)
            self._intervals = dict(intervals)
            for source, seconds in intervals.items():
                self._answered.setdefault(source, self._monotonic())
                self.metrics.drift.labels(source)
                self.metrics.lag.labels(source).set(0)
                self.metrics.interval.labels(source).set(seconds)

    def observe(self, system: str, operation: str, result: str, seconds: float) -> None:
        """The hook of `remote.Remote`: one request, `result` its status or "error"."""
        method = operation.split(" ", 1)[0]
        self.metrics.requests.labels(system, method, result).inc()
        self.metrics.request_seconds.labels(system, method).observe(seconds)
        answered = result.isdecimal() and int(result) < 500 and int(result) not in (401, 403, 429)
        with self._lock:
            # the first load of years of documents is one long pass; once failed, only a good pass counts
            if answered and not self._failed[system]:
                self._hear(system)

    def pass_finished(self, source: str, *, ok: bool, examined: int, seconds: float) -> None:
        self.metrics.passes.labels(source, "ok" if ok else "failed").inc()
        self.metrics.pass_seconds.labels(source).observe(seconds)
        self.metrics.examined.labels(source).inc(examined)
        with self._lock:
            self._failed[source] = 0 if ok else self._failed[source] + 1
            if ok:
                self._hear(source)

    def _hear(self, source: str) -> None:
        self._answered[source] = self._monotonic()
        self._heard.add(source)

    def set_ready(self, *, ready: bool) -> None:
        self._ready = ready

    def set_turn(self, *, mine: bool) -> None:
        """Only the daemon whose turn it is reads the sources; for it they count as having answered when it began."""
        with self._lock:
            if mine and self._stands_by:
                self._answered = dict.fromkeys(self._intervals, self._monotonic())
            self._stands_by = not mine

    @property
    def stands_by(self) -> bool:
        """Whether another daemon on the same database does the work."""
        return self._stands_by

    def healthz(self) -> tuple[int, str]:
        """200, or 503 with every reason."""
        reasons = self.reasons()
        return (503, "; ".join(reasons)) if reasons else (200, "ok")

    def reasons(self) -> list[str]:
        """Why the daemon is not healthy, a sentence each; none when it is."""
        reasons = [*self._silent_sources(), *self._ledger_trouble()]
        reasons += [f"{job}: crashed {times} times in a row" for job, times in self.jobs.crashing().items()]
        reasons += [f"{span.job}: no sign of life for {span.seconds:.0f} s" for span in self.jobs.overdue()]
        return reasons

    def status(self) -> str:
        """One line for `systemctl status`: trouble, or when each source last answered and what waits."""
        code, trouble = self.healthz()
        if code != 200:
            return trouble
        if self._stands_by:
            return "well: stands by, another daemon does the work"
        with self._lock:
            now = self._monotonic()
            ages = [
                f"{source} {now - self._answered[source]:.0f} s ago" if source in self._heard else f"{source} not yet"
                for source in self._intervals
            ]
        snapshot = self._current() or Snapshot()
        letters = sum(snapshot.outbox.get(state, 0) for state in ("pending", "sending", "unknown"))
        waits = f"{letters} letters to go, {snapshot.waiting} reviews wait"
        return f"well: answered {', '.join(ages)}; {waits}" if ages else f"well: no source; {waits}"

    def readyz(self) -> tuple[int, str]:
        return (200, "ready") if self._ready else (503, "starting or stopping")

    def exposition(self) -> bytes:
        """The Prometheus text of now."""
        self.metrics.healthy.set(self.healthz()[0] == 200)
        self.metrics.ready.set(self._ready)
        with self._lock:
            for source in self._intervals:
                self.metrics.lag.labels(source).set(
                    0 if self._stands_by else self._monotonic() - self._answered[source]
                )
        snapshot = self._current()
        self.metrics.ledger_readable.set(snapshot is not None)
        if snapshot is not None:
            self.metrics.show(snapshot)
        return generate_latest(self.metrics.registry)

    def _silent_sources(self) -> list[str]:
        with self._lock:
            if self._stands_by:
                return []
            now = self._monotonic()
            silent = {source: now - self._answered[source] for source in self._intervals}
            return [
                f"{source}: no good answer for {seconds:.0f} s"
                for source, seconds in silent.items()
                if seconds > SILENT_AFTER * self._intervals[source]
            ]

    def _ledger_trouble(self) -> list[str]:
        snapshot = self._current()
        if snapshot is None:
            return ["the ledger cannot be read"]
        stuck = snapshot.oldest_due_s > STUCK_S
        return [
            *([f"outbox: a letter has been due for {snapshot.oldest_due_s:.0f} s"] if stuck else []),
            *([f"brake: {snapshot.brake}"] if snapshot.brake else []),
        ]

    def _current(self) -> Snapshot | None:
        """None when the ledger cannot be read: a finding of its own, and no reason to show nothing."""
        with self._snapshot_lock:
            if self._snapshot is None or self._monotonic() - self._snapshot[0] >= SNAPSHOT_S:
                try:
                    read: Snapshot | None = self._read()
                except BytebridgeError:
                    read = None
                self._snapshot = (self._monotonic(), read)
            return self._snapshot[1]
