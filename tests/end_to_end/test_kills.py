"""A pass that is killed anywhere, and the passes after it: as if nothing had happened."""

import contextlib
import os
import random
import re
import signal
import subprocess

import pytest

from bytebridge.ledger.engine import Store
from bytebridge.sandbox.web import Fault
from firm import Firm
from world import DEADLINE_S, World, wait_for


def lived(world):
    """One document of each kind, a letter of each channel, a review, an operation to write back."""
    ana = world.shop.customer("ana@example.com", "Ana", "Pérez")
    world.shop.buy(ana, {"SERVDOLIA60": 1})  # +60
    world.erp.sell(world.erp.customer("Oak Studio", "kate@example.com"), [("SERVDOLIA60", 1, 60)])  # +60
    question = world.desk.open("ana@example.com", "Error al validar")
    world.desk.resolve(question, kind="consulta", minutes=50)  # −60: low, by the same letter
    vague = world.desk.open("kate@example.com", "Question", name="Kate")
    world.desk.resolve(vague)
    access = world.desk.open("kate@example.com", "Access", name="Kate")
    world.desk.resolve(access, kind="intervencion", minutes=70)  # −75, owes 15


BALANCES = {"ana@example.com": 0, "kate@example.com": -15}


def outcome(world):
    """All that must be the same whatever happened on the way."""
    firm = Firm(Store(f"sqlite:///{world.database}", read_only=True), None)
    letters = sorted(
        (one.kind, one.channel, one.recipient, one.document, one.revision, one.state) for one in firm.letters()
    )
    notes = {ticket: len(world.desk.notes(ticket)) for ticket in world.desk.tickets}
    standing = {ticket: found.status for ticket, found in world.desk.tickets.items()}
    events = sorted(event["ref_ext"] for party in world.erp.parties for event in world.erp.events_of(party))
    written = {party: world.erp.balance_of(party) for party in world.erp.parties}
    seen = letters, firm.posted(), firm.reviews(), firm.balances()
    firm.store.close()
    return *seen, world.received(), notes, standing, events, written


class Calls:
    """Counts what a world's systems are asked, and lets something happen at a call."""

    def __init__(self, world):
        self.made = []
        self.at = lambda _number, _call: False
        for system in (world.shop, world.erp, world.desk):
            system.faults.append(Fault(match=self._request, cut="before", stored=False))
        world.mail.reached = self._mail

    def _request(self, request):
        return self._call(f"{request.method} {request.path}")

    def _mail(self, stage):
        self._call(f"SMTP {stage}")

    def _call(self, call):
        self.made.append(call)
        return self.at(len(self.made), call)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The calls of a pass over a new firm, and what it ends in."""
    with World(tmp_path_factory.mktemp("undisturbed")) as world:
        lived(world)
        calls = Calls(world)
        world.poll()
        made = list(calls.made)
        world.settle()
        assert world.balances() == BALANCES
        yield made, outcome(world)


def kind_of(call):
    """The call without what it is about."""
    return call if call.startswith("SMTP") else re.sub(r"/[a-z0-9]*\d[a-z0-9]*(?=/|$)", "/*", call)


def is_write(call):
    return call == "SMTP AFTER_DATA" or call.split()[0] not in ("GET", "SMTP")


def killed_at(world, number, *, lost):
    """A pass that dies at its call of this number, which is lost or carried out all the same."""
    process = None

    def die(at, _call):
        if at != number:
            return False
        os.kill(process.pid, signal.SIGKILL)
        return lost

    calls = Calls(world)
    calls.at = die
    world.pass_time(2)
    process = world.start("poll")
    process.communicate(timeout=DEADLINE_S)
    calls.at = lambda *_: False
    assert process.returncode == -signal.SIGKILL
    world.pass_time(3600)


def moments(calls, chance):
    """A write of every kind, lost and carried out; and some of the calls between them."""
    writes = {kind_of(call): number for number, call in enumerate(calls, 1) if is_write(call)}.values()
    others = [number for number, call in enumerate(calls, 1) if not is_write(call)]
    chosen = sorted(chance.sample(others, 2))
    return [(number, lost) for number in writes for lost in (False, True)] + [(number, False) for number in chosen]


@pytest.mark.parametrize("part", range(2))
def test_kill_at_a_call_changes_nothing_in_the_end(undisturbed, tmp_path, part):
    calls, expected = undisturbed
    for number, lost in moments(calls, random.Random(7))[part::2]:
        folder = tmp_path / f"{number}-{lost}"
        folder.mkdir()
        with World(folder) as world:
            lived(world)
            killed_at(world, number, lost=lost)
            world.settle()
            assert outcome(world) == expected, (number, calls[number - 1], lost)
            assert world.outside() == []


def test_kill_at_any_moment_again_and_again(undisturbed, world):
    """Passes that are killed after random spans, until one comes through."""
    _, expected = undisturbed
    lived(world)
    chance = random.Random(11)
    for _ in range(4):
        process = world.start("poll")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.4, 1.6))
        process.kill()
        process.communicate()
        world.pass_time(3600)
    world.settle()
    assert outcome(world) == expected
    assert world.show("db", "verify")["fault"] is None


def test_letter_given_over_when_the_kill_came_is_sent_at_most_once_more(world):
    """The mail server keeps the letter, is silent, and the process dies waiting."""
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.mail.hang_next("AFTER_DATA", stored=True)
    process = world.start("poll")
    wait_for(lambda: world.mail.messages, "the letter")
    process.kill()
    process.communicate()
    world.pass_time(3600)
    world.settle()
    ids = [mail.message["Message-ID"] for mail in world.mail.messages]
    assert len(ids) <= 2
    assert len(set(ids)) == 1
    [letter] = world.show("notices", "list")["notices"]
    assert letter["state"] == "sent"


def test_reply_taken_when_the_kill_came_is_not_repeated(world):
    world.desk.resolve(world.desk.open("ana@example.com", "Error"), kind="consulta", minutes=5)
    [ticket] = world.desk.tickets
    calls = Calls(world)
    process = None

    def die(_number, call):
        if call.startswith("POST /api/conversations"):
            os.kill(process.pid, signal.SIGKILL)
        return False

    calls.at = die
    process = world.start("poll")
    process.communicate(timeout=DEADLINE_S)
    calls.at = lambda *_: False
    world.pass_time(3600)
    world.settle()
    assert len(world.desk.replies(ticket)) == 1
    assert world.desk.tickets[ticket].status == "R"
