"""Calls to Dolibarr's REST API, and the rule which of its answers are answers at all (Dolibarr notes §2)."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

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
from bytebridge.remote import Answer, Remote, classify_status

SYSTEM = "erp"
JSON = "application/json"
BROKE = "it broke off without a reason, as it does when a list is too much for its memory"
EMPTY_IS_404 = "/thirdparties"  # in every version
EMPTY_IS_LIST_SINCE = {"/contacts": (22,)}  # before this an empty list is a 404 (Dolibarr notes §10)
OTHERS_SINCE = (19,)

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def classify(answer: Answer, operation: str) -> RemoteError | None:
    """The error an answer stands for; None when its body may be read.

    A 404 in JSON passes on reads: only the caller knows if it means "no such record" or "an empty list".
    """
    if answer.content_type != JSON:
        return _not_data(answer, operation)
    if answer.status == 200:
        return None
    if operation.startswith("GET "):
        return None if answer.status == 404 else _failed_read(answer, operation)
    return _failed_write(answer, operation)


def _not_data(answer: Answer, operation: str) -> RemoteError | None:
    """Text where data belongs: whatever its status, it is never an empty answer."""
    reads = operation.startswith("GET ")
    match answer.status:
        case 200:
            message = "a page instead of data: closed for maintenance, or its API module is off"
            return RemoteUnavailable(SYSTEM, operation, message)
        case 202 if reads:
            return RemoteUnavailable(SYSTEM, operation, "a technical error, likely of its database")
        case 202:  # the SQL may have failed half-way (Dolibarr notes §2)
            return OutcomeUnknown(SYSTEM, operation, "a technical error in the middle of a write")
        case 403:
            return RemoteRefused(SYSTEM, operation, "its firewall took the request for an attack")
        case 404:
            return RemoteRefused(SYSTEM, operation, "no Dolibarr answers here: check its url")
        case 500:
            return RemoteUnavailable(SYSTEM, operation, BROKE)
        case 501:
            return RemoteRefused(SYSTEM, operation, "this part of its API is unknown or switched off")
        case 503 if answer.body.startswith(b"APIs are not allowed"):
            return RemoteRefused(
                SYSTEM, operation, "it does not serve this machine: allow its address in the API setup"
            )
        case _:
            return classify_status(answer, operation, SYSTEM) or RemoteSurprise(
                SYSTEM, operation, f"status {answer.status} without data"
            )


def _failed_read(answer: Answer, operation: str) -> RemoteError:
    match answer.status:
        case 401:
            return RemoteRefused(SYSTEM, operation, "the key is unknown, or its user is disabled or out of dates")
        case 403:
            return RemoteRefused(SYSTEM, operation, "a right is missing, or the module is off: run `bytebridge doctor`")
        case 500:
            return RemoteUnavailable(SYSTEM, operation, BROKE)
        case 503:
            # said as data it is an SQL error of our own request, which would repeat for ever
            return RemoteRefused(SYSTEM, operation, "its database refused our filter")
        case _:
            return classify_status(answer, operation, SYSTEM) or RemoteSurprise(
                SYSTEM, operation, f"status {answer.status} is not in the notes"
            )


def _failed_write(answer: Answer, operation: str) -> RemoteError:
    match answer.status:
        case 401 | 403:
            return RemoteRefused(SYSTEM, operation, f"status {answer.status}: the key or a right to write is missing")
        case 400 | 404 | 409 | 503:
            return RemoteRejected(SYSTEM, operation, f"status {answer.status}: this record was declined")
        case 500 if answer.body.strip():
            return RemoteRejected(SYSTEM, operation, "a rule of the ERP declined this record, likely for ever")
        case _:
            return classify_status(answer, operation, SYSTEM) or OutcomeUnknown(
                SYSTEM, operation, f"status {answer.status} after a write"
            )


class Client:
    """Reads and writes of one Dolibarr, checked for kind. clock: its own time at its last answer [s]."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self._version: tuple[int, ...] | None = None
        self.clock: int | None = None

    def rows(self, path: str, params: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """A list of records; [] only when the server says so in its own way of the path and version."""
        answer = self._get(path, params)
        if answer.status == 404:
            if path == EMPTY_IS_404 or self.version() < EMPTY_IS_LIST_SINCE.get(path, OTHERS_SINCE):
                return []
            raise RemoteRefused(SYSTEM, f"GET {path}", "this list does not exist: check its url and version")
        value = decode(answer, f"GET {path}")
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise RemoteSurprise(SYSTEM, f"GET {path}", "not a list of records")
        return value

    def record(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any] | None:
        """One record; None when the server has none. An invented or ambiguous record has no id: None, too."""
        answer = self._get(path, params)
        if answer.status == 404:
            return None
        value = decode(answer, f"GET {path}")
        if not isinstance(value, dict):
            raise RemoteSurprise(SYSTEM, f"GET {path}", "not a record")
        return value if value.get("id") is not None else None

    def version(self) -> tuple[int, ...]:
        """The server's version, read once: (22, 0, 4)."""
        if self._version is None:
            self._version = self._read_version()
        return self._version

    def put(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Changes a record; its new state as the server echoes it."""
        value = self._written("PUT", path, body)
        if not isinstance(value, dict):
            raise OutcomeUnknown(SYSTEM, f"PUT {path}", "no record came back")
        return value

    def post(self, path: str, body: Mapping[str, Any]) -> str:
        """Makes a record; its id."""
        value = self._written("POST", path, body)
        if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal():
            raise OutcomeUnknown(SYSTEM, f"POST {path}", "no id came back")
        return str(value)

    def _read_version(self) -> tuple[int, ...]:
        answer = self._get("/status", None)
        value = decode(answer, "GET /status")
        success = value.get("success") if isinstance(value, dict) else None
        stated = success.get("dolibarr_version") if isinstance(success, dict) else None
        numbers = re.match(r"\d{1,9}(\.\d{1,9})*", str(stated or ""))
        if answer.status != 200 or numbers is None:
            raise RemoteSurprise(SYSTEM, "GET /status", "no version in it")
        return tuple(int(part) for part in numbers.group().split("."))

    def _get(self, path: str, params: Mapping[str, str] | None) -> Answer:
        answer = self.remote.get(path, params)
        self.clock = answer.date
        return answer

    def _written(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        answer = self.remote.send(method, path, json=body)
        try:
            return decode(answer, f"{method} {path}")
        except RemoteSurprise as error:
            raise OutcomeUnknown(SYSTEM, error.operation, error.message) from error


def decode(answer: Answer, operation: str) -> Any:
    """The answer's JSON, decimals exact. RemoteSurprise when it is none."""
    try:
        return _decoder.decode(answer.body)
    except UNREADABLE as error:
        raise RemoteSurprise(SYSTEM, operation, "a body that is no JSON") from error


def batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def prove_visible(client: Client) -> None:
    """RemoteRefused unless at least one invoice can be seen.

    A user that may not read all third parties gets empty lists with 200, which look like "nothing new".
    """
    newest = {"limit": "1", "sortfield": "t.rowid", "sortorder": "DESC", "properties": "id"}
    if not client.rows("/invoices", newest):
        raise RemoteRefused(
            SYSTEM,
            "GET /invoices",
            "no invoice at all is visible to this key: give its user the right societe/client/voir "
            "(read all third parties), or make the first invoice",
        )
