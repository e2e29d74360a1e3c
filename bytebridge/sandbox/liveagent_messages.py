"""LiveAgent's messages over HTTP: reading them by v3, adding one by v1."""

from dataclasses import replace
from urllib.parse import parse_qsl

from bytebridge.sandbox.liveagent_index import naive
from bytebridge.sandbox.liveagent_requests import (
    PAGES,
    EarlyAnswerError,
    OutsideNotesError,
    error,
    find,
    needs,
    only,
    window,
)
from bytebridge.sandbox.liveagent_state import SYSTEM
from bytebridge.sandbox.web import Fault, Reply, json_reply

REQUIRED = ("message", "type", "useridentifier")
FLAGS = ("is_html_message", "do_not_send_mail", "use_template")


def list_messages(desk, request, name):
    only(request, *PAGES, "_sortField", "includeQuotedMessages")
    needs(desk, "ticket.read")
    ticket = find(desk, name)
    if ticket.id in desk.messages_down:
        raise EarlyAnswerError(error(503, "Service Unavailable"))
    start, end = window(desk, request)
    groups = ticket.groups[::-1] if request.arg("_sortDir") == "DESC" else ticket.groups
    if desk.messages_paging_ignored:
        groups, start, end = ticket.groups, 0, 10
    quoted = request.arg("includeQuotedMessages", "false") == "true"
    zone = desk.message_zone or desk.zone
    return json_reply([_group(group, zone, quoted=quoted) for group in groups[start:end]])


def _group(group, zone, *, quoted):
    return {
        "id": group.id, "userid": group.userid, "user_full_name": group.name, "type": group.type,
        "status": group.status, "datecreated": naive(group.at, zone), "sort_order": group.order,
        "messages": [_message(message, zone, quoted=quoted) for message in group.messages],
    }  # fmt: skip


def _message(message, zone, *, quoted):
    about = {
        "id": message.id, "userid": message.userid, "type": message.type, "datecreated": naive(message.at, zone),
        "format": message.format,
    }  # fmt: skip
    return about if message.type == "Q" and not quoted else {**about, "message": message.text}


def post_message(desk, request, name):
    form = _form(request)
    _check_key(desk, request, form)
    mode = _mode(desk)
    if mode == "lost_500":
        return error(500, "Internal server error")
    if mode == "cut_before":
        return Reply(fault=Fault(cut="before"))
    if mode == "error":
        return answer(desk.v1_error_status, "The message could not be added")
    ticket = desk.tickets.get(name) or (desk.tickets.get(desk.codes.get(name)) if desk.codes_work else None)
    if ticket is None or ticket.status in ("L", "X"):
        return answer(desk.v1_error_status, "Conversation does not exist or is closed")
    _add(desk, ticket, form)
    if mode == "stored_500":
        return error(500, "Internal server error")
    faults = {"cut_after": Fault(cut="before"), "slow": Fault(delay_s=desk.post_delay_s)}
    return replace(Reply() if mode == "empty" else answer(), fault=faults.get(mode))


def answer(status=200, failure=None):
    """What v1 says; its failures too may come with status 200."""
    if failure is None:
        return json_reply({"response": {"status": "OK", "statuscode": 0}}, status)
    return json_reply({"response": {"status": "ERROR", "statuscode": 1, "errormessage": failure}}, status)


def _mode(desk):
    if not desk.post_modes:
        return desk.post_mode
    mode, *desk.post_modes = desk.post_modes
    return mode


def _form(request):
    only(request)
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise OutsideNotesError("v1 takes a form")
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
    form = dict(pairs)
    if set(form) - {*REQUIRED, *FLAGS, "apikey"} or len(form) != len(pairs):
        raise OutsideNotesError(f"form fields {sorted(form)}")
    missing = [name for name in REQUIRED if not form.get(name)]
    if missing:
        raise OutsideNotesError(f"form without {', '.join(missing)}")
    if form["type"] not in ("M", "N") or {form.get(name, "N") for name in FLAGS} - {"Y", "N"}:
        raise OutsideNotesError("type is M or N, flags are Y or N")
    return form


def _check_key(desk, request, form):
    places = {"header": [request.headers.get("apikey")], "body": [form.get("apikey")]}
    given = places.get(desk.message_key_place, places["header"] + places["body"])
    if not any(given):
        raise EarlyAnswerError(answer(desk.wrong_key_status, "The API key is missing"))
    if desk.message_api_key not in given:
        raise EarlyAnswerError(answer(desk.v1_wrong_key_status, "The API key is not valid"))
    desk.count_use(desk.message_api_key)


def _add(desk, ticket, form):
    text, html = form["message"], form.get("is_html_message") == "Y"
    if desk.stores_html and not html:
        text, html = "<p>" + text.replace("\n", "<br />\r\n") + "</p>", True
    letter = "H" if html else "T"
    agent = desk.agent_of(form["useridentifier"])
    if agent is None and form["useridentifier"].lower() in desk.addresses:
        desk.answer_of_customer(ticket, text)
    elif agent is None or form["type"] == "N":  # a reply by somebody who is no agent turns into a note
        desk.group(ticket, "I", agent or SYSTEM, [("N", letter, text)])
        if desk.note_status is not None:
            desk.change(ticket, status=desk.note_status)
    else:
        desk.answer_of_agent(
            ticket, agent, ("M", letter, text), mail=form.get("do_not_send_mail") != "Y",
            template=form.get("use_template") == "Y", status=desk.reply_status,
        )  # fmt: skip
        if desk.reply_assigns:
            desk.change(ticket, agentid=agent)
