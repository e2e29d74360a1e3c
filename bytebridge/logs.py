"""The log: a closed list of events, one JSON object a line (or coloured text on a terminal), secrets masked.

Levels say who acts: debug and info nobody, warning cures itself, error needs a person. Accounts go by number;
keys, letters and, above debug, addresses never appear.
"""

import base64
import importlib
import json
import logging
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote, quote_plus

from bytebridge.terminal import printable

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

LOGGER = "bytebridge"
_listeners: list[Callable[[str, Mapping[str, Any]], None]] = []
PRIORITIES = {
    "debug": 7,
    "info": 6,
    "warning": 4,
    "error": 3,
    "critical": 2,
}  # of syslog, as journald reads them
BOUND = frozenset({"run", "source"})  # carried by every line of a pass
MASK = "***"
CLEAR_LINE = "\r\x1b[K"  # to its beginning, and empty
# bounded, since an unbounded search for the sign takes quadratic time on a long text without it
ADDRESS = re.compile(r"[^\s@<>\"'(),;:=/\\]{1,64}@[^\s@<>\"'(),;:/\\]{1,255}")


@dataclass(frozen=True, slots=True)
class Event:
    """level, the names of its fields besides `run` and `source`, and what it means to who reads the log."""

    level: str
    fields: frozenset[str]
    meaning: str


def _event(level: str, fields: str, meaning: str) -> Event:
    return Event(level, frozenset(fields.split()), meaning)


EVENTS: dict[str, Event] = {
    "service_started": _event("info", "version config store listen", "the daemon begins"),
    "service_ready": _event("info", "sources", "settings are valid, the store is up to date, jobs run"),
    "service_stopping": _event("info", "signal", "a signal came; the unit of work under way is finished"),
    "service_stopped": _event("info", "code uptime_s", "the daemon ended"),
    "configuration_reloaded": _event("info", "changed restart", "keys that changed, and those that wait for a restart"),
    "configuration_rejected": _event("error", "problems", "the new configuration is wrong; the old one stays"),
    "poll_started": _event("debug", "cursor", "a pass over one source begins"),
    "poll_finished": _event("info", "seen posted review failed duration_ms", "sums up one pass over one source"),
    "reconcile_finished": _event(
        "info", "examined drift applied review duration_ms dry_run", "sums up one reconciliation"
    ),
    "entry_posted": _event("info", "entry kind document account credits balance", "credits moved"),
    "review_opened": _event("info", "item document account why state", "a document waits for a person"),
    "drift_found": _event("warning", "document account posted expected delta reason", "ledger and source differ"),
    "stranger_charged": _event("info", "document account credits", "a charge opened an account of its own"),
    "brake_pulled": _event("error", "documents credits limit why", "too much would move at once; nothing does"),
    "notice_queued": _event("debug", "notice kind channel document account", "a notice was written to the outbox"),
    "notice_sent": _event("info", "notice kind channel document account attempt", "a notice was delivered"),
    "notice_failed": _event("error", "notice kind channel document account attempt error", "given up: see `notices`"),
    "notice_delayed": _event(
        "warning",
        "notice kind channel document account attempt error retry_in_s",
        "not delivered, tried again",
    ),
    "notice_unknown": _event("warning", "notice kind channel document account attempt error", "sent or not: looked up"),
    "notice_held": _event("info", "notice kind channel document account why", "kept back until released"),
    "notice_dropped": _event("info", "notice kind channel document account why", "no longer true, or cancelled"),
    "template_fallback": _event(
        "warning", "template language error", "an own template failed; the built-in one is used"
    ),
    "remote_unavailable": _event("warning", "operation error retry_after_s", "passing trouble; tried again next turn"),
    "source_refused": _event("error", "operation error", "a wrong key, right or address; the source pauses"),
    "source_surprised": _event("warning", "operation document error", "an answer the contract does not allow"),
    "ticket_not_restored": _event(
        "warning", "document error", "our reply went out, the ticket did not get its status or assignee back"
    ),
    "write_back_done": _event("debug", "document account credits", "the firm's system shows this operation or balance"),
    "write_back_parked": _event(
        "warning", "document account operation error", "the firm's system declined it for good"
    ),
    "job_crashed": _event("error", "job error", "a bug; the other jobs go on"),
    "job_overran": _event("warning", "job seconds limit_s", "a job takes longer than its time"),
    "clock_moved": _event("warning", "seconds", "the wall clock jumped"),
    "store_upgraded": _event("info", "after store", "migrations ran: the schema is now `after`"),
    "store_busy": _event("warning", "operation error attempt", "locked by another; the transaction runs again"),
    "store_broken": _event("error", "store error", "damaged, foreign, newer or full; the daemon stops"),
    "lease_taken": _event("info", "owner", "this process is the one that sends and posts by itself"),
    "lease_lost": _event("warning", "owner", "another process took over"),
    "watchdog_starved": _event("error", "job seconds", "systemd is no longer told that all is well"),
    "page_refused": _event("debug", "path status", "the status page declined a request"),
    "library_message": _event("warning", "logger message", "a library's own words, at the library's level"),
}


@dataclass(frozen=True, slots=True)
class Mask:
    """Replaces secrets by `***`, also as they look in an address, in a Basic header or in JSON."""

    secrets: tuple[str, ...]

    @classmethod
    def of(cls, secrets: Iterable[str]) -> "Mask":
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        return cls(tuple(sorted(forms, key=lambda form: (-len(form), form))))  # the longest first: one may hold another

    def text(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text


def _forms(secret: str) -> set[str]:
    addresses = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    quoted = {ascii(secret)[1:-1], repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    unescaped = {json.dumps(secret, ensure_ascii=False)[1:-1]}
    basic = {base64.b64encode(text.encode()).decode() for text in (secret, f"{secret}:")}
    return {secret} | addresses | quoted | unescaped | basic


def configure(
    level: str,
    fmt: str = "",
    stream: TextIO | None = None,
    *,
    secrets: Collection[str] = (),
    journal: bool = False,
    strict: bool = False,
) -> None:
    """Sends all log lines of this process to `stream` (standard error), those of libraries from warning on.

    fmt: "json", "console", or "" for console on a terminal and JSON elsewhere. journal: each line begins with
    the priority that journald takes from it. strict: an event or field outside `EVENTS` is a KeyError; else
    it is logged as it came, since a running daemon must not fall over its own log.
    """
    stream = stream or sys.stderr
    handler = _Handler(stream, strict=strict)
    fmt = fmt or ("console" if stream.isatty() else "json")
    handler.setFormatter(_Late(partial(_formatter, fmt, Mask.of(secrets), stream)))
    if journal:
        handler.setFormatter(_Journal(handler.formatter))
    root = logging.getLogger()
    for old in _handlers():
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(level.upper())
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # the report of a full disk under standard error would show unmasked values


def log(event: str, **fields: Any) -> None:
    """Writes one event at its own level, whoever listens hears of it; `exc_info=error` adds the traceback.

    KeyError for an event or a field outside `EVENTS`, unless `configure` said otherwise.
    """
    known = EVENTS.get(event)
    if all(handler.strict for handler in _handlers()):
        _check(event, known, fields)
    for hear in _listeners:
        hear(event, {**_bound(), **fields})
    getattr(_logger(), known.level if known else "error")(event, **fields)


def listen(hear: Callable[[str, Mapping[str, Any]], None]) -> None:
    """From now on `hear`, and nobody else, gets each event with its fields, whatever the level of the log is."""
    _listeners[:] = [hear]


def is_heard(event: str) -> bool:
    """Whether anybody would get this event from `log`: asked once before as many lines as a first load has."""
    return bool(_listeners) or logging.getLogger(LOGGER).isEnabledFor(getattr(logging, EVENTS[event].level.upper()))


def bind(**fields: str | int) -> AbstractContextManager[None]:
    """Within this block every line of this thread carries `run` and `source`.

    Bound inside the job's own thread: a scheduler's pool does not inherit them.
    """
    if unknown := fields.keys() - BOUND:
        raise KeyError(f"{sorted(unknown)} cannot be bound to a pass")
    bound: AbstractContextManager[None] = _structlog().contextvars.bound_contextvars(**fields)
    return bound


@cache
def _structlog() -> Any:
    """Imported for the first line: who logs nothing, as most commands, starts without it.

    Of rich, which it takes where it finds it and keeps 5 MiB of, it would draw tracebacks that are plain here.
    """
    if "rich" in sys.modules:
        return importlib.import_module("structlog")
    sys.modules["rich"] = None  # type: ignore[assignment]  # to the import system: there is none
    try:
        return importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


def _bound() -> dict[str, Any]:
    bound: dict[str, Any] = _structlog().contextvars.get_contextvars()
    return bound


class _Handler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, *, strict: bool) -> None:
        super().__init__(stream)
        self.strict = strict


def _handlers() -> list[_Handler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, _Handler)]


def _check(event: str, known: Event | None, fields: MutableMapping[str, Any]) -> None:
    if known is None:
        raise KeyError(f"{event}: no such event in logs.EVENTS")
    if extra := fields.keys() - known.fields - BOUND - {"exc_info"}:
        raise KeyError(f"{event}: {sorted(extra)} are no fields of it in logs.EVENTS")


@cache
def _logger() -> Any:
    structlog = _structlog()
    return structlog.wrap_logger(
        logging.getLogger(LOGGER),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _formatter(fmt: str, mask: Mask, stream: TextIO) -> logging.Formatter:
    structlog = _structlog()
    terminal, precise = stream.isatty(), "" if fmt == "console" else ".%f"
    renderers: list[Any] = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    if fmt == "console":
        plain = structlog.dev.plain_traceback
        renderers = [
            structlog.dev.ConsoleRenderer(
                colors=terminal, sort_keys=False, pad_level=False, timestamp_key="ts", exception_formatter=plain
            ),
            *([_on_a_line_of_its_own] if terminal else []),
        ]
    formatter: logging.Formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, _foreign],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt=f"%Y-%m-%dT%H:%M:%S{precise}Z", utc=True, key="ts"),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            partial(_scrub, mask),
            _in_order,
            *renderers,
        ],
    )
    return formatter


def _foreign(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    record = event["_record"]
    return {**event, "event": "library_message", "logger": record.name, "message": event["event"]}


def _scrub(mask: Mask, _logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    above_debug = event["level"] != "debug"
    fixed = {"ts": event["ts"], "level": event["level"]}
    return {key: _clean(value, mask, above_debug) for key, value in event.items()} | fixed


def _clean(value: Any, mask: Mask, above_debug: bool) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {_clean(str(key), mask, above_debug): _clean(item, mask, above_debug) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, mask, above_debug) for item in value]
    text = printable(mask.text(str(value)))
    return ADDRESS.sub("<address>", text) if above_debug else text


def _in_order(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    first = {key: event[key] for key in ("ts", "level", "event", "source", "run") if key in event}
    return {**first, **event}


def _on_a_line_of_its_own(_logger: "WrappedLogger", _method: str, line: str) -> str:
    """Over the counter that a long command may show where the cursor stands."""
    return CLEAR_LINE + line


class _Late(logging.Formatter):
    """A formatter that is made for the first line that it is asked for."""

    def __init__(self, make: Callable[[], logging.Formatter]) -> None:
        super().__init__()
        self._made = cache(make)

    def format(self, record: logging.LogRecord) -> str:
        return self._made().format(record)


class _Journal(logging.Formatter):
    """Puts the priority before each line that `inner` makes."""

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{PRIORITIES.get(record.levelname.lower(), 6)}>"
        return "\n".join(prefix + line for line in self._inner.format(record).splitlines())
