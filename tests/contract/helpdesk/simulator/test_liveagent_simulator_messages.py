"""The simulated LiveAgent's messages: reading them by v3, adding one by v1, and all that may go wrong with it."""

import time

import pytest
import requests


def test_groups_hold_their_messages(desk, groups, ticket):
    desk.answer(ticket, "Pruebe otra vez.")
    incoming, reply = groups(ticket)
    assert (incoming["type"], incoming["sort_order"], incoming["status"]) == ("3", 1, "V")
    assert incoming["userid"] not in desk.contacts
    assert (reply["type"], reply["userid"], reply["user_full_name"]) == ("4", "a1b2c3d4", "Soporte Uno")
    assert [(message["type"], message["format"]) for message in reply["messages"]] == [("H", "T"), ("M", "H")]


def test_messages_come_in_pages_unless_a_release_ignores_that(desk, ask, ticket):
    for number in range(14):
        desk.add_note(ticket, f"nota {number}")
    orders = [[group["sort_order"] for group in ask(f"/tickets/{ticket}/messages", _page=page)] for page in (1, 2, 3)]
    assert orders == [list(range(1, 11)), list(range(11, 16)), []]
    assert ask(f"/tickets/{ticket}/messages", _sortDir="DESC")[0]["sort_order"] == 15
    desk.messages_paging_ignored = True
    first = ask(f"/tickets/{ticket}/messages", _page=2, _sortDir="DESC", _perPage=100)
    assert [group["sort_order"] for group in first] == orders[0]


def test_quoted_text_comes_only_when_asked(desk, groups, ticket):
    desk.answer_as_customer(ticket, "Gracias", quoted="Saldo: 90")
    assert "message" not in groups(ticket)[-1]["messages"][-1]
    quoted = groups(ticket, includeQuotedMessages="true")[-1]["messages"][-1]
    assert (quoted["type"], "Saldo: 90" in quoted["message"]) == ("Q", True)


def test_messages_of_some_tickets_are_down(desk, ask, ticket):
    desk.messages_down = {ticket}
    assert ask(f"/tickets/{ticket}/messages", 503).json() == {"message": "Service Unavailable"}
    ask(f"/tickets/{desk.open('ana@example.com', 'Otro')}/messages")


# posting by v1


@pytest.mark.parametrize("status", ["N", "C", "A", "W", "R"])
def test_a_reply_is_mailed_and_marks_the_ticket_answered(desk, look, groups, post, ticket, status):
    desk.set_status(ticket, status)
    assert post(ticket).json() == {"response": {"status": "OK", "statuscode": 0}}
    assert desk.replies(ticket) == ["Saldo: 90. Ref. BB-5K2Q9"]
    assert (look(ticket)["status"], look(ticket)["agentid"]) == ("A", "a1b2c3d4")
    group = groups(ticket)[-1]
    assert (group["type"], group["userid"]) == ("4", "b0t0b0t0")
    assert group["messages"][-1]["message"] == "Saldo: 90. Ref. BB-5K2Q9"
    assert group["messages"][-1]["format"] == "T"


def test_a_reply_may_leave_the_status_and_take_the_ticket(desk, look, post, ticket):
    desk.resolve(ticket)
    desk.reply_status, desk.reply_assigns = None, True
    post(ticket)
    assert (look(ticket)["status"], look(ticket)["agentid"]) == ("R", "b0t0b0t0")


def test_a_note_is_seen_by_staff_only(desk, look, groups, post, ticket, clock):
    desk.resolve(ticket)
    clock.now += 60
    post(ticket, "Faltan los minutos", kind="N")
    row = look(ticket)
    assert (row["status"], row["date_changed"], row["last_activity"]) == ("R", *["2026-02-03 12:02:00"] * 2)
    assert row["last_activity_public"] == "2026-02-03 12:00:00"
    assert (desk.replies(ticket), desk.notes(ticket)) == ([], ["Faltan los minutos"])
    assert (groups(ticket)[-1]["type"], groups(ticket)[-1]["messages"][0]["type"]) == ("I", "N")
    desk.note_status = "C"
    post(ticket, kind="N")
    assert look(ticket)["status"] == "C"


def test_the_author_decides_what_a_reply_is(desk, look, groups, post, ticket):
    post(ticket, agent="b0t0b0t0")
    assert groups(ticket)[-1]["userid"] == "b0t0b0t0"
    post(ticket, agent="ANA@example.com")
    assert (groups(ticket)[-1]["type"], look(ticket)["status"]) == ("7", "C")
    post(ticket, agent="nobody@example.com")
    assert (groups(ticket)[-1]["type"], groups(ticket)[-1]["userid"]) == ("I", "system00")
    desk.dismiss_agent("creditos@example.com")
    post(ticket)
    assert groups(ticket)[-1]["type"] == "I"
    assert len(desk.replies(ticket)) == 1


def test_options_of_a_reply(desk, groups, post, ticket):
    post(ticket, do_not_send_mail="Y", use_template="Y", is_html_message="Y")
    assert desk.replies(ticket) == []
    assert [(message["type"], message["format"]) for message in groups(ticket)[-1]["messages"]] == [
        ("M", "H"),
        ("O", "H"),
    ]


def test_plain_text_may_be_kept_as_html(desk, groups, post, ticket):
    desk.stores_html = True
    post(ticket, "Saldo: 90\nRef. BB-5K2Q9")
    message = groups(ticket)[-1]["messages"][-1]
    assert (message["format"], message["message"]) == ("H", "<p>Saldo: 90<br />\r\nRef. BB-5K2Q9</p>")


def test_replies_by_other_channels_and_in_bad_releases_are_not_mailed(desk, post, ticket):
    chat = desk.open("ana@example.com", "Chat", channel="Z")
    post(chat)
    desk.reply_mails = False
    post(ticket)
    assert desk.mails == []


@pytest.mark.parametrize("end", ["close", "delete", "purge", "unknown"])
def test_what_is_over_takes_no_reply(desk, post, ticket, end):
    desk.resolve(ticket)
    if end == "purge":
        desk.delete(ticket)
    name = "nosuch11" if end == "unknown" else getattr(desk, end)(ticket) or ticket
    answer = post(name)
    assert (answer.status_code, answer.json()["response"]["status"]) == (200, "ERROR")
    desk.v1_error_status = 400
    assert post(name).status_code == 400
    assert desk.mails == []


@pytest.mark.parametrize(
    ("mode", "status", "body", "stored"),
    [
        ("ok", 200, b'"OK"', 1), ("empty", 200, b"", 1), ("error", 200, b'"ERROR"', 0),
        ("stored_500", 500, b"message", 1), ("lost_500", 500, b"message", 0),
    ],
)  # fmt: skip
def test_answers_to_a_post(desk, post, ticket, mode, status, body, stored):
    desk.post_mode = mode
    answer = post(ticket)
    assert answer.status_code == status
    assert body in answer.content
    assert bool(answer.content) == bool(body)
    assert len(desk.replies(ticket)) == stored


@pytest.mark.parametrize(("mode", "stored"), [("cut_after", 1), ("cut_before", 0)])
def test_the_connection_may_die_after_storing_or_before(desk, post, ticket, mode, stored):
    desk.post_modes = [mode, "ok"]
    with pytest.raises(requests.ConnectionError):
        post(ticket)
    assert len(desk.replies(ticket)) == stored
    post(ticket)
    assert len(desk.replies(ticket)) == stored + 1


def test_a_slow_post_is_stored_before_it_answers(desk, post, ticket):
    desk.post_mode, desk.post_delay_s = "slow", 0.2
    began = time.monotonic()
    assert post(ticket).status_code == 200
    assert time.monotonic() - began >= 0.2
    assert len(desk.replies(ticket)) == 1
