"""What people and systems get wrong: a clear line, the rest goes on, nothing moves wrongly."""

import json
import os
import pty
import re
import subprocess

import pytest

from bytebridge.sandbox.web import Fault, Reply
from world import COMMAND

HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 77 * 1111 }} {% include '/etc/passwd' %}",
    "'; DROP TABLE entries; --",
    "Robert\r\nBcc: everybody@example.com",
    "\x00\x1b[2J\x07",
    "🦄" * 120,
    "\u202eevil\u202c",
    "a" * 5000,
    "",
    "=cmd|' /C calc'!A0",
    "%s %n {0}",
)


@pytest.fixture
def customer(world):
    """Ana, with 600 credits."""
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA120": 5})
    return world


def test_hostile_subjects_are_only_text(customer):
    for subject in HOSTILE:
        ticket = customer.desk.open("ana@example.com", subject, name=subject[:60] or "Ana")
        customer.desk.resolve(ticket, kind="consulta", minutes=10)
    customer.settle()
    assert customer.balances() == {"ana@example.com": 600 - 15 * len(HOSTILE)}
    for ticket in customer.desk.tickets:
        [reply] = customer.desk.replies(ticket)
        assert "<script" not in reply
        assert "85547" not in reply
    for mail in customer.mail.messages:
        assert mail.recipients == ("ana@example.com",)
        assert mail.message["Bcc"] is None
    for form in ("text", "csv", "html", "json"):
        shown = customer.run("statement", "ana@example.com", "--format", form)
        assert shown.code == 0
        assert "<script" not in shown.out
        assert "\x1b" not in shown.out
        assert "=cmd" not in shown.out or form != "csv"
    for command in (("review", "list"), ("notices", "list"), ("accounts", "list")):
        shown = customer.run(*command)
        assert shown.code == 0
        assert "\x1b" not in shown.out


COMMANDS_OF_A_TERMINAL = "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202e\nfaked\t\r"


def on_a_terminal(world, *arguments):
    """What a command writes where it believes that a person looks on."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "--config", str(world.config), *arguments],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=world.environment(), cwd=world.folder,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(30) == 0, shown
    return shown.decode()


def test_no_stranger_s_text_commands_the_terminal(customer):
    """Clears it, renames its window, turns its lines round or fakes one."""
    ticket = customer.desk.open("ana@example.com", f"Consulta {COMMANDS_OF_A_TERMINAL}", name=COMMANDS_OF_A_TERMINAL)
    customer.desk.resolve(ticket, kind=f"consulta {COMMANDS_OF_A_TERMINAL}", minutes=COMMANDS_OF_A_TERMINAL)
    stranger = customer.desk.open("luc@example.com", "Consulta", name=f"Luc {COMMANDS_OF_A_TERMINAL}")
    customer.desk.resolve(stranger, kind="consulta", minutes=5)
    customer.settle()
    shown = [
        on_a_terminal(customer, *command)
        for command in (
            ("review", "list"),
            ("review", "show", "1"),
            ("explain", "ticket", ticket),
            ("explain", "ticket", stranger),
            ("accounts", "list"),
            ("accounts", "show", "luc@example.com"),
            ("accounts", "list", "--json"),
            ("review", "list", "--json"),
            ("notices", "list"),
            ("statement", "luc@example.com"),
            *(("statement", "luc@example.com", "--format", form) for form in ("csv", "html", "json")),
            ("report",),
            ("report", "--json"),
        )
    ]
    for text in shown:
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", text.replace("\r\n", "\n")), text
    assert "\\u001b[2J" in shown[0]
    assert not any(line.startswith("faked") for line in shown[0].splitlines())
    assert json.loads(shown[7])["items"][0]["why"].count("\x1b") == 2
    assert "\x9b" in json.loads(shown[-1])["review"][0]["why"]


MINUTES = ("12,5", "-3", "0", "abc", "🕒", "1e3", "٣٠", "10 min", "99999999999999999999", " ", "NaN", "0x10", "1.5")


def test_minutes_that_are_no_number_of_minutes(customer):
    for minutes in MINUTES:
        customer.desk.resolve(customer.desk.open("ana@example.com", "Consulta"), kind="consulta", minutes=minutes)
    good = customer.desk.open("ana@example.com", "Consulta")
    customer.desk.resolve(good, kind="consulta", minutes="20")
    customer.settle()
    waiting = customer.show("review", "list", "--state", "waiting")["items"]
    posted = {entry["document"]: entry["credits"] for entry in customer.show("statement", "ana@example.com")["entries"]}
    for ticket, minutes in zip(list(customer.desk.tickets)[: len(MINUTES)], MINUTES, strict=True):
        code = f"ticket {customer.desk.tickets[ticket].fields['code']}"
        if code in posted:
            # read as what a person would have meant, if at all
            assert (minutes, posted[code]) == ("10 min", -15)
        else:
            assert code in {item["document"] for item in waiting}, minutes
    assert posted[f"ticket {customer.desk.tickets[good].fields['code']}"] == -30
    assert len(customer.desk.replies(good)) == 1


def test_credits_that_are_none(customer):
    nonsense = ("12,5", "-3", "abc", "🤑", "1.5")
    for credits in nonsense:
        ticket = customer.desk.open("ana@example.com", "Presupuesto")
        customer.desk.resolve(ticket, kind="presupuesto", credits=credits)
    customer.settle()
    assert customer.balances() == {"ana@example.com": 600}
    waiting = customer.show("review", "list")["items"]
    assert [item["source"] for item in waiting] == ["helpdesk"] * len(nonsense)
    assert not any(customer.desk.replies(ticket) for ticket in customer.desk.tickets)


def test_what_is_lacking_is_supplied_and_charged_once(customer):
    ticket = customer.desk.open("ana@example.com", "Consulta")
    customer.desk.resolve(ticket, kind="consulta", minutes="-3")
    customer.settle()
    assert customer.balances() == {"ana@example.com": 600}
    customer.desk.note_work(ticket, minutes="3")
    customer.settle()
    assert customer.balances() == {"ana@example.com": 585}
    assert customer.show("review", "list") == {"items": []}
    assert len(customer.desk.replies(ticket)) == 1


def test_unknown_references_grant_nothing(world):
    ana = world.shop.customer("ana@example.com", "Ana", "Pérez")
    world.shop.buy(ana, {"TSHIRT": 3})
    world.shop.buy(ana, {"SERVDOLIA60": 1, "TSHIRT": 1})
    world.shop.buy(ana, {"SERVDOLIA999": 1})
    world.shop.buy(ana, {"servdolia60 ": 1})
    oak = world.erp.customer("Oak Studio", "kate@example.com")
    world.erp.sell(oak, [("CHAIR", 2, 50)])
    world.settle()
    posted = world.show("statement", "ana@example.com")["entries"]
    assert (posted[0]["document"], posted[0]["credits"]) == ("order 2", 60)
    assert {entry["document"] for entry in posted} <= {"order 2", "order 4"}
    flagged = {item["document"] for item in world.show("review", "list")["items"]}
    assert "order 3" in flagged
    assert "kate@example.com" not in world.balances()


ADDRESSES = (
    "no address",
    "a@b@c",
    "ana@example.com\r\nBcc: x@example.com",
    "@example.com",
    "ana@",
    "<ana@example.com>",
)


def test_addresses_that_are_none(world):
    for address in ADDRESSES:
        ticket = world.desk.open(address, "Consulta")
        world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.settle()
    assert set(world.balances()) <= {"ana@example.com"}
    assert len(world.show("review", "list")["items"]) >= len(ADDRESSES) - 1


BREAKS = {
    "html": {"status": 200, "body": b"<html><body>Please log in", "content_type": "text/html"},
    "cut off": {"status": 200, "body": b'[{"id": "1', "content_type": "application/json"},
    "error": {"status": 500, "body": b"<h1>Oops", "content_type": "text/html"},
    "refused": {"status": 401, "body": b"{}", "content_type": "application/json"},
    "forbidden": {"status": 403, "body": b"{}", "content_type": "application/json"},
    "moved": {"status": 302, "headers": {"Location": "https://www.example.com/"}},
    "other JSON": {"status": 200, "body": b'{"hello": [1, null]}', "content_type": "application/json"},
    "nothing": {"status": 200, "body": b"", "content_type": "application/json"},
    "nested without end": {"status": 200, "body": b"[" * 100_000, "content_type": "application/json"},
    "not UTF-8": {"status": 200, "body": b'["\xff\xfe"]', "content_type": "application/json"},
}


def always(**reply):
    reply = dict(reply)
    status, body = reply.pop("status"), reply.pop("body", b"")
    kind = reply.pop("content_type", "text/html")
    return [Fault(None, Reply(status, body, kind, reply.get("headers", {}))) for _ in range(200)]


def test_source_that_answers_nonsense_is_named_and_the_others_go_on(world):
    """Each break in turn, from one system or from all, on one store; then all of them are well."""
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.erp.sell(world.erp.customer("Oak Studio", "kate@example.com"), [("SERVDOLIA60", 1, 60)])
    world.desk.open("ana@example.com", "Error")
    systems = {"shop": world.shop, "erp": world.erp, "helpdesk": world.desk}
    broken_by = {"html": ["shop"], "error": ["erp"], "cut off": ["helpdesk"]}
    for answer, reply in BREAKS.items():
        broken = broken_by.get(answer, list(systems))
        for name in broken:
            systems[name].faults.extend(always(**reply))
        done = world.run("poll", "--json")
        assert done.code == 1
        errors = done.json["errors"]
        assert {line.partition(":")[0] for line in errors} == set(broken), (answer, errors)
        assert all("\n" not in line and len(line) < 400 for line in errors)
        for name in broken:
            systems[name].faults.clear()
        world.pass_time(60)
    # each good source was read while another was broken
    assert world.balances() == {"ana@example.com": 60, "kate@example.com": 60}
    world.settle()
    assert world.balances() == {"ana@example.com": 60, "kate@example.com": 60}
    assert world.show("review", "list") == {"items": []}


def test_system_that_is_not_there(world):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.erp.stop()
    done = world.run("poll", "--json")
    assert done.code == 1
    assert done.json["posted"] == 1
    assert [line.split(":")[0] for line in done.json["errors"]] == ["erp"]
    plain = world.run("poll")
    assert plain.code == 1
    assert plain.line.startswith("bytebridge: erp: ")
    assert world.run("doctor").code == 1
    world.erp.start()
    world.settle()


@pytest.mark.parametrize("name", ["shop", "erp", "helpdesk"])
def test_wrong_key(world, name):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.planted[f"{name}.api_key"] = "0" * 24 + "wrongkey"
    done = world.run("poll", "--json")
    assert done.code == 1
    assert {line.split(":")[0] for line in done.json["errors"]} == {name}
    assert done.json["posted"] == (0 if name == "shop" else 1)


def test_mail_server_that_is_not_there_loses_no_letter(world):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.mail.stop()
    world.poll()
    assert [one.state for one in world.waiting()] == ["pending"]
    world.mail.start()
    world.settle()
    assert len(world.mail.messages) == 1
