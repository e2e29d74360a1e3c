"""Messages into tickets exactly once, and the ticket afterwards as it was before."""

import json

import pytest

from bytebridge.errors import OutcomeUnknown, RemoteRefused, RemoteRejected, RemoteSurprise, RemoteUnavailable
from bytebridge.helpdesk.posting import spoken

CODE = "BB-7-31-0A1B2C3D"
TEXT = f"Se han cargado 30 créditos.\nSaldo: 90.\n\nRef. {CODE}"
NO = b'{"response": {"status": "ERROR", "statuscode": 1, "errormessage": "it is closed"}}'
WRONG_KEY = b'{"response": {"status": "ERROR", "statuscode": 1, "errormessage": "The API key is not valid"}}'
YES = b'{"response": {"status": "OK", "statuscode": 0}}'
US, TECHNICIAN = "b0t0b0t0", "a1b2c3d4"


@pytest.fixture
def ticket(desk, clock):
    desk.open("ana@example.com", "Antes")
    made = desk.open("ana@example.com", "Error")
    clock.pass_minutes(10)
    desk.resolve(made, kind="consulta", minutes=25)
    clock.pass_minutes(1)
    return made


def standing_of(desk, ticket):
    fields = desk.tickets[ticket].fields
    return fields["status"], fields["agentid"], fields["departmentid"]


def reply(helpdesk, clock, ticket):
    """What a delivery does, without people in between."""
    before = helpdesk.standing_text(ticket)
    helpdesk.post(ticket, TEXT, kind="reply")
    clock.pass_minutes(1)
    return before


def test_a_reply_reaches_the_customer_once(desk, helpdesk, ticket):
    helpdesk.post(ticket, TEXT, kind="reply")
    assert desk.replies(ticket) == [TEXT]
    assert helpdesk.find(ticket, CODE)


def test_a_note_is_for_the_staff(desk, helpdesk, ticket):
    helpdesk.post(ticket, "Faltan los minutos.", kind="note")
    assert desk.notes(ticket) == ["Faltan los minutos."]
    assert desk.mails == []
    [post] = [request for request in desk.requests if request.method == "POST"]
    assert b"do_not_send_mail=Y" in post.body  # whether a desk would mail a note is its own matter
    assert standing_of(desk, ticket)[0] == "R"


@pytest.mark.parametrize("place", ["header", "body", "either"])
def test_the_key_where_the_server_looks_for_it(desk, helpdesk, ticket, place):
    desk.message_key_place = place
    helpdesk.post(ticket, TEXT, kind="reply")
    helpdesk.post(ticket, "Otra", kind="note")
    posts = [request for request in desk.requests if request.method == "POST"]
    assert len(desk.replies(ticket)) == len(desk.notes(ticket)) == 1
    assert [b"v1-key" in request.body for request in posts] == ([False, True, True] if place == "body" else [False] * 2)
    assert not any("v1-key" in request.raw_query for request in desk.requests)


@pytest.mark.parametrize("how", [{"v1_wrong_key_status": 200}, {"v1_wrong_key_status": 403}, {"wrong_key_status": 403}])
def test_a_wrong_key_for_messages(desk, open_client, ticket, how):
    for name, value in how.items():
        setattr(desk, name, value)
    wrong = open_client(desk, message_api_key="v3-key")
    with pytest.raises(RemoteRefused) as caught:
        wrong.post(ticket, TEXT, kind="reply")
    assert "v3-key" not in str(caught.value)
    assert desk.replies(ticket) == []


def test_without_a_key_for_messages(desk, open_client, ticket):
    with pytest.raises(RemoteRefused, match="message_api_key"):
        open_client(desk, message_api_key="").post(ticket, TEXT, kind="reply")


@pytest.mark.parametrize(
    ("mode", "error", "stored"),
    [
        ("ok", None, True),
        ("empty", None, True),
        ("error", RemoteRejected, False),
        ("cut_after", OutcomeUnknown, True),
        ("cut_before", OutcomeUnknown, False),
        ("stored_500", OutcomeUnknown, True),
        ("lost_500", OutcomeUnknown, False),
    ],
)
def test_every_outcome_of_a_post(desk, helpdesk, ticket, mode, error, stored):
    desk.post_mode = mode
    if error is None:
        helpdesk.post(ticket, TEXT, kind="reply")
    else:
        with pytest.raises(error):
            helpdesk.post(ticket, TEXT, kind="reply")
    assert helpdesk.find(ticket, CODE) is stored
    assert len([request for request in desk.requests if request.method == "POST"]) == 1
    assert len(desk.replies(ticket)) == int(stored)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<html>maintenance</html>", OutcomeUnknown),
        (200, b'{"ok": true}', OutcomeUnknown),
        (202, b"", OutcomeUnknown),
        (400, NO, RemoteRejected),
        (404, NO, RemoteRejected),
        (409, NO, RemoteRejected),
        (400, b"", OutcomeUnknown),
        (400, b'{"message": "no"}', OutcomeUnknown),
        (408, b"<html>Request Time-out</html>", OutcomeUnknown),
        (413, b"[7]", OutcomeUnknown),
        (400, YES, OutcomeUnknown),
        (400, WRONG_KEY, RemoteRefused),
        (404, b"", RemoteRefused),
        (404, b"<html>no such page</html>", RemoteRefused),
        (405, b'{"message": "no"}', RemoteRefused),
        (429, b"", RemoteUnavailable),
        (503, b"", OutcomeUnknown),
    ],
)
def test_odd_answers_to_a_post(desk, helpdesk, ticket, status, body, error):
    desk.fail_next(status, 2, body=body, match=lambda request: request.method == "POST")
    with pytest.raises(error):
        helpdesk.post(ticket, TEXT, kind="reply")


def test_a_ticket_marked_as_spam_meanwhile_stays_there(desk, helpdesk, ticket):
    desk.spam(ticket)
    with pytest.raises(RemoteRejected, match="spam"):
        helpdesk.standing(ticket)


@pytest.mark.parametrize("end", ["closed", "deleted", "purged"])
def test_tickets_that_take_no_message(desk, helpdesk, ticket, end):
    if end == "closed":
        desk.close(ticket)
    else:
        desk.delete(ticket)
    if end == "purged":
        desk.purge(ticket)
        with pytest.raises(RemoteRejected):
            helpdesk.standing(ticket)
        with pytest.raises(RemoteRejected):
            helpdesk.find(ticket, CODE)
    with pytest.raises(RemoteRejected):
        helpdesk.post(ticket, TEXT, kind="reply")


@pytest.mark.parametrize("agent", ["nobody@example.com", "ana@example.com", ""])
def test_a_writer_who_is_no_agent_writes_nothing(desk, open_client, ticket, agent):
    with pytest.raises(RemoteRefused, match="no active agent"):
        open_client(desk, agent=agent).post(ticket, TEXT, kind="reply")
    assert not [request for request in desk.requests if request.method == "POST"]


def test_a_dismissed_agent_is_none(desk, helpdesk, ticket):
    desk.dismiss_agent(US)
    with pytest.raises(RemoteRefused, match="no active agent"):
        helpdesk.post(ticket, TEXT, kind="reply")


def test_an_agent_dismissed_between_two_letters_leaves_no_note_instead(desk, helpdesk, ticket):
    helpdesk.post(ticket, TEXT, kind="reply")
    desk.dismiss_agent(US)
    with pytest.raises(RemoteRefused, match="no active agent"):
        helpdesk.post(ticket, TEXT, kind="reply")
    assert (desk.replies(ticket), desk.notes(ticket)) == ([TEXT], [])


def test_our_agent_on_a_later_page(open_desk, open_client, clock):
    desk = open_desk(per_page_cap=2)
    for number in range(5):
        desk.agent(f"sat{number}@example.com")
    ticket = desk.open("ana@example.com", "Hola")
    open_client(desk, agent="SAT4@example.com").post(ticket, TEXT, kind="reply")
    assert desk.replies(ticket) == [TEXT]


def test_pages_of_agents_that_repeat_do_not_say_that_ours_is_none(desk, helpdesk, ticket):
    many = [{"id": f"a{number}", "email": f"sat{number}@example.com", "status": "A"} for number in range(12)]

    def repeat(rows):
        body = json.dumps(rows).encode()
        asked = lambda request: request.path.endswith("/agents")  # noqa: E731
        desk.fail_next(200, times=2, body=body, content_type="application/json", match=asked)

    repeat(many)
    with pytest.raises(RemoteSurprise, match="paging"):
        helpdesk.post(ticket, TEXT, kind="reply")
    repeat(many[:9])
    with pytest.raises(RemoteRefused, match="no active agent"):
        helpdesk.post(ticket, TEXT, kind="reply")
    assert desk.replies(ticket) == []


# finding it again


def test_a_customer_who_quotes_us_is_not_us(desk, helpdesk, ticket):
    desk.answer_as_customer(ticket, f"¿Qué es {CODE}?", quoted=TEXT)
    desk.answer_as_customer(ticket, f"¿Qué quiere decir «{TEXT}»?")
    desk.answer(ticket, f"Es la referencia {CODE}")
    assert not helpdesk.find(ticket, CODE, TEXT)


@pytest.mark.parametrize("stores_html", [False, True])
@pytest.mark.parametrize("dismissed", [False, True])
def test_what_we_wrote_as_another_agent_is_ours(open_client, desk, helpdesk, ticket, stores_html, dismissed):
    desk.stores_html = stores_html
    helpdesk.post(ticket, TEXT, kind="reply")
    desk.agent("otra@example.com")
    if dismissed:
        desk.dismiss_agent(US)
    desk.answer_as_customer(ticket, "¿?", quoted=TEXT)
    other = open_client(desk, agent="otra@example.com")
    assert other.find(ticket, CODE, TEXT)
    assert not other.find(ticket, CODE[:-1] + "E", TEXT)


def test_what_an_agent_wrote_who_was_removed_since_is_ours_if_it_was_to_write(open_client, desk, helpdesk, ticket):
    standing = helpdesk.standing_text(ticket)
    helpdesk.post(ticket, TEXT, kind="reply")
    del desk.agents[US]
    desk.agent("creditos@example.com")
    anew = open_client(desk)
    assert anew.find(ticket, CODE, TEXT, standing)
    assert not anew.find(ticket, CODE[:-1] + "E", TEXT, standing)
    assert not anew.find(ticket, CODE, TEXT), "whoever wrote it is no agent, and nobody said that it was ours"


def test_our_own_quotes_do_not_count(desk, helpdesk, ticket):
    desk.add_group(ticket, "4", [("H", "T", f"Subject: {CODE}"), ("Q", "H", TEXT), ("M", "T", "Otra cosa")], by=US)
    assert not helpdesk.find(ticket, CODE)


def test_another_code_is_not_this_one(desk, helpdesk, ticket):
    helpdesk.post(ticket, TEXT, kind="reply")
    assert not helpdesk.find(ticket, CODE[:-1])
    assert not helpdesk.find(ticket, CODE + "4")
    assert not helpdesk.find(ticket, CODE[1:])
    assert helpdesk.find(ticket, CODE.lower())


@pytest.mark.parametrize("stores_html", [False, True])
def test_text_comes_back_as_html(desk, helpdesk, ticket, stores_html):
    desk.stores_html = stores_html
    helpdesk.post(ticket, TEXT, kind="reply")
    assert helpdesk.find(ticket, CODE)


@pytest.mark.parametrize(
    "body",
    [
        f"<p>Saldo:&nbsp;90.</p><p>Ref.{CODE}</p><p>Adiós</p>".replace(f".{CODE}", f".&nbsp;{CODE}"),
        f"Ref.\r\n  {CODE}\r\n",
        f"Ref.<br>{CODE}<br/>Hasta pronto",
        "Ref. BB-7-31-<wbr>0A1B2C3D",
        "Ref. BB&#8209;7&#8209;31&#8209;0A1B2C3D",
        "Ref. <b>BB-7-31-0A1B</b>2C3D.",
        f"Ref. \u200b{CODE}\u00ad",
    ],
)
def test_what_a_reader_sees_holds_the_code(desk, helpdesk, ticket, body):
    desk.add_group(ticket, "4", [("M", "H", body)], by=US)
    assert helpdesk.find(ticket, CODE)
    assert all("<" not in form for form in spoken(body))


def test_a_message_far_down(open_desk, open_client, clock):
    desk = open_desk(per_page_cap=10)
    ticket = desk.open("ana@example.com", "Hola")
    for number in range(35):
        desk.answer(ticket, f"Mensaje {number}")
    client = open_client(desk)
    assert not client.find(ticket, CODE)
    client.post(ticket, TEXT, kind="reply")
    assert client.find(ticket, CODE)


def test_pages_of_messages_that_repeat_prove_nothing(desk, helpdesk, ticket):
    desk.messages_paging_ignored = True
    assert not helpdesk.find(ticket, CODE)
    for number in range(12):
        desk.answer(ticket, f"Mensaje {number}")
    with pytest.raises(RemoteUnavailable, match="repeat"):
        helpdesk.find(ticket, CODE)
    with pytest.raises(RemoteUnavailable):
        helpdesk.find(desk.tickets[ticket].id, "BB-1-1-00000000")


def test_messages_that_cannot_be_read(desk, helpdesk, ticket, clock):
    desk.messages_down = {ticket}
    with pytest.raises(RemoteUnavailable):
        helpdesk.find(ticket, CODE)
    before = reply(helpdesk, clock, ticket)
    helpdesk.restore_text(ticket, before)
    assert desk.replies(ticket) == [TEXT]
    assert standing_of(desk, ticket)[0] == "A"


def test_letters_that_nobody_knows(desk, helpdesk, ticket):
    desk.add_group(ticket, "9", [("9", "9", f"Ref. {CODE}")], by=US)
    assert helpdesk.find(ticket, CODE)


MOVES = {
    "nothing": (lambda desk, ticket: None, False),
    "a merge": (lambda desk, ticket: desk.merge(ticket, desk.open("ana@example.com", "Otra")), True),
    "a deletion": (lambda desk, ticket: desk.delete(ticket), False),
}


@pytest.mark.parametrize("stood", ["messages", "nothing", "unreadable"])
@pytest.mark.parametrize("move", MOVES)
def test_what_a_merge_took_along_is_not_taken_for_never_written(desk, helpdesk, clock, ticket, stood, move):
    act, emptied = MOVES[move]
    if stood == "nothing":
        desk.tickets[ticket].groups.clear()
    desk.messages_down = {ticket} if stood == "unreadable" else set()
    before = reply(helpdesk, clock, ticket)
    desk.messages_down = set()
    act(desk, ticket)
    assert helpdesk.is_emptied_since(ticket, before) is emptied


def test_a_ticket_purged_between_two_looks_is_not_one_that_was_looked_through(desk, helpdesk, clock, ticket):
    desk.tickets[ticket].groups.clear()
    before = helpdesk.standing_text(ticket)
    gone = lambda request: request.path.endswith(f"/tickets/{ticket}")  # noqa: E731
    desk.fail_next(404, body=b'{"message": "no"}', content_type="application/json", match=gone)
    assert helpdesk.is_emptied_since(ticket, before)


# as it was before


@pytest.mark.parametrize("status", ["N", "C", "A", "W", "R"])
@pytest.mark.parametrize("assigns", [False, True])
def test_the_ticket_is_as_it_was(desk, helpdesk, clock, ticket, status, assigns):
    desk.reply_assigns = assigns
    desk.set_status(ticket, status)
    clock.pass_minutes(1)
    was = standing_of(desk, ticket)
    before = reply(helpdesk, clock, ticket)
    helpdesk.restore_text(ticket, before)
    assert standing_of(desk, ticket) == was == (status, TECHNICIAN, "default")


@pytest.mark.parametrize("way", ["keep", "transfer", "refuse"])
def test_department_and_assignee_go_along(desk, helpdesk, clock, ticket, way):
    desk.put_without_assignee = way
    desk.transfer(ticket, desk.department("Módulos"), agent=TECHNICIAN)
    was = standing_of(desk, ticket)
    helpdesk.restore_text(ticket, reply(helpdesk, clock, ticket))
    assert standing_of(desk, ticket) == was


def test_what_did_not_change_is_not_written(desk, helpdesk, clock, ticket):
    desk.reply_status = None
    helpdesk.restore_text(ticket, reply(helpdesk, clock, ticket))
    assert not [request for request in desk.requests if request.method == "PUT"]


PEOPLE = {
    "the customer answers": lambda desk, ticket: desk.answer_as_customer(ticket, "Gracias"),
    "the technician answers": lambda desk, ticket: desk.answer(ticket, "De nada"),
    "the technician answers and reopens": lambda desk, ticket: desk.answer(ticket, "De nada", status="C"),
    "the technician reopens": lambda desk, ticket: desk.reopen(ticket),
    "it is postponed": lambda desk, ticket: desk.set_status(ticket, "W"),
    "it is transferred": lambda desk, ticket: desk.transfer(ticket, desk.department("Otro")),
    "another takes it": lambda desk, ticket: desk.assign(ticket, desk.agent("sat2@example.com")),
    "it is noted on": lambda desk, ticket: desk.add_note(ticket, "ojo"),
    "it is deleted": lambda desk, ticket: desk.delete(ticket),
    "it is spam": lambda desk, ticket: desk.spam(ticket),
    "it is moved without a trace": lambda desk, ticket: desk.change(
        desk.tickets[ticket], departmentid=desk.department("Otro")
    ),
    "an older one is merged into it": lambda desk, ticket: desk.merge(next(iter(desk.tickets)), ticket),
    "another is merged into it": lambda desk, ticket: desk.merge(desk.open("ana@example.com", "Otra"), ticket),
}


@pytest.mark.parametrize("when", ["before our reply", "after our reply"])
@pytest.mark.parametrize("what", PEOPLE)
def test_what_a_person_did_meanwhile_stays(desk, helpdesk, clock, ticket, what, when):
    before = helpdesk.standing_text(ticket)
    if when == "before our reply":
        PEOPLE[what](desk, ticket)
        clock.pass_minutes(1)
    if desk.tickets[ticket].status != "X":
        helpdesk.post(ticket, TEXT, kind="reply")
        clock.pass_minutes(1)
    if when == "after our reply":
        PEOPLE[what](desk, ticket)
        clock.pass_minutes(1)
    was = standing_of(desk, ticket)
    helpdesk.restore_text(ticket, before)
    assert standing_of(desk, ticket) == was
    assert not [request for request in desk.requests if request.method == "PUT"]


def test_a_purged_ticket_needs_nothing_back(desk, helpdesk, clock, ticket):
    before = reply(helpdesk, clock, ticket)
    desk.delete(ticket)
    desk.purge(ticket)
    helpdesk.restore_text(ticket, before)


def test_without_the_history_messages_must_do(desk, helpdesk, clock, ticket):
    desk.history_privilege = "sla.read"
    before = reply(helpdesk, clock, ticket)
    helpdesk.restore_text(ticket, before)
    assert standing_of(desk, ticket)[0] == "R"
    desk.reopen(ticket)
    helpdesk.restore_text(ticket, before)
    assert standing_of(desk, ticket)[0] == "C"


def test_without_the_history_a_status_that_left_no_message_stays(desk, helpdesk, clock, ticket):
    desk.history_privilege = "sla.read"
    before = reply(helpdesk, clock, ticket)
    desk.change(desk.tickets[ticket], status="W")
    helpdesk.restore_text(ticket, before)
    assert standing_of(desk, ticket)[0] == "W"


def test_an_assignee_where_nobody_was_cannot_be_taken_back(desk, helpdesk, clock):
    desk.reply_assigns = True
    ticket = desk.open("ana@example.com", "Hola")
    before = reply(helpdesk, clock, ticket)
    with pytest.raises(RemoteRejected, match="nobody"):
        helpdesk.restore_text(ticket, before)
    assert standing_of(desk, ticket) == ("N", US, "default")


def test_a_resolution_that_mails_is_put_back_only_where_it_was(desk, helpdesk, clock, ticket):
    desk.put_resolved_mails = True
    helpdesk.restore_text(ticket, reply(helpdesk, clock, ticket))
    assert [mail.kind for mail in desk.mails] == ["reply", "resolved"]
    other = desk.open("luc@example.com", "Hola")
    helpdesk.restore_text(other, reply(helpdesk, clock, other))
    assert [mail.kind for mail in desk.mails] == ["reply", "resolved", "reply"]


def test_a_mail_that_reopens_is_not_fought(desk, helpdesk, clock, ticket):
    desk.put_resolved_mails = "reopens"
    before = reply(helpdesk, clock, ticket)
    with pytest.raises(RemoteSurprise):
        helpdesk.restore_text(ticket, before)
    helpdesk.restore_text(ticket, before)
    assert len([request for request in desk.requests if request.method == "PUT"]) == 1


def test_a_closed_ticket_refuses_the_change(desk, helpdesk, clock, ticket):
    before = reply(helpdesk, clock, ticket)
    desk.fail_next(
        400, body=b'{"message": "closed"}', content_type="application/json", match=lambda asked: asked.method == "PUT"
    )
    with pytest.raises(RemoteRejected):
        helpdesk.restore_text(ticket, before)


def test_a_standing_of_a_closed_ticket_is_never_written(desk, helpdesk, ticket):
    desk.close(ticket)
    before = helpdesk.standing_text(ticket)
    desk.set_status(ticket, "A")
    helpdesk.restore_text(ticket, before)
    assert not [request for request in desk.requests if request.method == "PUT"]


def test_a_change_of_unknown_outcome(desk, helpdesk, clock, ticket):
    before = reply(helpdesk, clock, ticket)
    desk.cut_next(match=lambda asked: asked.method == "PUT")
    with pytest.raises(OutcomeUnknown):
        helpdesk.restore_text(ticket, before)
    helpdesk.restore_text(ticket, before)
    assert standing_of(desk, ticket)[0] == "R"
