"""Whose document it is: addresses of a third party and of its contacts, and who shares them."""

import unicodedata

import pytest

from bytebridge.erp.filters import by_addresses, ids_in, is_sendable, moment, named

PACK = [("SERVDOLIA60", 1, 60)]


def document_of(erp, server, socid):
    [document] = erp.by_ids([server.sell(socid, PACK)])
    return document


def test_own_addresses_come_first_then_the_contacts(erp, server):
    firm = server.customer("Firm", "a@firm.example.com;b@firm.example.com", ["sam@firm.example.com"])
    assert document_of(erp, server, firm).emails == (
        "a@firm.example.com",
        "b@firm.example.com",
        "sam@firm.example.com",
    )


def test_an_address_stands_once_whatever_its_case(erp, server):
    firm = server.customer("Firm", "a@firm.example.com", ["other@firm.example.com", "a@firm.example.com"])
    server.contacts[2]["email"] = "A@Firm.example.com"
    assert document_of(erp, server, firm).emails == ("a@firm.example.com", "other@firm.example.com")


def test_a_disabled_contact_is_nobody(erp, server):
    firm = server.customer("Firm", "a@firm.example.com")
    server.contact(firm, "gone@firm.example.com", active=False)
    assert document_of(erp, server, firm).emails == ("a@firm.example.com",)


def test_a_customer_without_an_address_has_none(erp, server):
    document = document_of(erp, server, server.customer("Silent"))
    assert (document.emails, document.shared, document.name) == ((), False, "Silent")


@pytest.mark.parametrize(
    ("email", "contacts"),
    [
        ("shared@example.com", []),
        ("other@example.com;SHARED@example.com", []),
        (None, ["shared@example.com"]),
    ],
)
def test_an_address_that_two_third_parties_hold_is_shared(email, contacts, erp, server):
    server.customer("Other", email, contacts)
    document = document_of(erp, server, server.customer("Firm", "shared@example.com"))
    assert document.shared


@pytest.mark.parametrize("email", ["xshared@example.com", "shared@example.com.example.com", "sha_ed@example.com"])
def test_an_address_that_only_looks_alike_is_not_shared(email, erp, server):
    server.customer("Other", email)
    assert not document_of(erp, server, server.customer("Firm", "shared@example.com")).shared


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Firm <shared@example.com>", "shared@example.com"),
        ("shared@example.com", "Other <Shared@Example.com>"),
        ("mailto:shared@example.com", "shared@example.com"),
        ("\uff53hared@example.com", "shared@example.com"),
    ],
)
def test_an_address_that_two_third_parties_spell_differently_is_shared(one, other, erp, server):
    server.customer("Other", other)
    assert document_of(erp, server, server.customer("Firm", one)).shared


def test_a_third_party_is_found_by_an_address_with_a_name_before_it(writer, server):
    named = server.customer("Named", "Ana <ana@example.com>")
    assert writer.find_customer(["ana@example.com"]) == [named]


def test_a_contact_of_two_third_parties_says_nothing_of_either(erp, server):
    server.customer("Other", "other@example.com", ["twin@example.com"])
    firm = server.customer("Firm", "firm@example.com", ["twin@example.com", "sam@example.com"])
    document = document_of(erp, server, firm)
    assert (document.emails, document.shared) == (("firm@example.com", "sam@example.com"), False)


def test_who_has_no_address_but_one_of_two_third_parties_is_shared(erp, server):
    server.customer("Other", "other@example.com", ["twin@example.com"])
    document = document_of(erp, server, server.customer("Firm", None, ["twin@example.com"]))
    assert (document.emails, document.shared) == (("twin@example.com",), True)


def test_customers_of_a_page_cost_one_call_of_each_sort(erp, server):
    for number in range(25):
        server.sell(server.customer(f"Firm {number}", f"firm{number}@example.com"), PACK)
    list(erp.everything(None, None))
    paths = [request.path.rpartition("/")[2] for request in server.requests]
    assert (paths.count("thirdparties"), paths.count("contacts")) == (2, 2)
    assert max(len(request.raw_query) for request in server.requests) < 8000


def test_a_customer_that_is_gone_leaves_no_address(erp, server):
    ana = server.customer("Ana", "ana@example.com")
    invoice = server.sell(ana, PACK)
    del server.parties[int(ana)]
    [document] = erp.by_ids([invoice])
    assert (document.customer, document.emails, document.name) == (ana, (), "")


def test_a_plus_survives_the_way(writer, server):
    plus = server.customer("Plus", "billing+fir@example.com")
    server.customer("Blank", "billing fir@example.com")
    assert writer.find_customer(["billing+fir@example.com"]) == [plus]
    assert "%2B" in server.requests[0].raw_query


def test_a_customer_is_found_by_own_address_and_by_contact(writer, server):
    own = server.customer("Own", "ana@example.com")
    second = server.customer("Second", "x@example.com;Ana@example.com")
    contact = server.customer("Contact", None, ["ana@example.com"])
    server.customer("Other", "banana@example.com")
    assert writer.find_customer(["ANA@example.com", "nobody@example.com"]) == [own, second, contact]


@pytest.mark.parametrize(
    "address",
    [
        'a"b@example.com', "a(b)@example.com", "a b@example.com", "<script@example.com",
        "a@b@example.com", "nobody", "", "a;b@example.com", "(\"x:y')@example.com", ")or(1:=:1)@example.com",
        "x')or(t.rowid:>:0)or(t.email:=:'@example.com", "a\\b@example.com",
    ],
)  # fmt: skip
def test_an_unsafe_address_is_never_sent(address, writer, server):
    server.customer("Other", "other@example.com", ["sam@example.com"])
    assert not is_sendable(address)
    assert writer.find_customer([address]) == []
    assert server.requests == []


def test_an_apostrophe_is_asked_for_by_a_wildcard(writer, server):
    own = server.customer("Own", "o'hara@example.com")
    server.customer("Like", "o-hara@example.com")
    assert writer.find_customer(["O'Hara@example.com"]) == [own]
    assert "o_hara" in server.requests[0].raw_query


@pytest.mark.parametrize(
    ("address", "alike"),
    [
        ("o'brien+x@example.com", "o-brien+x@example.com"),
        ("a%b@example.com", "axxxb@example.com"),
        ("a_b@example.com", "axb@example.com"),
        ("a&b=c@example.com", "a-b-c@example.com"),
        ("union.select@example.com", "onion.salect@example.com"),
        ("jos\u00e9@example.com", "jose@example.com"),
        ("jose\u0301@example.com", "josee@example.com"),
        ("%@example.com", "x@example.com"),
        ("_______@example.com", "unknown@example.com"),
    ],
)
def test_an_odd_address_finds_its_holders_and_nobody_else(address, alike, writer, server):
    nobody = server.customer("Alike", alike, [f"x{alike}"])
    own = server.customer("Own", address)
    by_contact = server.customer("Contact", None, [unicodedata.normalize("NFD", address)])
    assert nobody not in writer.find_customer([address])
    assert writer.find_customer([address]) == [own, by_contact]


def test_many_long_addresses_fit_an_address_line(writer, server):
    long = [f"{number:02}{'x' * 180}@example.com" for number in range(25)]
    accents = [f"{number:02}{chr(233) * 60}@example.com" for number in range(25)]
    first = server.customer("First", long[0])
    last = server.customer("Last", accents[-1])
    assert writer.find_customer([*long, *accents]) == [first, last]
    assert max(len(request.raw_query) for request in server.requests) < 8000


@pytest.mark.parametrize(("other", "shared"), [("o'hara@example.com", True), ("o-hara@example.com", False)])
def test_an_address_with_an_apostrophe_may_be_shared(other, shared, erp, server):
    server.customer("Other", None, [other])
    assert document_of(erp, server, server.customer("Firm", "o'hara@example.com")).shared is shared


def test_two_harmless_addresses_that_look_like_sql_together_are_asked_apart(writer, server):
    union = server.customer("Bank", "credit-union@example.com")
    select = server.customer("Hotel", "select-hotel@example.com")
    assert writer.find_customer(["credit-union@example.com", "select-hotel@example.com"]) == [union, select]


def test_addresses_are_asked_for_eighty_at_a_time():
    assert len(by_addresses(f"{n}@example.com" for n in range(161))) == 3


@pytest.mark.parametrize("ids", [[], ["0"], ["1", "x"], ["1)", "2"], ["-1"]])
def test_only_positive_numbers_are_ids(ids):
    with pytest.raises(ValueError, match="positive"):
        ids_in("t.rowid", ids)


@pytest.mark.parametrize("name", ["", "a'b", "a b", "a)", "union:select"])
def test_a_name_that_could_not_travel_is_refused(name):
    with pytest.raises(ValueError, match="letters"):
        named("t.ref_ext", name)


def test_a_time_is_quoted_text_of_the_zone(server):
    assert moment(1795600000, server.zone) == "'2026-11-25 10:46:40'"
