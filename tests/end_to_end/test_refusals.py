"""A wrong setup stops with one line that says what is wrong and what to do."""

import sqlite3
import stat

import pytest

from bytebridge.ledger.migrate import HEAD

ASKED = "balance", "ana@example.com"


def only_line(done, code):
    """The one line of a refusal."""
    assert done.code == code, done
    assert done.line.startswith("bytebridge: ")
    return done.line


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("poll_interval = 1", "pol_interval = 1", "pol_interval"),
        ('[smtp]\nhost = "127.0.0.1"', '[snmp]\nhost = "127.0.0.1"', "snmp"),
        ("requests_per_minute = 60000", 'requests_per_minute = "many"', "requests_per_minute"),
        ('reference = "SERVDOLIA60"', 'reference = "SERVDOLIA("', "reference"),
    ],
)
def test_mistake_in_the_file(world, old, new, says):
    world.configure((old, new))
    done = world.run("config", "check")
    assert done.code == 2
    lines = done.err.splitlines()
    assert any(says in line and str(world.config) in line for line in lines), lines
    assert all(line.startswith("bytebridge: ") for line in lines)
    assert not world.database.exists()


def test_all_mistakes_are_told_at_once(world):
    world.configure(
        ("recheck_after = 0", "recheck_after = -1\nlow_balance = true"),
        ("[smtp]", "[smtp]\ncolour = 1"),
        ('security = "none"', 'security = "maybe"'),
        ('from = "creditos@example.com"', 'from = "nobody"'),
        ('quiet_before = ""', 'quiet_before = "soon"'),
        ("credits = 60", "credits = 1.5"),
    )
    done = world.run("config", "check", BYTEBRIDGE_SHOP__POLL_INTERVAL="x")
    assert done.code == 2
    wrong = "notices.recheck_after notices.low_balance notices.from notices.quiet_before smtp.colour smtp.security"
    for key in (*wrong.split(), "credits", "BYTEBRIDGE_SHOP__POLL_INTERVAL"):
        assert any(key in line for line in done.err.splitlines()), (key, done.err)


def test_file_that_is_not_there(world):
    world.config.unlink()
    assert str(world.config) in only_line(world.run(*ASKED), 2)


def test_file_that_is_no_toml(world):
    world.config.write_text("[shop\nurl=")
    assert str(world.config) in only_line(world.run(*ASKED), 2)


def test_no_configuration_at_all(world):
    """Nothing is configured: a command that reads says that there is no store."""
    empty = world.folder / "empty"
    empty.mkdir()
    none = dict.fromkeys(world.environment(), None)
    secrets = {name: None for name in none if name.startswith("BYTEBRIDGE_")}
    done = world.run(*ASKED, config=False, cwd=empty, STATE_DIRECTORY=str(empty / "state"), **secrets)
    assert "db upgrade" in only_line(done, 1)
    assert list(empty.iterdir()) == []


def test_configuration_by_the_environment(world):
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    found = world.run("config", "show", "--json", config=False, cwd=elsewhere, BYTEBRIDGE_CONFIG=str(world.config))
    assert found.json["shop.url"]["value"] == world.shop.url
    here = world.run("config", "show", "--json", config=False)
    assert here.json["shop.url"]["value"] == world.shop.url
    over = world.run("config", "show", "--json", BYTEBRIDGE_SHOP__URL="https://shop.example.com")
    assert over.json["shop.url"]["value"] == "https://shop.example.com"


@pytest.mark.parametrize("name", ["shop", "erp", "helpdesk"])
def test_missing_secret(world, name):
    variable = f"BYTEBRIDGE_{name.upper()}__API_KEY"
    line = only_line(world.run("poll", **{variable: None}), 2)
    assert f"{name}.api_key" in line
    assert variable in line
    assert not world.database.exists()


def test_command_needs_only_the_secrets_of_the_systems_it_calls(world):
    none = {name: None for name in world.environment() if name.endswith("API_KEY")}
    assert world.run("db", "upgrade", **none).code == 0
    assert world.run("accounts", "list", **none).code == 0
    of_shop = none | {"BYTEBRIDGE_SHOP__API_KEY": world.planted["shop.api_key"]}
    assert world.run("poll", "--source", "shop", **of_shop).code == 0


def test_secrets_in_credential_files(world):
    folder = world.folder / "credentials"
    folder.mkdir()
    for name, value in world.planted.items():
        (folder / f"bytebridge_{name.replace('.', '__')}").write_text(value + "\n")
    none = {name: None for name in world.environment() if name.endswith("API_KEY")}
    done = world.run("poll", CREDENTIALS_DIRECTORY=str(folder), **none)
    assert done.code == 0, done


@pytest.mark.parametrize("command", [ASKED, ("db", "verify")])
def test_reading_without_a_store_says_so(world, command):
    assert "db upgrade" in only_line(world.run(*command), 1)
    assert not world.database.exists()


def set_schema(world, revision):
    with sqlite3.connect(world.database) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    database.close()


def test_store_of_a_newer_program(world):
    assert world.run("db", "upgrade").code == 0
    set_schema(world, "9999")
    for command in (("poll",), ASKED, ("run",), ("poll", "--dry-run")):
        done = world.run(*command)
        assert done.code == 1
        said = [line for line in done.err.splitlines() if line.startswith("bytebridge: ")]
        assert len(said) == 1
        assert "9999" in said[0]
    assert world.mail.messages == []


def test_store_of_an_older_program_is_not_touched_by_a_dry_run(world):
    assert world.run("db", "upgrade").code == 0
    set_schema(world, "0000")
    assert "db upgrade" in only_line(world.run("poll", "--dry-run"), 1)
    assert HEAD in only_line(world.run(*ASKED), 1)


def test_locked_store(world):
    """Somebody holds the write lock: reading goes on, writing gives up with one line."""
    world.settle()
    with sqlite3.connect(world.database, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert world.run("accounts", "list").code == 0
        writing = world.start("adjust", "ana@example.com", "5", "--reason", "x")
        try:
            done = world.finish(writing, timeout=90)
        finally:
            holder.execute("ROLLBACK")
    holder.close()
    assert "no account" in only_line(done, 1) or "busy" in done.line


def test_emptied_store_is_no_new_firm(world):
    world.shop.buy(world.shop.customer("ana@example.com", "Ana", "Pérez"), {"SERVDOLIA60": 1})
    world.settle()
    for left in world.folder.glob("bytebridge.db*"):
        left.unlink()
    line = only_line(world.run("poll"), 1)
    assert "store-identity" in line
    assert not world.database.exists()
    assert len(world.mail.messages) == 1


def test_file_that_is_no_store(world):
    world.database.write_text("this is no database, and it is long enough to be looked at as one\n" * 100)
    for command in (ASKED, ("poll",)):
        only_line(world.run(*command), 1)


def test_state_directory_that_cannot_be_made(world):
    (world.folder / "file").write_text("")
    world.configure((f"{world.folder}/bytebridge.db", f"{world.folder}/file/bytebridge.db"))
    assert str(world.folder / "file") in only_line(world.run("poll"), 1)


def test_store_is_for_its_owner_alone(world):
    """It holds names and addresses of customers."""
    assert world.run("db", "upgrade").code == 0
    assert stat.S_IMODE(world.database.stat().st_mode) & 0o002 == 0
