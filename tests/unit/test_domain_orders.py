"""Histories of one order: after each reading, what it granted, why it waits, what is flagged."""

import pytest
from msgspec.structs import replace

from bytebridge.domain.model import OrderLine, OrderState, Source
from bytebridge.domain.rules import Pack
from domain_values import ANA, DAY, NOON, PACKS, RULES, Books, order

PAID, BACK, OTHER = OrderState.PAID, OrderState.BACK, OrderState.OTHER
TWO = OrderLine("0", "SERVDOLIA120", 2)
ONE_BACK, BOTH_BACK, THREE_BACK = (replace(TWO, taken_back=units) for units in (1, 2, 3))

# each step: what the order says, credits posted after it, flags
STORIES = {
    "paid": [({}, 120, ())],
    "read twice": [({}, 120, ()), ({}, 120, ())],
    "several and mixed": [({"lines": [("SERVDOLIA60", 3), ("MODSTOCK", 1), ("SERVDOLIA45", 1)]}, 225, ())],
    "no pack": [({"lines": [("MODSTOCK", 1)]}, 0, ())],
    "no lines": [({"lines": []}, 0, ())],
    "unpaid": [({"state": OTHER}, 0, ())],
    "unpaid, then paid": [({"state": OTHER}, 0, ()), ({}, 120, ())],
    "paid, then cancelled": [({}, 120, ()), ({"state": BACK}, 0, ())],
    "cancelled, then paid again": [({}, 120, ()), ({"state": BACK}, 0, ()), ({}, 120, ())],
    "first seen cancelled": [({"state": BACK, "once_paid": True}, 0, ())],
    "held": [({}, 120, ()), ({"state": OTHER}, 120, ("hold",))],
    "first seen held": [({"state": OTHER, "once_paid": True}, 120, ("hold",))],
    "held without packs": [({"state": OTHER, "once_paid": True, "lines": [("MODSTOCK", 1)]}, 0, ())],
    "refunded in parts": [({"lines": [TWO]}, 240, ()), ({"lines": [ONE_BACK]}, 120, ()), ({"lines": [BOTH_BACK]}, 0, ())],
    "never more than granted": [({"lines": [TWO]}, 240, ()), ({"lines": [THREE_BACK]}, 0, ())],
    "refunded, then cancelled": [({"lines": [ONE_BACK]}, 120, ()), ({"lines": [ONE_BACK], "state": BACK}, 0, ())],
    "held with a refund": [({"lines": [ONE_BACK], "state": OTHER, "once_paid": True}, 120, ("hold",))],
    "quantity edited": [({}, 120, ()), ({"lines": [("SERVDOLIA120", 3)]}, 360, ())],
    "a line vanished": [({"lines": [("SERVDOLIA120", 1), ("SERVDOLIA60", 1)]}, 180, ()), ({"lines": [("SERVDOLIA60", 1)]}, 60, ())],
    "edited below what was refunded": [({"lines": [TWO]}, 240, ()), ({"lines": [OrderLine("0", "SERVDOLIA120", 1, 2)]}, 0, ())],
    "negative quantity": [({"lines": [("SERVDOLIA120", -1)]}, 0, ())],
    "goodwill": [({"lines": [replace(ONE_BACK, goodwill=True)]}, 120, ("goodwill",))],
    "underpaid": [({"underpaid": True}, 120, ("underpaid",))],
    "underpaid without packs": [({"underpaid": True, "lines": [("MODSTOCK", 1)]}, 0, ())],
    "looks like a pack": [({"lines": [("SERVDOLIA-XL", 1)]}, 0, ("looks_like_pack",))],
    "looks like a pack, unpaid": [({"lines": [("SERVDOLIA-XL", 1)], "state": OTHER}, 0, ())],
    "buyer gone": [({}, 120, ()), ({"email": None}, 120, ()), ({"email": None, "state": BACK}, 0, ())],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_story(story):
    books = Books(ana=10)
    for says, posted, flags in story:
        read = order(**says)
        worth = books.worth(read)
        assert (books.posted(read), worth.lack, tuple(flag.code for flag in worth.flags)) == (posted, None, flags)
    assert books.balance(ANA) == 10 + posted


def test_an_order_of_nobody_waits_for_an_address():
    books = Books()
    nameless = order(email=None)
    worth = books.worth(nameless)
    assert (worth.lack.code, worth.cost, books.entries) == ("no_address", 120, [])
    books.worth(order())
    assert books.balance(ANA) == 120
    assert books.entries[0].happened == NOON


SLIPPED = replace(ONE_BACK, slipped=1)
SIXTY = OrderLine("1", "SERVDOLIA60", 1)
SIXTY_SLIPPED = replace(SIXTY, taken_back=1, slipped=1)
UNSEEN = {  # what the order says, credits posted after it, whether it waits
    "slips gone": [([SLIPPED], 120, False), ([TWO], 120, True), ([SLIPPED], 120, False)],
    "slips gone for good": [([SLIPPED], 120, False), ([TWO], 120, True), ([TWO], 120, True)],
    "counted as well": [([SLIPPED], 120, False), ([ONE_BACK], 120, False), ([BOTH_BACK], 0, False)],
    "slips gone, counted later": [([SLIPPED], 120, False), ([TWO], 120, True), ([ONE_BACK], 120, False)],
    "counted less": [([BOTH_BACK], 0, False), ([ONE_BACK], 120, False), ([TWO], 240, False)],
    "one of two slips gone": [([replace(BOTH_BACK, slipped=2)], 0, False), ([SLIPPED], 0, True), ([TWO], 0, True), ([SLIPPED], 0, True), ([replace(BOTH_BACK, slipped=2)], 0, False)],
    "one of two slips gone, counted later": [([replace(BOTH_BACK, slipped=2)], 0, False), ([SLIPPED], 0, True), ([replace(BOTH_BACK, slipped=1)], 0, False)],
    "a line's slip gone": [([SLIPPED, SIXTY_SLIPPED], 120, False), ([SLIPPED, SIXTY], 120, True), ([SLIPPED, SIXTY_SLIPPED], 120, False)],
    "a line's slip gone, another's new": [([SLIPPED, SIXTY], 180, False), ([TWO, SIXTY_SLIPPED], 180, True), ([SLIPPED, SIXTY_SLIPPED], 120, False)],
    "a line gone with its slip": [([SLIPPED, SIXTY_SLIPPED], 120, False), ([SLIPPED], 120, False)],
    "no pack": [([OrderLine("0", "OTHER", 1, 1, slipped=1)], 0, False), ([OrderLine("0", "OTHER", 1)], 0, False)],
}  # fmt: skip


@pytest.mark.parametrize("story", UNSEEN.values(), ids=UNSEEN)
def test_a_refund_that_stood_on_slips_alone_is_not_undone_by_seeing_fewer(story):
    books = Books(ana=0)
    for lines, posted, waits in story:
        read = order(lines=lines)
        lack = books.worth(read).lack
        assert (books.posted(read), lack and lack.code) == (posted, "refund_not_shown" if waits else None)


@pytest.mark.parametrize("left", [0, 1])
def test_slips_that_were_deleted_on_purpose_are_accepted(left):
    books = Books(ana=0)
    shown = replace(TWO, taken_back=left, slipped=left)
    books.read(order(lines=[replace(TWO, taken_back=left + 1, slipped=left + 1)]))
    gone = order(lines=[shown])
    assert books.worth(gone).cost == 240 - 120 * left
    books.decide(gone, "accept")
    books.read(gone)
    assert books.balance(ANA) == 240 - 120 * left
    assert books.worth(order(lines=[replace(shown, quantity=3)])).credits == 360 - 120 * left


def test_a_cancelled_order_falls_whether_its_slips_are_shown_or_not():
    books = Books(ana=0)
    books.read(order(lines=[SLIPPED]))
    assert books.worth(order(lines=[TWO], state=BACK)).credits == 0
    assert books.balance(ANA) == 0


def test_a_module_whose_refund_is_no_longer_shown_stays_refunded():
    line = OrderLine("0", "MODSTOCK", 1)
    books = Books()
    books.read(order(lines=[replace(line, taken_back=1, slipped=1)]))
    worth = books.worth(order(lines=[line]))
    assert (worth.modules, worth.lack.code) == ((), "refund_not_shown")


def test_an_order_that_never_was_booked_is_not_held():
    books = Books()
    books.read(order(email=None))
    assert books.worth(order(email=None, state=OTHER)).credits == 0


def test_another_buyer_or_creation_is_another_order():
    for says in ({"customer": "8"}, {"created_at": NOON + 1}):
        books = Books(ana=0)
        books.read(order())
        worth = books.worth(order(lines=[("SERVDOLIA60", 1)], **says))
        assert (worth.lack.code, books.balance(ANA)) == ("another_document", 120)


def test_a_new_price_list_never_reprices_the_past():
    books = Books(ana=0)
    books.rules = replace(RULES, packs=(*PACKS, Pack("SERVDOLIA120", 100, True, valid_from=NOON + DAY)))
    books.read(order())
    books.read(order(lines=[("SERVDOLIA120", 2)]))
    assert books.balance(ANA) == 240
    books.read(order("2", at=NOON + DAY))
    assert books.balance(ANA) == 340


def test_the_date_is_that_of_payment():
    books = Books(ana=0)
    books.rules = replace(RULES, packs=(*PACKS, Pack("SERVDOLIA120", 100, True, valid_from=NOON + DAY)))
    books.read(order(state=OTHER, paid_at=None))
    books.read(order(paid_at=NOON + DAY))
    assert books.balance(ANA) == 100


OLD = NOON - DAY
BEFORE = {
    "paid before": [({"at": OLD}, 0, None)],
    "paid before, refunded": [({"at": OLD}, 0, None), ({"at": OLD, "state": BACK}, 0, -120)],
    "ordered before, paid after": [({"at": OLD, "state": OTHER, "paid_at": None}, 0, None), ({"at": OLD, "paid_at": NOON}, 120, None)],
    "ordered before, cancelled, paid after": [({"at": OLD, "state": BACK, "paid_at": None}, 0, None), ({"at": OLD, "paid_at": NOON}, 120, None)],
    "read again": [({"at": OLD}, 0, None), ({"at": OLD}, 0, None)],
    "edited": [({"at": OLD}, 0, None), ({"at": OLD, "lines": [("SERVDOLIA120", 3)]}, 0, 240)],
}  # fmt: skip


@pytest.mark.parametrize("story", BEFORE.values(), ids=BEFORE)
def test_since(story):
    books = Books(replace(RULES, since={Source.SHOP: NOON}), ana=0)
    for says, posted, cost in story:
        read = order(**says)
        worth = books.worth(read)
        assert (books.posted(read), worth.cost if worth.lack else None) == (posted, cost)


def test_since_set_later_counts_from_what_was_posted():
    books = Books(ana=0)
    books.read(order(at=OLD))
    late = replace(RULES, since={Source.SHOP: NOON})
    assert books.worth(order(at=OLD), rules=late).lack is None
    refunded = order(at=OLD, state=BACK)
    assert books.worth(refunded, rules=late).cost == -120
    books.decide(refunded, "accept")
    for _ in range(2):
        books.read(refunded, rules=late)
        assert books.balance(ANA) == 0


def test_modules_bought_and_kept():
    line = OrderLine("0", "MODSTOCK", 1)
    books = Books()
    until = NOON + 365 * DAY
    assert books.worth(order(lines=[line])).modules == (("MODSTOCK", until),)
    assert books.worth(order(lines=[replace(line, taken_back=1)])).modules == ()
    assert books.worth(order("2", lines=[line], state=OTHER)).modules == ()


ALIKE = [
    ("same day", "erp", 120, 0, "look_alike"),
    ("a week before", "erp", 120, -7 * DAY, "look_alike"),
    ("a week after", "erp", 120, 7 * DAY, "look_alike"),
    ("a second more", "erp", 120, 7 * DAY + 1, None),
    ("other credits", "erp", 60, 0, None),
    ("of the same system", "shop", 120, 0, None),
]


@pytest.mark.parametrize(("source", "credits", "apart", "code"), [a[1:] for a in ALIKE], ids=[a[0] for a in ALIKE])
def test_look_alikes(source, credits, apart, code):
    books = Books(ana=0)
    books.bought(ANA, source, credits, NOON + apart, "erp:41")
    worth = books.worth(order())
    assert (worth.lack.code if worth.lack else None) == code
    assert books.balance(ANA) == (0 if code else 120)


@pytest.mark.parametrize(("choice", "balance"), [("accept", 120), ("dismiss", 0)])
def test_a_look_alike_decided(choice, balance):
    books = Books(ana=0)
    books.bought(ANA, "erp", 120, NOON, "erp:41")
    books.read(order())
    books.decide(order(), choice)
    for _ in range(2):
        assert books.worth(order()).lack is None
        assert books.balance(ANA) == balance
