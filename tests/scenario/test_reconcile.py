"""Reconciliation, its brake and its plans, on a whole firm."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bytebridge import service
from bytebridge.domain.model import Source
from bytebridge.jobs import brake, people, repair_plan
from bytebridge.jobs import reconcile as reconciling
from bytebridge.jobs.book import book
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import facts, runs
from bytebridge.ledger.engine import Store
from bytebridge.sandbox.web import Fault, Reply
from bytebridge.settings import Settings
from bytebridge.shop.connector import Shop as ShopConnector

ANA = "ana@example.com"
DAY = 86_400


def reconcile(world, *, dry_run=False, store=None, allowed=0, **more):
    context = service.build(world.settings, store or world.store, by="tester", sleep=lambda _: None, now=world.clock)
    window = more.pop("window", Window())
    context = replace(context, allowed=allowed)
    return service.reconciliation(context, service.ORDER, window, dry_run=dry_run, **more)


@pytest.fixture
def settled(world):
    """Ana bought two packs and had a ticket; nothing is open."""
    world.order = world.shop.buy(world.shop.customer(ANA), {"SERVDOLIA60": 2})
    world.ticket = world.asks(ANA)
    world.desk.resolve(world.ticket, kind="consulta", minutes=22)
    world.poll()
    assert world.balances() == {ANA: 90}
    return world


def test_finds_nothing_after_polls(settled):
    found = reconcile(settled)
    assert found.drift == []
    assert found.examined == {"shop": 1, "erp": 1, "helpdesk": 1}


def test_repairs_what_polls_cannot_see(settled):
    silently(settled, units=1)
    settled.poll()
    assert settled.balances() == {ANA: 90}
    found = reconcile(settled)
    assert [(row["document"], row["posted"], row["expected"], row["reason"]) for row in found.drift] == [
        ("order 1", 120, 60, "taken back")
    ]
    assert found.applied == 1
    assert settled.balances() == {ANA: 30}
    assert reconcile(settled).drift == []


def silently(world, units):
    """Somebody edits the shop's database by hand: no date moves."""
    world.clock.tick(3 * 3600)
    world.shop.buy(world.shop.customer("luc@example.com"), {"DOLIMOD-STOCK": 1})
    world.poll()
    next(iter(world.shop.books.tables["order_details"].rows.values()))["product_quantity"] = units


def test_dry_run_reports_the_same_and_writes_nothing(settled):
    silently(settled, units=1)
    settled.store.close()
    path = Path(settled.store.url.database)
    assert {file.name for file in path.parent.iterdir()} >= {path.name}
    before = path.read_bytes()
    found = reconcile(settled, dry_run=True, store=Store(f"sqlite:///{path}", read_only=True))
    assert [row["delta"] for row in found.drift] == [-60]
    assert path.read_bytes() == before
    assert settled.balances() == {ANA: 90}


def test_a_lost_source_moves_nothing(settled):
    settled.shop.erase(settled.order)
    found = reconcile(settled)
    assert settled.balances() == {ANA: 90}
    assert found.errors
    assert "missing at once" in found.errors[0]


def test_a_document_that_vanished_is_reviewed_after_a_second_look(settled):
    for number in range(60):
        settled.shop.buy(settled.shop.customer(f"c{number}@example.com"), {"SERVDOLIA60": 1})
    settled.poll()
    there = settled.shop.books.tables["orders"].rows[settled.order]
    settled.shop.erase(settled.order)
    first = reconcile(settled)
    assert [(row["document"], row["reason"]) for row in first.drift] == [("order 1", "vanished")]
    assert settled.reviews("waiting") == set()
    settled.clock.tick(2 * 3600)
    reconcile(settled)
    assert settled.reviews("waiting") == {("shop:1", "vanished")}
    assert settled.balances()[ANA] == 90
    settled.shop.books.tables["orders"].rows[settled.order] = there
    assert reconcile(settled).drift == []
    assert settled.reviews("waiting") == set(), "it is back"
    settled.shop.erase(settled.order)
    settled.clock.tick(2 * 3600)
    reconcile(settled)
    assert settled.reviews("waiting") == set(), "gone anew, looked at once"


def test_an_invoice_whose_note_cannot_be_read_has_not_vanished(settled):
    erp = settled.erp
    for number in range(3):
        erp.sell(erp.customer(f"Firm {number}", f"firm{number}@example.com"), [("SERVDOLIA60", 1, 60)])
    invoice = erp.sell(erp.customer("Luc", "luc@example.com"), [("SERVDOLIA60", 2, 60)])
    note = erp.credit_note(invoice, [("SERVDOLIA60", 1, 60)])
    erp.validate(note)
    settled.poll()
    erp.invoices[int(note)]["type"] = "7"
    for _ in range(3):
        reconcile(settled)
        settled.clock.tick(2 * 3600)
    assert settled.reviews("waiting") == {(f"erp:{note}", "unreadable")}
    assert settled.balances()["luc@example.com"] == 60


def test_a_ticket_that_no_poll_can_read_has_not_vanished(settled):
    settled.clock.tick(60)
    ticket = settled.asks(ANA)
    settled.desk.resolve(ticket, kind="consulta", minutes=5)
    settled.poll()
    settled.desk.change(settled.desk.ticket(ticket), tags=None)
    settled.clock.tick(60)
    context = settled.context()
    for _ in range(3):
        service.one_pass(context, service.ORDER)
        found = service.reconciliation(context, service.ORDER, Window(), dry_run=False)
        assert (found.drift, found.errors) == ([], [])
        settled.clock.tick(2 * 3600)
    assert settled.reviews("waiting") == {(f"helpdesk:{ticket}", "unreadable")}
    assert settled.balances() == {ANA: 75}


def test_only_one_account_is_read_when_asked(settled):
    settled.shop.buy(settled.shop.customer("luc@example.com"), {"SERVDOLIA60": 1})
    settled.poll()
    found = reconcile(settled, window=Window(account=1))
    assert found.examined == {"shop": 1, "erp": 0, "helpdesk": 1}


def many(world, count, minutes=600):
    for number in range(count):
        ticket = world.asks(f"c{number}@example.com")
        world.desk.resolve(ticket, kind="consulta", minutes=minutes)


def test_the_brake_stops_a_pass_far_beyond_history(settled):
    many(settled, 6)  # 3600 credits at once, after 30 on the busiest day
    before = settled.balances()
    done = settled.poll()
    assert settled.balances() == before
    assert "reconcile --confirm" in done.errors[0]
    with settled.store.read() as connection:
        number = int(facts.get(connection, "brake_helpdesk"))
        assert runs.get(connection, number)["result"] == "braked"
        assert brake.standing(connection)
        source, allowed = brake.confirmed_load(connection, number)
    assert (source, allowed) == (Source.HELPDESK, 3600)
    again = settled.poll()
    assert again.errors
    with settled.store.read() as connection:
        assert len([run for run in runs.listed(connection) if run["result"] == "braked"]) == 1
    reconcile(settled, allowed=allowed)
    assert sum(1 for balance in settled.balances().values() if balance == -600) == 6
    assert not settled.poll().errors
    with settled.store.read() as connection:
        assert brake.standing(connection) == ""


def test_what_is_held_of_one_source_can_be_confirmed_though_another_posted(settled):
    settled.buys("luc@example.com", SERVDOLIA60=1)
    many(settled, 6)
    assert settled.poll().errors
    assert settled.balances()["luc@example.com"] == 60
    with settled.store.read() as connection:
        number = int(facts.get(connection, "brake_helpdesk"))
        assert brake.confirmed_load(connection, number) == (Source.HELPDESK, 3600)
        posted = [run for run in runs.listed(connection) if run["figures"].get("posted") == 1]
    assert posted
    assert number not in [run["id"] for run in posted]


def test_a_source_added_to_a_ledger_in_use_is_braked(open_world):
    world = open_world()
    world.buys(ANA, SERVDOLIA60=1)
    world.poll(Source.SHOP, Source.ERP)
    world.clock.tick(2 * DAY)
    many(world, 6)
    before = world.balances()
    assert "reconcile --confirm" in world.poll(Source.HELPDESK).errors[0]
    assert world.balances() == before
    with world.store.read() as connection:
        number = int(facts.get(connection, "brake_helpdesk"))
        _, allowed = brake.confirmed_load(connection, number)
    many(world, 2)  # while the person thinks, more of the same past is seen
    assert not reconcile(world, allowed=allowed).errors
    assert sum(balance for balance in world.balances().values() if balance < 0) == -8 * 600
    assert not world.poll().errors


def test_a_source_that_never_moved_anything_is_braked_once_it_was_read(open_world):
    world = open_world()
    world.poll(Source.HELPDESK)
    many(world, 6)
    assert world.poll(Source.HELPDESK).errors
    assert set(world.balances().values()) <= {60}


def before_booking(monkeypatch, happens):
    """Something happens when the tickets' repairs were judged and are to be booked."""
    real = reconciling.book

    def book(found, *more, **named):
        if found and named["source"] == Source.HELPDESK and len(found) == 6:
            monkeypatch.setattr(reconciling, "book", real)
            happens()
        return real(found, *more, **named)

    monkeypatch.setattr(reconciling, "book", book)


def test_a_poll_beside_a_confirmation_pulls_the_brake_no_second_time(settled, monkeypatch):
    many(settled, 6)
    assert settled.poll().errors
    before_booking(monkeypatch, settled.poll)
    assert not reconcile(settled, allowed=3600).errors
    assert not settled.poll().errors
    with settled.store.read() as connection:
        results = [run["result"] for run in runs.listed(connection)]
        assert brake.standing(connection) == ""
    assert results.count("confirmed") == 1
    assert not {"braked", "released"} & set(results)


def test_a_confirmation_that_dies_can_be_given_again(settled, monkeypatch):
    many(settled, 6)
    settled.poll()

    def die():
        raise Cut

    with monkeypatch.context() as dying:
        before_booking(dying, die)
        with pytest.raises(Cut):
            reconcile(settled, allowed=3600)
    with settled.store.read() as connection:
        number = int(facts.get(connection, "brake_helpdesk"))
        assert brake.confirmed_load(connection, number) == (Source.HELPDESK, 3600)


def test_the_brake_releases_itself_when_the_source_heals(settled):
    many(settled, 6)
    settled.poll()
    for ticket in list(settled.desk.tickets)[1:]:
        settled.desk.note_work(ticket, minutes=15)
    assert not settled.poll().errors
    with settled.store.read() as connection:
        assert brake.standing(connection) == ""


def test_the_brake_releases_itself_when_all_is_as_it_was_last_seen(settled):
    bought = [settled.buys(f"c{number}@example.com", SERVDOLIA60=1) for number in range(30)]
    settled.poll()
    for order in bought:
        settled.shop.cancel(order)
    assert settled.poll().errors
    for order in bought:
        settled.shop.pay(order)
    assert not settled.poll().errors
    with settled.store.read() as connection:
        assert brake.standing(connection) == ""


def test_a_poll_that_broke_off_lets_nothing_go(settled):
    many(settled, 6)
    settled.poll()
    settled.desk.faults.append(Fault(reply=Reply(400, b"{}", "application/json")))
    assert settled.poll().errors
    with settled.store.read() as connection:
        assert brake.standing(connection)


@pytest.fixture
def held(settled):
    """A reconciliation found the packs of thirty buyers gone from their orders, and was braked."""
    for number in range(30):
        settled.buys(f"c{number}@example.com", SERVDOLIA60=1)
    settled.poll()
    settled.clock.tick(2 * DAY)
    settled.buys("luc@example.com", SERVDOLIA60=1)
    settled.poll()
    rename(settled, "OTHER")
    assert reconcile(settled).errors
    settled.number = brake_run(settled)
    assert settled.number
    return settled


def rename(world, reference):
    """By hand, in the shop's database: no date moves."""
    for row in world.shop.books.tables["order_details"].rows.values():
        if 1 < int(row["id_order"]) <= 31:
            row["product_reference"] = reference


def brake_run(world):
    with world.store.read() as connection:
        return facts.get(connection, "brake_shop")


def test_what_a_reconciliation_held_waits_whatever_less_thorough_looks_let_through(held):
    held.buys("kate@example.com", SERVDOLIA60=1)
    assert not held.poll().errors
    held.shop.books.tables["order_details"].rows[1]["product_quantity"] = 1
    part = reconcile(held, window=Window(until=held.clock() - 2 * DAY, account=1))
    assert (part.applied, part.errors) == (1, [])
    assert brake_run(held) == held.number
    with held.store.read() as connection:
        _, allowed = brake.confirmed_load(connection, int(held.number))
    assert allowed == 1800
    done = reconcile(held, allowed=allowed)
    assert (done.applied, done.errors) == (30, [])
    assert brake_run(held) == ""


def test_what_a_reconciliation_held_is_let_go_by_one_that_finds_it_mended(held):
    rename(held, "SERVDOLIA60")
    assert reconcile(held, allowed=1800).drift == []
    assert brake_run(held) == ""
    with held.store.read() as connection:
        assert runs.get(connection, int(held.number))["result"] == "released", "nothing was let through"


def test_a_price_list_changed_without_a_date_gives_nobody_a_second_pack(settled):
    for number in range(51):
        settled.buys(f"c{number}@example.com", SERVDOLIA60=1)
    settled.poll()
    before = settled.balances()
    settled.settings = settled.settings.model_copy(
        update={"packs": [pack.model_copy(update={"credits": 2 * pack.credits}) for pack in settled.settings.packs]}
    )
    held = reconcile(settled)
    assert "give anew 3180 credits over 52 documents, far more than ever (3000)" in held.errors[0]
    assert settled.balances() == before
    with settled.store.read() as connection:
        _, allowed = brake.confirmed_load(connection, int(brake_run(settled)))
    assert reconcile(settled, allowed=allowed).applied == 52
    assert settled.balances() == {email: balance + (120 if email == ANA else 60) for email, balance in before.items()}


def test_the_run_that_was_held_says_what_became_of_it(held):
    with held.store.read() as connection:
        _, allowed = brake.confirmed_load(connection, int(held.number))
    reconcile(held, allowed=allowed)
    with held.store.read() as connection:
        let_go, run = runs.get(connection, int(held.number)), runs.listed(connection)[0]
    assert (let_go["result"], let_go["figures"]["let_go_in"]) == ("confirmed", run["id"])
    assert let_go["figures"]["taken_back"] == 1800


def test_going_live_on_history_is_not_braked(open_world):
    world = open_world()
    many(world, 10)
    done = world.poll()
    assert not done.errors
    assert set(world.balances().values()) == {-600}


def test_a_tariff_of_a_later_day_does_not_reprice_the_past(settled):
    sections = settled.settings.model_dump(by_alias=True)
    later = {"minimum": 500, "block": 15, "valid_from": "2027-01-01"}
    tariff = {"consultation": [{"minimum": 15, "block": 15}, later]}
    names = ("packs", "shop", "erp", "helpdesk", "smtp", "notices")
    settled.settings = Settings(**{name: sections[name] for name in names}, tariff=tariff)
    settled.desk.add_note(settled.ticket, "una nota")
    settled.poll()
    assert reconcile(settled).drift == []
    settled.clock.tick(60 * DAY)
    ticket = settled.asks("luc@example.com")
    settled.desk.resolve(ticket, kind="consulta", minutes=5)
    settled.poll()
    assert settled.balances() == {ANA: 90, "luc@example.com": -500}


def test_a_plan_is_carried_out_to_the_letter_or_refused(settled, tmp_path):
    second = settled.asks("luc@example.com")
    settled.desk.resolve(second, kind="consulta", minutes=10)
    settled.poll()
    settled.clock.tick(3600)
    settled.desk.note_work(settled.ticket, minutes=50)
    settled.desk.note_work(second, minutes=50)
    path = tmp_path / "plan.json"
    planned = reconcile(settled, dry_run=True)
    repair_plan.write(str(path), planned, settled.context())
    settled.desk.note_work(second, minutes=70)
    repairs = repair_plan.read(str(path), settled.context())
    done = reconcile(settled, repairs=repairs)
    assert done.applied == 1
    assert len(done.refused) == 1
    assert "something else since" in done.refused[0]
    assert settled.balances() == {ANA: 60, "luc@example.com": -15}
    again = reconcile(settled, repairs=repairs)
    assert again.applied == 0
    assert "ledger has moved" in " ".join(again.refused)


def test_a_plan_for_customers_who_are_new_is_carried_out_whole(settled, tmp_path):
    """Whoever comes first of a customer's documents opens the account of which the others are then."""
    for email in ("luc@example.com", "kate@example.com"):
        settled.buys(email, SERVDOLIA60=1)
        for _ in range(2):
            settled.desk.resolve(settled.asks(email), kind="consulta", minutes=10)
    repairs = planned(settled, tmp_path / "plan.json")
    assert len(repairs) == 6
    done = reconcile(settled, repairs=repairs)
    assert (done.applied, done.refused) == (6, [])
    assert {row["email"] for row in done.drift} == {"luc@example.com", "kate@example.com"}
    assert settled.balances() == {ANA: 90, "luc@example.com": 30, "kate@example.com": 30}
    assert reconcile(settled).drift == []


def test_a_plan_for_a_new_customer_who_got_an_account_since_is_refused(settled, tmp_path):
    settled.buys("luc@example.com", SERVDOLIA60=1)
    settled.repairs = planned(settled, tmp_path / "plan.json")
    list(people.carry_out(settled.context(), people.AddAddress(ANA, "luc@example.com"), dry_run=False))
    assert "another account" in refused(settled)


def test_a_plan_for_two_new_customers_who_become_one_while_it_is_carried_out_is_refused(settled, tmp_path, monkeypatch):
    for email in ("luc@example.com", "kate@example.com"):
        settled.buys(email, SERVDOLIA60=1)
    repairs = planned(settled, tmp_path / "plan.json")
    joined = people.AddAddress("luc@example.com", "kate@example.com")

    def book_then_join(*given, **named):
        booked = book(*given, **named)
        list(people.carry_out(settled.context(), joined, dry_run=False))
        return booked

    monkeypatch.setattr(repair_plan, "book", book_then_join)
    done = reconcile(settled, repairs=repairs)
    assert done.applied == 1
    assert "another account" in " ".join(done.refused)
    assert settled.balances() == {ANA: 90, "luc@example.com": 60}


def planned(world, path, **more):
    repair_plan.write(str(path), reconcile(world, dry_run=True), world.context(**more))
    return repair_plan.read(str(path), world.context())


@pytest.fixture
def drifted(settled, tmp_path):
    """Ana's ticket of 30 became one of 60 since the last poll, and a plan says so."""
    settled.clock.tick(3600)
    settled.desk.note_work(settled.ticket, minutes=50)
    settled.repairs = planned(settled, tmp_path / "plan.json")
    assert [row["delta"] for row in settled.repairs] == [-30]
    return settled


def refused(world):
    before = world.balances()
    done = reconcile(world, repairs=world.repairs)
    assert done.applied == 0
    assert world.balances() == before
    return " ".join(done.refused)


def test_a_plan_made_by_other_rules_is_refused(drifted):
    sections = drifted.settings.model_dump(by_alias=True)
    names = ("packs", "shop", "erp", "helpdesk", "smtp", "notices")
    tariff = {"consultation": {"minimum": 15, "block": 40}}
    drifted.settings = Settings(**{name: sections[name] for name in names}, tariff=tariff)
    assert "the rules" in refused(drifted)


def test_a_plan_for_an_account_that_was_merged_since_is_refused(drifted):
    drifted.buys("luc@example.com", SERVDOLIA60=1)
    drifted.poll(Source.SHOP)
    list(people.carry_out(drifted.context(), people.Merge("luc@example.com", ANA), dry_run=False))
    assert "another account" in refused(drifted)


def test_a_plan_with_other_figures_than_the_rules_give_is_refused(drifted, tmp_path):
    path = tmp_path / "plan.json"
    plan = json.loads(path.read_text())
    plan["repairs"][0]["postings"][0]["credits"] = -31  # somebody edited the file
    path.write_text(json.dumps(plan))
    drifted.repairs = repair_plan.read(str(path), drifted.context())
    assert "something else" in refused(drifted)


def test_a_plan_for_what_cannot_be_read_or_is_not_there_says_which(settled, tmp_path):
    erp = settled.erp
    invoice = erp.sell(erp.customer("Luc", "luc@example.com"), [("SERVDOLIA60", 2, 60)])
    note = erp.credit_note(invoice, [("SERVDOLIA60", 1, 60)])
    erp.validate(note)
    settled.repairs = planned(settled, tmp_path / "plan.json")
    erp.invoices[int(note)]["type"] = "7"
    assert refused(settled).count("cannot be read now") == 2
    del erp.invoices[int(note)], erp.invoices[int(invoice)]
    assert refused(settled).count("does not have it any more") == 2


def test_a_plan_moves_nothing_that_is_not_in_it(settled, tmp_path):
    erp = settled.erp
    invoice = erp.sell(erp.customer("Luc", "luc@example.com"), [("SERVDOLIA60", 2, 60)])
    erp.validate(erp.credit_note(invoice, [("SERVDOLIA60", 1, 60)]))
    both = planned(settled, tmp_path / "plan.json")
    assert [row["delta"] for row in both] == [120, -60]
    settled.repairs = both[:1]
    assert "not in the plan" in refused(settled)


def test_every_reconciliation_is_a_run(settled):
    reconcile(settled)
    with settled.store.read() as connection:
        latest = runs.listed(connection)[0]
    assert (latest["what"], latest["by"], latest["result"]) == ("reconcile", "tester", "done")
    assert latest["figures"]["examined"] == {"shop": 1, "erp": 1, "helpdesk": 1}
    reconcile(settled, dry_run=True)
    with settled.store.read() as connection:
        assert runs.listed(connection)[0]["id"] == latest["id"]


class Cut(BaseException):
    """The process dies."""


def test_one_that_was_cut_off_goes_on_where_it_was(settled, monkeypatch):
    """Eight orders in parts of two, an early one changed by hand; the process dies while the third part is read."""
    for number in range(7):
        settled.clock.tick(60)
        settled.buys(f"c{number}@example.com", SERVDOLIA60=1)
    settled.poll()
    silently(settled, units=1)
    monkeypatch.setattr(reconciling, "PART", 2)
    real, parts = ShopConnector.everything, []

    def dies(self, since, until):
        parts.append(since)
        if len(parts) == 3:
            raise Cut
        return real(self, since, until)

    with monkeypatch.context() as dying:
        dying.setattr(ShopConnector, "everything", dies)
        with pytest.raises(Cut):
            reconcile(settled)
    assert settled.balances()[ANA] == 90
    began = []
    monkeypatch.setattr(
        ShopConnector, "everything", lambda self, since, until: began.append(since) or real(self, since, until)
    )
    found = reconcile(settled)
    assert began[0] == parts[2], "what was read is not read again"
    assert found.examined["shop"] == 9
    assert [(row["document"], row["delta"]) for row in found.drift] == [("order 1", -60)]
    assert settled.balances()[ANA] == 30
    with settled.store.read() as connection:
        last, cut = runs.listed(connection)[:2]
    assert (last["result"], cut["result"], cut["id"]) == ("done", "cut off", found.goes_on)
    began.clear()
    assert reconcile(settled).goes_on is None
    assert began[0] is None, "one that came to its end is not gone on with"


def test_who_bought_is_asked_for_once_however_many_parts(settled, monkeypatch):
    ana = settled.shop.customer(ANA)
    for _ in range(5):
        settled.clock.tick(60)
        settled.shop.buy(ana, {"SERVDOLIA60": 1})
    settled.poll()
    monkeypatch.setattr(reconciling, "PART", 2)
    settled.shop.requests.clear()
    assert reconcile(settled).drift == []
    asked = [request.path for request in settled.shop.requests]
    assert asked.count("/api/orders") > 2
    assert asked.count("/api/customers") == 1


def test_one_that_was_cut_off_long_ago_is_begun_anew(settled, monkeypatch):
    def dies(self, since, until):
        raise Cut

    with monkeypatch.context() as dying:
        dying.setattr(ShopConnector, "everything", dies)
        with pytest.raises(Cut):
            reconcile(settled)
    settled.clock.tick(DAY)
    assert reconcile(settled).goes_on is None


def test_what_one_read_long_ago_is_read_anew_however_often_it_was_gone_on_with(held):
    """The brake holds the shop; every four hours somebody asks again."""
    with held.store.read() as connection:
        first = next(run for run in runs.listed(connection) if run["result"] == "failed")
    held.clock.tick(4 * 3600)
    assert reconcile(held).goes_on is not None
    held.clock.tick(4 * 3600)
    again = reconcile(held)
    assert again.goes_on is None
    assert again.errors
    with held.store.read() as connection:
        then = runs.get(connection, first["id"])
    kept = ("what", "by", "begun", "finished", "result")
    assert [then[name] for name in kept] == [first[name] for name in kept], "a run that ended stays as it was"


def test_documents_of_an_account_that_the_ledger_never_saw_are_found(settled):
    settled.clock.tick(3 * 3600)
    settled.buys(ANA.upper(), SERVDOLIA60=1)
    settled.buys("luc@example.com", SERVDOLIA60=1)
    found = reconcile(settled, window=Window(account=1))
    assert [(row["email"].lower(), row["delta"], row["reason"]) for row in found.drift] == [(ANA, 60, "missing")]
    assert settled.balances() == {ANA: 150}
    assert found.examined["shop"] == 2


def test_a_plan_of_another_store_is_refused(settled, tmp_path):
    path = tmp_path / "plan.json"
    repair_plan.write(str(path), reconcile(settled, dry_run=True), settled.context())
    plan = json.loads(path.read_text())
    path.write_text(json.dumps({**plan, "store": "another"}))
    with pytest.raises(Exception, match="another store"):
        repair_plan.read(str(path), settled.context())


def test_a_pack_renamed_in_the_erp_takes_nothing_back_from_who_bought_it(world):
    customer = world.erp.customer("Alder", ANA)
    invoice = world.erp.sell(customer, [("SERVDOLIA60", 2, 60)])
    world.poll()
    world.erp.rename_product("SERVDOLIA60", "OLD-PACK")
    world.erp.draw_pdf(invoice)
    world.poll()
    assert reconcile(world).drift == []
    assert (world.balances(), world.reviews()) == ({ANA: 120}, set())
    note = world.erp.credit_note(invoice, [("OLD-PACK", 1, 60)])
    world.erp.validate(note)
    world.poll()
    assert (world.balances(), world.reviews()) == ({ANA: 60}, set())


def test_a_packs_wrong_reference_that_is_corrected_counts_from_then_on(world):
    world.erp.sell(world.erp.customer("Alder", ANA), [("SERVDOLIA-60", 2, 60)])
    world.poll()
    assert world.balances() == {}
    world.erp.rename_product("SERVDOLIA-60", "SERVDOLIA60")
    reconcile(world)
    assert world.balances() == {ANA: 120}
