"""A third party's people share one account; where it is not certain whose an invoice is, a person says so."""

import unicodedata

import pytest

from bytebridge import service
from bytebridge.domain.model import Source
from bytebridge.jobs import decide
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import accounts, reviews

PACK = [("SERVDOLIA60", 1, 60)]


@pytest.fixture
def firm(open_world):
    """A firm whose companies share, with one company that bought: its own address and two people."""
    world = open_world(erp={"share_company": True})
    world.alder = world.erp.customer(
        "Alder", "office@alder.example.com", ["sam@alder.example.com", "kim@alder.example.com"]
    )
    world.erp.sell(world.alder, PACK)
    world.poll()
    assert whole(world) == [({"office@alder.example.com", "sam@alder.example.com", "kim@alder.example.com"}, 60)]
    return world


def whole(world):
    """Addresses and balance of each account."""
    with world.store.read() as connection:
        return [(set(one.emails), int(one.balance)) for one in accounts.summaries(connection)]


def codes(world):
    return {code for _, code in world.reviews("waiting")}


def test_all_people_of_a_company_use_one_balance(firm):
    firm.desk.resolve(firm.asks("kim@alder.example.com"), kind="consulta", minutes=20)
    firm.buys("sam@alder.example.com", SERVDOLIA30=1)
    firm.erp.sell(firm.alder, [("SERVDOLIA120", 1, 120)])
    firm.poll()
    assert [balance for _, balance in whole(firm)] == [60 - 30 + 30 + 120]


def test_two_companies_with_one_address_are_a_persons_matter(firm):
    birch = firm.erp.customer("Birch", "office@alder.example.com", ["bo@birch.example.com"])
    firm.erp.sell(birch, PACK)
    firm.poll()
    assert (codes(firm), len(whole(firm))) == ({"two_companies"}, 1)
    assert whole(firm)[0][1] == 60
    assert "bo@birch.example.com" not in whole(firm)[0][0]


def test_a_contact_of_two_companies_joins_neither_to_the_other(firm):
    birch = firm.erp.customer("Birch", "office@birch.example.com", ["sam@alder.example.com", "bo@birch.example.com"])
    firm.erp.sell(birch, PACK)
    firm.poll()
    assert codes(firm) == set()
    assert whole(firm)[1] == ({"office@birch.example.com", "bo@birch.example.com"}, 60)
    firm.erp.sell(firm.alder, PACK)
    firm.poll()
    assert [balance for _, balance in whole(firm)] == [120, 60]


def test_who_moves_to_another_company_does_not_take_the_balance_along(firm):
    moved = next(row for row in firm.erp.contacts.values() if row["email"].startswith("sam"))
    birch = firm.erp.customer("Birch", "office@birch.example.com")
    moved["fk_soc"] = int(birch)
    firm.erp.sell(birch, PACK)
    firm.poll()
    assert (codes(firm), len(whole(firm)), whole(firm)[0][1]) == ({"two_companies"}, 1, 60)
    [item] = waiting(firm)
    wish = decide.Wish(item.id, "account", 0, "office@birch.example.com", "sam works for Birch now")
    list(decide.resolve(wish, firm.context(), dry_run=False))
    assert whole(firm)[1] == ({"office@birch.example.com"}, 60)
    firm.poll()
    assert (codes(firm), [balance for _, balance in whole(firm)]) == (set(), [60, 60])


def waiting(world):
    with world.store.read() as connection:
        return reviews.open_items(connection, "waiting")


def test_a_contact_that_is_removed_keeps_what_is_booked_where_it_is(firm):
    gone = next(number for number, row in firm.erp.contacts.items() if row["email"].startswith("sam"))
    del firm.erp.contacts[gone]
    firm.erp.sell(firm.alder, PACK)
    firm.poll()
    assert (codes(firm), [balance for _, balance in whole(firm)]) == (set(), [120])


def test_a_company_with_a_new_address_of_its_own_stays_the_company(firm):
    firm.erp.parties[int(firm.alder)]["email"] = "new@alder.example.com"
    firm.erp.sell(firm.alder, PACK)
    firm.poll()
    assert (codes(firm), [balance for _, balance in whole(firm)]) == (set(), [120])
    assert "new@alder.example.com" in whole(firm)[0][0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_one_address_in_two_normal_forms_is_one_address(open_world, form):
    world = open_world(erp={"share_company": True})
    one, other = (
        unicodedata.normalize(kind, "josé@example.com") for kind in (form, {"NFC": "NFD", "NFD": "NFC"}[form])
    )
    world.erp.sell(world.erp.customer("Alder", one), PACK)
    world.erp.sell(world.erp.customer("Birch", other), PACK)
    world.poll()
    assert codes(world) == {"two_companies"}
    assert whole(world) == []


def test_people_who_are_not_listed_for_a_night_take_nothing_along(firm):
    hidden = dict(firm.erp.contacts)
    firm.erp.contacts.clear()
    firm.erp.parties[int(firm.alder)]["email"] = None
    for _ in range(2):
        service.reconciliation(firm.context(), [Source.ERP], Window(), dry_run=False)
    firm.erp.contacts.update(hidden)
    service.reconciliation(firm.context(), [Source.ERP], Window(), dry_run=False)
    assert (codes(firm), [balance for _, balance in whole(firm)]) == (set(), [60])
