"""The simulated server against Python's own client: what the standards say, and no letter by a wrong road."""

import smtplib
import socket
import ssl

import pytest

FROM, TO = "support@example.com", "ana@example.com"


@pytest.fixture
def client(server):
    with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as connection:
        yield connection


def test_commands_have_an_order(client):
    assert client.docmd("MAIL", f"FROM:<{FROM}>")[0] == 503
    client.ehlo()
    assert client.docmd("RCPT", f"TO:<{TO}>")[0] == 503
    assert client.docmd("DATA")[0] == 503
    assert client.docmd("MAIL", f"FROM:<{FROM}>")[0] == 250
    assert client.docmd("MAIL", f"FROM:<{FROM}>")[0] == 503
    assert client.docmd("DATA")[0] == 503
    assert client.docmd("RSET")[0] == 250
    assert client.docmd("MAIL", f"FROM:<{FROM}>")[0] == 250


def test_unknown_commands_and_bad_addresses_are_declined(client, server):
    client.ehlo()
    assert client.docmd("TURN")[0] == 500
    assert client.docmd("MAIL", "FROM:nobody")[0] == 501
    client.docmd("MAIL", f"FROM:<{FROM}>")
    assert client.docmd("RCPT", "TO:<nobody>")[0] == 501
    assert server.outside == ["unknown command 'TURN'"]


def test_several_recipients_and_letters_in_one_connection(client, server):
    client.sendmail(FROM, [TO, "luc@example.com"], b"Subject: one\r\n\r\n.dot\r\n")
    client.sendmail(FROM, [TO], b"Subject: two\r\n\r\n")
    assert [mail.recipients for mail in server.messages] == [(TO, "luc@example.com"), (TO,)]
    assert server.messages[0].raw == b"Subject: one\r\n\r\n.dot\r\n"


def test_long_lines_bare_newlines_and_eight_bits_are_noted(server):
    with socket.create_connection(("127.0.0.1", server.port), 5) as raw:
        reader = raw.makefile("rb")
        reader.readline()
        raw.sendall(b"HELO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
        for _ in range(2):
            while reader.readline()[3:4] == b"-":
                pass
        raw.sendall(b"x" * 1000 + b"\r\nbare\n\xc3\xa9\r\n.\r\nQUIT\r\n")
        reader.read()
    assert len(server.outside) == 3
    assert [note.split()[:3] for note in server.outside] == [
        ["a", "line", "of"],
        ["a", "line", "without"],
        ["eight", "bits", "without"],
    ]


def test_after_starttls_everything_said_before_is_forgotten(serve, certificate):
    server = serve(cert=certificate, users={"firm": "secret"})
    context = ssl.create_default_context(cafile=certificate[0])
    with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AGZpcm0Ac2VjcmV0")[0] == 538
        client.starttls(context=context)
        assert client.docmd("MAIL", f"FROM:<{FROM}>")[0] == 503
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.docmd("MAIL", f"FROM:<{FROM}>")[0] == 530
        client.login("firm", "secret")
        assert client.docmd("MAIL", f"FROM:<{FROM}>")[0] == 250


def test_a_wrong_password_is_declined(serve):
    server = serve(users={"firm": "secret"})
    for mechanism in ("PLAIN", "LOGIN"):
        server.login = (mechanism,)
        with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client:
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("firm", "guess")
            assert client.docmd("AUTH", "CRAM-MD5")[0] == 504
