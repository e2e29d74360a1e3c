"""Calls to the webservice of a PrestaShop, and the rule which of its answers are answers at all."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from bytebridge.connector import UNREADABLE
from bytebridge.errors import RemoteError, RemoteRefused, RemoteSurprise, RemoteUnavailable
from bytebridge.remote import Answer, Remote, classify_status

SYSTEM = "shop"
API = "/api"
RIGHTS = "/"  # lists what the key may do, readable in XML alone (shop notes 43)
JSON = "application/json"
XML = "text/xml"
XML_CODE = re.compile(rb"<errors>.*?<code><!\[CDATA\[(\d+)\]\]>", re.DOTALL)
PRINTED_INTO = "application/javascript"  # what JSON becomes when a module of the shop prints something
BODY_KEYS = {"order_slip": "order_slips"}  # the others carry the name of their address
BATCH = 100  # ids in one address; about 700 fit

KEY_REFUSED = {
    16: "the key is missing",
    17: "the key did not arrive as user name",
    18: "the key is not 32 characters long",
    19: "the key is wrong",
    20: "the key is unknown or switched off",
    21: "the key has no permission at all",
    26: "the key may not read this resource",
    132: "the key has no right on this shop",
}
SWITCHED_OFF = 22
PHP_NOISE = 3

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_outline = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw])  # checks all of it and makes nothing

Row = Mapping[str, Any]


class Shape:
    """Rows of one resource as values of `kind`, decoded and checked in one step, numbers also from their texts."""

    def __init__(self, resource: str, kind: Any) -> None:
        rows: Any = list[kind]
        body = msgspec.defstruct("Body", [("rows", rows)], rename={"rows": BODY_KEYS.get(resource, resource)})
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(body | rows, strict=False)


def credentials(key: str, *, in_query: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and query parameters with the key: as user name, or in the query for hosts that drop it."""
    if in_query:
        return {}, {"ws_key": key}
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}, {}


def classify(answer: Answer, operation: str) -> RemoteError | None:
    """The error an answer stands for; None when its body may be read.

    The shop's own code decides before the status: our mistake in a filter is a 500 (shop notes 39).
    """
    value = _decoded(answer, _outline)
    if isinstance(value, dict) and "errors" in value:
        return _failure(_code(_decoder.decode(value["errors"])), answer, operation)
    if answer.content_type == XML and (said := XML_CODE.search(answer.body)):
        return _failure(int(said[1]), answer, operation)
    if answer.status != 200:
        return _bare(answer, operation)
    rights = operation == f"GET {RIGHTS}" and b"<api" in answer.body
    if rights or isinstance(value, dict | list):
        return None
    return RemoteUnavailable(SYSTEM, operation, "a page or nothing instead of data: the shop is in trouble")


def _failure(code: int | None, answer: Answer, operation: str) -> RemoteError:
    if code in KEY_REFUSED:
        return RemoteRefused(SYSTEM, operation, f"{KEY_REFUSED[code]} (code {code})")
    if code == SWITCHED_OFF:
        return RemoteUnavailable(SYSTEM, operation, "its webservice is switched off (code 22)")
    if code == PHP_NOISE or code is None:
        bare = _bare(answer, operation) if answer.status >= 400 else None
        return bare or RemoteUnavailable(SYSTEM, operation, "an error inside the shop")
    return RemoteRefused(SYSTEM, operation, f"it did not accept our request (code {code})")


def _bare(answer: Answer, operation: str) -> RemoteError:
    """An answer without the shop's own errors: the web server speaks, or PHP broke."""
    match answer.status:
        case 401:
            message = "the key did not arrive: if its host drops the Authorization header, set key_in_query"
            return RemoteRefused(SYSTEM, operation, message)
        case 403:
            return RemoteRefused(SYSTEM, operation, "a firewall before the shop refused the request")
        case 404:
            return RemoteRefused(SYSTEM, operation, "no PrestaShop webservice answers here: check its url")
        case _:
            return classify_status(answer, operation, SYSTEM) or RemoteSurprise(
                SYSTEM, operation, f"status {answer.status} is not in the notes"
            )


def _decoded(answer: Answer, decoder: msgspec.json.Decoder[Any] = _decoder) -> Any:
    """The body's JSON, decimals exact; None when it holds none that the decoder takes."""
    body = answer.body
    if answer.content_type == PRINTED_INTO:
        start = re.search(rb"[{\[]", body)
        body = body[start.start() :] if start else b""
    elif answer.content_type != JSON:
        return None
    try:
        return decoder.decode(body)
    except UNREADABLE:
        return None


def _code(errors: Any) -> int | None:
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return int(code) if isinstance(code, int | str) and str(code).isdecimal() else None


class Client:
    """Lists of one shop, checked for kind. clock, version: as its last answer stated them."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.clock: int | None = None
        self.version = ""

    def rows(
        self, resource: str, fields: str, query: Mapping[str, str] | None = None, shape: "Shape | None" = None
    ) -> list[Any]:
        """One list, by id unless `query` sorts otherwise. [] is how the shop spells an empty list.

        fields: what to show, always by name. shape: what the rows are made into if all of them are as it says; a
        list with any other row comes as `Row`s, so that each can be judged by itself.
        """
        answer = self._ask(*_question(resource, fields, query or {}))
        made = _decoded(answer, shape.decoder) if shape is not None else None
        if made is not None:
            return made if isinstance(made, list) else list(made.rows)
        value = _decoded(answer)
        if isinstance(value, dict):
            value = value.get(BODY_KEYS.get(resource, resource))
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise RemoteSurprise(SYSTEM, f"GET /{resource}", "not a list of records")
        return value

    def pages(
        self,
        resource: str,
        fields: str,
        limit: int,
        query: Mapping[str, str] | None = None,
        after: int = 0,
        shape: "Shape | None" = None,
    ) -> Iterator[list[Any]]:
        """A list in pages by ascending id: rows that change meanwhile are not skipped (shop notes 12).

        after: only greater ids. shape: as in `rows`. No page is empty.
        """
        last = after
        while True:
            self.remote.next = None
            page = self.rows(resource, fields, _part(query, last, limit), shape)
            if len(page) >= limit:
                self.remote.next = _question(resource, fields, _part(query, id_of(page[-1]), limit))
            if page:
                yield page
            if len(page) < limit:
                return
            last = _last_id(page, last, resource)

    def batched(
        self, resource: str, fields: str, name: str, values: Sequence[str], shape: "Shape | None" = None
    ) -> list[Any]:
        """All rows whose field `name` is one of these values, in as few calls as addresses allow."""
        found: list[Any] = []
        for some in batches(values, BATCH):
            found += self.rows(resource, fields, {f"filter[{name}]": f"[{'|'.join(some)}]"}, shape)
        return found

    def rights(self) -> dict[str, frozenset[str]]:
        """Methods granted to the key, by resource; asking changes nothing."""
        text = self._ask(RIGHTS, {}).body.decode("utf-8", "replace")
        return {
            name: frozenset(re.findall(r"\b(get|put|post|patch|delete|head)=\"true\"", flags))
            for name, flags in re.findall(r"<(\w+) ([^>]*\bget=\"(?:true|false)\"[^>]*)>", text)
            if name != "description"
        }

    def _ask(self, path: str, params: Mapping[str, str]) -> Answer:
        answer = self.remote.get(path, params)
        self.clock = answer.date
        self.version = answer.headers.get("psws-version", "")
        return answer


def _question(resource: str, fields: str, query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Path and parameters of a list, by id unless `query` sorts otherwise."""
    return f"/{resource}", {"output_format": "JSON", "display": f"[{fields}]", "sort": "[id_ASC]", **query}


def _part(query: Mapping[str, str] | None, after: int | str, limit: int) -> dict[str, str]:
    """The query for one page of a list."""
    return {**(query or {}), "filter[id]": f">[{after}]", "limit": str(limit)}


def batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def id_of(row: Any) -> str:
    """The id of a row, made into a shape or not, as it came."""
    return str(row.get("id") if isinstance(row, dict) else row.id)


def _last_id(page: Sequence[Any], last: int, resource: str) -> int:
    """The greatest id of a page. RemoteSurprise unless its ids rise from beyond the page before.

    A page out of order would hide what lies between, one that does not advance would come for ever.
    """
    if isinstance(page[0], dict):
        ids = [int(text) for row in page if (text := id_of(row)).isdecimal()]
    else:
        ids = [row.id for row in page]
    if len(ids) < len(page) or ids != sorted(ids) or ids[0] <= last:
        raise RemoteSurprise(SYSTEM, f"GET /{resource}", "ids do not rise: sort or filter is ignored")
    return ids[-1]
