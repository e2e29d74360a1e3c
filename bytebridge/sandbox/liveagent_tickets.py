"""LiveAgent's tickets over HTTP: the list from the index, one ticket and its changes from the store."""

import json

from bytebridge.sandbox import liveagent_filters as filters
from bytebridge.sandbox.liveagent_requests import (
    PAGES,
    EarlyAnswerError,
    OutsideNotesError,
    conditions,
    error,
    find,
    needs,
    only,
    predicates,
    shown,
    window,
)
from bytebridge.sandbox.liveagent_state import MAIL_CHANNELS, Mail
from bytebridge.sandbox.web import json_reply

PUT_FIELDS = {"owner_contactid", "departmentid", "agentid", "status", "subject", "tags", "custom_fields"}
PUT_STATUSES = set("INTPRXBACW")


def list_tickets(desk, request):
    only(request, *PAGES, "_sortField", "_filters")
    needs(desk, "ticket.read")
    sort = request.arg("_sortField", "date_created")
    if sort not in ("date_created", "date_changed", "importance"):
        raise OutsideNotesError(f"_sortField={sort}")
    start, end = window(desk, request)
    if desk.offset_wall is not None and end > desk.offset_wall:
        raise EarlyAnswerError(error(500, f"Result window is too large, it must be at most {desk.offset_wall}"))
    zone = desk.list_zone or desk.zone
    desk.index.catch_up(desk.second())
    desk.index.speak(zone)
    asked = conditions(desk, request, filters.TICKETS)
    rows = desk.index.page(
        None if desk.sort_ignored else sort, _tests(desk, asked, zone), start, end,
        descending=request.arg("_sortDir") == "DESC", bounds=filters.bounds(asked, sort),
    )  # fmt: skip
    reply = json_reply([shown(desk, row, zone) for row in rows])
    if desk.between_pages is not None:
        desk.between_pages(request)
    return reply


def _tests(desk, asked, zone):
    """Conditions on a row's own fields, full text, and the rights of a narrow key."""
    tests = predicates(desk, [condition for condition in asked if condition[0] != "search"], zone)
    words = [value.casefold() for column, _, value in asked if column == "search"]
    if words:
        tests.append(lambda row: all(word in _full_text(desk, row) for word in words))
    if "ticket.read_all" not in desk.privileges:
        tests.append(lambda row: row["agentid"] == desk.key_owner)
    return tests


def _full_text(desk, row):
    ticket = desk.tickets.get(row["id"])
    bodies = [message.text for group in ticket.groups for message in group.messages] if ticket else []
    values = [field["value"] for field in row["custom_fields"]]
    own = [row[name] or "" for name in ("subject", "owner_name", "owner_email")]
    return " ".join([*own, *values, *bodies]).casefold()


def get_ticket(desk, request, name):
    only(request)
    needs(desk, "ticket.read")
    return json_reply(shown(desk, find(desk, name).fields, desk.zone))


def put_ticket(desk, request, name):
    only(request)
    changes = _body(request)
    if "status" in changes:
        needs(desk, "ticket.change_state")
    if set(changes) - {"status"}:
        needs(desk, "ticket.operate")
    ticket = find(desk, name)
    if ticket.status in ("L", "X"):
        raise EarlyAnswerError(error(400, f"Ticket {ticket.id} is closed or deleted and cannot be changed"))
    _check_references(desk, changes)
    _apply(desk, ticket, _with_assignee(desk, ticket, changes))
    return json_reply(shown(desk, ticket.fields, desk.zone))


def _body(request):
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise OutsideNotesError("PUT without JSON")
    try:
        changes = json.loads(request.body)
    except ValueError:
        raise OutsideNotesError("PUT without JSON") from None
    if not isinstance(changes, dict) or not changes or set(changes) - PUT_FIELDS:
        raise OutsideNotesError(f"PUT of {changes}")
    words = [value for field, value in changes.items() if field not in ("tags", "custom_fields")]
    if not all(isinstance(word, str) and word for word in words):
        raise OutsideNotesError("PUT of a field that is no text")
    if changes.get("status", "A") not in PUT_STATUSES:
        raise OutsideNotesError(f"PUT of status {changes['status']}")
    if not _is_list_of(changes.get("tags", []), lambda tag: isinstance(tag, str)):
        raise OutsideNotesError("tags are a list of ids")
    if not _is_list_of(changes.get("custom_fields", []), _is_field):
        raise OutsideNotesError("custom fields are pairs of code and value, both text")
    return changes


def _is_list_of(value, test):
    return isinstance(value, list) and all(test(part) for part in value)


def _is_field(value):
    return (
        isinstance(value, dict) and set(value) == {"code", "value"} and all(isinstance(v, str) for v in value.values())
    )


def _check_references(desk, changes):
    tables = {"departmentid": desk.departments, "agentid": desk.agents, "owner_contactid": desk.contacts}
    wrong = [field for field, table in tables.items() if field in changes and changes[field] not in table]
    wrong += ["tags"] if any(tag not in desk.tags for tag in changes.get("tags", ())) else []
    if wrong:
        raise EarlyAnswerError(error(400, f"Unknown {', '.join(wrong)}"))


def _with_assignee(desk, ticket, changes):
    """Some releases lose or refuse a ticket whose department and agent were not sent along."""
    sent = "departmentid" in changes and ("agentid" in changes or ticket.fields["agentid"] is None)
    if sent or desk.put_without_assignee == "keep":
        return changes
    if desk.put_without_assignee == "refuse":
        raise EarlyAnswerError(error(400, "agentid and departmentid are required"))
    return {"departmentid": "default", "agentid": None, **changes}


def _apply(desk, ticket, changes):
    if "custom_fields" in changes and desk.put_fields == "upsert":
        codes = {field["code"] for field in changes["custom_fields"]}
        kept = [field for field in ticket.fields["custom_fields"] if field["code"] not in codes]
        changes = {**changes, "custom_fields": kept + changes["custom_fields"]}
    if changes.get("status") == "X":
        changes = {**changes, "date_deleted": desk.second()}
    resolves = changes.get("status") == "R" and ticket.status != "R"
    desk.change(ticket, moves=desk.field_edit_moves_changed or set(changes) != {"custom_fields"}, **changes)
    if resolves:
        desk.group(ticket, "R", desk.key_owner)
        _mail_resolved(desk, ticket)


def _mail_resolved(desk, ticket):
    fields = ticket.fields
    if desk.put_resolved_mails and fields["channel_type"] in MAIL_CHANNELS and fields["owner_email"]:
        text = f"Your ticket {fields['code']} was resolved"
        desk.mails.append(Mail(ticket.id, fields["owner_email"], "resolved", text, desk.second()))
        if desk.put_resolved_mails == "reopens":
            desk.answer_of_customer(ticket, text)
