"""What only looks leaves no trace: not in the store, not in its folder, not in any system."""

import hashlib
import sqlite3

import pytest

from world import World

CHANGES = (
    ("poll",),
    ("reconcile",),
    ("adjust", "ana@example.com", "5", "--reason", "x"),
    ("accounts", "merge", "ana@example.com", "kate@example.com"),
    ("accounts", "add-email", "ana@example.com", "new@example.com"),
    ("accounts", "remove-email", "ana.old@example.com"),
    ("accounts", "set", "ana@example.com", "--name", "Other"),
    ("import", "openings.csv", "--with-history"),
    ("notices", "hold"),
    ("notices", "retry", "1"),
    ("notices", "cancel", "1"),
    ("review", "resolve", "1", "--charge", "15", "--reason", "x"),
)


def picture(world):
    """Every file of the firm's folder with its content."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(world.folder.iterdir())}


def writes(world):
    asked = world.shop.requests + world.erp.requests + world.desk.requests
    return [(one.method, one.path) for one in asked if one.method not in ("GET", "HEAD")]


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """A firm with a store, to which things happened that were not read yet."""
    with World(tmp_path_factory.mktemp("dry")) as world:
        (world.folder / "openings.csv").write_text("email,credits\nana@example.com,40\n")
        world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
        world.erp.sell(world.erp.customer("Oak Studio", "kate@example.com"), [("SERVDOLIA60", 1, 60)])
        vague = world.desk.open("ana@example.com", "Consulta")
        world.desk.resolve(vague)
        world.mail.reject("ana@example.com")  # a letter that failed, to be tried again
        world.settle()
        world.mail.rejected.clear()
        world.run("accounts", "add-email", "ana@example.com", "ana.old@example.com")
        world.shop.buy(world.shop.customer("luc@example.com", "Luc", "Martin"), {"SERVDOLIA120": 1})
        world.pass_time(60)
        with sqlite3.connect(world.database) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        yield world


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: " ".join(command[:2]))
def test_nothing_is_written(firm, command):
    before, asked, mails = picture(firm), writes(firm), len(firm.mail.messages)
    done = firm.run(*command, "--dry-run")
    assert done.code in (0, 3), done
    assert done.out
    after = {name: content for name, content in picture(firm).items() if not name.endswith(("-shm", "-wal"))}
    assert after == {name: content for name, content in before.items() if not name.endswith(("-shm", "-wal"))}
    assert all(not content.st_size for content in (path.stat() for path in firm.folder.glob("*-wal")))
    assert writes(firm) == asked
    assert len(firm.mail.messages) == mails


def test_it_says_what_would_happen(firm):
    shown = firm.show("poll", "--dry-run")
    assert (shown["posted"], shown["errors"]) == (1, [])
    assert [(one["email"], one["credits"]) for one in shown["entries"]] == [("luc@example.com", 120)]
    drift = firm.show("reconcile", "--dry-run", code=3)["drift"]
    assert [(one["email"], one["delta"]) for one in drift] == [("luc@example.com", 120)]


def test_rehearsal_on_a_store_that_may_not_be_written(firm):
    firm.database.chmod(0o444)
    try:
        assert firm.show("poll", "--dry-run")["posted"] == 1
    finally:
        firm.database.chmod(0o644)


@pytest.mark.parametrize("command", ["poll", "reconcile"])
def test_without_a_store_none_is_made(world, command):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    before = picture(world)
    done = world.show(command, "--dry-run", code=3 if command == "reconcile" else 0)
    assert done["dry_run"] is True
    assert picture(world) == before
    assert world.mail.messages == []
