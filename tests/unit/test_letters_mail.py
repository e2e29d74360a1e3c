"""A letter as a mail's bytes: what it bears, and that nothing else ever gets into it."""

import gc
import random
import re
from email import policy
from email.parser import BytesParser

import pytest

from bytebridge.errors import RemoteRejected
from bytebridge.notices.mail import build, check
from bytebridge.notices.render import Rendered

MEANT = {
    "sender": "support@example.com",
    "recipient": "ana@example.com",
    "message_id": "<bb-7-12-9f3a1c07.balance@example.com>",
}
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]


def written(subject="Saldo: 30 créditos", text="Hola, Ana:\n", html="<p>Hola</p>\n", **values):
    return build(Rendered(subject, text, html), **{**MEANT, "date": 1_772_697_600, **values})


def parsed(raw):
    return BytesParser(policy=policy.default).parsebytes(raw)


def test_a_mail_bears_what_was_meant():
    message = parsed(written())
    assert sorted(message.keys()) == sorted(HEADERS)
    assert message["Subject"] == "Saldo: 30 créditos"
    assert message["Date"].datetime.isoformat() == "2026-03-05T08:00:00+00:00"
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message.get_body(("plain",)).get_content() == "Hola, Ana:\r\n"
    assert message.get_body(("html",)).get_content() == "<p>Hola</p>\r\n"


def test_a_second_sending_bears_the_same_message_id_and_date():
    first, second = parsed(written()), parsed(written())
    assert all(first[name] == second[name] for name in HEADERS if name != "Content-Type")


def test_attachments_beside_both_forms_of_the_text():
    raw = written(
        attachments=[("informe\r\nX: 1.pdf", "application/pdf", b"%PDF\x00\xff"), ("i.html", "text/html", b"<p>")]
    )
    message = parsed(raw)
    attached = list(message.iter_attachments())
    assert [(part.get_filename(), part.get_content_type()) for part in attached] == [
        ("informe X: 1.pdf", "application/pdf"),
        ("i.html", "text/html"),
    ]
    assert attached[0].get_content() == b"%PDF\x00\xff"
    assert message.get_body(("plain",)).get_content() == "Hola, Ana:\r\n"
    assert raw.isascii()


def test_lines_stay_short_and_ascii_whatever_the_text():
    raw = written(subject="é" * 150, text="é" * 5000 + "\n" + "x" * 5000, html="<p>" + "日本" * 3000 + "</p>")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert parsed(raw).get_body(("plain",)).get_content().replace("\r\n", "\n") == "é" * 5000 + "\n" + "x" * 5000 + "\n"


SUBJECTS = [
    "=?utf-8?q?hi=0ABcc=3A_eve@example.com?=",
    "=?utf-8?b?aGkKQmNjOiBldmVAZXhhbXBsZS5jb20=?=",
    "=?utf-8?q?a?= =?utf-8?q?=0D=0ABcc=3Aeve?=",
    "==??utf-8?q?x?=",
    "a\r\nBcc: eve@example.com",
    "a\nBcc: eve@example.com\n\nbody",
    "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029Bcc: eve@example.com",
    "\x00\x07\x1b[31m",
    "\u202eneo\u2066",
    "\ud800\udfff",
    "x" * 10_000,
    "é " * 5000,
    "a " * 200,
    "x é é ü y " * 12,
    "  ",
    "",
    "Subject: Bcc: eve",
    "🎟️ 积分 نقاط",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_subject_becomes_a_header_of_its_own(subject):
    message = parsed(written(subject=subject))
    assert sorted(message.keys()) == sorted(HEADERS)
    assert message["To"] == MEANT["recipient"]
    assert not set("\r\n") & set(message["Subject"])


def test_random_subjects_and_bodies():
    chance = random.Random(20260305)
    pieces = [
        "=?",
        "?=",
        "utf-8?q?",
        "=0A",
        "\r",
        "\n",
        "Bcc:",
        " ",
        "é",
        "日",
        "\x00",
        "a",
        "@",
        "\ud83d",
        ".",
        "--",
        "\t",
        "x" * 90,
    ]
    for _ in range(200):
        text = "".join(chance.choices(pieces, k=chance.randrange(40)))
        message = parsed(written(subject=text, text=text, html=text))
        assert sorted(message.keys()) == sorted(HEADERS)
        assert len(list(message.walk())) == 3


@pytest.mark.parametrize(
    "values",
    [
        {"recipient": "ana@example.com, eve@example.com"},
        {"recipient": "ana@example.com\r\nBcc: eve@example.com"},
        {"recipient": "Ana <ana@example.com>"},
        {"recipient": "ana"},
        {"recipient": "=?utf-8?q?a?=@example.com"},
        {"recipient": "josé@example.com"},
        {"recipient": "a;b@example.com"},
        {"recipient": ""},
        {"sender": ""},
        {"sender": "support@example.com\nX: 1"},
        {"message_id": "bb@example.com"},
        {"message_id": "<bb@example.com>\r\nBcc: eve@example.com"},
        {"message_id": "<b b@example.com>"},
    ],
)
def test_an_address_that_is_none_stops_the_letter(values):
    with pytest.raises(RemoteRejected) as caught:
        written(**values)
    assert "eve" not in str(caught.value)


def test_a_domain_in_another_alphabet_is_written_in_its_network_form():
    assert parsed(written(recipient="ana@exämple.com"))["To"] == "ana@xn--exmple-cua.com"


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (b"To: ana", b"Bcc: eve@example.com\r\nTo: ana"),
        (b"To: ana", b"Cc: eve@example.com\r\nTo: ana"),
        (b"To: ana", b"To: eve@example.com\r\nTo: ana"),
        (b"To: ana@example.com", b"To: eve@example.com"),
        (b"To: ana@example.com", b"To: ana@example.com, eve@example.com"),
        (b"Auto-Submitted: auto-generated\r\n", b""),
        (b"Subject: Saldo", b"Subject: Saldos"),
        (b"Message-ID: <bb", b"Message-ID: <cc"),
        (b"Content-Type: text/html", b"Bcc: eve@example.com\r\nContent-Type: text/html"),
        (b"From: support", b"Not a header\r\nFrom: support"),
    ],
)
def test_bytes_that_say_more_or_less_than_was_meant_are_not_sent(found, instead):
    raw = written(subject="Saldo")
    check(raw, **MEANT, subject="Saldo")
    assert found in raw
    with pytest.raises(RemoteRejected):
        check(raw.replace(found, instead, 1), **MEANT, subject="Saldo")


def test_no_text_ends_a_part():
    lines = "".join(f"--=_part_{number}--\n--=_part_{number}\n" for number in range(3))
    message = parsed(written(text=lines, html=lines, attachments=[("lines.csv", "text/csv", lines.encode())]))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/csv",
    ]  # fmt: skip
    assert message.get_body(("plain",)).get_content() == lines.replace("\n", "\r\n")


def test_many_mails_leave_nothing_in_memory():
    written()
    re.purge()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(50):
            written()
        assert len(gc.get_objects()) - before < 500
    finally:
        gc.enable()
    assert len(re._cache) < 10
