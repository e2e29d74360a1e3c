"""Histories of one ticket: after each reading, what it moved and why it waits."""

import pytest
from msgspec.structs import replace

from bytebridge.domain.model import Kind, Source, TicketState
from bytebridge.domain.rules import Rate
from domain_values import ANA, BOB, DAY, NOON, RATES, RULES, Books, ticket

OPEN, RESOLVED, CLOSED = TicketState.OPEN, TicketState.RESOLVED, TicketState.CLOSED
SPAM, DELETED, UNKNOWN = TicketState.SPAM, TicketState.DELETED, TicketState.UNKNOWN
LATE = 61 * DAY

# each step: what the ticket says, seconds since its resolution, credits posted after it, why it waits
STORIES = {
    "not resolved": [({"state": OPEN}, 0, 0, None)],
    "a chat going on": [({"state": TicketState.LIVE}, 0, 0, None)],
    "resolved": [({}, 0, -30, None)],
    "closed costs as resolved": [({"state": CLOSED}, 0, -30, None)],
    "read twice": [({}, 0, -30, None), ({}, 60, -30, None)],
    "merely reopened": [({}, 0, -30, None), ({"state": OPEN}, 60, -30, None)],
    "reopened and resolved with more": [({}, 0, -30, None), ({"state": OPEN}, 60, -30, None), ({"minutes": ("46",)}, 120, -60, None)],
    "minutes corrected down": [({"minutes": ("46",)}, 0, -60, None), ({"minutes": ("10",)}, 60, -15, None)],
    "corrected to free": [({}, 0, -30, None), ({"kinds": ("gratis",)}, 60, 0, None)],
    "made unreadable keeps its charge": [({}, 0, -30, None), ({"minutes": ("abc",)}, 60, -30, "unreadable_minutes")],
    "review heals": [({"kinds": ()}, 0, 0, "no_kind"), ({}, 60, -30, None)],
    "spam": [({}, 0, -30, None), ({"state": SPAM}, 60, 0, None)],
    "spam however late": [({}, 0, -30, None), ({"state": SPAM}, LATE, 0, None)],
    "no spam after all": [({}, 0, -30, None), ({"state": SPAM}, 60, 0, None), ({}, 120, -30, None)],
    "first seen as spam": [({"state": SPAM}, 0, 0, None)],
    "merged into another": [({}, 0, -30, None), ({"state": DELETED}, 60, 0, None)],
    "deleted and undeleted": [({}, 0, -30, None), ({"state": DELETED}, 60, 0, None), ({}, 120, -30, None)],
    "tidied away": [({}, 0, -30, None), ({"state": DELETED}, LATE, -30, "deleted_late")],
    "tidied away and back": [({}, 0, -30, None), ({"state": DELETED}, LATE, -30, "deleted_late"), ({}, LATE + 60, -30, None)],
    "deleted in time, read again late": [({}, 0, -30, None), ({"state": DELETED}, 60, 0, None), ({"state": DELETED}, LATE, 0, None)],
    "resolved again lately, then deleted": [({}, 0, -30, None), ({"at": NOON + LATE}, LATE, -30, None), ({"state": DELETED, "resolved_at": NOON + LATE}, LATE + 60, 0, None)],
    "free work tidied away": [({"kinds": ("gratis",)}, 0, 0, None), ({"state": DELETED}, LATE, 0, None)],
    "spam, later deleted": [({}, 0, -30, None), ({"state": SPAM}, 60, 0, None), ({"state": OPEN}, 90, 0, None), ({"state": DELETED}, LATE, 0, None)],
    "state nobody knows": [({"state": UNKNOWN}, 0, 0, None)],
    "charged, then a state nobody knows": [({}, 0, -30, None), ({"state": UNKNOWN}, 60, -30, "unknown_state")],
    "no address": [({"email": None}, 0, 0, "no_address")],
    "no address that is one": [({"email": "600 000 000"}, 0, 0, "no_address")],
    "free work without an address": [({"email": None, "kinds": ("gratis",)}, 0, 0, None)],
    "lost its address later": [({}, 0, -30, None), ({"email": None, "minutes": ("46",)}, 60, -60, None)],
    "another ticket of the same number": [({}, 0, -30, None), ({"created_at": NOON, "minutes": ("90",)}, 60, -30, "another_document")],
    "a gesture": [({"credits": ("0",)}, 0, 0, None)],
    "quote, then its figure": [({"kinds": ("presupuesto",)}, 0, 0, "no_quote"), ({"kinds": ("presupuesto",), "credits": ("200",)}, 60, -200, None)],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_story(story):
    books = Books(ana=500)
    for says, later, posted, code in story:
        read = ticket(**says)
        worth = books.worth(read, NOON + later)
        assert (books.posted(read), worth.lack.code if worth.lack else None) == (posted, code)
    assert books.balance(ANA) == 500 + posted


def test_watched_departments_and_a_charged_ticket_followed_out_of_them():
    books = Books(replace(RULES, departments=frozenset({"d1"})), ana=100)
    books.read(ticket("elsewhere", department="d2"))
    assert books.entries == []
    books.read(ticket())
    books.read(ticket(department="d2", minutes=("46",)))
    assert books.balance(ANA) == 40


def test_the_tariff_of_the_first_resolution_seen_stays():
    books = Books(ana=500)
    books.rules = replace(RULES, rates=(Rate(Kind.CONSULTATION, 50, 50, valid_from=NOON + DAY), *RATES))
    books.read(ticket())
    books.read(ticket(at=NOON + 2 * DAY, minutes=("16",)))
    assert books.balance(ANA) == 470


@pytest.mark.parametrize(
    "first", [{"kinds": ()}, {"kinds": ("gratis",)}, {"credits": ("0",)}], ids=["review", "free", "gesture"]
)
def test_a_first_resolution_counts_although_it_moved_nothing(first):
    books = Books(ana=500)
    books.rules = replace(RULES, rates=(Rate(Kind.CONSULTATION, 50, 50, valid_from=NOON + DAY), *RATES))
    books.read(ticket(**first))
    books.read(ticket(at=NOON + 2 * DAY))
    assert books.balance(ANA) == 470


SINCE = {Source.HELPDESK: NOON}
OLD = NOON - DAY
BEFORE = {
    "resolved before": [({"at": OLD}, 0, None)],
    "in review before": [({"at": OLD, "kinds": ()}, 0, None)],
    "at the very second": [({"at": NOON}, -30, None)],
    "opened before, resolved after": [({"at": OLD, "state": OPEN}, 0, None), ({"at": NOON + DAY}, -30, None)],
    "resolved before, resolved again": [({"at": OLD}, 0, None), ({"at": NOON + DAY, "minutes": ("46",)}, 0, "older_than_since")],
    "resolved before, deleted": [({"at": OLD}, 0, None), ({"at": NOON, "state": DELETED}, 0, "older_than_since")],
    "resolved before, its subject changed": [({"at": OLD}, 0, None), ({"at": OLD, "subject": "x"}, 0, None)],
    "seen reopened, resolved again": [({"at": OLD, "state": OPEN, "resolved_at": OLD}, 0, None), ({"at": NOON + DAY}, 0, "older_than_since")],
    "spam of old, resolved now": [({"at": OLD, "state": SPAM}, 0, None), ({"at": NOON + DAY}, -30, None)],
}  # fmt: skip


@pytest.mark.parametrize("story", BEFORE.values(), ids=BEFORE)
def test_since(story):
    books = Books(replace(RULES, since=SINCE), ana=500)
    for says, posted, code in story:
        read = ticket(**says)
        worth = books.worth(read, NOON + DAY)
        assert (books.posted(read), worth.lack.code if worth.lack else None) == (posted, code)


def test_a_later_change_of_something_old_shows_what_it_would_move_and_is_accepted_once():
    books = Books(replace(RULES, since=SINCE), ana=500)
    books.read(ticket(at=OLD))
    again = ticket(at=NOON + DAY, minutes=("46",))
    assert books.worth(again).cost == -30
    books.decide(again, "accept")
    for _ in range(3):
        assert books.worth(again).lack is None
        assert books.posted(again) == -30
    more = ticket(at=NOON + DAY, minutes=("61",))
    assert books.worth(more).cost == -15


DECISIONS = [
    ("charge", {"kinds": ()}, "charge", {"credits": -40}, -40),
    ("accept what it would cost", {"kinds": ()}, "accept", {}, -30),
    ("dismiss", {"kinds": ()}, "dismiss", {}, 0),
    ("whose it is", {"email": None}, "account", {"email": BOB}, -30),
    ("no address, dismissed", {"email": None}, "dismiss", {}, 0),
]


@pytest.mark.parametrize(
    ("says", "choice", "more", "posted"), [d[1:] for d in DECISIONS], ids=[d[0] for d in DECISIONS]
)
def test_a_decision_holds_until_the_ticket_changes(says, choice, more, posted):
    books = Books(ana=100, bob=100)
    unclear = ticket(**says)
    assert books.worth(unclear).lack is not None
    books.decide(unclear, choice, **more)
    for _ in range(2):
        assert books.worth(unclear).lack is None
        assert books.posted(unclear) == posted
    changed = replace(unclear, subject="otra cosa")
    worth = books.worth(changed)
    if "email" not in more:
        assert worth.lack is not None
    assert books.posted(changed) == posted


def test_a_reused_number_touches_nothing_whatever_is_decided():
    books = Books(ana=100, bob=100)
    books.read(ticket())
    other = ticket(created_at=NOON, email=BOB)
    assert books.worth(other).lack.code == "another_document"
    books.decide(other, "dismiss")
    assert books.worth(other).lack is None
    assert (books.balance(ANA), books.balance(BOB)) == (70, 100)


def test_a_ticket_of_another_customer_moves_its_charge():
    books = Books(ana=100, bob=100)
    books.read(ticket())
    books.read(ticket(email=BOB))
    assert (books.balance(ANA), books.balance(BOB)) == (100, 70)
    assert [entry.derivation["rule"] for entry in books.entries] == ["blocks", "void", "blocks"]


def test_a_stranger_is_charged_below_zero_and_asked_once():
    books = Books()
    books.read(ticket("t1"))
    books.view.accounts[1].new = True
    outcome = books.read(ticket("t2"))["helpdesk:t2"]
    assert books.balance(ANA) == -60
    assert [bool(letter.facts.get("stranger")) for letter in books.letters] == [True, False]
    assert outcome.account == 1


def test_an_address_given_up_opens_one_account_only():
    books = Books()
    number = books.open(ANA, 100)
    books.view.owners[ANA] = [(0, number), (NOON - 10, None)]
    books.read(ticket("t1"))
    books.read(ticket("t2", at=NOON + 5))
    assert books.view.accounts[number].balance == 100
    assert books.balance(ANA) == -60
    assert len(books.view.accounts) == 2


def test_whose_it_was_when_it_was_resolved():
    books = Books(ana=100, bob=100)
    books.view.owners[ANA].append((NOON + 1, 2))
    books.read(ticket("t1"))
    books.read(ticket("t2", at=NOON + 1))
    assert [account.balance for account in books.view.accounts.values()] == [70, 70]


def test_a_merged_family_is_charged_the_difference_only():
    books = Books(ana=100, bob=100)
    books.read(ticket(email=BOB))
    books.view.accounts[2].root = 1
    books.view.posted["helpdesk:t1"] = {1: -30}
    books.read(ticket(email=BOB, minutes=("46",)))
    assert [account.balance for account in books.view.accounts.values()] == [70, 70]


def test_module_support_of_the_account():
    books = Books(ana=100)
    books.view.module_ends = {1: NOON}
    asked = ticket(kinds=("modulo",))
    books.read(asked)
    assert books.entries == []
    assert books.worth(replace(asked, id="t2", created_at=NOON + 1)).lack.code == "module_outside_year"
