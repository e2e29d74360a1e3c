"""Every command as users run it: what it prints, its JSON, its exit code."""

import csv
import io
import json
import re
from datetime import datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from bytebridge import __version__
from world import COMMAND, World

MADRID = ZoneInfo("Europe/Madrid")  # the firm's days, if its settings name no other
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def lived(world):
    """People who buy, ask and are helped; what each then has stands beside it."""
    ana = world.shop.customer("ana@example.com", "Ana", "Pérez", "es")
    order = world.shop.buy(ana, {"SERVDOLIA60": 2})  # +120
    luc = world.shop.customer("luc@example.com", "Luc", "Martin", "fr")
    unpaid = world.shop.buy(luc, {"SERVDOLIA120": 1}, paid=False)
    kate = world.erp.customer("Oak Studio", "kate@example.com")
    invoice = world.erp.sell(kate, [("SERVDOLIA60", 1, 60)])  # +60
    question = world.desk.open("ana@example.com", "Error al validar una factura")
    world.desk.resolve(question, kind="consulta", minutes=22)  # −30
    vague = world.desk.open("luc@example.com", "Petite question", name="Luc Martin")
    world.desk.resolve(vague)
    return SimpleNamespace(order=order, unpaid=unpaid, invoice=invoice, question=question, vague=vague)


def code_of(world, ticket):
    return world.desk.tickets[ticket].fields["code"]


def settled(world):
    """A world of the test's own that was lived in."""
    world.documents = lived(world)
    world.settle()
    return world


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """A world in which a pass was made; tests only look at it."""
    with World(tmp_path_factory.mktemp("firm")) as world:
        world.documents = lived(world)
        world.first = world.poll()
        world.settle()
        yield world
        assert world.outside() == []


def test_poll_says_what_it_did(firm):
    assert firm.first == {
        "examined": {"shop": 2, "erp": 2, "helpdesk": 2},
        "posted": 3,
        "notices_sent": 3,
        "errors": [],
    }
    assert list(firm.first) == ["examined", "posted", "notices_sent", "errors"]


def test_poll_again_posts_and_sends_nothing(firm):
    before = firm.received()
    again = firm.poll()
    assert (again["posted"], again["notices_sent"], again["errors"]) == (0, 0, [])
    assert firm.received() == before


def test_poll_of_one_source_reads_no_other(firm):
    asked = len(firm.desk.requests)
    done = firm.show("poll", "--source", "shop")
    assert set(done["examined"]) == {"shop"}
    assert len(firm.desk.requests) == asked


def test_balance(firm):
    shown = firm.show("balance", " ANA@example.COM")
    assert MOMENT.fullmatch(shown.pop("last_entry_at"))
    assert shown == {
        "account": 1,
        "emails": ["ana@example.com"],
        "name": "Ana Pérez",
        "balance": 90,
        "low": False,
        "granted": 120,
        "debited": 30,
    }
    assert "90 credits" in firm.run("balance", "ana@example.com").out


@pytest.mark.parametrize("option", ["--at", "--known-at"])
def test_balance_of_a_day(firm, option):
    assert firm.show("balance", "ana@example.com", option, "2020-01-01")["balance"] == 0
    assert firm.show("balance", "ana@example.com", option, "2999-12-31")["balance"] == 90


@pytest.mark.parametrize("command", [("balance",), ("statement",), ("accounts", "show")])
def test_unknown_address(firm, command):
    done = firm.run(*command, "nobody@example.com", "--json")
    assert (done.code, done.json) == (1, {"error": "no account for nobody@example.com"})
    assert done.line == "bytebridge: no account for nobody@example.com"


def test_statement(firm):
    shown = firm.show("statement", "ana@example.com")
    assert (shown["account"], shown["emails"], shown["opening"], shown["closing"]) == (1, ["ana@example.com"], 0, 90)
    grant, debit = shown["entries"]
    assert grant.keys() >= {"id", "at", "kind", "credits", "balance", "source", "document", "reason"}
    assert (grant["kind"], grant["credits"], grant["balance"], grant["source"]) == ("grant", 120, 120, "shop")
    assert (grant["document"], grant["reason"]) == (f"order {firm.documents.order}", "2 × SERVDOLIA60")
    assert (debit["kind"], debit["credits"], debit["balance"], debit["source"]) == ("debit", -30, 90, "helpdesk")
    assert debit["document"] == f"ticket {code_of(firm, firm.documents.question)}"
    assert MOMENT.fullmatch(grant["at"])


def test_statement_of_a_time_without_movements(firm):
    shown = firm.show("statement", "ana@example.com", "--since", "2999-01-01")
    assert (shown["opening"], shown["closing"], shown["entries"]) == (90, 90, [])


def test_statement_forms(firm, tmp_path):
    text = firm.run("statement", "ana@example.com").out
    assert "120" in text
    assert "90" in text
    assert firm.run("statement", "ana@example.com", "--format", "json").json["closing"] == 90
    sheet = firm.run("statement", "ana@example.com", "--format", "csv").out.removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(sheet), delimiter=";" if ";" in sheet.splitlines()[0] else ","))
    assert any("120" in cell for row in rows for cell in row)
    page = firm.run("statement", "ana@example.com", "--format", "html").out
    assert page.lstrip().lower().startswith("<!doctype html")
    paper = tmp_path / "statement.pdf"
    done = firm.run("statement", "ana@example.com", "--format", "pdf", "--output", paper)
    assert (done.code, done.out) == (0, "")
    assert paper.read_bytes().startswith(b"%PDF-")


def test_statement_to_a_place_that_is_none(firm, tmp_path):
    done = firm.run("statement", "ana@example.com", "--output", tmp_path / "no" / "such.txt")
    assert done.code == 1
    assert "such.txt" in done.line


def test_accounts(firm):
    shown = firm.show("accounts", "list")
    assert [one["emails"] for one in shown["accounts"]][:2] == [["ana@example.com"], ["kate@example.com"]]
    assert shown["accounts"][0] == firm.show("balance", "ana@example.com")
    assert [one["emails"] for one in firm.show("accounts", "list", "oak")["accounts"]] == [["kate@example.com"]]
    one = firm.show("accounts", "show", "kate@example.com")
    assert one.items() >= {"balance": 60, "low_balance": 30, "merged": []}.items()


def test_explain(firm):
    code = code_of(firm, firm.documents.question)
    shown = firm.show("explain", "ticket", code)
    assert shown == firm.show("explain", f"ticket {firm.documents.question}")
    assert shown["document"] == f"ticket {code}"
    assert [entry["credits"] for entry in shown["entries"]] == [-30]
    assert [notice["state"] for notice in shown["notices"]] == ["sent"]
    assert "30" in " ".join(shown["steps"])
    ref = firm.erp.invoices[int(firm.documents.invoice)]["ref"]
    assert firm.show("explain", "invoice", ref)["document"] == f"invoice {ref} ({firm.documents.invoice})"
    told = firm.run("explain", f"order {firm.documents.order}")
    assert told.code == 0
    assert "+120" in told.out


def test_explain_asks_the_source(world):
    firm = settled(world)
    firm.desk.note_work(firm.documents.question, minutes=50)
    shown = firm.show("explain", "ticket", firm.documents.question)
    assert shown["says"]["minutes"] == ["50"]
    assert shown["source"].items() >= {"answered": True, "why": "", "changed_since": True}.items()
    assert shown["now"]["worth"] == -60
    assert shown["now"]["would_post"] == -30
    assert [entry["credits"] for entry in shown["entries"]] == [-30]
    told = firm.run("explain", "ticket", firm.documents.question)
    assert "the next pass posts -30" in told.out


def test_explain_dates_an_invoices_credit_notes_as_it_dates_the_invoice(world):
    firm = settled(world)
    note = firm.erp.credit_note(firm.documents.invoice, [("SERVDOLIA60", 1, 60)])
    firm.erp.validate(note)
    says = firm.show("explain", "invoice", firm.documents.invoice)["says"]
    [shown] = says["credit_notes"]
    assert shown["id"] == note
    for named in (says, shown):
        assert MOMENT.fullmatch(named["created_at"])
        assert MOMENT.fullmatch(named["date"])


def test_explain_of_a_source_that_does_not_answer_shows_what_was_seen_last(world):
    firm = settled(world)
    before = firm.show("explain", "order", firm.documents.order)
    firm.shop.stop()
    shown = firm.show("explain", "order", firm.documents.order)
    assert (shown["says"], shown["entries"]) == (before["says"], before["entries"])
    assert not shown["source"]["answered"]
    assert "shop" in shown["source"]["why"]
    assert "last seen" in firm.run("explain", "order", firm.documents.order).out


@pytest.mark.parametrize("words", [("order", "999"), ("ticket", "ABC-DEFGH-123"), ("invoice", "FA0"), ("1042",)])
def test_explain_of_what_is_not_there(firm, words):
    done = firm.run("explain", *words)
    assert (done.code, done.out) == (1, "")
    assert words[-1] in done.line


def test_reviews(firm):
    [item] = firm.show("review", "list")["items"]
    assert MOMENT.fullmatch(item["since"])
    assert item["why"]
    assert (item["source"], item["state"], item["email"]) == ("helpdesk", "waiting", "luc@example.com")
    assert item["document"] == f"ticket {code_of(firm, firm.documents.vague)}"
    assert firm.show("review", "show", item["id"])["why"] == item["why"]
    assert firm.run("review", "show", "999").code == 1


def test_notices(firm):
    listed = firm.show("notices", "list")["notices"]
    keys = {"id", "account", "kind", "channel", "to", "state", "created_at", "sent_at"}
    assert all(one.keys() >= keys for one in listed)
    told = [(one["account"], one["kind"], one["channel"], one["to"], one["state"]) for one in listed]
    assert told[:3] == [
        (1, "purchase", "email", "ana@example.com", "sent"),
        (2, "purchase", "email", "kate@example.com", "sent"),
        (1, "balance", "ticket", "ana@example.com", "sent"),
    ]
    assert all(MOMENT.fullmatch(one["created_at"]) and MOMENT.fullmatch(one["sent_at"]) for one in listed)
    assert listed[0]["document"] == f"order {firm.documents.order}"
    assert firm.show("notices", "list", "--state", "pending") == {"notices": []}
    assert "120" in firm.show("notices", "show", "1")["letter"]["text"]
    assert firm.run("notices", "show", "999").code == 1


def test_preview(firm, tmp_path):
    page = tmp_path / "letter.html"
    done = firm.run("notices", "preview", "statement", "--account", "ana@example.com", "--html", page)
    assert "Hola, Ana" in done.out
    assert "pedido" in done.out
    assert "pedido" in page.read_text("utf-8")
    assert "Bonjour" in firm.run("notices", "preview", "low_balance", "--language", "fr").out
    assert firm.run("notices", "preview", "nonsense").code == 1
    nowhere = firm.run("notices", "preview", "balance", "--html", tmp_path / "no" / "letter.html")
    assert nowhere.code == 1
    assert "cannot be written" in nowhere.line


def test_why_somebody_was_told(firm):
    rows = firm.show("notices", "explain", "ana@example.com")["considered"]
    assert rows[0]["kind"] == "purchase"
    assert rows[0]["became"].startswith("sent, email to ana@example.com")
    day = datetime.fromisoformat(rows[0]["at"]).astimezone(MADRID).date().isoformat()
    assert firm.show("notices", "explain", "ana@example.com", "--on", day)["considered"] != []
    assert firm.show("notices", "explain", "ana@example.com", "--on", "2001-01-01") == {"considered": []}
    assert firm.run("notices", "explain", "ana@example.com", "--on", "nonsense").code == 2
    assert firm.run("notices", "explain", "nobody@example.com").code == 1


def test_runs(firm):
    listed = firm.show("runs", "list")["runs"]
    first = listed[-1]
    assert first["what"] == "poll"
    assert MOMENT.fullmatch(first["begun"])
    entries = firm.show("runs", "show", first["id"])["entries"]
    assert sorted(entry["credits"] for entry in entries) == [-30, 60, 120]
    said = firm.run("runs", "show", first["id"]).out.splitlines()
    assert said[0].startswith(f"run {first['id']}: poll by ")
    assert "  posted: 3" in said
    assert firm.run("runs", "show", "999").code == 1


def test_reconcile_without_drift(firm):
    shown = firm.show("reconcile")
    assert list(shown)[:5] == ["dry_run", "examined", "drift", "review", "applied"]
    assert (shown["dry_run"], shown["drift"], shown["applied"]) == (False, [], 0)
    assert set(shown["examined"]) == {"shop", "erp", "helpdesk"}


def test_verify(firm):
    assert firm.show("db", "verify")["fault"] is None


def test_doctor(firm):
    done = firm.run("doctor", "--json")
    assert done.code in (0, 3), done.out
    assert all(one.keys() == {"level", "what", "cure"} for one in done.json["findings"])
    said = firm.run("doctor").out
    assert said.startswith("✓ configuration: no mistakes")
    assert len(said.splitlines()) <= 24, "one screen"
    assert {one["what"] for one in done.json["findings"]} == {
        one["what"] for one in done.json["findings"] if one["what"] in re.sub(r"\n +", " ", said)
    }


def test_config(firm):
    shown = firm.show("config", "show")
    assert shown["shop.url"] == {"value": firm.shop.url, "origin": shown["shop.url"]["origin"]}
    assert str(firm.config) in shown["shop.url"]["origin"]
    assert "BYTEBRIDGE_SHOP__API_KEY" in shown["shop.api_key"]["origin"]
    assert shown["shop.api_key"]["value"] == "***"
    assert shown["helpdesk.default_kind"]["origin"] == "default"
    assert firm.run("config", "show").code == 0
    assert firm.run("config", "check").code == 0


def test_words_that_are_no_command(firm):
    for wrong in (["nonsense"], ["poll", "--source", "bank"], ["balance"]):
        done = firm.run(*wrong)
        assert (done.code, done.out) == (2, ""), wrong


def test_help_of_every_command(firm):
    top = firm.run("--help").out
    listed = re.findall(r"^  ([a-z]+) ", top.partition("Commands:")[2], re.MULTILINE)
    promised = (
        "run poll reconcile runs balance explain statement accounts adjust import review notices doctor db config"
    )
    assert set(promised.split()) <= set(listed)
    assert COMMAND.endswith("bytebridge")


# commands that change something


def test_reconcile_finds_and_repairs(world):
    ana = world.shop.customer("ana@example.com", "Ana", "Pérez")
    order = world.shop.buy(ana, {"SERVDOLIA60": 2})
    expected = {
        "source": "shop",
        "document": f"order {order}",
        "email": "ana@example.com",
        "posted": 0,
        "expected": 120,
        "delta": 120,
        "reason": "missing",
    }
    world.run("db", "upgrade")
    dry = world.show("reconcile", "--dry-run", code=3)
    assert (dry["dry_run"], len(dry["drift"]), dry["applied"]) == (True, 1, 0)
    assert dry["drift"][0].items() >= expected.items()
    wet = world.show("reconcile", code=3)
    assert (wet["dry_run"], len(wet["drift"]), wet["applied"]) == (False, 1, 1)
    assert wet["drift"][0].items() >= expected.items()
    assert world.show("reconcile")["drift"] == []
    assert world.balances() == {"ana@example.com": 120}


def test_people_change_accounts(world):
    for name in ("ana", "luc"):
        world.shop.buy(world.shop.customer(f"{name}@example.com", name.title(), "García"), {"SERVDOLIA60": 1})
    world.settle()
    assert world.run("adjust", "ana@example.com", "-15", "--reason", "goodwill").code == 0
    assert world.run("adjust", "ana@example.com", "+5", "--reason", "rounded").code == 0
    last = world.show("statement", "ana@example.com")["entries"][-2:]
    assert [(one["kind"], one["credits"], one["source"]) for one in last] == [
        ("adjustment", -15, "admin"),
        ("adjustment", 5, "admin"),
    ]
    assert world.run("adjust", "nobody@example.com", "5", "--reason", "x").code == 1
    assert world.run("adjust", "ana@example.com", "0", "--reason", "x").code == 2
    taken = world.run("accounts", "add-email", "ana@example.com", "luc@example.com")
    assert taken.code == 1
    assert "merge" in taken.line
    assert world.run("accounts", "add-email", "ana@example.com", "ana.p@example.com").code == 0
    assert world.show("balance", "ana.p@example.com")["balance"] == 50
    assert world.run("accounts", "merge", "ana@example.com", "luc@example.com").code == 0
    assert world.show("balance", "luc@example.com")["balance"] == 110
    assert world.run("accounts", "split", "luc@example.com").code == 0
    assert world.show("balance", "luc@example.com")["balance"] == 60
    assert world.run("accounts", "set", "luc@example.com", "--low-balance", "100").code == 0
    assert world.show("balance", "luc@example.com")["low"] is True
    assert world.run("accounts", "remove-email", "ana.p@example.com").code == 0
    assert world.run("balance", "ana.p@example.com").code == 1
    world.settle()
    assert world.balances() == {"ana@example.com": 50, "luc@example.com": 60}
    assert world.show("db", "verify")["fault"] is None


def test_what_a_person_posts_is_logged_by_its_run(world):
    for name in ("ana", "luc"):
        world.shop.buy(world.shop.customer(f"{name}@example.com"), {"SERVDOLIA60": 1})
    vague = world.desk.open("ana@example.com", "Consulta")
    world.desk.resolve(vague)
    world.settle()
    [item] = world.show("review", "list")["items"]
    openings = world.folder / "openings.csv"
    openings.write_text("email,credits\nben@example.com,50\ncarl@example.com,20\n")
    for words, posted in (
        (("adjust", "ana@example.com", "-15", "--reason", "goodwill"), 1),
        (("review", "resolve", item["id"], "--charge", "30", "--reason", "two questions"), 1),
        (("import", openings, "--with-history"), 2),
        (("accounts", "merge", "ana@example.com", "luc@example.com"), 2),
    ):
        done = world.run(*words)
        lines = [json.loads(line) for line in done.err.splitlines() if '"entry_posted"' in line]
        assert (done.code, len(lines)) == (0, posted), done
        assert {line["run"] for line in lines} == {world.show("runs", "list")["runs"][0]["log"]}


def test_decision_of_a_person_holds(world):
    vague = world.desk.open("ana@example.com", "Consulta")
    world.desk.resolve(vague)
    world.settle()
    [item] = world.show("review", "list")["items"]
    assert world.run("review", "resolve", item["id"], "--charge", "30").code == 2  # no reason
    assert world.run("review", "resolve", item["id"], "--charge", "30", "--accept", "--reason", "x").code == 2
    assert world.run("review", "resolve", item["id"], "--charge", "30", "--reason", "two questions").code == 0
    world.settle()
    assert world.balances() == {"ana@example.com": -30}
    assert world.show("review", "list", "--state", "waiting")["items"] == []
    assert len(world.desk.replies(vague)) == 1


def test_letters_are_held_and_released(world):
    assert world.run("notices", "hold").code == 0
    world.shop.buy(world.shop.customer("ana@example.com"), {"SERVDOLIA60": 1})
    world.poll()
    world.poll()
    assert world.mail.messages == []
    for command in (("notices", "list"), ("notices", "explain", "ana@example.com"), ("doctor",)):
        done = world.run(*command)
        assert "`bytebridge notices release`" in done.out + done.err or "→ bytebridge notices release" in done.out
    assert world.run("notices", "cancel", "1").code == 0
    assert world.run("notices", "release").code == 0
    world.poll()
    assert world.mail.messages == []
    assert world.run("notices", "retry", "1").code == 0
    world.settle()
    assert len(world.mail.messages) == 1
    assert world.run("notices", "retry", "999").code == 1


def test_the_brake_is_named_by_doctor_until_the_source_is_mended(world):
    customers = [world.shop.customer(f"c{number}@example.com") for number in range(25)]
    orders = [world.shop.buy(customer, {"SERVDOLIA60": 1}) for customer in customers]
    world.settle()
    for order in orders:
        world.shop.cancel(order)
    world.poll(code=1)
    assert "✗ the brake is on: shop: run 2 waits for `reconcile --confirm 2`" in world.run("doctor").out
    for order in orders:
        world.shop.pay(order)
    world.poll()
    assert "the brake is on" not in world.run("doctor").out


def test_import(world):
    openings = world.folder / "openings.csv"
    openings.write_bytes("\ufeffemail;credits;name\nAna@example.com;45;Ana Pérez\nluc@example.com;-20;\n".encode())
    refused = world.run("import", openings)
    assert refused.code == 1
    assert "since" in refused.line
    assert world.run("import", openings, "--with-history").code == 0
    assert world.balances() == {"ana@example.com": 45, "luc@example.com": -20}
    assert world.run("import", openings, "--with-history").code == 0
    openings.write_text("email,credits\nana@example.com,50\n")
    assert world.run("import", openings, "--with-history", "--date", "2026-01-01").code == 0
    assert world.balances() == {"ana@example.com": 50, "luc@example.com": -20}
    kinds = [entry["kind"] for entry in world.show("statement", "ana@example.com")["entries"]]
    assert kinds == ["opening", "opening"]
    world.poll()
    assert world.mail.messages == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "line 1"),
        ("mail,credits\na@example.com,1\n", "line 1"),
        ("email,credits\nana@example.com,12.5\n", "line 2"),
        ("email,credits\nana@example.com,1\nANA@example.com,2\n", "line 3"),
        ("email,credits\nnot an address,1\n", "line 2"),
        ("email,credits\na@example.com,1\nb@example.com,1e9\n", "line 3"),
        ('email,credits\n"a@example.com,1\n', "line"),
        ("email,credits,language\na@example.com,1,de\n", "line 2"),
        ("email,credits\na@example.com,1,,,,,,,\n", "line 2"),
        ("email,credits\na@example.com,99999999999999999999\n", "line 2"),
    ],
)
def test_import_of_a_wrong_file_is_all_or_nothing(world, content, says):
    openings = world.folder / "openings.csv"
    openings.write_text(content)
    done = world.run("import", openings, "--with-history")
    assert done.code == 1
    assert done.out == ""
    assert says in done.line
    assert not world.database.exists()


def test_version_is_the_packages(firm):
    assert __version__ in firm.run("--version").out
