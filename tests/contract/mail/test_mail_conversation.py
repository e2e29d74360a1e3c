"""The mailer against a real SMTP conversation, and each way it can end."""

import socket

import pytest

from bytebridge.errors import OutcomeUnknown, RemoteError, RemoteRefused, RemoteRejected, RemoteUnavailable
from bytebridge.notices.mail import build
from bytebridge.notices.render import Rendered

FROM, TO = "support@example.com", "ana@example.com"
PASSWORD = "kept-secret-71"
FOR_EVER_S = 3600.0


def test_a_letter_arrives_as_it_was_written(server, mailer, letter):
    mailer(server).send(letter, FROM, TO)
    (mail,) = server.messages
    assert (mail.sender, mail.recipients, mail.raw) == (FROM, (TO,), letter)
    assert server.outside == []


def test_lines_of_dots_arrive_whole(server, mailer):
    text = "..\n.\n.hidden\n" + "x" * 3000 + "\n"
    raw = build(Rendered("Dots", text, "<p>.</p>"), sender=FROM, recipient=TO, message_id="<a@example.com>", date=0)
    mailer(server).send(raw, FROM, TO)
    body = server.messages[0].message.get_body(("plain",)).get_content()
    assert body.replace("\r\n", "\n") == text
    assert server.outside == []


@pytest.mark.parametrize("login", [("PLAIN",), ("LOGIN",)])
def test_login_over_verified_starttls(serve, mailer, letter, certificate, login):
    server = serve(cert=certificate, users={"firm": PASSWORD}, login=login)
    secure = {"security": "starttls", "ca_file": certificate[0], "username": "firm", "password": PASSWORD}
    mailer(server, **secure).send(letter, FROM, TO)
    assert len(server.messages) == 1
    assert server.outside == []


def test_tls_from_the_first_byte(serve, mailer, letter, certificate):
    server = serve(cert=certificate, tls="implicit", users={"firm": PASSWORD})
    secure = {"security": "tls", "ca_file": certificate[0], "username": "firm", "password": PASSWORD}
    mailer(server, **secure).send(letter, FROM, TO)
    assert len(server.messages) == 1


def test_probe_logs_in_and_sends_nothing(serve, mailer, certificate):
    server = serve(cert=certificate, users={"firm": PASSWORD})
    secure = {"security": "starttls", "ca_file": certificate[0], "username": "firm", "password": PASSWORD}
    mailer(server, **secure).probe()
    assert server.connections == 1
    assert server.messages == []


def _refusals(certificate):
    ca = certificate[0]
    return {
        "unknown authority": ({"cert": certificate}, {"security": "starttls"}),
        "another host's certificate": (
            {"cert": certificate},
            {"security": "starttls", "ca_file": ca, "host": "localhost"},
        ),
        "unknown authority, tls": ({"cert": certificate, "tls": "implicit"}, {"security": "tls"}),
        "a file without certificates": ({"cert": certificate}, {"security": "starttls", "ca_file": __file__}),
        "starttls not offered": ({}, {"security": "starttls"}),
        "tls to a plain port": ({}, {"security": "tls"}),
        "wrong password": ({"users": {"firm": "another"}}, {"username": "firm", "password": PASSWORD}),
        "no login offered": ({}, {"username": "firm", "password": PASSWORD}),
        "only an unknown login": (
            {"users": {"firm": PASSWORD}, "login": ("XOAUTH2",)},
            {"username": "firm", "password": PASSWORD},
        ),
        "password outside ASCII": (
            {"users": {"firm": "contraseña"}},
            {"username": "firm", "password": "contraseña"},
        ),
        "login needed, none given": ({"users": {"firm": PASSWORD}}, {}),
    }


@pytest.mark.parametrize("case", _refusals(("", "")))
def test_what_a_person_must_mend_is_refused_and_tells_no_secret(serve, mailer, letter, certificate, case):
    offered, settings = _refusals(certificate)[case]
    server = serve(**offered)
    with pytest.raises(RemoteRefused) as caught:
        mailer(server, **settings).send(letter, FROM, TO)
    assert server.messages == []
    for secret in (PASSWORD, "contraseña"):
        assert secret not in repr(caught.value) + str(caught.value) + repr(caught.value.__context__)


REPLIES = [
    # stage, reply, error
    ("CONNECT", 421, RemoteUnavailable),
    ("CONNECT", 554, RemoteUnavailable),
    ("EHLO", 421, RemoteUnavailable),
    ("MAIL", 421, RemoteUnavailable),
    ("MAIL", 452, RemoteUnavailable),
    ("MAIL", 550, RemoteRefused),
    ("RCPT", 450, RemoteUnavailable),
    ("RCPT", 452, RemoteUnavailable),
    ("RCPT", 550, RemoteRejected),
    ("RCPT", 530, RemoteRefused),
    ("DATA", 451, RemoteUnavailable),
    ("DATA", 554, RemoteRejected),
    ("AFTER_DATA", 451, RemoteUnavailable),
    ("AFTER_DATA", 552, RemoteRejected),
    ("AFTER_DATA", 554, RemoteRejected),
    # a yes to something else: it is a reply ahead, or behind
    ("MAIL", 354, RemoteUnavailable),
    ("RCPT", 354, RemoteUnavailable),
    ("DATA", 250, RemoteUnavailable),
    ("AFTER_DATA", 354, OutcomeUnknown),
    ("AFTER_DATA", 199, OutcomeUnknown),
]


@pytest.mark.parametrize(("stage", "code", "error"), REPLIES)
def test_every_reply_becomes_what_to_do_next(server, mailer, letter, stage, code, error):
    # a server that declines EHLO is greeted with HELO, as it has been since 1995
    server.fail_next(code, at=stage, times=2 if stage == "EHLO" else 1)
    with pytest.raises(RemoteError) as caught:
        mailer(server).send(letter, FROM, TO)
    assert type(caught.value) is error
    assert server.messages == []
    mailer(server).send(letter, FROM, TO)
    assert len(server.messages) == 1


def test_a_password_is_never_told_to_a_server_without_the_tls_that_was_asked_for(serve, mailer, letter):
    server = serve(users={"firm": PASSWORD})
    with pytest.raises(RemoteRefused, match="does not offer STARTTLS"):
        mailer(server, security="starttls", username="firm", password=PASSWORD).send(letter, FROM, TO)
    assert server.messages == []


def test_a_server_that_does_not_relay_for_us_is_our_matter_not_the_recipients(server, mailer, letter):
    server.fail_next(554, at="RCPT", text="5.7.1 Relay access denied")
    with pytest.raises(RemoteRefused):
        mailer(server).send(letter, FROM, TO)


@pytest.mark.parametrize("code", [454, 535])
def test_a_login_put_off_passes_a_login_refused_does_not(serve, mailer, letter, code):
    server = serve(users={"firm": PASSWORD})
    server.fail_next(code, at="AUTH", times=3)
    with pytest.raises(RemoteUnavailable if code == 454 else RemoteRefused):
        mailer(server, username="firm", password=PASSWORD).send(letter, FROM, TO)


def test_a_login_that_is_asked_for_in_nonsense_passes(serve, mailer, letter):
    server = serve(users={"firm": PASSWORD})
    server.fail_next(334, at="AUTH", times=3, text="abcde")
    with pytest.raises(RemoteUnavailable, match="makes no sense"):
        mailer(server, username="firm", password=PASSWORD).send(letter, FROM, TO)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_letter_left_changes_nothing(server, mailer, letter, stage):
    server.cut_next(stage)
    with pytest.raises(RemoteUnavailable):
        mailer(server).send(letter, FROM, TO)
    assert server.messages == []


@pytest.mark.parametrize("stored", [True, False])
def test_an_answer_lost_after_the_letter_left_is_an_unknown_outcome(server, mailer, letter, stored):
    server.cut_after_data(stored=stored)
    with pytest.raises(OutcomeUnknown):
        mailer(server).send(letter, FROM, TO)
    assert len(server.messages) == stored


def test_an_answer_that_never_comes_is_an_unknown_outcome(server, mailer, letter):
    server.hang_next("AFTER_DATA")
    with pytest.raises(OutcomeUnknown):
        mailer(server, read_s=0.3).send(letter, FROM, TO)
    assert len(server.messages) == 1


@pytest.mark.parametrize("stage", ["CONNECT", "MAIL", "AFTER_DATA"])
def test_a_server_that_drips_does_not_hold_us(server, mailer, letter, stage):
    server.drip_next(stage, seconds=0.02)
    with pytest.raises(OutcomeUnknown if stage == "AFTER_DATA" else RemoteUnavailable):
        mailer(server, read_s=5.0, total_s=0.5).send(letter, FROM, TO)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "AFTER_DATA"])
def test_an_answer_of_lines_without_end_is_given_up(server, mailer, letter, stage):
    """Not by the watch over the whole conversation, which would take longer than this test may."""
    server.drip_next(stage, seconds=1e-6, drop=b"250-and more\r\n")
    with pytest.raises(OutcomeUnknown if stage == "AFTER_DATA" else RemoteUnavailable):
        mailer(server, total_s=FOR_EVER_S).send(letter, FROM, TO)


@pytest.mark.parametrize(("read_s", "total_s"), [(0.3, FOR_EVER_S), (FOR_EVER_S, 0.3)])
def test_a_tls_handshake_that_hangs_does_not_hold_us(serve, mailer, letter, read_s, total_s):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = {"port": silent.getsockname()[1], "security": "tls"}
        with pytest.raises(RemoteUnavailable):
            mailer(serve(), read_s=read_s, total_s=total_s, **settings).send(letter, FROM, TO)


def test_nobody_listening_is_unavailable(server, mailer, letter):
    server.stop()
    with pytest.raises(RemoteUnavailable, match="no connection"):
        mailer(server).send(letter, FROM, TO)


def test_a_goodbye_that_fails_does_not_undo_a_letter_that_was_taken(server, mailer, letter):
    server.cut_next("QUIT")
    mailer(server).send(letter, FROM, TO)
    assert len(server.messages) == 1


def test_greylisting_is_waited_out(serve, mailer, letter):
    clock = [1000.0]
    server = serve(now=lambda: clock[0])
    server.greylist(300)
    with pytest.raises(RemoteUnavailable):
        mailer(server).send(letter, FROM, TO)
    clock[0] += 299
    with pytest.raises(RemoteUnavailable):
        mailer(server).send(letter, FROM, TO)
    clock[0] += 1
    mailer(server).send(letter, FROM, TO)
    assert len(server.messages) == 1


def test_a_recipient_refused_for_ever_keeps_no_other_letter_back(server, mailer, letter):
    server.reject(TO, text="5.1.1 <ana@example.com>: no such user")
    with pytest.raises(RemoteRejected) as caught:
        mailer(server).send(letter, FROM, TO)
    assert "no such user" in str(caught.value)
    assert TO not in str(caught.value)
    mailer(server).send(letter, FROM, "luc@example.com")
    assert server.messages[0].recipients == ("luc@example.com",)


HOSTILE = ["a@example.com> SIZE=1", "a@example.com\r\nRCPT TO:<b@example.com>", "josé@example.com", "a@b\x00"]


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_cannot_become_a_command(server, mailer, letter, address):
    with pytest.raises(RemoteRejected):
        mailer(server).send(letter, FROM, address)
    assert server.connections == 0


def test_a_domain_in_another_alphabet_travels_in_its_network_form(server, mailer, letter):
    mailer(server).send(letter, FROM, "ana@exämple.com")
    assert server.messages[0].recipients == ("ana@xn--exmple-cua.com",)
