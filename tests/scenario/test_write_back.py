"""The copies in the firm's ERP: one writer, each third party for itself, foreign figures overwritten each night."""

import threading
from contextlib import suppress
from decimal import Decimal

import pytest

from bytebridge import service
from bytebridge.domain.model import Credits
from bytebridge.jobs import people
from bytebridge.jobs.reconcile import Window
from bytebridge.jobs.write_back import TURN, write_back
from bytebridge.ledger import copies
from bytebridge.ledger.lock import turn

ANA, LUC = "ana@example.com", "luc@example.com"
JSON = "application/json; charset=utf-8"


def adjusted(world, email, credits, key):
    change = people.Adjust(email, Credits(credits), "gesture", key)
    list(people.carry_out(world.context(sources=()), change, dry_run=False))


def copied(world):
    with world.store.read() as connection:
        return copies.count(connection)


def reconciled(world):
    return service.reconciliation(world.context(), service.ORDER, Window(), dry_run=False)


def our_events(world, customer):
    return [event for event in world.erp.events_of(customer) if event["code"] == "AC_OTH"]


@pytest.fixture
def customer(world):
    customer = world.erp.customer("Ana", ANA)
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    return customer


def test_two_writers_at_once_make_one_event_and_leave_the_balance_right(world, customer):
    before = len(our_events(world, customer))
    adjusted(world, ANA, -7, "adjust:1")
    both_looked = threading.Barrier(2, timeout=1)

    def looked(request):
        """Both writers have asked for the event before either makes it, if both get so far."""
        if request.method == "GET" and request.path.endswith("/agendaevents"):
            with suppress(threading.BrokenBarrierError):
                both_looked.wait()
        return handle(request)

    handle, world.erp.handle = world.erp.handle, looked
    writers = [threading.Thread(target=write_back, args=(world.context(),)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    world.erp.handle = handle
    assert len(our_events(world, customer)) == before + 1
    assert world.erp.balance_of(customer) == 53
    assert copied(world).get("pending", 0) == 0


def test_what_waits_while_another_writes_is_written_afterwards(world, customer):
    adjusted(world, ANA, -7, "adjust:1")
    with turn(world.store, TURN) as mine:
        assert mine
        assert write_back(world.context()).posted == 0
        assert world.erp.balance_of(customer) == 60
    assert write_back(world.context()).posted == 1
    assert world.erp.balance_of(customer) == 53


def test_a_third_party_that_declines_does_not_hold_up_the_accounts_others(world):
    silent, other = world.erp.customer("Silent", ""), world.erp.customer("Ana", ANA)
    world.erp.contact(silent, ANA)
    world.erp.email_mandatory = True
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    assert (world.erp.balance_of(other), world.erp.balance_of(silent)) == (60, None)
    assert copied(world) == {"parked": 1}
    world.erp.email_mandatory = False
    reconciled(world)
    assert world.erp.balance_of(silent) == 60
    world.poll()
    assert copied(world) == {"done": 1}
    for one in (silent, other):
        assert len({event["ref_ext"] for event in our_events(world, one)}) == len(our_events(world, one))


def test_an_event_that_is_declined_does_not_keep_back_the_balance(world, customer):
    before = len(our_events(world, customer))
    adjusted(world, ANA, -7, "adjust:1")
    answer = {"body": b'{"error": {"code": 400, "message": "no"}}', "content_type": "application/json"}
    world.erp.fail_next(400, match=lambda asked: asked.method == "POST", **answer)
    assert write_back(world.context()).posted == 0
    assert (world.erp.balance_of(customer), copied(world).get("parked")) == (53, 1)
    reconciled(world)
    write_back(world.context())
    assert (len(our_events(world, customer)), copied(world).get("parked")) == (before + 1, None)


def test_a_foreign_figure_is_overwritten_by_the_nightly_reconciliation(world, customer):
    stranger = world.erp.customer("Stranger", "stranger@example.com")
    for party, figure in ((customer, 999), (stranger, 5)):
        world.erp.parties[int(party)]["options"]["credit_balance"] = Decimal(figure)
    reconciled(world)
    assert world.erp.balance_of(customer) == 60
    assert world.erp.balance_of(stranger) == 5, "under whom no account is found nothing is written"
    assert world.balances() == {ANA: 60}


def test_the_nightly_look_costs_two_calls_for_a_hundred_third_parties(world, customer):
    for number in range(150):
        world.erp.customer(f"Firm {number}", f"firm{number}@example.com")
    reconciled(world)
    before = len(world.erp.requests)
    reconciled(world)
    asked = [request for request in world.erp.requests[before:] if "/invoices" not in request.path]
    parties = [request for request in asked if request.path.endswith("/thirdparties")]
    walked = [request for request in parties if "t.rowid:>:" in (request.arg("sqlfilters") or "")]
    assert len(walked) == 3  # two pages, and the empty one
    assert not [request for request in asked if request.method in ("PUT", "POST")]


def test_a_dry_reconciliation_overwrites_nothing(world, customer):
    world.erp.parties[int(customer)]["options"]["credit_balance"] = Decimal(999)
    service.reconciliation(world.context(), service.ORDER, Window(), dry_run=True)
    assert world.erp.balance_of(customer) == 999


def test_a_lost_right_to_read_third_parties_overwrites_nothing_and_is_told(world, customer):
    world.erp.parties[int(customer)]["options"]["credit_balance"] = Decimal(999)
    world.erp.user.rights.discard("societe/creer")
    found = reconciled(world)
    assert [error for error in found.errors if "right to write is missing" in error]
    assert world.erp.balance_of(customer) == 999


def test_what_was_booked_while_the_key_saw_no_third_party_is_written_when_it_does_again(world, customer):
    before = len(our_events(world, customer))
    world.erp.user.rights.discard("societe/client/voir")
    adjusted(world, ANA, -7, "adjust:1")
    done = write_back(world.context())
    assert "no third party at all is visible to this key" in done.error
    assert copied(world)["pending"] == 1
    world.erp.user.rights.add("societe/client/voir")
    world.clock.tick(3600)
    assert write_back(world.context()).error is None
    assert world.erp.balance_of(customer) == 53
    assert len(our_events(world, customer)) == before + 1


def test_who_is_no_third_party_has_no_copy(world, customer):
    adjusted(world, ANA, -7, "adjust:1")
    world.erp.parties[int(customer)]["email"] = LUC
    assert write_back(world.context()).error is None
    assert copied(world).get("pending", 0) == 0


def test_a_third_party_that_its_list_skips_gets_its_balance_all_the_same(world, customer):
    adjusted(world, ANA, -7, "adjust:1")
    skipped = {"body": b"[]", "content_type": JSON, "match": lambda asked: "t.rowid" in (asked.arg("sqlfilters") or "")}
    world.erp.fail_next(200, times=9, **skipped)
    assert write_back(world.context()).posted == 1
    assert (world.erp.balance_of(customer), copied(world).get("pending", 0)) == (53, 0)


def test_the_balance_waits_while_the_contact_by_which_it_is_the_accounts_is_not_shown(world, customer):
    oak = world.erp.customer("Oak", None, [ANA])
    adjusted(world, ANA, -7, "adjust:1")
    world.erp.fail_next(
        200, times=9, match=lambda asked: asked.arg("thirdparty_ids") == oak, body=b"[]", content_type=JSON
    )
    for balance, pending in ((None, 1), (53, 0)):
        write_back(world.context())
        assert (world.erp.balance_of(oak), copied(world).get("pending", 0)) == (balance, pending)
        world.erp.faults.clear()
        world.clock.tick(3600)
    assert world.erp.balance_of(customer) == 53
    assert len({event["ref_ext"] for event in our_events(world, oak)}) == len(our_events(world, oak))


def test_a_third_party_that_is_gone_when_its_turn_comes_is_parked(world, customer, monkeypatch):
    adjusted(world, ANA, -7, "adjust:1")
    del world.erp.parties[int(customer)]
    context = world.context()
    monkeypatch.setattr(context.writer, "find_customer", lambda emails: [customer])
    write_back(context)
    assert copied(world) == {"done": 1, "parked": 1}
