"""Histories of an invoice and its credit notes: after each reading, what both moved and why they wait."""

import pytest
from msgspec.structs import replace

from bytebridge.domain.model import InvoiceKind, InvoiceState, Source
from domain_values import ANA, BOB, DAY, EVA, NOON, RULES, Books, invoice, note

PAID, OPEN, DRAFT = InvoiceState.PAID, InvoiceState.OPEN, InvoiceState.DRAFT
GIVEN_UP, ABANDONED, UNKNOWN = InvoiceState.GIVEN_UP, InvoiceState.ABANDONED, InvoiceState.UNKNOWN
TWO = (("SERVDOLIA120", "2"),)
ONE = (("SERVDOLIA120", "1"),)
MODULE = (("MODSTOCK", "1"),)

SINGLE = [
    ("paid", {}, 120, None, ()),
    ("units", {"lines": TWO}, 240, None, ()),
    ("free text grants nothing", {"lines": ((None, "3"),)}, 0, None, ()),
    ("a deposit line less", {"lines": (*ONE, (None, "-1"))}, 120, None, ()),
    ("negative units", {"lines": (("SERVDOLIA120", "3"), ("SERVDOLIA120", "-1"))}, 240, None, ()),
    ("less than nothing", {"lines": (("SERVDOLIA120", "-1"),)}, 0, "negative_grant", ()),
    ("half a pack", {"lines": (("SERVDOLIA120", "0.5"),)}, 0, "fraction", ()),
    ("half a module", {"lines": (*ONE, ("MODSTOCK", "0.5"))}, 120, None, ()),
    ("draft", {"state": DRAFT}, 0, None, ()),
    ("unpaid", {"state": OPEN}, 0, None, ()),
    ("deposit", {"kind": InvoiceKind.DEPOSIT}, 0, None, ()),
    ("pro forma", {"kind": InvoiceKind.OTHER}, 0, None, ()),
    ("paid by hand", {"received": False}, 120, None, ("paid_by_hand",)),
    ("module paid by hand", {"received": False, "lines": MODULE}, 0, None, ()),
    ("given up with money", {"state": GIVEN_UP, "close_code": "discount_vat"}, 0, "given_up", ()),
    ("given up without money", {"state": GIVEN_UP, "received": False}, 0, None, ()),
    ("module given up", {"state": GIVEN_UP, "lines": MODULE}, 0, None, ()),
    ("abandoned", {"state": ABANDONED, "received": False}, 0, None, ()),
    ("abandoned with money", {"state": ABANDONED}, 0, None, ("abandoned_with_money",)),
    ("module abandoned with money", {"state": ABANDONED, "lines": MODULE}, 0, None, ()),
    ("state nobody knows", {"state": UNKNOWN}, 0, "unknown_state", ()),
    ("looks like a pack", {"lines": (*ONE, ("SERVDOLIA-XL", "1"))}, 120, None, ("looks_like_pack",)),
    ("no address", {"emails": ()}, 0, "no_address", ()),
    ("module without address", {"emails": (), "lines": MODULE}, 0, None, ()),
    ("a contact's address", {"emails": ("new@example.com", ANA)}, 120, None, ()),
    ("contacts with two accounts", {"emails": ("new@example.com", ANA, BOB)}, 0, "two_accounts", ()),
    ("its own address decides", {"emails": (ANA, BOB)}, 120, None, ()),
    ("marked with an order we have", {"marks": ("PS-1042",)}, 0, None, ()),
    ("marked, and half a pack", {"marks": ("PS-1042",), "lines": (("SERVDOLIA120", "0.5"),)}, 0, None, ()),
    ("marked with one we lack", {"marks": ("PS-9",)}, 0, "unknown_shop_order", ()),
    ("module marked with one we lack", {"marks": ("PS-9",), "lines": MODULE}, 0, None, ()),
    ("another mark", {"marks": ("their order 7",)}, 120, None, ()),
    ("credit note of nothing", {"kind": InvoiceKind.CREDIT_NOTE}, 0, "no_source", ()),
    ("source unreadable", {"kind": InvoiceKind.CREDIT_NOTE, "source": "9", "source_missing": True}, 0, "source_missing", ()),
    ("amount of nothing", {"kind": InvoiceKind.CREDIT_NOTE, "lines": ((None, "1"),)}, 0, None, ("amount_only",)),
]  # fmt: skip


@pytest.mark.parametrize(("says", "posted", "code", "flags"), [s[1:] for s in SINGLE], ids=[s[0] for s in SINGLE])
def test_one_invoice(says, posted, code, flags):
    books = Books(ana=10, bob=10)
    books.view.shop_orders["1042"] = "shop:1042"
    worth = books.worth(invoice(**says))
    found = (worth.lack.code if worth.lack else None, tuple(flag.code for flag in worth.flags))
    assert (sum(entry.credits for entry in books.entries), *found) == (posted, code, flags)


def family(*notes, **says):
    return invoice(credit_notes=notes, **says)


# each step: the family, hours since the first, then credits posted for the invoice and for each note
FAMILIES = {
    "one note": [(family(note(lines=ONE), lines=TWO), 0, [240, -120])],
    "note first paid back": [(family(note(state=PAID)), 0, [120, -120])],
    "paid by its own note alone": [(family(note(state=PAID), received=False), 0, [120, -120])],
    "draft note": [(family(note(state=DRAFT)), 0, [120, 0])],
    "abandoned note": [(family(note()), 0, [120, -120]), (family(note(state=ABANDONED)), 1, [120, 0])],
    "note of no known state": [(family(note()), 0, [120, -120]), (family(note(state=UNKNOWN)), 1, [120, -120])],
    "never more than granted": [(family(note(lines=TWO)), 0, [120, -120])],
    "two notes, by id": [(family(note("51"), note("52", lines=TWO), lines=TWO), 0, [240, -120, -120])],
    "a signless quantity": [(family(note(lines=(("SERVDOLIA120", "-1"),))), 0, [120, -120])],
    "half a pack back": [(family(note(lines=(("SERVDOLIA120", "0.5"),))), 0, [120, 0])],
    "waits for its source": [(family(note(), state=OPEN), 0, [0, 0]), (family(note()), 1, [120, -120])],
    "source abandoned": [(family(note()), 0, [120, -120]), (family(note(), state=ABANDONED), 1, [0, 0])],
    "older note appears later": [(family(note("52"), lines=TWO), 0, [240, -120]), (family(note("51", lines=TWO), note("52"), lines=TWO), 1, [240, -240, 0])],
    "reopened and closed again": [(family(), 0, [120]), (family(state=OPEN), 1, [120]), (family(), 2, [120])],
    "reopened for good": [(family(), 0, [120]), (family(state=OPEN), 1, [120]), (family(state=OPEN), 24, [120]), (family(state=OPEN), 25, [0])],
    "reopened, edited, paid": [(family(), 0, [120]), (family(state=DRAFT), 1, [120]), (family(lines=TWO), 2, [240])],
    "reopened twice, each time anew": [(family(), 0, [120]), (family(state=OPEN), 20, [120]), (family(), 21, [120]), (family(state=OPEN), 40, [120]), (family(state=OPEN), 50, [120])],
    "falls with its note": [(family(note()), 0, [120, -120]), (family(note(), state=OPEN), 1, [120, -120]), (family(note(), state=OPEN), 25, [0, 0])],
    "paid, then given up": [(family(), 0, [120]), (family(state=GIVEN_UP), 1, [120])],
    "of a shop order": [(family(note(), marks=("PS-1042",)), 0, [0, 0])],
    "in review": [(family(note(), marks=("PS-9",)), 0, [0, 0])],
}  # fmt: skip


@pytest.mark.parametrize("story", FAMILIES.values(), ids=FAMILIES)
def test_family(story):
    books = Books(ana=0)
    books.view.shop_orders["1042"] = "shop:1042"
    for document, hours, posted in story:
        books.read(document, NOON + hours * 3600)
        assert [books.posted(member) for member in (document, *document.credit_notes)] == posted
    assert books.balance(ANA) == sum(posted)


def test_without_grace_a_reopened_invoice_is_taken_back_at_once():
    books = Books(replace(RULES, take_back_after_s=0), ana=0)
    books.read(invoice())
    books.read(invoice(state=OPEN))
    assert books.balance(ANA) == 0


def test_a_reopened_invoice_is_looked_at_again_when_its_grace_ends():
    books = Books(ana=0)
    books.read(invoice())
    assert books.worth(invoice(state=OPEN), NOON + 60).recheck == NOON + 60 + DAY


def test_notes_wait_with_a_source_that_was_not_booked():
    for says in ({"emails": ()}, {"emails": ("new@example.com", ANA, BOB)}):
        books = Books(ana=500, bob=500)
        books.read(family(note(), **says))
        assert books.entries == []
    books = Books(ana=500)
    books.bought(ANA, "shop", 120)
    books.read(family(note()))
    assert (books.entries, books.last["erp:41"].worth.lack.code) == ([], "look_alike")
    books.decide(family(note()), "accept")
    books.read(family(note()))
    assert [entry.credits for entry in books.entries] == [120, -120]


def test_a_note_of_an_amount_is_shown_only_where_credits_were_granted():
    amount = note(lines=((None, "1"),))
    books = Books(ana=0)
    books.read(family(amount))
    assert [flag.code for flag in books.last["erp:51"].worth.flags] == ["amount_only"]
    books.read(invoice("42", lines=MODULE, credit_notes=(replace(amount, id="52", source="42"),)))
    assert books.last["erp:52"].worth.flags == ()


def test_the_order_arrives_after_the_invoice_that_names_it():
    books = Books(ana=0)
    marked = invoice(marks=("PS-9",))
    assert books.worth(marked).recheck == NOON + 1
    books.view.shop_orders["9"] = "shop:9"
    worth = books.worth(marked)
    assert (worth.lack, worth.recheck, books.entries) == (None, None, [])


def test_an_invoice_stays_with_its_account_when_a_second_one_fits():
    books = Books(ana=0)
    shared = invoice(emails=("new@example.com", ANA, BOB))
    books.read(shared)
    books.open(BOB)
    books.read(replace(shared, lines=replace(shared, lines=invoice(lines=TWO).lines).lines))
    assert (books.balance(ANA), books.balance(BOB)) == (240, 0)


def test_a_third_party_merged_into_another_customer_moves_the_family():
    books = Books(ana=0, bob=0)
    books.read(family(note(lines=ONE), lines=TWO))
    moved = family(note(lines=ONE, emails=(BOB,)), lines=TWO, emails=(BOB,))
    books.read(moved)
    assert (books.balance(ANA), books.balance(BOB)) == (0, 120)


def test_contacts_share_their_company_account():
    books = Books(ana=0)
    books.policy = replace(books.policy, share_company=True)
    books.read(invoice(emails=(ANA, BOB, EVA)))
    assert books.view.owners[BOB] == books.view.owners[EVA] == [(0, 1)]
    books.open("own@example.com")
    worth = books.worth(invoice("42", emails=(ANA, "own@example.com")))
    assert worth.lack.code == "two_accounts"


def test_modules_of_the_erp_count_less_their_credit_notes():
    books = Books(ana=0)
    sold = invoice(lines=MODULE)
    assert books.worth(sold).modules == (("MODSTOCK", NOON + 365 * DAY),)
    assert books.worth(replace(sold, credit_notes=(note(lines=MODULE),))).modules == ()
    assert books.worth(replace(sold, credit_notes=(note(lines=MODULE, state=DRAFT),))).modules != ()


OLD = NOON - DAY
BEFORE = {
    "dated before": [(family(at=OLD), [(0, None)])],
    "dated before, paid after": [(family(at=OLD, state=OPEN), [(0, None)]), (family(at=OLD), [(0, 120)])],
    "note before": [(family(note(at=OLD), at=OLD), [(0, None), (0, None)])],
    "note after": [(family(at=OLD), [(0, None)]), (family(note(), at=OLD), [(0, None), (0, -120)])],
    "note after, both first seen": [(family(note(), at=OLD), [(0, None), (0, -120)])],
    "note after, more than granted": [(family(note(lines=TWO), at=OLD), [(0, None), (0, -120)])],
}


@pytest.mark.parametrize("story", BEFORE.values(), ids=BEFORE)
def test_since(story):
    books = Books(replace(RULES, since={Source.ERP: NOON}), ana=0)
    for document, expected in story:
        found = books.read(document).values()
        shown = [(books.posted(one.document), one.worth.cost if one.worth.lack else None) for one in found]
        assert shown == expected


def test_a_refund_of_something_old_accepted():
    books = Books(replace(RULES, since={Source.ERP: NOON}), ana=500)
    document = family(note(), at=OLD)
    books.read(document)
    books.decide(document.credit_notes[0], "accept")
    for _ in range(2):
        books.read(document)
        assert books.balance(ANA) == 380


DECISIONS = [
    ("given up, granted", {"state": GIVEN_UP}, "accept", {}, 120),
    ("given up, not granted", {"state": GIVEN_UP}, "dismiss", {}, 0),
    ("half a pack", {"lines": (("SERVDOLIA120", "0.5"),)}, "charge", {"credits": 60}, 60),
    ("a note without source", {"kind": InvoiceKind.CREDIT_NOTE}, "accept", {}, -120),
    ("an order we lack", {"marks": ("PS-9",)}, "accept", {}, 120),
    ("whose it is", {"emails": (BOB, EVA), "shared": True}, "account", {"email": ANA}, 120),
]


@pytest.mark.parametrize(
    ("says", "choice", "more", "posted"), [d[1:] for d in DECISIONS], ids=[d[0] for d in DECISIONS]
)
def test_decisions(says, choice, more, posted):
    books = Books(ana=0)
    unclear = invoice(**says)
    books.read(unclear)
    before = books.balance(ANA)
    books.decide(unclear, choice, **more)
    for _ in range(2):
        assert books.worth(unclear).lack is None
        assert books.balance(ANA) == before + posted
