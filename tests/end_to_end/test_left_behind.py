"""What a running program leaves where others on the machine may look: files, processes, open ports."""

import os
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest

import canary
from world import COMMAND, wait_for


@pytest.fixture
def customer(world):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.settle()
    return world


@pytest.fixture
def anything_goes():
    """The umask of a careless shell, which children inherit."""
    before = os.umask(0)
    yield
    os.umask(before)


WRITES = {
    "statement.txt": ("statement", "ana@example.com", "--output"),
    "statement.pdf": ("statement", "ana@example.com", "--format", "pdf", "--output"),
    "report.html": ("report", "--output"),
    "backup.db": ("db", "backup"),
    "plan.json": ("reconcile", "--plan"),
    "letter.html": ("notices", "preview", "balance", "--html"),
}


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}


def test_no_file_is_for_others_whatever_the_umask(anything_goes, world):
    """Names, addresses and balances of customers: store, log, lock, copies, statements, plans."""
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    daemon = world.daemon()
    wait_for(lambda: world.mail.messages, "the letter")
    for name, command in WRITES.items():
        assert world.run(*command, str(world.folder / name)).code in (0, 3)
    found = modes(world.folder)
    daemon.end()
    expected = {*WRITES, "bytebridge.db", "bytebridge.db-wal", "bytebridge.db-shm", "bytebridge.db.lock"}
    assert expected <= set(found)
    shared = {name: oct(mode) for name, mode in found.items() if mode & 0o077 and name in expected}
    assert shared == {}


@pytest.mark.parametrize("name", sorted(set(WRITES) - {"backup.db"}))
def test_no_link_that_lies_in_wait_is_followed(customer, name):
    """In a folder where others may write, the name of a file to come can be taken by a link to another."""
    victim = customer.folder / "victim"
    victim.write_text("precious")
    (customer.folder / name).symlink_to(victim)
    assert customer.run(*WRITES[name], str(customer.folder / name)).code in (0, 3)
    assert victim.read_text() == "precious"
    assert not (customer.folder / name).is_symlink()
    assert (customer.folder / name).stat().st_size > 0


def test_a_backup_takes_no_name_that_is_taken(customer):
    victim = customer.folder / "victim"
    victim.write_text("precious")
    (customer.folder / "backup.db").symlink_to(victim)
    customer.run("db", "backup", str(customer.folder / "backup.db"))
    assert victim.read_text() == "precious"


def test_output_may_be_a_device(customer):
    done = customer.run("statement", "ana@example.com", "--output", "/dev/stdout")
    assert done.code == 0
    assert "60" in done.out


def test_output_may_be_the_file_that_standard_output_is(customer):
    """As /dev/stdout it leads to a regular file, whose place nothing may take."""
    shown = customer.folder / "shown"
    shown.write_text("before\n")
    command = [COMMAND, "--config", str(customer.config), "statement", "ana@example.com", "--output", "/dev/fd/1"]
    with shown.open("a") as stream:
        done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, env=customer.environment(), text=True)
    assert (done.returncode, done.stderr) == (0, "written: /dev/fd/1\n")
    assert shown.read_text().startswith("before\n")
    assert "60" in shown.read_text()


def test_a_file_that_cannot_be_written_leaves_the_old_one(customer):
    folder = customer.folder / "elsewhere"
    done = customer.run("statement", "ana@example.com", "--output", str(folder / "none.txt"))
    assert done.code == 1
    assert "cannot be written" in done.line
    assert not folder.exists()


def descendants(number):
    """This process and all that it began."""
    found = [number]
    for task in Path(f"/proc/{number}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += descendants(int(child))
    return found


def test_no_process_shows_a_secret_to_others(world):
    """Keys that come as credential files stand in no argument and no environment, of the daemon or its children."""
    folder = world.folder / "credentials"
    folder.mkdir()
    for name, value in world.planted.items():
        (folder / f"bytebridge_{name.replace('.', '__')}").write_text(value)
    none = {f"BYTEBRIDGE_{name.replace('.', '__').upper()}": None for name in world.planted}
    seen, looked = [], []

    def look(_request):
        for number in descendants(daemon.process.pid):
            seen.extend(Path(f"/proc/{number}/{what}").read_text() for what in ("cmdline", "environ"))
        looked.append(True)
        return False

    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    from bytebridge.sandbox.web import Fault

    daemon = world.daemon(CREDENTIALS_DIRECTORY=str(folder), **none)
    world.shop.faults.append(Fault(match=look))
    wait_for(lambda: looked and world.mail.messages, "a look and the letter")
    world.shop.faults.clear()
    daemon.signal(signal.SIGTERM)
    daemon.end()
    assert COMMAND in "".join(seen)
    assert canary.leaks("".join(seen), world.planted) == []


def listening(number):
    """Addresses on which this process waits for connections."""
    sockets = {
        str(path.readlink()) for path in Path(f"/proc/{number}/fd").iterdir() if path.exists() or path.is_symlink()
    }
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{number}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].rpartition(":")[0])
    return found


def test_nothing_listens_but_on_loopback(world):
    world.configure(('listen = ""\n', 'listen = "127.0.0.1:0"\n'))
    daemon = world.daemon()
    daemon.saw("service_ready")
    assert listening(daemon.process.pid) == {"0100007F"}
    daemon.end()


@pytest.mark.parametrize(("mode", "secret", "level"), [(0o644, True, "doubtful"), (0o640, True, None), (0o646, False, "wrong"), (0o644, False, None)])  # fmt: skip
def test_doctor_sees_who_may_read_or_write_the_configuration(customer, mode, secret, level):
    more = f'\n[logging]\nlevel = "info"\n# {customer.planted["shop.api_key"]}\n' if secret else ""
    customer.configure(more=more)
    customer.config.chmod(mode)
    findings = customer.run("doctor", "--json").json["findings"]
    said = [finding["level"] for finding in findings if str(customer.config) in finding["what"]]
    assert said == ([level] if level else [])
    assert not any(re.search(customer.planted["shop.api_key"], str(finding)) for finding in findings)
