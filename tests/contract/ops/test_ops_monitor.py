import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bytebridge import logs
from bytebridge.errors import StoreBusy
from bytebridge.metrics import Snapshot
from bytebridge.monitor import Monitor

GOOD = {"ok": True, "examined": 0, "seconds": 0.1}
BAD = {**GOOD, "ok": False}


class Ledger:
    """What the monitor asks for its figures."""

    def __init__(self):
        self.snapshot, self.trouble, self.asked = Snapshot(), None, 0

    def __call__(self):
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return self.snapshot


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def monitor(clock, ledger):
    return Monitor({"shop": 300, "helpdesk": 60}, ledger, clock, "1.2.3")


def figures(monitor):
    """Values by name and the values of the labels, which stand in the order of their names."""
    families = text_string_to_metric_families(monitor.exposition().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_well_at_the_start(monitor):
    assert monitor.healthz() == (200, "ok")


def test_ready_only_once_told(monitor):
    assert monitor.readyz()[0] == 503
    monitor.set_ready(ready=True)
    assert monitor.readyz() == (200, "ready")
    monitor.set_ready(ready=False)
    assert monitor.readyz()[0] == 503


def test_source_is_silent_after_three_of_its_own_intervals(monitor, clock):
    clock.now += 180
    assert monitor.healthz()[0] == 200
    clock.now += 1
    assert monitor.healthz() == (503, "helpdesk: no good answer for 181 s")
    monitor.pass_finished("helpdesk", **GOOD)
    assert monitor.healthz()[0] == 200
    clock.now += 800
    assert monitor.healthz()[1] == "shop: no good answer for 981 s; helpdesk: no good answer for 800 s"


def test_failed_passes_are_no_answer_even_when_requests_are_answered(monitor, clock):
    monitor.pass_finished("helpdesk", **BAD)
    for _ in range(4):
        clock.now += 60
        monitor.observe("helpdesk", "GET /tickets", "200", 0.1)
        monitor.pass_finished("helpdesk", **BAD)
    assert monitor.healthz()[0] == 503


def test_one_long_pass_that_gets_answers_is_progress(monitor, clock):
    for _ in range(10):
        clock.now += 170
        monitor.observe("helpdesk", "GET /tickets", "200", 0.1)
        monitor.observe("shop", "GET /orders", "404", 0.1)
    assert monitor.healthz()[0] == 200


@pytest.mark.parametrize("result", ["error", "500", "503", "401", "403", "429"])
def test_these_results_are_no_answer(monitor, clock, result):
    clock.now += 181
    monitor.observe("helpdesk", "GET /tickets", result, 0.1)
    assert monitor.healthz()[0] == 503


@pytest.mark.parametrize(
    ("snapshot", "reason"),
    [
        (Snapshot(oldest_due_s=3600), None),
        (Snapshot(oldest_due_s=3601), "outbox: a letter has been due for 3601 s"),
        (Snapshot(brake="81 documents would move"), "brake: 81 documents would move"),
        (Snapshot(waiting=500, oldest_review_s=1e7), None),
    ],
)
def test_the_ledgers_own_trouble(monitor, ledger, snapshot, reason):
    ledger.snapshot = snapshot
    assert monitor.healthz() == ((503, reason) if reason else (200, "ok"))


def test_unreadable_ledger_is_unhealthy_but_metrics_are_still_shown(monitor, ledger, clock):
    ledger.trouble = StoreBusy("locked")
    assert monitor.healthz() == (503, "the ledger cannot be read")
    assert figures(monitor)["bytebridge_ledger_readable",] == 0
    ledger.trouble = None
    clock.now += 5
    assert monitor.healthz()[0] == 200


def test_probes_within_seconds_share_one_reading(monitor, ledger, clock):
    for _ in range(5):
        monitor.healthz()
        monitor.exposition()
    assert ledger.asked == 1
    clock.now += 5
    monitor.healthz()
    assert ledger.asked == 2


def test_slow_ledger_does_not_hold_up_the_jobs(clock):
    asked, go_on = threading.Event(), threading.Event()

    def slow():
        asked.set()
        assert go_on.wait(5)
        return Snapshot()

    monitor = Monitor({"shop": 300}, slow, clock, "1")
    with ThreadPoolExecutor(1) as pool:
        probe = pool.submit(monitor.healthz)
        assert asked.wait(5)
        monitor.observe("shop", "GET /orders", "200", 0.1)
        monitor.pass_finished("shop", **GOOD)
        go_on.set()
        assert probe.result(5) == (200, "ok")


def test_job_that_crashes_three_times_in_a_row(monitor):
    for _ in range(2):
        monitor.jobs.ended("deliver", crashed=True)
    monitor.jobs.ended("deliver", crashed=False)
    for _ in range(2):
        monitor.jobs.ended("deliver", crashed=True)
    assert monitor.healthz()[0] == 200
    monitor.jobs.ended("deliver", crashed=True)
    assert monitor.healthz() == (503, "deliver: crashed 3 times in a row")
    monitor.jobs.ended("deliver", crashed=False)
    assert monitor.healthz()[0] == 200


def test_hanging_job_starves_the_watchdog(monitor, clock):
    jobs = monitor.jobs
    jobs.watch("shop", 900)
    clock.now += 900
    assert jobs.overdue() == []
    clock.now += 1
    assert [(late.job, late.seconds, late.limit_s) for late in jobs.overdue()] == [("shop", 901, 900)]
    assert "shop: no sign of life for 901 s" in monitor.healthz()[1]
    jobs.alive("shop")
    assert jobs.overdue() == []
    clock.now += 901
    jobs.ended("shop", crashed=True)
    assert jobs.overdue() == []
    clock.now += 901
    jobs.forget("shop")
    assert jobs.overdue() == []


def test_reload_changes_sources(monitor, clock):
    clock.now += 1000
    monitor.set_intervals({"shop": 600, "erp": 300})
    assert monitor.healthz()[0] == 200
    names = {labels[0] for name, *labels in figures(monitor) if name == "bytebridge_source_lag_seconds"}
    assert names == {"shop", "erp"}
    clock.now += 901
    assert monitor.healthz()[1] == "shop: no good answer for 1901 s; erp: no good answer for 901 s"


def test_figures(monitor, ledger, clock, monkeypatch):
    monkeypatch.setattr(logs, "_listeners", [])
    ledger.snapshot = Snapshot(
        accounts=3, outstanding=240, owed=15, waiting=2, flagged=1, oldest_review_s=7200,
        outbox={"pending": 4, "held": 1}, oldest_due_s=12, lease=True,
    )  # fmt: skip
    monitor.pass_finished("shop", ok=True, examined=7, seconds=2)
    monitor.pass_finished("shop", **BAD)
    monitor.observe("shop", "GET /orders/77?display=full", "200", 0.2)
    monitor.observe("shop", "GET /orders/78", "error", 0.2)
    logs.listen(monitor.metrics.hear)
    with logs.bind(source="shop", run="r1"):
        entry = {"entry": 1, "account": 1, "balance": 0, "document": "shop:1"}
        for kind, credits in (("grant", 60), ("grant", 60), ("refund", -45)):
            logs.log("entry_posted", **entry, kind=kind, credits=credits)
        logs.log("drift_found", document="order 1", account=1, posted=0, expected=60, delta=60, reason="missing")
    for result in ("sent", "failed", "unknown", "delayed", "held", "dropped"):
        logs.log(f"notice_{result}", notice=1, account=1, document="shop:1", kind="balance", channel="ticket")
    logs.log("notice_queued", notice=1, account=1, document="shop:1", kind="balance", channel="ticket")
    logs.log("job_overran", job="deliver", seconds=61, limit_s=60)
    monitor.jobs.ended("deliver", crashed=True)
    monitor.jobs.ended("deliver", crashed=False)
    monitor.set_ready(ready=True)
    clock.now += 10
    shown = figures(monitor)
    expected = {
        ("bytebridge_passes_total", "ok", "shop"): 1,
        ("bytebridge_passes_total", "failed", "shop"): 1,
        ("bytebridge_documents_examined_total", "shop"): 7,
        ("bytebridge_drift_documents_total", "shop"): 1,
        ("bytebridge_entries_total", "grant", "shop"): 2,
        ("bytebridge_entries_total", "refund", "shop"): 1,
        ("bytebridge_granted_credits_total",): 120,
        ("bytebridge_debited_credits_total",): 45,
        ("bytebridge_outstanding_credits",): 240,
        ("bytebridge_owed_credits",): 15,
        ("bytebridge_accounts",): 3,
        ("bytebridge_source_lag_seconds", "shop"): 10,
        ("bytebridge_source_interval_seconds", "helpdesk"): 60,
        ("bytebridge_review_items", "waiting"): 2,
        ("bytebridge_review_items", "flagged"): 1,
        ("bytebridge_review_oldest_seconds",): 7200,
        ("bytebridge_outbox_letters", "pending"): 4,
        ("bytebridge_outbox_oldest_due_seconds",): 12,
        ("bytebridge_remote_requests_total", "GET", "200", "shop"): 1,
        ("bytebridge_remote_requests_total", "GET", "error", "shop"): 1,
        ("bytebridge_remote_request_seconds_count", "GET", "shop"): 2,
        **{
            ("bytebridge_notices_total", "ticket", "balance", result): 1
            for result in ("sent", "failed", "unknown", "delayed", "held", "dropped")
        },
        ("bytebridge_job_crashes_total", "deliver"): 1,
        ("bytebridge_job_overruns_total", "deliver"): 1,
        ("bytebridge_brake",): 0,
        ("bytebridge_lease",): 1,
        ("bytebridge_healthy",): 1,
        ("bytebridge_ready",): 1,
    }
    assert {key: shown[key] for key in expected} == expected
    assert sum(key[0] == "bytebridge_notices_total" for key in shown) == 6
    assert [key[-1] for key in shown if key[0] == "bytebridge_build_info"] == ["1.2.3"]
    assert shown["process_resident_memory_bytes",] > 1e6


def test_state_without_letters_disappears(monitor, ledger, clock):
    ledger.snapshot = Snapshot(outbox={"pending": 4})
    monitor.exposition()
    ledger.snapshot = Snapshot(outbox={"held": 1})
    clock.now += 5
    assert [key for key in figures(monitor) if key[0] == "bytebridge_outbox_letters"] == [
        ("bytebridge_outbox_letters", "held")
    ]


def test_every_metric_has_help_and_a_unit_in_its_name(monitor):
    ours = [
        family
        for family in text_string_to_metric_families(monitor.exposition().decode())
        if family.name.startswith("bytebridge_")
    ]
    assert len(ours) > 20
    for family in ours:
        assert family.documentation, family.name
        if family.type == "histogram":
            assert family.name.endswith("_seconds"), family.name


def test_status_line_says_how_it_is_or_what_is_wrong(monitor, ledger, clock):
    ledger.snapshot = Snapshot(outbox={"pending": 4, "unknown": 1, "held": 7, "failed": 2}, waiting=3)
    monitor.pass_finished("shop", ok=True, examined=0, seconds=1)
    clock.now += 12
    assert monitor.status() == "well: answered shop 12 s ago, helpdesk not yet; 5 letters to go, 3 reviews wait"
    clock.now += 200
    assert monitor.status() == monitor.healthz()[1] == "helpdesk: no good answer for 212 s"


def test_job_with_a_long_interval_does_not_starve_the_watchdog_between_its_passes(monitor, clock):
    """A pass an hour is no hanging job; nor is a nightly one while it rests."""
    monitor.jobs.watch("poll_shop", 3600 + 1800)
    monitor.jobs.watch("reconcile", 1800)
    monitor.jobs.ended("reconcile", crashed=False)
    monitor.jobs.rest("reconcile")
    clock.now += 3700
    assert monitor.jobs.overdue() == []
    monitor.jobs.ended("poll_shop", crashed=False)
    clock.now += 5401
    assert [span.job for span in monitor.jobs.overdue()] == ["poll_shop"]


def test_daemon_that_stands_by_is_not_blamed_for_what_another_reads(monitor, clock):
    monitor.set_turn(mine=False)
    clock.now += 10_000
    assert monitor.healthz() == (200, "ok")
    assert monitor.stands_by
    assert monitor.status() == "well: stands by, another daemon does the work"
    assert figures(monitor)["bytebridge_source_lag_seconds", "shop"] == 0


def test_after_a_takeover_sources_have_three_intervals_to_answer(monitor, clock):
    monitor.set_turn(mine=False)
    clock.now += 10_000
    monitor.set_turn(mine=True)
    clock.now += 180
    assert monitor.healthz()[0] == 200
    monitor.set_turn(mine=True)
    clock.now += 1
    assert monitor.healthz() == (503, "helpdesk: no good answer for 181 s")
