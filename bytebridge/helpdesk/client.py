"""Calls to LiveAgent's two APIs, and the rule which of their answers are answers at all (LiveAgent notes §2)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from bytebridge.connector import UNREADABLE
from bytebridge.errors import (
    OutcomeUnknown,
    RemoteError,
    RemoteRefused,
    RemoteRejected,
    RemoteSurprise,
    RemoteUnavailable,
)
from bytebridge.remote import Answer, Remote, classify_status, retry_after_s

SYSTEM = "helpdesk"
API, MESSAGE_API = "/api/v3", "/api"
PAGE = 100
DEFAULT_PAGE = 10  # what a server hands out that ignores the size asked for
UNSTATED_WAIT_S = 60.0  # a 429 without Retry-After: the limit counts minutes (LiveAgent notes §3)
NOT_HERE = "no LiveAgent answers here: check its url"
Row = msgspec.Raw
T = TypeVar("T")


class Identified(Protocol):
    @property
    def id(self) -> str: ...


IdentifiedT = TypeVar("IdentifiedT", bound=Identified)


def classify(answer: Answer, operation: str) -> RemoteError | None:
    """The error that an answer of v3 stands for; None when its body may be read.

    A 404 with data passes on reads: only the caller knows if "no such record" is an answer to its question.
    """
    reads = operation.startswith("GET ")
    match answer.status:
        case 200:
            return _hollow(answer, operation, reads=reads)
        case 404 if not _is_data(answer):
            return RemoteRefused(SYSTEM, operation, NOT_HERE)
        case 404:
            return None if reads else RemoteRejected(SYSTEM, operation, "it has no such record")
        case 401 | 403 | 429:
            return _not_now(answer, operation)
        case status if 400 <= status < 500:
            message = f"status {status}: a filter, parameter or field that this version does not take"
            kind = RemoteSurprise if reads else RemoteRejected
            return kind(SYSTEM, operation, message)
        case _:
            return classify_status(answer, operation, SYSTEM) or _doubtful(
                answer, operation, f"status {answer.status} instead of data", reads=reads
            )


def classify_message(answer: Answer, operation: str) -> RemoteError | None:
    """The error that an answer of v1 stands for; a failure may come with status 200 (LiveAgent notes §2)."""
    match answer.status:
        case 401 | 403 | 429:
            return _not_now(answer, operation)
        case status if status == 200 or 400 <= status < 500:
            return _spoken(answer, operation)
        case _:
            return classify_status(answer, operation, SYSTEM) or OutcomeUnknown(
                SYSTEM, operation, f"status {answer.status} says neither yes nor no"
            )


def _is_data(answer: Answer) -> bool:
    return answer.body.lstrip()[:1] in (b"{", b"[")


def _hollow(answer: Answer, operation: str, *, reads: bool) -> RemoteError | None:
    """A page of a proxy, or nothing at all, where data belongs: never an empty list."""
    if not answer.body.strip():
        return _doubtful(answer, operation, "an empty answer", reads=reads)
    if answer.content_type == "text/html" or answer.body.lstrip().startswith(b"<"):
        return _doubtful(answer, operation, "a page instead of data", reads=reads)
    return None


def _doubtful(answer: Answer, operation: str, message: str, *, reads: bool) -> RemoteError:
    if reads:
        return RemoteUnavailable(SYSTEM, operation, message, retry_after_s=retry_after_s(answer))
    return OutcomeUnknown(SYSTEM, operation, message)


def _not_now(answer: Answer, operation: str) -> RemoteError:
    """401 and 403 mean the same here: which of them says what is not known (LiveAgent notes §2)."""
    if answer.status == 429:
        asked = retry_after_s(answer)
        wait = UNSTATED_WAIT_S if asked is None else asked
        return RemoteUnavailable(SYSTEM, operation, "too many requests", retry_after_s=wait)
    message = f"status {answer.status}: the key is wrong, has expired or lacks a right"
    return RemoteRefused(SYSTEM, operation, message)


class _Verdict(msgspec.Struct):
    status: str
    errormessage: str = ""


class _Spoken(msgspec.Struct):
    response: _Verdict


def _spoken(answer: Answer, operation: str) -> RemoteError | None:
    """What v1 says in its own words. Others' words are those of something before it, which may have let it through."""
    if answer.status == 200 and not answer.body.strip():
        return None  # a success without a word
    try:
        verdict = msgspec.json.decode(answer.body, type=_Spoken).response
    except UNREADABLE:
        if answer.status in (404, 405):
            return RemoteRefused(SYSTEM, operation, NOT_HERE)
        verdict = _Verdict("")
    if verdict.status == "OK" and answer.status == 200:
        return None
    if verdict.status != "ERROR":
        return OutcomeUnknown(SYSTEM, operation, f"the answer, status {answer.status}, says neither yes nor no")
    if "key" in verdict.errormessage.lower().split():
        return RemoteRefused(SYSTEM, operation, "the key for messages is wrong or lacks the right")
    return RemoteRejected(SYSTEM, operation, "the ticket does not take this message")


class Client:
    """Reads and changes of v3. clock: the server's own time at its last answer [epoch s]."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.clock: int | None = None

    def rows(self, path: str, params: Mapping[str, str] | None = None) -> list[Row]:
        """One page of a list, undecoded. RemoteRefused when there is no such list."""
        return self.feed(path, params or {})[0]

    def rows_as(self, kind: type[T], path: str, params: Mapping[str, str]) -> list[T] | list[Row]:
        """One page of a list, decoded if every row is of this kind; else undecoded, for each to be judged alone."""
        body = self._list(path, params).body
        try:
            return msgspec.json.decode(body, type=list[kind])  # type: ignore[valid-type]
        except UNREADABLE:
            return decode(body, list[Row], f"GET {path}")

    def rows_of(self, path: str, params: Mapping[str, str]) -> list[Row]:
        """One page of what belongs to a record. RemoteRejected when the server says that it has no such record."""
        answer = self._get(path, params)
        if answer.status == 404:
            raise RemoteRejected(SYSTEM, f"GET {path}", "the ticket is gone, or the key no longer sees it")
        return decode(answer.body, list[Row], f"GET {path}")

    def feed(self, path: str, params: Mapping[str, str]) -> tuple[list[Row], str | None]:
        """One page of a list with the cursor of the next; None at the end."""
        answer = self._list(path, params)
        return decode(answer.body, list[Row], f"GET {path}"), answer.headers.get("next_page_cursor")

    def pages(self, path: str, kind: type[IdentifiedT]) -> Iterator[list[IdentifiedT]]:
        """All pages of a short list, until one is empty or a list shorter than any page comes again.

        A short page is not the end: the server may cut pages silently (LiveAgent notes §4). RemoteSurprise when they
        repeat before the end: what lies below cannot be reached.
        """
        seen: set[str] = set()
        number = 1
        while True:
            asked = {"_page": str(number), "_perPage": str(PAGE)}
            rows = [decode(row, kind, f"GET {path}") for row in self.rows(path, asked)]
            fresh = [row for row in rows if row.id not in seen]
            if not fresh:
                if len(rows) >= DEFAULT_PAGE:
                    raise RemoteSurprise(SYSTEM, f"GET {path}", "a page repeats those before: is paging ignored?")
                return
            yield fresh
            seen |= {row.id for row in fresh}
            number += 1

    def record(self, path: str) -> Row | None:
        """One record; None when the server says that it has none."""
        answer = self._get(path, {})
        return None if answer.status == 404 else decode(answer.body, Row, f"GET {path}")

    def put(self, path: str, body: Mapping[str, Any]) -> Row:
        """Changes a record; its new state as the server answers it."""
        answer = self.remote.send("PUT", path, json=body)
        try:
            return decode(answer.body, Row, f"PUT {path}")
        except RemoteSurprise as error:
            raise OutcomeUnknown(SYSTEM, error.operation, error.message) from error

    def _list(self, path: str, params: Mapping[str, str]) -> Answer:
        answer = self._get(path, params)
        if answer.status == 404:
            raise RemoteRefused(SYSTEM, f"GET {path}", "this list does not exist: check its url")
        return answer

    def _get(self, path: str, params: Mapping[str, str]) -> Answer:
        answer = self.remote.get(path, params)
        self.clock = answer.date
        return answer


def decode(body: bytes | Row, kind: type[T], operation: str, document: str | None = None) -> T:
    """The JSON as this type. RemoteSurprise when it is something else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise RemoteSurprise(SYSTEM, operation, f"not in the notes: {error}", document=document) from error


def filters(*conditions: Sequence[str]) -> dict[str, str]:
    """The `_filters` parameter for conditions (column, operator, value) that must all hold."""
    return {"_filters": msgspec.json.encode(conditions).decode()}
