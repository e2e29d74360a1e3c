"""What every endpoint of a simulated LiveAgent does with a request: strictness, rights, pages, filters, shapes."""

from bytebridge.sandbox import liveagent_filters as filters
from bytebridge.sandbox.liveagent_index import naive
from bytebridge.sandbox.liveagent_state import DATES
from bytebridge.sandbox.web import Reply, json_reply

PAGES = ("_page", "_perPage", "_from", "_to", "_sortDir")
HTML_ERROR = b"<html><title>Error</title><body><h1>Internal Server Error</h1></body></html>"


class OutsideNotesError(Exception):
    """A request that the notes do not know."""


class EarlyAnswerError(Exception):
    """The reply is already certain."""

    def __init__(self, reply):
        self.reply = reply


def error(status, message, **headers):
    return json_reply({"message": message}, status, **headers)


def only(request, *known):
    """Refuses parameters that the endpoint does not have; the real server would silently ignore them."""
    names = [name for name, _ in request.query]
    for name in names:
        if name not in known or names.count(name) > 1:
            raise OutsideNotesError(f"parameter {name}")
    if request.body and request.method == "GET":
        raise OutsideNotesError("a body on GET")
    if request.arg("_sortDir", "ASC") not in ("ASC", "DESC"):
        raise OutsideNotesError("_sortDir is ASC or DESC")


def number(request, name, default, least):
    text = request.arg(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise OutsideNotesError(f"{name}={text}")
    return int(text)


def page_size(desk, request):
    return min(number(request, "_perPage", 10, 1), desk.per_page_cap)


def window(desk, request):
    """First and last row + 1 of the page asked for; an offset wins over a page number."""
    size = page_size(desk, request)
    if request.arg("_from") is None:
        start = (number(request, "_page", 1, 1) - 1) * size
        return start, start + size
    start, end = number(request, "_from", 0, 0), number(request, "_to", 0, 0)
    return start, start + (min(size, end - start) if end > start else size)


def needs(desk, privilege):
    if privilege not in desk.privileges:
        raise EarlyAnswerError(error(403, f"The API key lacks the privilege {privilege}"))


def conditions(desk, request, table):
    """Conditions of `_filters` that are understood; the others are answered as the switch says."""
    text = request.arg("_filters")
    if text is None:
        return []
    try:
        asked = filters.parse(text)
    except filters.WrongFilterError:
        asked = [("", "", "")]
    known = [c for c in asked if c[0] not in desk.broken_columns and filters.understood(c, table)]
    if len(known) < len(asked) and desk.unknown_filter == "error400":
        raise EarlyAnswerError(error(400, f"Value of _filters is incorrect: {text}"))
    if len(known) < len(asked) and desk.unknown_filter == "error500html":
        raise EarlyAnswerError(Reply(500, HTML_ERROR, "text/html"))
    return known


def predicates(desk, understood, zone):
    today = desk.local(desk.second())
    return [filters.predicate(condition, lambda at: naive(at, zone), today) for condition in understood]


def shown(desk, fields, zone):
    """A row as JSON: naive times, empty fields left out."""
    row = {name: naive(value, zone) if name in DATES and value is not None else value for name, value in fields.items()}
    return row if desk.null_keys else {name: value for name, value in row.items() if value is not None}


def find(desk, name):
    """The ticket of this id or code, if the key may see it."""
    ticket = desk.tickets.get(name)
    if ticket is None and desk.codes_work:
        ticket = desk.tickets.get(desk.codes.get(name))
    if ticket is None or ("ticket.read_all" not in desk.privileges and ticket.fields["agentid"] != desk.key_owner):
        raise EarlyAnswerError(error(404, "Ticket not found"))
    return ticket
