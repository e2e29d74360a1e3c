"""The figures of `/metrics`: names, units and help texts. What they mean for health is said in `monitor`."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

REQUEST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)  # seconds
PASS_BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)  # seconds
DELIVERIES = ("sent", "failed", "unknown", "delayed", "held", "dropped")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the ledger holds now, for the gauges.

    outstanding, owed: sums of the balances above and below zero [credits, both positive]. outbox: letters not
    yet settled, by state. oldest_due_s: how long the oldest letter that may go out has been waiting [s].
    oldest_review_s: the same of the items that wait for a person [s]. brake: why nothing moves, or "".
    """

    accounts: int = 0
    outstanding: int = 0
    owed: int = 0
    waiting: int = 0
    flagged: int = 0
    oldest_review_s: float = 0.0
    outbox: Mapping[str, int] = field(default_factory=dict)
    oldest_due_s: float = 0.0
    brake: str = ""
    lease: bool = False


class Metrics:
    """One registry of its own, so that two daemons in one process do not mix their figures."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._add_passes(registry)
        self._add_ledger(registry)
        self._add_remote(registry)
        self.healthy = Gauge("bytebridge_healthy", "1 while /healthz answers 200", registry=registry)
        self.ready = Gauge("bytebridge_ready", "1 while /readyz answers 200", registry=registry)
        self.crashes = Counter("bytebridge_job_crashes", "Jobs that ended by a bug", ["job"], registry=registry)
        self.overruns = Counter(
            "bytebridge_job_overruns", "Jobs that took longer than their time", ["job"], registry=registry
        )
        Gauge("bytebridge_build_info", "Always 1; what is running", ["version", "python"], registry=registry).labels(
            version, platform.python_version()
        ).set(1)

    def _add_passes(self, registry: CollectorRegistry) -> None:
        self.passes = Counter(
            "bytebridge_passes",
            "Passes over a source; result is ok or failed",
            ["source", "result"],
            registry=registry,
        )
        self.pass_seconds = Histogram(
            "bytebridge_pass_seconds", "Time of one pass", ["source"], buckets=PASS_BUCKETS, registry=registry
        )
        self.examined = Counter(
            "bytebridge_documents_examined",
            "Documents whose content had changed",
            ["source"],
            registry=registry,
        )
        self.drift = Counter(
            "bytebridge_drift_documents",
            "Documents found to differ from the ledger",
            ["source"],
            registry=registry,
        )
        self.lag = Gauge(
            "bytebridge_source_lag_seconds", "Since the source last answered", ["source"], registry=registry
        )
        self.interval = Gauge(
            "bytebridge_source_interval_seconds",
            "How often the source is read",
            ["source"],
            registry=registry,
        )

    def _add_ledger(self, registry: CollectorRegistry) -> None:
        self.entries = Counter(
            "bytebridge_entries", "Entries posted to the ledger", ["source", "kind"], registry=registry
        )
        self.granted = Counter("bytebridge_granted_credits", "Credits added to balances", registry=registry)
        self.debited = Counter("bytebridge_debited_credits", "Credits taken from balances", registry=registry)
        self.notices = Counter(
            "bytebridge_notices",
            "Attempts to deliver; result is sent, failed, unknown, delayed, held or dropped",
            ["kind", "channel", "result"],
            registry=registry,
        )
        self.accounts = Gauge("bytebridge_accounts", "Accounts that own a balance", registry=registry)
        self.outstanding = Gauge("bytebridge_outstanding_credits", "Sum of the balances above zero", registry=registry)
        self.owed = Gauge("bytebridge_owed_credits", "Sum owed by the balances below zero", registry=registry)
        self.review = Gauge("bytebridge_review_items", "Documents listed for a person", ["state"], registry=registry)
        self.review_age = Gauge(
            "bytebridge_review_oldest_seconds",
            "Age of the oldest item that waits for a person",
            registry=registry,
        )
        self.outbox = Gauge("bytebridge_outbox_letters", "Letters not yet settled", ["state"], registry=registry)
        self.outbox_age = Gauge(
            "bytebridge_outbox_oldest_due_seconds",
            "Delay of the oldest letter that is due",
            registry=registry,
        )
        self.brake = Gauge("bytebridge_brake", "1 while the brake holds everything back", registry=registry)
        self.lease = Gauge("bytebridge_lease", "1 while this process holds the lease", registry=registry)
        self.ledger_readable = Gauge(
            "bytebridge_ledger_readable", "1 while the ledger's own figures can be read", registry=registry
        )

    def _add_remote(self, registry: CollectorRegistry) -> None:
        # no path among the labels: it holds ids, each would be a series of its own
        self.requests = Counter(
            "bytebridge_remote_requests",
            "Requests to the remote systems; result is the status, or error without one",
            ["system", "method", "result"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "bytebridge_remote_request_seconds",
            "Time of one request",
            ["system", "method"],
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )

    def hear(self, event: str, fields: Mapping[str, Any]) -> None:
        """Counts what the log says: no job has to report a thing twice."""
        if event == "entry_posted":
            source = str(fields["document"]).partition(":")[0]
            self.entries.labels(source, fields["kind"]).inc()
            (self.granted if fields["credits"] > 0 else self.debited).inc(abs(fields["credits"]))
        elif event == "drift_found":
            self.drift.labels(fields["source"]).inc()
        elif event == "job_overran":
            self.overruns.labels(fields["job"]).inc()
        elif event.removeprefix("notice_") in DELIVERIES:
            self.notices.labels(fields["kind"], fields["channel"], event.removeprefix("notice_")).inc()

    def show(self, snapshot: Snapshot) -> None:
        self.accounts.set(snapshot.accounts)
        self.outstanding.set(snapshot.outstanding)
        self.owed.set(snapshot.owed)
        self.review.labels("waiting").set(snapshot.waiting)
        self.review.labels("flagged").set(snapshot.flagged)
        self.review_age.set(snapshot.oldest_review_s)
        self.outbox.clear()  # a state that has no letters any more must not keep its last figure
        for state, letters in snapshot.outbox.items():
            self.outbox.labels(state).set(letters)
        self.outbox_age.set(snapshot.oldest_due_s)
        self.brake.set(bool(snapshot.brake))
        self.lease.set(snapshot.lease)
