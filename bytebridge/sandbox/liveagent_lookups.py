"""LiveAgent's feeds with a cursor, and its people, tags and departments, over HTTP."""

import re
from bisect import bisect_left, bisect_right
from itertools import islice

from bytebridge.sandbox import liveagent_filters as filters
from bytebridge.sandbox.liveagent_index import naive
from bytebridge.sandbox.liveagent_requests import (
    PAGES,
    EarlyAnswerError,
    OutsideNotesError,
    conditions,
    error,
    find,
    needs,
    only,
    page_size,
    predicates,
    shown,
    window,
)
from bytebridge.sandbox.web import json_reply

CURSOR = ("_perPage", "_sortDir", "_sortField", "_filters", "_cursor")


def list_history(desk, request):
    only(request, *CURSOR)
    if request.arg("_sortField", "id") not in ("id", "date_from"):
        raise OutsideNotesError("_sortField of history")
    if request.headers.get("timezone-offset", "0") != "0":
        raise OutsideNotesError("what a Timezone-Offset does is not known")
    test = _history_test(desk, request)
    page, headers = _cursor_page(desk, request, desk.intervals, lambda interval: interval.number, test)
    rows = [_interval(desk, interval) for interval in page]
    if desk.history_duplicates:
        rows = [row for row in rows for _ in range(2)]
    return json_reply(rows, 200, **headers)


def count_history(desk, request):
    only(request, "_filters")
    test = _history_test(desk, request)
    return json_reply({"count": sum(1 for interval in desk.intervals if test(interval))})


def _history_test(desk, request):
    needs(desk, desk.history_privilege)
    tests = predicates(desk, conditions(desk, request, filters.HISTORY), desk.zone)
    latest = desk.now() - desk.history_delay
    return lambda interval: (
        interval.begin <= latest and all(test({"date_from": interval.begin, "date_to": interval.end}) for test in tests)
    )


def _interval(desk, interval):
    row = {
        "id": str(interval.number), "conversation_id": interval.ticket, "conversation_code": interval.code,
        "department_id": interval.department, "department_name": desk.departments[interval.department]["name"],
        "agent_id": interval.agent, "status": interval.status, "date_from": naive(interval.begin, desk.zone),
        "date_to": None if interval.end is None else naive(interval.end, desk.zone),
        "elapsed_time": str((interval.end or interval.begin) - interval.begin),
    }  # fmt: skip
    return shown(desk, row, desk.zone)


def _cursor_page(desk, request, rows, number_of, test):
    """A page of rows, which stand in the order of their numbers, and the header that leads to the next."""
    size = page_size(desk, request)
    cursor, descending = request.arg("_cursor"), request.arg("_sortDir") == "DESC"
    first, last = 0, len(rows)
    if cursor is not None and descending:
        last = bisect_left(rows, _number_in(cursor), key=number_of)
    elif cursor is not None:
        first = bisect_right(rows, _number_in(cursor), key=number_of)
    places = range(last - 1, first - 1, -1) if descending else range(first, last)
    found = list(islice((rows[place] for place in places if test(rows[place])), size + 1))
    if len(found) <= size:
        return found, {}
    following = str(number_of(found[size - 1])).encode().hex()
    return found[:size], {"next_page_cursor": cursor if desk.cursor_stuck and cursor else following}


def _number_in(cursor):
    if not re.fullmatch("(3[0-9])+", cursor):  # figures, as hexadecimal codes of their characters
        raise EarlyAnswerError(error(400, "The cursor is not valid"))
    return int(bytes.fromhex(cursor))


def ticket_history(desk, request, name):
    only(request)
    needs(desk, desk.history_privilege)
    return json_reply([_interval(desk, interval) for interval in find(desk, name).intervals])


def list_time(desk, request):
    only(request, *CURSOR)
    needs(desk, "time_report.read")
    tests = predicates(desk, conditions(desk, request, filters.TIME_REPORTS), desk.zone)
    page, headers = _cursor_page(
        desk, request, desk.time_reports, lambda row: row["id"], lambda row: all(test(row) for test in tests)
    )
    rows = [{**row, "reportdate": naive(row["reportdate"], desk.zone)} for row in page]
    return json_reply(rows, 200, **headers)


def list_contacts(desk, request):
    only(request, *PAGES, "_sortField", "_filters")
    needs(desk, "contact.read")
    key, signs = desk.contact_filter_key, set(filters.SQL)
    asked = conditions(desk, request, {key: {"E", "="}, "date_changed": signs, "date_created": signs, "id": {"E", "="}})
    addresses = [value.lower() for column, _, value in asked if column == key]
    tests = predicates(desk, [condition for condition in asked if condition[0] != key], desk.zone)
    rows = [row for row in desk.contacts.values() if all(test(row) for test in tests) and _has(row, addresses)]
    rows.sort(key=lambda row: row["date_created"], reverse=request.arg("_sortDir") == "DESC")
    start, end = window(desk, request)
    return json_reply([_contact(desk, row) for row in rows[start:end]])


def _has(contact, addresses):
    return set(addresses) <= {address.lower() for address in contact["emails"]}


def _contact(desk, contact):
    return shown(desk, {name: value for name, value in contact.items() if name != "userid"}, desk.zone)


def _one(table, name):
    if name not in table:
        raise EarlyAnswerError(error(404, "Not found"))
    return table[name]


def get_contact(desk, request, name):
    only(request)
    needs(desk, "contact.read")
    return json_reply(_contact(desk, _one(desk.contacts, name)))


def get_company(desk, request, name):
    only(request)
    needs(desk, "contact.read")
    return json_reply(_one(desk.companies, name))


def list_agents(desk, request):
    only(request, "_page", "_perPage", "_sortDir")
    needs(desk, "agent.read")
    start, end = window(desk, request)
    rows = list(desk.agents.values())
    return json_reply((rows[::-1] if request.arg("_sortDir") == "DESC" else rows)[start:end])


def get_agent(desk, request, name):
    only(request)
    needs(desk, "agent.read")
    return json_reply(_one(desk.agents, name))


def list_departments(desk, request):
    only(request, "_page", "_perPage")
    start, end = window(desk, request)
    agents = [number for number, agent in desk.agents.items() if agent["status"] == "A"]
    more = {"agent_count": len(agents), "agent_ids": agents}
    return json_reply([{**row, **more} for row in list(desk.departments.values())[start:end]])


def list_tags(desk, request):
    only(request)
    needs(desk, "tag.read")
    return json_reply(list(desk.tags.values()))


def get_tag(desk, request, name):
    """The vendor's descriptor promises a list here."""
    only(request)
    needs(desk, "tag.read")
    return json_reply([_one(desk.tags, name)])


def info(desk, request):
    """About the key that asks, itself included."""
    only(request)
    needs(desk, "api.read_own")
    ends = {} if desk.valid_to_date is None else {"valid_to_date": naive(desk.valid_to_date, desk.zone)}
    key = {"id": 7, "key": desk.api_key, "name": "bytebridge", "type": "A", "userid": desk.key_owner, **ends}
    return json_reply({"url": f"{desk.url}/api/v3", "apikey": key})
