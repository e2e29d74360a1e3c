"""`bytebridge run` as a process: what systemd, probes and people see of it, and what stops it."""

import json
import re
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import canary
from bytebridge.logs import EVENTS
from bytebridge.sandbox.web import Fault
from world import AHEAD, free_port, wait_for

ENDS_S = 14.0  # 10 are promised; the rest is what a loaded machine adds


def get(port, path, host=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def systemd(world, tmp_path_factory):
    """A notify socket; gives a function that collects what was told so far."""
    path = tmp_path_factory.mktemp("run") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.setblocking(False)
        told = []

        def heard():
            while True:
                try:
                    told.extend(listening.recv(65536).decode().splitlines())
                except BlockingIOError:
                    return told

        heard.path = str(path)
        yield heard


def test_life_of_a_service(world, systemd):
    """Started by systemd, probed, told to read its configuration again, ended."""
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    port = free_port()
    listen = ('listen = ""', f'listen = "127.0.0.1:{port}"')
    world.configure(listen)
    daemon = world.daemon(NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC="2000000")
    wait_for(lambda: "READY=1" in systemd(), "READY=1")
    assert world.database.exists()
    wait_for(lambda: len(world.mail.messages) == 1, "the letter")
    wait_for(lambda: "WATCHDOG=1" in systemd(), "the watchdog's food")
    wait_for(lambda: [line for line in systemd() if line.startswith("STATUS=well: answered shop ")], "how it is")
    assert get(port, "/readyz") == (200, "ready\n")
    assert get(port, "/healthz")[0] == 200
    status, page = get(port, "/")
    assert status == 200
    assert page.startswith("<!doctype html>")
    metrics = get(port, "/metrics")[1]
    assert re.search(r"^bytebridge_\w+", metrics, re.MULTILINE)
    assert canary.leaks(page + metrics, world.planted) == []
    assert get(port, "/", host="evil.example.com")[0] == 421
    arguments = Path(f"/proc/{daemon.process.pid}/cmdline").read_text()
    assert canary.leaks(arguments, world.planted) == []

    world.configure(listen, ("recheck_after = 0", 'recheck_after = 0\nlow_balance = "many"'))
    daemon.signal(signal.SIGHUP)
    daemon.saw("configuration_rejected")
    [problem] = daemon.events("configuration_rejected")[0]["problems"]
    assert "notices.low_balance" in problem
    world.configure(listen, ("recheck_after = 0", "recheck_after = 0\nlow_balance = 50"), ("port = ", "port =  "))
    daemon.signal(signal.SIGHUP)
    daemon.saw("configuration_reloaded")
    assert daemon.events("configuration_reloaded")[0]["changed"] == ["notices.low_balance"]
    assert daemon.events("configuration_reloaded")[0]["restart"] == []
    for number in (2, 3):  # what waits for a restart is said until it comes
        world.configure(
            (listen[0], 'listen = "127.0.0.1:1"'), ("recheck_after = 0", "recheck_after = 0\nlow_balance = 50")
        )
        daemon.signal(signal.SIGHUP)
        wait_for(lambda number=number: len(daemon.events("configuration_reloaded")) == number, "the reload")
    assert [one["changed"] for one in daemon.events("configuration_reloaded")[1:]] == [["service.listen"], []]
    assert [one["restart"] for one in daemon.events("configuration_reloaded")[1:]] == [["service.listen"]] * 2
    assert any(line.startswith("RELOADING=1") for line in systemd())
    wait_for(lambda: systemd().count("READY=1") >= 3, "READY after each reload")
    world.desk.resolve(world.desk.open("ana@example.com", "Error"), kind="consulta", minutes=10)
    wait_for(lambda: sum(len(world.desk.replies(ticket)) for ticket in world.desk.tickets) == 1, "the reply")

    code, took = daemon.end()
    assert (code, took < ENDS_S) == (0, True)
    assert "STOPPING=1" in systemd()
    assert daemon.events("service_stopped")[-1]["code"] == 0
    assert world.balances() == {"ana@example.com": 45}


def test_reloads_leave_no_connection_behind(world):
    daemon = world.daemon()
    daemon.saw("service_ready")
    opened = Path(f"/proc/{daemon.process.pid}/fd")
    for number in range(1, 11):
        seen = len(daemon.events("poll_finished"))
        wait_for(lambda seen=seen: len(daemon.events("poll_finished")) > seen + 4, "passes with their connections")
        daemon.signal(signal.SIGHUP)
        wait_for(lambda number=number: len(daemon.events("configuration_reloaded")) == number, "the reload")
        if number == 2:
            before = len(list(opened.iterdir()))
    assert len(list(opened.iterdir())) <= before + 6
    assert daemon.end()[0] == 0


def test_ends_in_time_while_a_system_hangs(world):
    world.desk.faults.extend(Fault(match=lambda request: "/tickets" in request.path, delay_s=40) for _ in range(5))
    daemon = world.daemon()
    wait_for(lambda: any("/tickets" in request.path for request in world.desk.requests), "the request that hangs")
    daemon.saw("service_ready")
    code, took = daemon.end()
    assert code == 0
    assert took < ENDS_S


def test_second_term_kills(world):
    world.shop.faults.extend(Fault(delay_s=40) for _ in range(5))
    daemon = world.daemon()
    wait_for(lambda: world.shop.requests, "the request that hangs")
    daemon.signal(signal.SIGTERM)
    daemon.saw("service_stopping")
    daemon.signal(signal.SIGTERM)
    assert daemon.process.wait(15) == -signal.SIGTERM


def test_start_with_a_system_down(world):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.erp.stop()
    daemon = world.daemon()
    daemon.saw("remote_unavailable")
    wait_for(lambda: len(world.mail.messages) == 1, "the letter, though a system is down")
    assert daemon.end()[0] == 0


def test_wrong_key_pauses_its_source_alone(world):
    world.planted["erp.api_key"] = "0" * 32
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    daemon = world.daemon()
    daemon.saw("source_refused")
    wait_for(lambda: len(world.mail.messages) == 1, "the letter")
    assert {event["source"] for event in daemon.events("source_refused")} == {"erp"}
    assert daemon.end()[0] == 0


def test_bug_in_one_job_leaves_the_others_alone(world, tmp_path_factory):
    """A fault planted in the program itself, where it reads the ERP."""
    plants = tmp_path_factory.mktemp("plants")
    (plants / "sitecustomize.py").write_text(
        (AHEAD / "sitecustomize.py").read_text() + "import bytebridge.erp.connector as c\n"
        "def changed(*_, **__):\n    raise ZeroDivisionError('planted')\n"
        "c.Erp.changed = changed\n"
    )
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    port = free_port()
    world.configure(('listen = ""', f'listen = "127.0.0.1:{port}"'))
    daemon = world.daemon(PYTHONPATH=str(plants))
    daemon.saw("job_crashed")
    wait_for(lambda: len(world.mail.messages) == 1, "the letter")
    wait_for(lambda: get(port, "/healthz")[0] == 503, "health turns red when the bug repeats")
    assert "poll_erp" in get(port, "/healthz")[1]
    assert {event["job"] for event in daemon.events("job_crashed")} == {"poll_erp"}
    assert daemon.end()[0] == 0


def test_killed_daemon_and_its_successor_tell_once(world):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    ticket = world.desk.open("ana@example.com", "Error")
    world.desk.resolve(ticket, kind="consulta", minutes=10)
    first = world.daemon()
    wait_for(lambda: world.mail.messages, "the first letter")
    first.process.kill()
    first.process.wait()
    second = world.daemon()
    second.saw("service_ready")
    wait_for(lambda: not world.waiting() and world.desk.replies(ticket), "all letters", seconds=60)
    assert second.end()[0] == 0
    assert len(world.desk.replies(ticket)) == 1
    assert len({mail.message["Message-ID"] for mail in world.mail.messages}) == 1
    assert world.balances() == {"ana@example.com": 45}


def test_poll_beside_the_daemon_posts_once(world):
    daemon = world.daemon()
    daemon.saw("service_ready")
    customer = world.shop.customer("ana@example.com", "Ana", "Pérez")
    for _ in range(3):
        world.shop.buy(customer, {"SERVDOLIA60": 1})
        assert world.run("poll").code == 0
    wait_for(lambda: world.balances().get("ana@example.com") == 180, "the grants")
    wait_for(lambda: len(world.mail.messages) == 3, "the letters")
    assert daemon.end()[0] == 0
    assert len({mail.message["Message-ID"] for mail in world.mail.messages}) == len(world.mail.messages) == 3


def test_port_in_use(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        world.configure(('listen = ""', f'listen = "127.0.0.1:{taken.getsockname()[1]}"'))
        done = world.run("run")
    assert done.code == 2
    assert "service.listen" in done.line


def test_every_line_of_the_log_is_json_of_a_known_event(world):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    daemon = world.daemon()
    wait_for(lambda: world.mail.messages, "the letter")
    assert daemon.end()[0] == 0
    for line in daemon.lines:
        event = json.loads(line)
        assert event["event"] in EVENTS
        assert "ana@example.com" not in line


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="/proc tells what a process holds")
def test_what_draws_a_statement_does_not_stay_in_the_daemon(world):
    world.shop.buy(world.shop.customer("ana@example.com"), {"SERVDOLIA60": 1})
    daemon = world.daemon()
    wait_for(world.mail.messages.__len__, "the letter about the purchase")
    world.desk.open("ana@example.com", "saldo")

    def drawn():
        return [part.get_content_type() for mail in world.mail.messages for part in mail.message.iter_attachments()]

    wait_for(drawn, "the statement")
    assert drawn() == ["text/html", "application/pdf"]
    held = Path(f"/proc/{daemon.process.pid}/maps").read_text()
    assert "/sqlalchemy/" in held
    assert "/PIL/" not in held
    assert "/matplotlib/" not in held
    assert daemon.end()[0] == 0


def test_a_stop_during_the_first_passes_cuts_nothing_off(world, systemd):
    for system in (world.shop, world.erp):
        system.faults.append(Fault(delay_s=1.0))
    daemon = world.daemon(NOTIFY_SOCKET=systemd.path)
    wait_for(lambda: "READY=1" in systemd(), "READY=1")
    assert daemon.end()[0] == 0
    assert "STATUS=ending" in systemd()
    assert "STATUS=a request was cut off" not in systemd()
