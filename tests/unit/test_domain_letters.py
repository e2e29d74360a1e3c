"""Which letters each situation calls for."""

import pytest
from msgspec.structs import replace

from bytebridge.domain.letter import Channel
from bytebridge.domain.model import InvoiceState, Kind, OrderState, TicketState
from bytebridge.domain.notices import Policy, asks_for_statement
from bytebridge.domain.rules import Rate
from domain_values import ANA, BOB, DAY, NOON, POLICY, RATES, RULES, Books, invoice, note, order, ticket

NEW, OPEN, RESOLVED = TicketState.NEW, TicketState.OPEN, TicketState.RESOLVED
WAITING = {"kinds": (), "minutes": (), "state": NEW}
OURS = "RE: Saldo próximo a agotarse: 20 créditos (BB-7-12-9F3A1C07B2E4)"
ASKING = {**WAITING, "subject": "Saldo"}

# balance before, documents read one after the other, letters due
SITUATIONS = {
    "a purchase": (0, [order()], ["purchase"]),
    "a purchase in the ERP": (0, [invoice()], ["purchase"]),
    "nothing bought": (0, [order(lines=[("MODSTOCK", 1)])], []),
    "read twice": (0, [order(), order()], ["purchase"]),
    "first seen cancelled": (0, [order(state=OrderState.BACK)], []),
    "cancelled": (500, [order(), order(state=OrderState.BACK)], ["purchase", "taken_back"]),
    "a charge": (100, [ticket()], ["balance"]),
    "free work": (100, [ticket(kinds=("gratis",))], []),
    "in review": (100, [ticket(kinds=())], []),
    "a correction": (500, [ticket(), ticket(minutes=("46",))], ["balance", "balance"]),
    "spam after all": (500, [ticket(), ticket(state=TicketState.SPAM)], ["balance", "balance"]),
    "falls below": (50, [ticket()], ["balance", "low_balance"]),
    "stays at the threshold": (60, [ticket()], ["balance"]),
    "falls from the threshold": (30, [ticket()], ["balance", "low_balance"]),
    "was below": (29, [ticket()], ["balance"]),
    "never was above": (0, [ticket()], ["balance"]),
    "far below at once": (100, [ticket(minutes=("300",))], ["balance", "low_balance"]),
    "a refund below": (0, [order(), order(state=OrderState.BACK)], ["purchase", "taken_back", "low_balance"]),
    "one low letter for two falls": (50, [ticket("t1"), order(), ticket("t2", minutes=("150",))], ["balance", "low_balance", "purchase", "balance"]),
    "opened, covered": (15, [ticket(**WAITING)], []),
    "opened, not covered": (14, [ticket(**WAITING)], ["insufficient"]),
    "read twice while open": (0, [ticket(**WAITING), ticket(**WAITING, subject="x")], ["insufficient"]),
    "the minimum rises": (0, [ticket(**WAITING), ticket(state=OPEN, kinds=("intervencion",), minutes=())], ["insufficient", "insufficient"]),
    "the minimum falls": (0, [ticket(state=OPEN, kinds=("intervencion",), minutes=()), ticket(state=OPEN, minutes=())], ["insufficient"]),
    "covered until the kind is known": (40, [ticket(**WAITING), ticket(state=OPEN, kinds=("intervencion",), minutes=())], ["insufficient"]),
    "a quote": (100, [ticket(state=OPEN, kinds=("presupuesto",), minutes=(), credits=("200",))], ["insufficient"]),
    "a quote without its figure": (0, [ticket(state=OPEN, kinds=("presupuesto",), minutes=())], []),
    "free beforehand": (0, [ticket(state=OPEN, kinds=("gratis",), minutes=())], []),
    "module beforehand": (0, [ticket(state=OPEN, kinds=("modulo",), minutes=())], []),
    "reopened, already charged": (30, [ticket(), ticket(state=OPEN)], ["balance", "low_balance"]),
    "reopened with more than charged": (30, [ticket(), ticket(state=OPEN, minutes=("46",))], ["balance", "low_balance", "insufficient"]),
    "resolved is not beforehand": (0, [ticket(state=TicketState.CLOSED)], ["balance"]),
    "a chat going on": (0, [ticket(**{**WAITING, "state": TicketState.LIVE})], []),
    "answers a letter of ours": (0, [ticket(**WAITING, subject=OURS)], []),
    "answers one, and work is noted": (0, [ticket(**WAITING, subject=OURS), ticket(state=OPEN, subject=OURS, minutes=())], ["insufficient"]),
    "is away": (0, [ticket(**WAITING, subject="Re: Out of office: Saldo")], []),
    "asks": (0, [ticket(**ASKING)], ["statement", "statement"]),
    "asks, then an agent opens it": (0, [ticket(**ASKING), ticket(**{**ASKING, "state": OPEN})], ["statement", "statement"]),
    "asks, then work is noted": (0, [ticket(**ASKING), ticket(state=OPEN, subject="Saldo", minutes=())], ["statement", "statement", "insufficient"]),
    "a tag on a ticket at work": (0, [ticket(state=OPEN, tags=("Informe",), minutes=())], ["statement", "statement", "insufficient"]),
    "a tag on spam": (0, [ticket(**{**WAITING, "state": TicketState.SPAM}, tags=("informe",))], []),
    "the words in an old ticket": (100, [ticket(**{**ASKING, "state": OPEN})], []),
    "asks four times": (0, [ticket(f"t{n}", **ASKING) for n in range(4)], ["statement"] * 6),
}  # fmt: skip


@pytest.mark.parametrize(("balance", "documents", "kinds"), SITUATIONS.values(), ids=SITUATIONS)
def test_situation(balance, documents, kinds):
    books = Books(ana=balance)
    for document in documents:
        books.read(document)
    assert books.told() == kinds


def test_work_begun_before_prices_rose_is_announced_by_its_own():
    """Reopened afterwards it costs what it was charged, for a later price list never re-prices it."""
    dearer = Rate(Kind.CONSULTATION, minimum=60, block=60, valid_from=NOON + DAY)
    books = Books(rules=replace(RULES, rates=(dearer, *RATES)), ana=30)
    books.read(ticket())
    books.read(ticket(state=OPEN, at=NOON + 2 * DAY), now=NOON + 2 * DAY)
    assert "insufficient" not in books.told()
    books.read(ticket("t2", **WAITING, at=NOON + 2 * DAY))
    assert "insufficient" in books.told()


STRANGERS = {
    "opens a ticket": ([ticket(**WAITING)], []),
    "asks for a statement": ([ticket(**ASKING)], []),
    "is charged": ([ticket()], ["balance"]),
    "buys": ([order()], ["purchase"]),
}


@pytest.mark.parametrize(("documents", "kinds"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger(documents, kinds):
    books = Books()
    for document in documents:
        books.read(document)
    assert books.told() == kinds


def test_a_stranger_who_got_an_account_is_answered():
    books = Books()
    books.read(ticket(**ASKING))
    books.open(ANA)
    books.read(ticket(**ASKING))
    assert books.told() == ["statement", "statement"]


def test_low_balance_again_only_after_having_been_above():
    books = Books(ana=50)
    for number in range(3):
        books.read(ticket(f"t{number}"))
    assert books.told("low_balance") == ["low_balance"]
    books.view.accounts[1].low_pending = False
    books.read(order())
    books.read(ticket("t9", minutes=("60",)))
    assert books.told("low_balance") == ["low_balance"] * 2


def test_an_account_has_its_own_threshold():
    books = Books()
    books.open(ANA, 150, threshold=130)
    books.read(ticket())
    assert books.told() == ["balance", "low_balance"]


QUIET = NOON
YESTERDAY = NOON - DAY
PAST = {
    "a purchase of yesterday": ([order(at=YESTERDAY)], []),
    "a charge of yesterday": ([ticket(at=YESTERDAY)], []),
    "a refund today of a purchase of yesterday": ([order(at=YESTERDAY), order(at=YESTERDAY, state=OrderState.BACK)], ["taken_back"]),
    "corrected today": ([ticket(at=YESTERDAY), ticket(at=YESTERDAY, minutes=("31",), changed_at=NOON)], ["balance"]),
    "valued by new rules": ([order(at=YESTERDAY, lines=[("NEW", 1)])], []),
    "corrected yesterday": ([ticket(at=YESTERDAY), ticket(at=YESTERDAY, minutes=("31",), changed_at=NOON - 1)], []),
    "a credit note of yesterday": ([invoice(at=YESTERDAY, credit_notes=(note(at=YESTERDAY),))], []),
    "a credit note of today": ([invoice(at=YESTERDAY), invoice(at=YESTERDAY, credit_notes=(note(),))], ["taken_back"]),
    "an invoice of yesterday paid today": ([invoice(at=YESTERDAY, state=InvoiceState.OPEN), invoice(at=YESTERDAY)], ["purchase"]),
    "an invoice made today, dated yesterday": ([replace(invoice(at=YESTERDAY), created_at=NOON)], ["purchase"]),
    "opened yesterday": ([ticket(**WAITING, at=YESTERDAY, email=BOB)], []),
    "opened yesterday, changed today": ([ticket(**WAITING, at=YESTERDAY, email=BOB), ticket(**WAITING, email=BOB)], []),
    "asked yesterday": ([ticket(**ASKING, at=YESTERDAY)], []),
    "asked yesterday, changed today": ([ticket(**ASKING, at=YESTERDAY), ticket(**ASKING)], []),
}  # fmt: skip


def test_a_credit_note_of_the_quiet_past_is_told_when_its_source_falls_later():
    books = Books(policy=replace(POLICY, quiet_before=QUIET))
    noted = invoice(at=YESTERDAY, credit_notes=(note(at=YESTERDAY),))
    books.read(noted)
    reopened = replace(noted, state=InvoiceState.OPEN)
    books.read(reopened, now=NOON)
    assert books.told() == []
    books.read(reopened, now=NOON + 2 * DAY)
    assert books.told() == ["taken_back", "purchase"]


def test_a_credit_note_of_the_quiet_past_is_told_when_an_older_one_takes_its_part_later():
    books = Books(policy=replace(POLICY, quiet_before=QUIET))
    draft, booked = note("1", at=YESTERDAY, state=InvoiceState.DRAFT), note("2", at=YESTERDAY)
    books.read(invoice("9", at=YESTERDAY, credit_notes=(draft, booked)))
    assert books.told() == []
    validated = replace(draft, state=InvoiceState.OPEN)
    books.read(invoice("9", at=YESTERDAY, credit_notes=(validated, booked)))
    assert books.told() == ["taken_back", "purchase"]


@pytest.mark.parametrize(("documents", "kinds"), PAST.values(), ids=PAST)
def test_the_quiet_past(documents, kinds):
    books = Books(policy=replace(POLICY, quiet_before=QUIET), ana=30, bob=0)
    for document in documents:
        books.read(document)
    assert books.told() == kinds


def test_a_grant_of_the_quiet_past_that_falls_with_time_is_told():
    books = Books(policy=replace(POLICY, quiet_before=QUIET), ana=0)
    books.read(invoice(at=YESTERDAY))
    for hours in (0, 25):
        books.read(invoice(at=YESTERDAY, state=InvoiceState.OPEN), NOON + hours * 3600)
    assert books.told() == ["taken_back", "low_balance"]


ROADS = [
    ("reply", (Channel.TICKET,), True, [("ticket", "t1")]),
    ("note with its mail", (Channel.TICKET, Channel.EMAIL), True, [("ticket", "t1"), ("email", "t1")]),
    ("by mail", (Channel.EMAIL,), True, [("email", "t1")]),
    ("takes no reply", (Channel.TICKET,), False, [("email", "t1")]),
]


@pytest.mark.parametrize(("channels", "replyable", "expected"), [r[1:] for r in ROADS], ids=[r[0] for r in ROADS])
def test_how_a_letter_of_a_ticket_travels(channels, replyable, expected):
    books = Books(policy=replace(POLICY, ticket_channels=channels), ana=100)
    books.read(ticket(replyable=replyable))
    assert [(letter.channel, letter.ticket) for letter in books.letters] == expected
    assert {letter.to for letter in books.letters} == {ANA}


@pytest.mark.parametrize("email", [None, BOB])
def test_a_charge_that_falls_away_is_told_to_who_had_it(email):
    books = Books(ana=100, bob=0)
    books.read(ticket())
    books.read(ticket(email=email, state=TicketState.SPAM, replyable=False))
    assert books.balance(ANA) == 100
    assert [(letter.account, letter.channel, letter.to) for letter in books.letters[1:]] == [(1, "email", "")]


def test_a_ticket_given_to_another_customer_tells_each_their_own_balance():
    books = Books(ana=100, bob=100)
    books.read(ticket())
    books.read(ticket(email=BOB))
    assert [(letter.account, letter.channel, letter.to) for letter in books.letters] == [
        (1, "ticket", ANA),
        (1, "email", ""),
        (2, "ticket", BOB),
    ]


REMINDERS = [("intervencion", True), ("actualizacion", True), ("consulta", False)]


@pytest.mark.parametrize(("kind", "reminded"), REMINDERS)
def test_credentials_are_to_be_deleted_after_work_inside(kind, reminded):
    books = Books(ana=500)
    books.read(ticket(kinds=(kind,)))
    assert books.letters[0].facts["reminder"] is reminded


@pytest.mark.parametrize(("balance", "waits"), [(30, False), (29, True)])
def test_a_letter_that_tells_what_is_owed_waits_for_the_shop(balance, waits):
    books = Books(ana=balance)
    books.read(ticket())
    assert books.letters[0].needs_shop is waits


def test_only_watched_departments_are_warned():
    books = Books(replace(RULES, departments=frozenset({"d2"})), ana=0)
    books.read(ticket(**WAITING))
    assert books.letters == []


SUBJECTS = [
    ("Saldo", True),
    ("SALDO", True),
    ("¿Saldo?", True),
    ("Informe de créditos.", True),
    ("Re: saldo", True),
    ("RE: Fwd: Réf : saldo", True),
    ("informe  de\tcreditos", True),
    ("Saldo de mi cuenta", False),
    ("Re: KXB-1: su saldo", False),
    ("", False),
    ("Re:", False),
]


@pytest.mark.parametrize(("subject", "asks"), SUBJECTS)
def test_subjects_that_ask_for_a_statement(subject, asks):
    assert asks_for_statement(ticket(**WAITING, subject=subject), POLICY) is asks


def test_agreed_words_may_be_written_with_punctuation():
    policy = Policy(quiet_before=0, statement_words=frozenset({"¿saldo?"}))
    assert asks_for_statement(ticket(**ASKING), policy)
