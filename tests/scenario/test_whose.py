"""Whose an invoice is: what its third party shows no more decides nothing, what is new there does."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from bytebridge import service
from bytebridge.domain.model import Source
from bytebridge.jobs import decide, people
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import reviews
from bytebridge.ledger.schema import entries

ANA, LUC = "ana@example.com", "luc@example.com"
JSON = "application/json; charset=utf-8"


@pytest.fixture
def oak(world):
    """A third party without an address of its own, with two customers as its contacts: its invoice is Ana's."""
    for email in (LUC, ANA):
        world.buys(email, SERVDOLIA30=1)
    world.poll()
    world.oak = world.erp.customer("Oak", None, [ANA, LUC])
    world.invoice = world.erp.sell(world.oak, [("SERVDOLIA60", 2, 60)])
    world.poll()
    assert world.balances() == {ANA: 150, LUC: 30}
    world.told()
    return world


def entries_of(world):
    """Account, document and credits of every entry."""
    with world.store.read() as connection:
        rows = connection.execute(select(entries.c.account, entries.c.document, entries.c.credits))
        return sorted(map(tuple, rows))


def contact_of(world, email):
    return next(number for number, row in world.erp.contacts.items() if row["email"] == email)


def night(world, **more):
    world.clock.tick(24 * 3600)
    found = service.reconciliation(world.context(**more), [Source.ERP], Window(), dry_run=False)
    world.poll()
    return found


def contacts(request):
    return request.path.endswith("/contacts")


def test_a_contact_that_is_not_listed_for_a_night_moves_nothing(oak):
    posted = entries_of(oak)
    row = oak.erp.contacts.pop(contact := contact_of(oak, ANA))
    for _ in range(2):
        night(oak)
        oak.erp.reopen(oak.invoice)
        oak.poll()
        oak.erp.pay(oak.invoice)
        oak.poll()
    oak.erp.contacts[contact] = row
    night(oak)
    assert (entries_of(oak), oak.reviews(), oak.told()) == (posted, set(), [])


@pytest.mark.parametrize("own", [None, "office@oak.example.com"])
@pytest.mark.parametrize(
    ("version", "status", "body"),
    [("22.0.4", 200, b"[]"), ("20.0.4", 404, b'{"error": {"code": 404, "message": "Not Found: Contacts not found"}}')],
)
def test_no_contact_at_all_moves_nothing(oak, own, version, status, body):
    oak.erp.version = version
    oak.erp.parties[int(oak.oak)]["email"] = own
    night(oak)
    posted = entries_of(oak)
    assert oak.balances() == {ANA: 150, LUC: 30}
    for _ in range(2):
        oak.erp.fail_next(status, times=1000, match=contacts, body=body, content_type=JSON)
        assert night(oak).errors == []
    oak.erp.faults.clear()
    night(oak)
    assert (entries_of(oak), oak.reviews(), oak.told()) == (posted, set(), [])


def test_who_is_also_anothers_contact_is_not_given_what_is_not_hers_when_the_other_is_not_shown(world):
    for email in (LUC, ANA):
        world.buys(email, SERVDOLIA30=1)
    world.erp.customer("Elm", None, [ANA])
    invoice = world.erp.sell(world.erp.customer("Oak", None, [ANA, LUC]), [("SERVDOLIA60", 2, 60)])
    world.poll()
    assert world.balances() == {ANA: 30, LUC: 150}
    posted = entries_of(world)
    row = world.erp.contacts.pop(contact := contact_of(world, ANA))
    for _ in range(2):
        night(world)
        world.erp.reopen(invoice)
        world.poll()
        world.erp.pay(invoice)
        world.poll()
    world.erp.contacts[contact] = row
    night(world)
    assert entries_of(world) == posted


def test_a_credit_note_made_meanwhile_takes_back_where_its_invoice_granted(oak):
    row = oak.erp.contacts.pop(contact := contact_of(oak, ANA))
    night(oak)
    oak.erp.validate(oak.erp.credit_note(oak.invoice, [("SERVDOLIA60", 1, 60)]))
    night(oak)
    oak.erp.contacts[contact] = row
    night(oak)
    assert (oak.balances(), oak.told()) == ({ANA: 90, LUC: 30}, [("taken_back", "email", ANA)])


def test_an_address_that_is_new_decides(oak):
    row = oak.erp.contacts.pop(contact_of(oak, ANA))
    night(oak)
    oak.buys("eva@example.com", SERVDOLIA30=1)
    oak.poll()
    oak.erp.parties[int(oak.oak)]["email"] = "eva@example.com"
    night(oak)
    assert oak.balances() == {ANA: 30, LUC: 30, "eva@example.com": 150}
    oak.erp.contacts[max(oak.erp.contacts) + 1] = row
    night(oak)
    assert oak.balances() == {ANA: 30, LUC: 30, "eva@example.com": 150}


def test_another_third_party_decides(oak):
    oak.erp.merge_customers(oak.erp.customer("Ash", None, [LUC]), oak.oak)
    for number, row in list(oak.erp.contacts.items()):
        if row["email"] == ANA:
            del oak.erp.contacts[number]
    night(oak)
    assert oak.balances() == {ANA: 30, LUC: 150}


def test_accounts_that_are_merged_and_split_take_it_along_all_the_same(oak):
    del oak.erp.contacts[contact_of(oak, ANA)]
    night(oak)
    list(people.carry_out(oak.context(sources=()), people.Merge(LUC, ANA), dry_run=False))
    night(oak)
    assert oak.balances() == {LUC: 180}
    list(people.carry_out(oak.context(sources=()), people.Split(ANA), dry_run=False))
    night(oak)
    assert oak.balances() == {ANA: 150, LUC: 30}


def test_a_decision_outlives_a_contact_that_is_not_listed(oak):
    oak.erp.sell(oak.oak, [("SERVDOLIA60", Decimal("1.5"), 60)])
    night(oak)
    with oak.store.read() as connection:
        (item,) = reviews.open_items(connection, "waiting")
    list(decide.resolve(decide.Wish(item.id, "charge", 90, LUC, "half of it agreed"), oak.context(), dry_run=False))
    assert oak.balances() == {ANA: 150, LUC: 120}
    row = oak.erp.contacts.pop(contact := contact_of(oak, ANA))
    night(oak)
    oak.erp.contacts[contact] = row
    night(oak)
    assert (oak.balances(), oak.reviews("waiting")) == ({ANA: 150, LUC: 120}, set())
    del oak.erp.contacts[contact_of(oak, LUC)]
    night(oak)
    assert oak.balances() == {ANA: 150, LUC: 120}
