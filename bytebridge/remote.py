"""The one HTTP session: time-outs, request budget, retry of reads, circuit, masking, status to typed error.

Keys travel in headers (or, where a shop's host drops those, in the query) and never appear in an error: no
text of the HTTP library and no full address is passed on.
"""

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, cast
from urllib.parse import urlencode

import requests
import tenacity
import urllib3

from bytebridge.budget import Budget
from bytebridge.errors import OutcomeUnknown, RemoteError, RemoteRefused, RemoteUnavailable
from bytebridge.timely import TimelyAdapter

CHUNK = 16_384  # bytes; a small chunk bounds what one compressed piece can swell to
MAX_BODY = 64 * 1024 * 1024  # bytes, after decompression
ATTEMPTS = 4  # of one read
LISTING = "[]|,"  # of queries that list fields and ids
LONGEST_WAIT_S = 30.0  # a longer Retry-After ends this turn instead of holding the job
TRIP_AFTER = 3  # failed calls in a row open the circuit
PAUSE_S, LONGEST_PAUSE_S = 30.0, 900.0


@dataclass(frozen=True, slots=True)
class Answer:
    """status and body as received; headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def date(self) -> int | None:
        """The server's own clock as the answer's Date header [epoch s]; None without a readable one."""
        at = _moment(self.headers.get("date", ""))
        return int(at) if at is not None else None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one remote system may cost: requests a minute, seconds and bytes an answer.

    read_s: for all the headers, then for each piece of the body; total_s: for both.
    """

    requests_per_minute: int = 60
    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 120.0
    max_body: int = MAX_BODY


Classify = Callable[[Answer, str], RemoteError | None]
Observe = Callable[[str, str, str, float], None]
"""Called after each request with system, operation, result and seconds."""


def _unobserved(_system: str, _operation: str, _result: str, _seconds: float) -> None:
    pass


class Remote:
    """One remote system behind one base address, one request at a time.

    next: path and parameters of the read that follows once the answers so far are worked off; None: not known.
    classify: turns an answer that is not a success into the error to raise, None to accept it. may_write: asked
    right before each write, for a process may sleep at any moment and wake when another works in its place.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        ca_file: str | None = None,
        classify: Classify | None = None,
        observe: Observe = _unobserved,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self.system = system
        self._base = base_url.rstrip("/")
        self._headers = dict(headers)
        self._params = dict(params or {})
        self._limits = limits or Limits()
        self._verify = ca_file or requests.utils.DEFAULT_CA_BUNDLE_PATH
        self._classify = classify or classify_status
        self._observe, self._monotonic, self._sleep = observe, monotonic, sleep
        self._may_write = may_write
        self._budget = Budget(self._limits.requests_per_minute, monotonic, sleep)
        self._lock = threading.Lock()
        self._session = self._new_session()
        self._prepared: requests.PreparedRequest | None = None
        self._ahead = False  # whether a read was sent that nobody has asked for yet
        self.next: tuple[str, Mapping[str, str]] | None = None
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            wait=_wait,
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            sleep=self._sleep,
            reraise=True,
        )
        self._failures = 0
        self._closed_until = 0.0
        self._tireless = False

    @contextmanager
    def tireless(self) -> Iterator[None]:
        """In here no failure pauses the source: for somebody who wants to hear of everything that is wrong."""
        self._tireless = True
        try:
            yield
        finally:
            self._tireless = False

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # a netrc entry would replace our key, a proxy would see it
        for scheme in ("http://", "https://"):
            session.mount(scheme, TimelyAdapter(self._limits.total_s))
        return session

    def get(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A read: retried with jitter while the trouble may pass, at most `ATTEMPTS` times.

        path: below the base address, already percent-encoded. Raises the remote errors.
        """
        operation = f"GET {path}"
        if self._monotonic() < self._closed_until:
            raise RemoteUnavailable(
                self.system,
                operation,
                "paused after repeated failures",
                retry_after_s=self._closed_until - self._monotonic(),
            )
        try:
            answer: Answer = self._retrying(self._once, "GET", path, operation, params=params, headers=headers)
        except (RemoteUnavailable, RemoteRefused) as error:
            self._trip(error)
            raise
        self._failures = 0
        return answer

    def ahead(self) -> None:
        """Sends the read in `next`, so that the system works on it while we work on what we have.

        Nothing is waited for, and it must be asked for as ever; if anything is wrong, that says so.
        """
        following, self.next = self.next, None
        if following is None or not self._lock.acquire(blocking=False):
            return
        try:
            adapter = self._adapter(self._session)
            paused = self._monotonic() < self._closed_until
            if not paused and adapter.is_open and self._budget.take(wait=False):
                path, params = following
                adapter.ask(self._reading(path, {**self._params, **params}, None), self._limits.read_s)
                self._ahead = True
        except (OSError, http.client.HTTPException):
            self._session.close()  # the read itself, which is still to come, meets the trouble and says it
        finally:
            self._lock.release()

    def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """A write: sent once. OutcomeUnknown when it may have been carried out without our knowing."""
        operation = f"{method} {path}"
        return self._once(method, path, operation, json=json, form=form, write=True)

    def _trip(self, error: RemoteError) -> None:
        if self._tireless:
            return
        self._failures += 1
        asked = error.retry_after_s if isinstance(error, RemoteUnavailable) else None
        if asked is not None and asked > LONGEST_WAIT_S:
            self._closed_until = self._monotonic() + asked
        elif self._failures >= TRIP_AFTER:
            pause = min(PAUSE_S * 2.0 ** (self._failures - TRIP_AFTER), LONGEST_PAUSE_S)
            self._closed_until = self._monotonic() + pause

    def _once(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        write: bool = False,
    ) -> Answer:
        with self._lock:
            if write or not self._is_on_its_way(path, params or {}, headers):
                self._budget.take()
            if write and not self._may_write():
                raise RemoteUnavailable(self.system, operation, "not sent: another process has taken over")
            began = self._monotonic()
            result = "error"
            try:
                answer = self._exchange(method, path, operation, params, headers, json, form, write=write)
                result = str(answer.status)
            finally:
                self._observe(self.system, operation.split("?", maxsplit=1)[0], result, self._monotonic() - began)
            if answer.status == 429:
                self._budget.halve()
        self._raise_for(answer, operation, write=write)
        return answer

    def _is_on_its_way(self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None) -> bool:
        """Whether this read was sent ahead, and counted then."""
        sent, self._ahead = self._ahead, False
        return sent and self._adapter(self._session).awaits(self._reading(path, {**self._params, **params}, headers))

    def _adapter(self, session: requests.Session) -> TimelyAdapter:
        return cast("TimelyAdapter", session.get_adapter(self._base))

    def _raise_for(self, answer: Answer, operation: str, *, write: bool) -> None:
        if 300 <= answer.status < 400 and answer.status != 304:
            raise RemoteRefused(self.system, operation, f"answered with a redirect ({answer.status}): check its url")
        error = self._classify(answer, operation)
        if error is None:
            return
        if write and isinstance(error, RemoteUnavailable) and answer.status >= 500:
            raise OutcomeUnknown(self.system, operation, f"status {answer.status} after a write")
        raise error

    def _exchange(
        self,
        method: str,
        path: str,
        operation: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        json: Any,
        form: Mapping[str, str] | None,
        *,
        write: bool,
    ) -> Answer:
        # a write goes over a connection of its own: on a kept-alive one that the server has just closed,
        # nobody could tell whether it arrived
        session = self._new_session() if write else self._session
        whole = False
        try:
            if write:
                request = requests.Request(
                    method, self._base + path, params=self._params, headers=self._headers, json=json, data=form
                )
                prepared = session.prepare_request(request)
            else:
                prepared = self._reading(path, {**self._params, **(params or {})}, headers)
            # straight to the adapter: cookies, redirects and hooks, which a session sees to, there are none
            response = self._adapter(session).send(
                prepared, stream=True, timeout=(self._limits.connect_s, self._limits.read_s), verify=self._verify
            )
            with response:
                body = self._body(response.raw, operation)
            whole = True
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, lowered, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            self._fail(error, operation, write=write)
        except RemoteUnavailable as error:
            if write:
                raise OutcomeUnknown(self.system, operation, error.message) from None
            raise
        finally:
            if write or not whole:  # or the rest of this answer would be taken for the next one
                session.close()

    def _reading(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None
    ) -> requests.PreparedRequest:
        """A read. What does not change is prepared once, since preparing takes as long as sending."""
        if self._prepared is None:
            request = requests.Request("GET", self._base, headers=self._headers)
            self._prepared = self._session.prepare_request(request)
        prepared = self._prepared.copy()
        prepared.headers.update(headers or {})
        query = f"?{_encoded(params)}" if params else ""
        prepared.url = str(prepared.url).rstrip("/") + path + query
        return prepared

    def _body(self, response: urllib3.BaseHTTPResponse, operation: str) -> bytes:
        chunks: list[bytes] = []
        size = 0
        # what has come so far, piece by piece: a full chunk may take for ever to drip in
        while chunk := response.read1(CHUNK, decode_content=True):
            size += len(chunk)
            if size > self._limits.max_body:
                raise RemoteUnavailable(self.system, operation, f"answer larger than {self._limits.max_body} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _fail(self, error: Exception, operation: str, *, write: bool) -> NoReturn:
        # `from None`: the library's own texts hold the full address, which may hold a key
        if isinstance(error, requests.exceptions.SSLError):
            raise RemoteRefused(
                self.system,
                operation,
                "its TLS certificate is not trusted: mend it or name its CA in ca_file",
            ) from None
        if isinstance(
            error,
            requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema,
        ):
            raise RemoteRefused(self.system, operation, "its url is not an http(s) address") from None
        reason = _reason(error)
        if write and not _never_sent(error):
            raise OutcomeUnknown(self.system, operation, reason) from None
        raise RemoteUnavailable(self.system, operation, reason) from None


def _encoded(params: Mapping[str, str]) -> str:
    """As `urlencode`, which looks at each character of a text in which one is not safe."""
    found = urlencode(params, safe=LISTING)
    for sign in LISTING:
        found = found.replace(sign, f"%{ord(sign):02X}")
    return found


def classify_status(answer: Answer, operation: str, system: str = "") -> RemoteError | None:
    """What a bare status means on any system; None for 2xx and 304."""
    status = answer.status
    if status == 429:
        return RemoteUnavailable(system, operation, "too many requests", retry_after_s=retry_after_s(answer))
    if status >= 500:
        return RemoteUnavailable(system, operation, f"status {status}", retry_after_s=retry_after_s(answer))
    if status in (401, 403):
        return RemoteRefused(system, operation, f"status {status}: check the key and its rights")
    if status >= 400:
        return RemoteRefused(system, operation, f"status {status}")
    return None


def retry_after_s(answer: Answer) -> float | None:
    """The Retry-After header as seconds from now, both its forms; None when absent or unreadable.

    At most `LONGEST_PAUSE_S`: what is asked for may be a mistake, and nothing waits a year for it.
    """
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), LONGEST_PAUSE_S)
    until, now = _moment(text), answer.date
    return min(max(0.0, until - now), LONGEST_PAUSE_S) if until is not None and now is not None else None


def _moment(text: str) -> float | None:
    """A date of a header [epoch s]; None when it is none. HTTP's dates are UTC, whatever our own zone."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, RemoteUnavailable) and (error.retry_after_s or 0) <= LONGEST_WAIT_S


_backoff = tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_S)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, RemoteUnavailable) else None
    return float(max(asked or 0.0, _backoff(state)))


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, TimeoutError | requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
        return "no answer in time"
    if _never_sent(error):
        return "cannot be reached"
    return "the connection broke off"


def _never_sent(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)
