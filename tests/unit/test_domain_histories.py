"""Random histories of documents: whatever happened, what is posted is what they are worth."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bytebridge.domain.derivation import recompute
from bytebridge.domain.memory import key_of
from bytebridge.domain.model import InvoiceState, OrderLine, OrderState, TicketState
from bytebridge.domain.settlement import members
from domain_values import ANA, BOB, DAY, NOON, Books, invoice, note, order, ticket

EMAILS = st.sampled_from([ANA, BOB, "new@example.com", None])
REFERENCES = st.sampled_from(["SERVDOLIA60", "SERVDOLIA120", "SERVDOLIA45", "MODSTOCK", "SERVDOLIA-XL"])
ORDER_LINES = st.lists(
    st.builds(OrderLine, st.just("0"), REFERENCES, st.integers(-1, 3), st.integers(0, 4), st.booleans()), max_size=3
)
ORDERS = st.builds(
    order,
    st.sampled_from(["1", "2"]),
    ORDER_LINES,
    EMAILS,
    st.sampled_from(OrderState),
    st.just(NOON),
    once_paid=st.booleans(),
    customer=st.sampled_from(["7", "7", "7", "8"]),
)
UNITS = st.sampled_from(["1", "2", "3", "-1", "0", "0.5"])
INVOICE_LINES = st.lists(st.tuples(st.one_of(REFERENCES, st.none()), UNITS), max_size=2)
WRITTEN = st.sampled_from([InvoiceState.PAID, InvoiceState.PAID, InvoiceState.OPEN, *InvoiceState])
NOTES = st.lists(st.builds(note, st.sampled_from(["51", "52"]), INVOICE_LINES, WRITTEN), max_size=2, unique_by=key_of)
INVOICES = st.builds(
    invoice,
    st.just("41"),
    INVOICE_LINES,
    st.lists(st.sampled_from([ANA, BOB, "new@example.com"]), max_size=2, unique=True).map(tuple),
    WRITTEN,
    st.just(NOON + 100 * DAY),
    received=st.booleans(),
    credit_notes=NOTES.map(lambda notes: tuple(sorted(notes, key=lambda one: int(one.id)))),
    marks=st.sampled_from([(), (), ("PS-1042",), ("PS-9",)]),
)
TICKETS = st.builds(
    ticket,
    st.sampled_from(["t1", "t2"]),
    st.lists(st.sampled_from(["consulta", "intervencion", "modulo", "gratis", "raro"]), max_size=1).map(tuple),
    st.lists(st.sampled_from(["0", "1", "22", "46", "abc"]), max_size=1).map(tuple),
    EMAILS,
    st.sampled_from([TicketState.RESOLVED, TicketState.RESOLVED, *TicketState]),
    st.integers(0, 3).map(lambda days: NOON + days * DAY),
    credits=st.lists(st.sampled_from(["0", "20", "-1"]), max_size=1).map(tuple),
    subject=st.sampled_from(["Saldo", "No puedo facturar"]),
)
HISTORIES = st.lists(
    st.tuples(st.one_of(ORDERS, INVOICES, TICKETS), st.sampled_from([0, 3600, DAY, 70 * DAY])), max_size=12
)


def firm():
    books = Books(ana=40, bob=0)
    books.view.shop_orders["1042"] = "shop:1042"
    return books


def check(document, outcomes, books):
    for key, outcome in outcomes.items():
        posted = sum(books.view.posted.get(key, {}).values())
        assert outcome.worth.credits in (None, posted)
        assert outcome.worth.credits is None or outcome.worth.lack is None
        for posting in outcome.postings:
            assert recompute(posting.derivation) == posting.was + posting.credits
            assert posting.balance == books.view.accounts[posting.account].balance or len(outcomes) > 1
    if all(outcome.worth.lack is None for outcome in outcomes.values()):
        assert sum(books.posted(member) for member in members(document)) >= 0 or key_of(document).startswith("helpdesk")


@settings(max_examples=20, deadline=None)
@given(HISTORIES)
def test_posted_is_what_documents_are_worth_and_a_second_reading_adds_nothing(history):
    books = firm()
    now = NOON
    for document, later in history:
        now += later
        check(document, books.read(document, now), books)
        entries, letters = len(books.entries), len(books.letters)
        again = books.read(document, now)
        assert (len(books.entries), len(books.letters)) == (entries, letters)
        check(document, again, books)
        for account in books.view.accounts.values():
            own = [entry.credits for entry in books.entries if entry.account == account.id]
            assert account.balance == sum(own) + (40 if account.id == 1 else 0)


@settings(max_examples=12, deadline=None)
@given(HISTORIES)
def test_each_fall_below_the_threshold_is_told_once(history):
    books = firm()
    now = NOON
    for document, later in history:
        now += later
        told, moved = len(books.letters), len(books.entries)
        books.read(document, now)
        falls = {
            entry.account for entry in books.entries[moved:] if entry.balance - entry.credits >= 30 > entry.balance
        }
        low = [letter.account for letter in books.letters[told:] if letter.kind == "low_balance"]
        assert sorted(low) == sorted(falls)
        for account in books.view.accounts.values():
            account.low_pending = False


@settings(max_examples=12, deadline=None)
@given(st.lists(st.one_of(ORDERS, INVOICES, TICKETS), max_size=5, unique_by=key_of), st.randoms(use_true_random=False))
def test_documents_of_different_keys_may_come_in_any_order(documents, random):
    shuffled = random.sample(documents, len(documents))
    sums = []
    for some in (documents, shuffled):
        books = Books()
        for email in (ANA, BOB, "new@example.com"):
            books.open(email)
        for document in some:
            books.read(document)
        sums.append({key: sum(posted.values()) for key, posted in books.view.posted.items() if posted})
        sums[-1]["balances"] = [account.balance for account in books.view.accounts.values()]
    assert sums[0] == sums[1]


@settings(max_examples=12, deadline=None)
@given(st.lists(TICKETS, min_size=1, max_size=6))
def test_a_ticket_costs_in_the_end_what_it_would_have_cost_from_the_start(versions):
    versions = [replace(version, id="t1", email=ANA, created_at=NOON - DAY) for version in versions]
    books, fresh = Books(ana=0), Books(ana=0)
    for version in versions:
        books.read(version)
    last = fresh.worth(versions[-1])
    if last.credits is not None:
        assert books.balance(ANA) == last.credits
