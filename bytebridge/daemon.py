"""The daemon: the same jobs on a schedule, signals, the watchdog. It knows when, never what."""

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bytebridge import __version__, cron, logs, memory, service, snapshot
from bytebridge.domain.model import Source
from bytebridge.errors import SettingsError, StoreBroken, StoreBusy
from bytebridge.jobs.book import new_token
from bytebridge.jobs.context import Context
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import lock, outbox
from bytebridge.ledger.engine import Store
from bytebridge.logs import log
from bytebridge.monitor import Monitor
from bytebridge.notify import Notifier, supervisor
from bytebridge.passes import PURCHASES
from bytebridge.reports.status import script_source
from bytebridge.setting_layers import differing
from bytebridge.settings import SECRETS, Settings, find_file, load, secret_values, store_url
from bytebridge.status_server import StatusServer, serve
from bytebridge.turn import Turn

TICK_S = 1.0
CHILD_TICK_S = 0.02
ENDS_WITHIN_S = 9.0  # after SIGTERM; what is then still open is safe to lose, as after any kill
DELIVER_EVERY_S = 15
JUMP_S = 30  # a wall clock that moved by more than this against the monotonic one was set
HANGS_AFTER_S = 1800.0  # a job without a sign of life for this long stops the watchdog's food
SLOW_S = 60.0  # a job that took longer, and longer than its interval, is told of
NEEDS_RESTART = ("store.url", "service.listen")
UPGRADE_S = 60  # what systemd is asked for, again and again, while a migration runs


class Stopping(Exception):
    """Raised out of a wait or before a write so that the unit of work ends at once."""


class Daemon:
    """One process; `run` returns its exit code."""

    def __init__(self, config: str | None) -> None:
        self._config = config
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._broken: str | None = None
        self._began = time.monotonic()
        self._context_lock = threading.Lock()
        self._recovered = False
        self._errors: dict[str, str] = {}  # of each source's last pass
        self._unread: set[str] = set()  # purchases whose first pass has not ended, well or badly

    def run(self) -> int:
        settings = self._started = load(self._config, secrets=SECRETS)
        told = supervisor(os.environ, sys.stderr, os.getpid())
        self._journal = told.journal
        self._configure_logs(settings)
        self._notifier = Notifier(told.notify_socket, told.watchdog_usec)
        log(
            "service_started",
            version=__version__,
            config=str(find_file(self._config) or ""),
            store=self._store_name(settings),
            listen=settings.service.listen,
        )
        self._catch_signals()
        self._upgrade_apart(settings)
        if self._stop.is_set():
            return 0
        self._store = service.open_store(settings, write=True)
        self._turn = Turn(self._store)
        self._store.guard = self._still_mine
        code = 1
        try:
            with lock.alone(self._store):
                code = self._serve(settings)
        finally:
            self._notifier.stopping("ending")
            self._store.close()
            log("service_stopped", code=code, uptime_s=round(time.monotonic() - self._began))
        return code

    def _upgrade_apart(self, settings: Settings) -> None:
        """Creates or migrates the store in a child: what that needs would stay in this process's memory for years.

        Whatever goes wrong there goes wrong again, and is told, when this process opens the store.
        """
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                service.open_store(settings, write=True).close()
                code = 0
            finally:
                os._exit(code)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            self._notifier.extend(UPGRADE_S)
            if self._stop.wait(CHILD_TICK_S):
                os.kill(child, signal.SIGTERM)
                os.waitpid(child, 0)
                return

    def _still_mine(self) -> None:
        """A process that slept past its lease writes nothing that it read before."""
        if not self._turn.mine:
            raise Stopping

    def _store_name(self, settings: Settings) -> str:
        return Store(store_url(settings), read_only=True).url.render_as_string(hide_password=True)

    def _configure_logs(self, settings: Settings) -> None:
        # its warnings about late or skipped starts say what `job_overran` says
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        logs.configure(
            settings.logging.level,
            settings.logging.format,
            secrets=secret_values(settings),
            journal=self._journal,
        )

    def _catch_signals(self) -> None:
        def stop(number: int, _frame: Any) -> None:
            # a second one really ends the process, also when it comes as soon as the first is told
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self._stop.set()
            log("service_stopping", signal=signal.Signals(number).name)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda *_: self._reload.set())

    def _serve(self, settings: Settings) -> int:
        self._monitor = Monitor(
            service.intervals(settings),
            lambda: replace(snapshot.of(self._store, service.clock()), lease=self._turn.mine),
            time.monotonic,
            __version__,
        )
        logs.listen(self._monitor.metrics.hear)
        self._build(settings)
        page = self._listen(settings)
        self._workers = ThreadPoolExecutor(6)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self._workers},
            # a late run is run, once: the default drops what is a second late
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        # before the first run is planned: a clock that is set meanwhile wakes the jobs too
        offset = time.time() - time.monotonic()
        self._schedule(settings)
        self._take_turn()
        self._scheduler.start()
        self._monitor.set_ready(ready=True)
        self._notifier.ready("running")
        log("service_ready", sources=[source.value for source in self._context.connectors])
        self._watch(offset)
        self._monitor.set_ready(ready=False)
        self._end()
        self._turn.give_up()
        if page is not None:
            page.stop()
        return 1 if self._broken else 0

    def _build(self, settings: Settings) -> None:
        context = service.build(
            settings,
            self._store,
            by="daemon",
            observe=self._monitor.observe,
            sleep=self._sleep,
            stopping=lambda: self._stop.is_set() or not self._turn.mine,
            mine=lambda: self._turn.mine,
        )
        with self._context_lock:
            self._context = replace(context, apart=True)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopping

    def _listen(self, settings: Settings) -> StatusServer | None:
        if not settings.service.listen:
            return None
        return serve(settings.service.listen, self._monitor, self._page, script_source())

    def _page(self) -> str:
        trouble, stands_by = tuple(self._monitor.reasons()), self._monitor.stands_by
        settings, errors = self._context.settings, {} if stands_by else self._errors
        return snapshot.page(self._store, settings, service.clock(), trouble, errors, stands_by=stands_by)

    def _schedule(self, settings: Settings) -> None:
        now = datetime.now(UTC)
        configured = service.intervals(settings)
        self._unread = {f"poll_{source}" for source in PURCHASES if source in configured and source not in self._errors}
        for source, seconds in service.intervals(settings).items():
            self._add(
                f"poll_{source}",
                self._poller(Source(source)),
                IntervalTrigger(seconds=int(seconds), timezone=UTC),
                now,
            )
        self._add("deliver", self._deliver, IntervalTrigger(seconds=DELIVER_EVERY_S, timezone=UTC), now)
        if settings.erp.url and settings.erp.write_back:
            self._add("write_back", self._write_back, IntervalTrigger(seconds=60, timezone=UTC), now)
        if settings.service.reconcile_at:
            when = cron.trigger(settings.service.reconcile_at)
            self._scheduler.add_job(self._edge("reconcile", self._watched), when, id="reconcile", replace_existing=True)
        self._monitor.set_intervals(service.intervals(settings))

    def _add(self, name: str, work: Callable[[Context], object], trigger: IntervalTrigger, first: datetime) -> None:
        interval = trigger.interval_length
        self._monitor.jobs.watch(name, interval + HANGS_AFTER_S)
        job = self._edge(name, work, max(interval, SLOW_S))
        self._scheduler.add_job(job, trigger, id=name, next_run_time=first, replace_existing=True)

    def _edge(self, name: str, work: Callable[[Context], object], limit_s: float = float("inf")) -> Callable[[], None]:
        """The one place where a bug in a job is caught: logged with its traceback, red when it repeats."""

        def job() -> None:
            if self._stop.is_set():
                return
            if not self._turn.mine:
                self._monitor.jobs.ended(name, crashed=False)
                return
            alive, token = partial(self._monitor.jobs.alive, name), new_token()
            with self._context_lock:
                context = replace(self._context, token=token, progress=lambda *_: alive())
            began = time.monotonic()
            with logs.bind(run=token):
                crashed = self._carry_out(name, partial(work, context))
                took = time.monotonic() - began
                if took > limit_s:
                    log("job_overran", job=name, seconds=round(took), limit_s=round(limit_s))
            self._monitor.jobs.ended(name, crashed=crashed)
            self._first_read(name)

        return job

    def _carry_out(self, name: str, work: Callable[[], object]) -> bool:
        """True when it ended by a bug."""
        try:
            work()
        except Stopping:
            pass  # what it had booked stays, the rest is read again, by this process or the one that took over
        except StoreBusy as error:
            log("store_busy", operation=name, error=str(error), attempt=None)
        except StoreBroken as error:
            log("store_broken", store=self._store.url.render_as_string(), error=str(error))
            self._broken = str(error)
            self._stop.set()
        except Exception as error:  # noqa: BLE001
            log("job_crashed", job=name, error=type(error).__name__, exc_info=error)
            return True
        return False

    def _first_read(self, job: str) -> None:
        """The last of the purchases' first passes lets the desk's begin at once."""
        if job in self._unread:
            self._unread.discard(job)
            desk = f"poll_{Source.HELPDESK}"
            if not self._unread:
                with contextlib.suppress(JobLookupError):  # a firm without a desk, or the end has come
                    self._scheduler.modify_job(desk, next_run_time=datetime.now(UTC))

    def _poller(self, source: Source) -> Callable[[Context], None]:
        def poll(context: Context) -> None:
            began = time.monotonic()
            if source == Source.HELPDESK and self._unread:
                return  # who has bought is no stranger: `_first_read` starts this job again
            desk = source == Source.HELPDESK
            done = service.one_pass(context, [source], deliver=desk, purchases_first=False)
            result = done.results.get(source)
            if result is not None:
                self._errors[source.value] = result.error or ""
                self._monitor.pass_finished(
                    source.value,
                    ok=result.error is None,
                    examined=result.examined,
                    seconds=time.monotonic() - began,
                )

        return poll

    def _deliver(self, context: Context) -> None:
        service.one_pass(context, [], write_back=False)

    def _write_back(self, context: Context) -> None:
        service.one_pass(context, [], deliver=False)

    def _watched(self, context: Context) -> None:
        """The reconciliation, of which a sign of life is expected only while it runs."""
        self._monitor.jobs.watch("reconcile", HANGS_AFTER_S)
        try:
            service.reconciliation(context, service.ORDER, Window(), dry_run=False, progress=context.progress)
        finally:
            self._monitor.jobs.rest("reconcile")

    def _watch(self, offset: float) -> None:
        """The main thread: feeds the watchdog, notices a set clock, reloads; until the daemon should end."""
        fed, trimmed, starving = 0.0, time.monotonic(), False
        while not self._stop.wait(TICK_S):
            self._take_turn()
            moved = time.time() - time.monotonic() - offset
            if abs(moved) > JUMP_S:
                log("clock_moved", seconds=round(moved))
                offset += moved
                self._wake()
            if self._reload.is_set():
                self._reload.clear()
                self._reconfigure()
            if time.monotonic() - trimmed >= memory.GIVE_BACK_EVERY_S:
                trimmed = time.monotonic()
                memory.give_back()
            every = self._notifier.watchdog_every_s
            late = self._monitor.jobs.overdue()
            for span in late if not starving else ():
                log("watchdog_starved", job=span.job, seconds=round(span.seconds))
            starving = bool(late)
            if every and time.monotonic() - fed >= every and not late:
                fed = time.monotonic()
                self._notifier.watchdog()
                self._notifier.status(self._monitor.status())

    def _take_turn(self) -> None:
        """Once it is this process's turn, attempts that another left without outcome are looked for."""
        self._turn.tick()
        self._monitor.set_turn(mine=self._turn.mine)
        if self._turn.mine and not self._recovered:
            self._recovered = self._recover()
        self._recovered = self._recovered and self._turn.mine

    def _recover(self) -> bool:
        """Whether it was done: a database that does not answer, or a turn lost meanwhile, is for the next tick."""
        wait = self._context.settings.notices.recheck_after
        try:
            self._store.transact(lambda connection: outbox.recover(connection, service.clock(), wait))
        except StoreBusy as error:
            log("store_busy", operation="recover", error=str(error), attempt=None)
            return False
        except Stopping:
            return False
        return True

    def _wake(self) -> None:
        """A clock set back must not silence the jobs: each interval counts anew from now."""
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, IntervalTrigger):
                seconds = int(job.trigger.interval_length)
                trigger = IntervalTrigger(seconds=seconds, timezone=UTC)
                job.reschedule(trigger)
                job.modify(next_run_time=datetime.now(UTC))

    def _reconfigure(self) -> None:
        self._notifier.reloading()
        try:
            settings = load(self._config, secrets=SECRETS)
        except SettingsError as error:
            log("configuration_rejected", problems=error.problems)
            self._notifier.ready("running, new configuration rejected")
            return
        changed = list(differing(self._context.settings, settings))
        restart = [key for key in differing(self._started, settings) if key in NEEDS_RESTART]
        self._configure_logs(settings)
        self._build(settings)
        for job in self._scheduler.get_jobs():
            job.remove()
            self._monitor.jobs.forget(job.id)
        self._schedule(settings)
        gc.collect()  # the connections of the systems as they were lie in cycles, each with its open sockets
        log("configuration_reloaded", changed=changed, restart=restart)
        self._notifier.ready("running")

    def _end(self) -> None:
        """Waits for the units of work under way, but not for ever."""

        def wait() -> None:
            # not by the scheduler, which waits with the lock in hand that `_first_read` waits for
            self._scheduler.shutdown(wait=False)
            self._workers.shutdown(wait=True)

        done = threading.Thread(target=wait, daemon=True)
        done.start()
        done.join(ENDS_WITHIN_S - 1)
        if done.is_alive():
            # a request is still under way: everything it could book is read again at the next start
            log("service_stopped", code=0, uptime_s=round(time.monotonic() - self._began))
            self._notifier.stopping("a request was cut off")
            os._exit(1 if self._broken else 0)
