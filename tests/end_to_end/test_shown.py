"""What `statement` and `report` do with dates, places to write to, terminals and pipes."""

import csv
import io
import json
import os
import pty
import re
import subprocess
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.ledger import accounts, entries, reviews
from bytebridge.ledger.engine import Store
from world import COMMAND

ZONE = "Europe/Madrid"


def at(*moment):
    return int(datetime(*moment, tzinfo=ZoneInfo(ZONE)).timestamp())


def packs(units):
    line = {"reference": "SERVDOLIA120", "units": units, "taken_back": 0, "credits": 120}
    return {"rule": "packs", "standing": "paid", "lines": [line]}


class Office:
    """A firm without systems, whose ledger is written by hand."""

    def __init__(self, folder):
        self.folder = folder
        config = folder / "bytebridge.toml"
        config.write_text(
            f"[store]\nurl = 'sqlite:///{folder}/bytebridge.db'\n[notices]\ntime_zone = '{ZONE}'\n", encoding="utf-8"
        )
        self.command = [COMMAND, "--config", str(config)]
        self.run("db", "upgrade")

    def book(self, email, movements, name="Ana"):
        """movements: (document, kind, credits, when, derivation)."""
        store = Store(f"sqlite:///{self.folder}/bytebridge.db")

        def write(connection):
            number = accounts.create(connection, email, name, "es", 0, "test")
            balance, postings, revisions, was = 0, [], Counter(), Counter()
            for document, kind, credits, when, why in movements:
                balance += credits
                revisions[document] += 1
                revision = revisions[document]
                before = was[document]
                postings.append(
                    Posting(number, document, revision, EntryKind(kind), credits, balance, before, when, why)
                )
                was[document] += credits
            entries.append(connection, postings, 1, max(when for *_, when, _ in movements))

        store.transact(write)
        store.close()

    def run(self, *arguments, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BYTEBRIDGE_")}
        environment = kept | more.pop("environment", {})
        done = subprocess.run(
            [*self.command, *map(str, arguments)],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60, "env": environment, **more},
        )
        assert b"Traceback" not in (done.stderr or b""), done.stderr.decode()
        return done

    def show(self, *arguments):
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """An office that only reads, with Ana's purchases around two nights."""
    office = Office(tmp_path_factory.mktemp("nights"))
    office.book("ana@example.com", NIGHT, name="Ñandú 漢字")
    return office


NIGHT = [  # the night of 29 March 2026 is an hour shorter, that of 25 October an hour longer
    ("shop:1", "grant", 120, at(2026, 3, 28, 23, 59, 59), packs(1)),
    ("shop:2", "grant", 240, at(2026, 3, 29, 0, 0, 0), packs(2)),
    ("shop:3", "grant", 360, at(2026, 3, 29, 23, 59, 59), packs(3)),
    ("shop:4", "grant", 480, at(2026, 3, 30, 0, 0, 0), packs(4)),
    ("shop:5", "grant", 600, at(2026, 10, 25, 0, 0, 0), packs(5)),
    ("shop:6", "grant", 720, at(2026, 10, 25, 23, 59, 59), packs(6)),
    ("shop:7", "grant", 840, at(2026, 10, 26, 0, 0, 0), packs(7)),
]


@pytest.mark.parametrize(
    ("window", "opening", "documents"),
    [
        (("--since", "2026-03-29", "--until", "2026-03-29"), 120, "23"),
        (("--since", "20260329", "--until", "20260329"), 120, "23"),
        (("--since", "2026-W13-7", "--until", "2026-W13-7"), 120, "23"),
        (("--since", "2026-10-25", "--until", "2026-10-25"), 1200, "56"),
        (("--at", "2026-03-28"), 0, "1"),
        (("--since", "2026-10-26"), 2520, "7"),
        (("--since", "2026-03-28T23:00:00Z", "--until", "2026-03-29T00:00:00+01:00"), 120, ""),
        (("--since", "2026-03-28T23:00:00", "--until", "2026-03-28T23:00:01"), 120, "2"),
    ],
)
def test_bare_day_is_one_of_the_firms_zone_however_long(nights, window, opening, documents):
    if not documents:
        assert nights.run("statement", "ana@example.com", *window).returncode == 2  # an instant is no period
        return
    shown = nights.show("statement", "ana@example.com", *window)
    assert shown["opening"] == opening
    assert [entry["document"] for entry in shown["entries"]] == [f"order {number}" for number in documents]


@pytest.mark.parametrize(
    "window",
    [
        ("--since", "2026-02-30"),
        ("--since", "yesterday"),
        ("--until", "9999-12-31"),
        ("--since", "0001-01-01"),
        ("--known-at", "9999-12-31"),
        ("--since", "2026-03-02", "--until", "2026-03-01"),
    ],
)
def test_dates_that_make_no_sense_are_wrong_usage(nights, window):
    done = nights.run("statement", "ana@example.com", *window)
    assert (done.returncode, done.stdout) == (2, b"")
    assert window[-1].encode() in done.stderr


WRITERS = [("statement", "ana@example.com"), ("statement", "ana@example.com", "--format", "pdf"), ("report",)]


@pytest.mark.parametrize("command", WRITERS)
def test_file_is_written_or_a_sentence_says_why_not(nights, command, tmp_path):
    there = tmp_path / "there"
    there.write_bytes(b"before" * 100_000)
    done = nights.run(*command, "--output", there)
    assert (done.returncode, done.stdout) == (0, b"")
    assert not there.read_bytes().endswith(b"before")
    for nowhere in (tmp_path, tmp_path / "no" / "such", ""):
        done = nights.run(*command, "--output", nowhere)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.count(b"\n") == 1
        assert b"cannot be written" in done.stderr


@pytest.mark.parametrize("command", WRITERS)
def test_full_disk_is_one_sentence(nights, command):
    with Path("/dev/full").open("wb") as full:
        done = nights.run(*command, stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        b"bytebridge: standard output: cannot be written (No space left on device): use --output FILE"
    ]


@pytest.mark.parametrize("command", [*WRITERS, ("statement", "ana@example.com", "--format", "csv")])
def test_what_is_written_does_not_depend_on_the_terminals_encoding(nights, command):
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = nights.run(*command, environment=ascii_only)
    assert done.returncode == 0
    if "pdf" not in command:
        assert "Ñandú".encode() in done.stdout or command == ("report",)


def on_terminal(office, *arguments, **more):
    """Exit code, and what a terminal on that stream was shown."""
    ours, theirs = pty.openpty()
    try:
        done = office.run(*arguments, **dict.fromkeys(more, theirs))
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65_536):
                seen += piece
        except OSError:
            pass  # the other end is closed
    finally:
        os.close(ours)
    return done.returncode, seen.decode()


def long_history(count):
    return [(f"shop:{number}", "grant", 120, at(2016, 1, 1) + number * 30_000, packs(1)) for number in range(count)]


def test_pdf_is_not_thrown_at_a_terminal(nights):
    code, seen = on_terminal(nights, "statement", "ana@example.com", "--format", "pdf", stdout=True)
    assert (code, seen) == (2, "")


def test_long_work_shows_on_a_terminal_how_far_it_is_and_nothing_in_a_pipe(office, tmp_path):
    office.book("ana@example.com", long_history(700))
    to_file = ("--format", "pdf", "--output", tmp_path / "ana.pdf")
    code, seen = on_terminal(office, "statement", "ana@example.com", *to_file, stderr=True)
    assert code == 0
    assert "written: movements 600" in seen
    code, seen = on_terminal(office, "report", stderr=True)
    assert "read: entries 700" in seen
    assert b"\r" not in office.run("statement", "ana@example.com", *to_file).stderr
    assert b"\r" not in office.run("report").stderr


def test_forecast_is_that_of_the_whole_history_whatever_the_period(office):
    now = int(datetime.now(tz=ZoneInfo(ZONE)).timestamp())
    day = 86_400
    worked = [
        (f"helpdesk:{days}", "debit", -30, now - days * day, {"rule": "flat", "kind": "upgrade", "flat": 30})
        for days in (120, 83, 51, 34)  # none where two quarters of the history meet: the clock goes on meanwhile
    ]
    gesture = ("helpdesk:34", "correction", 15, now - 20 * day, {"rule": "noted", "kind": "upgrade", "noted": 15})
    office.book("ana@example.com", [("shop:1", "grant", 600, now - 130 * day, packs(5)), *worked, gesture])
    whole = office.show("statement", "ana@example.com")["lasts_days"]
    assert whole is not None
    since = datetime.fromtimestamp(now - 10 * day, ZoneInfo(ZONE)).date().isoformat()
    ahead = datetime.fromtimestamp(now + 40 * day, ZoneInfo(ZONE)).date().isoformat()
    assert office.show("statement", "ana@example.com", "--since", since)["lasts_days"] == whole
    assert office.show("statement", "ana@example.com", "--until", ahead)["lasts_days"] == whole
    assert office.show("statement", "ana@example.com", "--until", since)["lasts_days"] is None
    first = office.show("report")["by_days_left"][0]
    assert (first["account"], first["name"], first["lasts_days"]) == (1, "Ana", whole)


def blocks(minutes):
    return {"rule": "blocks", "kind": "consultation", "minutes": minutes, "block": 15, "minimum": 15}


def returned(units):
    line = {"reference": "SERVDOLIA120", "units": 2, "taken_back": units, "credits": 120}
    return {"rule": "packs", "standing": "paid", "lines": [line]}


ANA = [
    ("shop:1", "grant", 240, at(2026, 1, 7, 9), returned(0)),
    ("helpdesk:a", "debit", -15, at(2026, 1, 9, 9), blocks(7)),
    ("shop:1", "refund", -120, at(2026, 2, 1, 9), returned(1)),
]
LUIS = [
    ("helpdesk:b", "debit", -45, at(2026, 1, 8, 9), blocks(40)),
    ("helpdesk:b", "correction", 15, at(2026, 1, 9, 8), blocks(30)),
]
MOVED = [(240, 240), (-45, 195), (15, 210), (-15, 195), (-120, 75)]  # both accounts' movements by their time


def test_merged_accounts_are_one_statement_in_every_format_with_a_code_that_proves_it(office):
    office.book("ana@example.com", ANA, name="Ana Pérez")
    office.book("luis@example.com", LUIS, name="Luis Gil")
    assert office.run("accounts", "merge", "ana@example.com", "luis@example.com").returncode == 0
    shown = office.show("statement", "luis@example.com")
    assert [(entry["credits"], entry["balance"]) for entry in shown["entries"]] == MOVED
    assert (shown["opening"], shown["closing"]) == (0, 75)
    proven = office.run("db", "verify", "--receipt", shown["receipt"])
    assert proven.returncode == 0, proven
    written = {
        form: office.run("statement", "ana@example.com", "--format", form, "--language", "en").stdout.decode()
        for form in ("text", "csv", "html")
    }
    for form, content in written.items():
        assert shown["receipt"] in content, form
        assert not any(secret in content for secret in ("luis@", "ana@", "Luis", "Pérez")), form
    rows = [row for row in csv.reader(io.StringIO(written["csv"])) if row[0] == "Movement"]
    assert [(int(row[5]), int(row[6])) for row in rows] == MOVED
    cells = re.findall(r'class="figure (?:credits|balance)[^>]*>([^<]+)<', written["html"])
    figures = [int(cell.replace("−", "-")) for cell in cells]
    assert figures == [0, *(figure for pair in MOVED for figure in pair), 75]
    lines = re.findall(r"^\d+ \w+ 2026.*?([+−]?\d+) +(−?\d+)$", written["text"], re.MULTILINE)
    assert [tuple(int(figure.replace("−", "-")) for figure in line) for line in lines] == MOVED


def test_report_says_why_something_waits_in_its_own_language(office):
    store = Store(f"sqlite:///{office.folder}/bytebridge.db")
    store.transact(lambda connection: reviews.open_unreadable(connection, "shop:9", "<x>", at(2026, 3, 1)))
    store.close()
    pages = {tongue: office.run("report", "--language", tongue).stdout.decode() for tongue in ("es", "fr", "en")}
    assert "una respuesta que no se entiende: &lt;x&gt;" in pages["es"]
    assert "une réponse que l’on ne comprend pas : &lt;x&gt;" in pages["fr"]
    assert "an answer the notes on this system do not allow: &lt;x&gt;" in pages["en"]
    assert office.run("report").stdout.decode().count("una respuesta que no se entiende") == 1
    assert office.show("report")["review"][0]["why"] == "an answer the notes on this system do not allow: <x>"
