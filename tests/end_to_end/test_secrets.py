"""Keys and passwords never leave the program but to the system they are for."""

from pathlib import Path

import canary
from bytebridge.sandbox.web import Fault, Reply


def test_secrets_stay_out_of_everything(world):
    """Also where the other side sends them back; every run checks its own output besides."""
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.desk.resolve(world.desk.open("ana@example.com", "Error"), kind="consulta", minutes=10)
    debug = {"BYTEBRIDGE_LOGGING__LEVEL": "debug"}
    assert world.run("poll", **debug).code == 0
    for system, key in ((world.shop, "shop"), (world.erp, "erp"), (world.desk, "helpdesk")):
        told = f"wrong key {world.planted[key + '.api_key']} in {system.url}/?ws_key={world.planted[key + '.api_key']}"
        for status in (400, 500, 401):
            system.faults.extend(Fault(None, Reply(status, told.encode(), "text/html")) for _ in range(4))
        world.pass_time(600)
        assert world.run("poll", "--json", **debug).code == 1
        system.faults.clear()
    world.run("doctor")
    world.run("config", "show")
    world.run("config", "show", "--json")
    world.settle()
    for path in world.folder.iterdir():
        if path.is_file():
            assert canary.leaks(path.read_bytes().decode("latin-1"), world.planted) == [], path
    for mail in world.mail.messages:
        assert canary.leaks(mail.raw.decode("latin-1"), world.planted) == []


def test_process_list_shows_no_secret(world):
    seen = []

    def look(_request):
        seen.append(Path(f"/proc/{process.pid}/cmdline").read_text())
        return False

    world.shop.faults.append(Fault(match=look))
    process = world.start("poll")
    world.finish(process)
    world.shop.faults.clear()
    assert seen
    assert canary.leaks("".join(seen), world.planted) == []


def test_awkward_secrets_are_masked_in_every_form(world):
    planted = canary.canaries()
    world.planted |= planted
    done = world.run("config", "show", "--json")
    assert {done.json[name]["value"] for name in planted} == {"***"}
    assert world.run("poll", "--json").code == 1
    assert world.run("doctor").code == 1


def test_key_in_the_query_stays_out_of_logs_and_errors(world):
    """It stands in every address that the library below knows, and would in whatever it says about them."""
    world.configure(("[shop]\n", "[shop]\nkey_in_query = true\n"))
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    debug = {"BYTEBRIDGE_LOGGING__LEVEL": "debug"}
    assert world.run("poll", **debug).code == 0
    assert all("ws_key=" in request.raw_query for request in world.shop.requests)
    for fault in (Fault(cut="before"), Fault(cut="middle"), Fault(None, Reply(302, headers={"Location": "/?again"}))):
        world.shop.faults.extend([fault] * 4)
        world.pass_time(600)
        assert world.run("poll", "--json", **debug).code == 1
        world.shop.faults.clear()
    world.shop.stop()
    assert world.run("poll", **debug).code == 1
    world.shop.start()
