"""Which answers are answers: errors of both APIs, keys, limits, through the real client."""

import pytest

from bytebridge.errors import OutcomeUnknown, RemoteRefused, RemoteRejected, RemoteSurprise, RemoteUnavailable

JSON, HTML = "application/json", "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("status", "body", "kind", "error"),
    [
        (400, b'{"message": "Value of _filters is incorrect"}', JSON, RemoteSurprise),
        (401, b'{"message": "no"}', JSON, RemoteRefused),
        (403, b'{"message": "no"}', JSON, RemoteRefused),
        (404, b'{"message": "no"}', JSON, RemoteRefused),
        (404, b"<html>no such page</html>", HTML, RemoteRefused),
        (429, b"", JSON, RemoteUnavailable),
        (500, b"<html>oops</html>", HTML, RemoteUnavailable),
        (502, b"", HTML, RemoteUnavailable),
        (503, b'{"message": "Service Unavailable"}', JSON, RemoteUnavailable),
        (504, b"", HTML, RemoteUnavailable),
        (301, b"", HTML, RemoteRefused),
        (202, b"<html>wait</html>", HTML, RemoteUnavailable),
        (204, b"", JSON, RemoteUnavailable),
        (304, b"", JSON, RemoteUnavailable),
        (200, b"<html>maintenance</html>", HTML, RemoteUnavailable),
        (200, b"<html>maintenance</html>", JSON, RemoteUnavailable),
        (200, b"", JSON, RemoteUnavailable),
        (200, b"{}", JSON, RemoteSurprise),
        (200, b"null", JSON, RemoteSurprise),
        (200, b"[7]", JSON, RemoteSurprise),
        (200, b"Warning: []", JSON, RemoteSurprise),
        (200, b"[\xff]", JSON, RemoteSurprise),
    ],
)
def test_answers_to_a_poll(desk, live, status, body, kind, error):
    cursor = live.cursor
    desk.fail_next(status, 4, body=body, content_type=kind)
    with pytest.raises(error):
        live.poll()
    assert live.cursor == cursor


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [(b"<html>no such page</html>", HTML, RemoteRefused), (b"", JSON, RemoteRefused)],
)
def test_a_404_without_data_is_no_absence(desk, helpdesk, body, kind, error):
    ticket = desk.open("ana@example.com", "Hola")
    desk.fail_next(404, body=body, content_type=kind)
    with pytest.raises(error):
        helpdesk.by_ids([ticket])


def test_a_passing_trouble_is_ridden_out(desk, live, clock):
    clock.pass_minutes(1)
    ticket = desk.open("ana@example.com", "Hola")
    desk.fail_next(503, 3)
    assert ticket in live.poll()


def test_trouble_of_the_whole_server_is_not_blamed_on_a_ticket(desk, helpdesk):
    ticket = desk.open("ana@example.com", "Hola")
    desk.fail_next(500, 8)
    with pytest.raises(RemoteUnavailable):
        helpdesk.by_ids([ticket])
    assert helpdesk.surprises == []


@pytest.mark.parametrize(("announced", "waits"), [(None, 60), (7, 7), (90, 90)])
def test_too_many_requests(open_desk, open_client, clock, announced, waits):
    desk = open_desk(rate_limit=2, retry_after=announced)
    ticket = desk.open("ana@example.com", "Hola")
    helpdesk = open_client(desk)
    helpdesk.by_ids([ticket])
    helpdesk.by_ids([ticket])
    with pytest.raises(RemoteUnavailable) as caught:
        helpdesk.by_ids([ticket])
    assert caught.value.retry_after_s == waits


def test_the_limit_without_a_header_closes_the_source_for_a_minute(open_desk, open_client, clock):
    desk = open_desk(rate_limit=1)
    helpdesk = open_client(desk)
    ticket = desk.open("ana@example.com", "Hola")
    helpdesk.by_ids([ticket])
    for _ in range(2):
        with pytest.raises(RemoteUnavailable):
            helpdesk.by_ids([ticket])
    assert len(desk.requests) == 2
    clock.pass_minutes(1)
    assert helpdesk.by_ids([ticket])


def test_the_key_for_messages_has_its_own_budget(open_desk, open_client):
    desk = open_desk(rate_limit=3)
    helpdesk = open_client(desk)
    ticket = desk.open("ana@example.com", "Hola")
    for _ in range(2):
        helpdesk.by_ids([ticket])
    helpdesk.post(ticket, "Hola", kind="note")
    assert desk.notes(ticket) == ["Hola"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key(open_desk, make_polls, status):
    desk = open_desk(wrong_key_status=status)
    polls = make_polls(desk, api_key="no-such-key")
    with pytest.raises(RemoteRefused) as caught:
        polls.poll()
    assert "no-such-key" not in str(caught.value)
    assert len(desk.requests) == 1


def test_keys_stay_out_of_addresses(desk, helpdesk):
    ticket = desk.open("ana@example.com", "Hola")
    helpdesk.by_ids([ticket])
    helpdesk.post(ticket, "Hola", kind="note")
    list(helpdesk.check())
    assert not [asked for asked in desk.requests if "key" in asked.raw_query + asked.path]
    assert {asked.headers["apikey"] for asked in desk.requests if asked.path.startswith("/api/v3")} == {"v3-key"}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"", OutcomeUnknown),
        (200, b"<html></html>", OutcomeUnknown),
        (200, b"7 of 9", OutcomeUnknown),
        (202, b"", OutcomeUnknown),
        (500, b"", OutcomeUnknown),
        (400, b"{}", RemoteRejected),
        (404, b"{}", RemoteRejected),
        (403, b"{}", RemoteRefused),
        (429, b"", RemoteUnavailable),
    ],
)
def test_answers_to_a_change(desk, helpdesk, clock, status, body, error):
    ticket = desk.open("ana@example.com", "Hola")
    before = helpdesk.standing_text(ticket)
    clock.pass_minutes(1)
    helpdesk.post(ticket, "Hola", kind="reply")
    desk.fail_next(status, body=body, content_type=JSON, match=lambda asked: asked.method == "PUT")
    with pytest.raises(error):
        helpdesk.restore_text(ticket, before)
    assert len([asked for asked in desk.requests if asked.method == "PUT"]) == 1
