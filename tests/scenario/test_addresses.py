"""One person is one address, however it is written; an odd address finds itself, or nobody."""

import unicodedata

import pytest

from bytebridge.ledger import accounts


def whole(world):
    """Addresses and balance of each account."""
    with world.store.read() as connection:
        return {one.emails: int(one.balance) for one in accounts.summaries(connection)}


def test_a_guest_who_writes_the_address_otherwise_each_time_is_one_person(world):
    ana = "Jos\u00e9.Ana@Example.com"
    spellings = [ana, unicodedata.normalize("NFD", ana), ana.upper(), f" {unicodedata.normalize('NFD', ana.lower())} "]
    for number, spelling in enumerate(spellings):
        world.shop.buy(world.shop.customer(spelling, guest=number < 3), {"SERVDOLIA30": 1})
    world.erp.sell(world.erp.customer("Ana", spellings[1]), [("SERVDOLIA60", 1, 60)])
    world.desk.resolve(world.asks(spellings[2]), kind="consulta", minutes=10)
    world.poll()
    assert whole(world) == {("jos\u00e9.ana@example.com",): 4 * 30 + 60 - 15}


GOOD = ("o'brien+x@example.com", "a%b@example.com", "a_b@example.com", "axb@example.com", "union.select@example.com")
BAD = ("x'or(1:=:1)or'@example.com", '"x:y\')"@example.com', ")or(1:=:1)@example.com")


@pytest.mark.parametrize("share", [False, True])
def test_odd_addresses_mix_nobodys_credits_with_anothers(open_world, share):
    world = open_world(erp={"share_company": share})
    world.poll()
    for address in (*GOOD, *BAD):
        world.shop.buy(world.shop.customer(address), {"SERVDOLIA30": 1})
        world.erp.sell(world.erp.customer(address, address), [("SERVDOLIA60", 1, 60)])
        world.desk.resolve(world.asks(address), kind="consulta", minutes=10)
    world.poll()
    world.clock.tick(3600)
    world.poll()
    assert whole(world) == {(address,): 75 for address in GOOD}
    assert {code for _, code in world.reviews("waiting")} == {"no_address"}
    assert len(world.reviews("waiting")) == 3 * len(BAD)
    copies = {party["email"]: world.erp.balance_of(socid) for socid, party in world.erp.parties.items()}
    assert copies == {"elm@example.com": None} | dict.fromkeys(GOOD, 75) | dict.fromkeys(BAD)
