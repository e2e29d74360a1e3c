"""Documents as they were read, whatever stands in them, and balances by the two times of each entry."""

import msgspec
import pytest
import sqlalchemy as sa

from bytebridge import service
from bytebridge.domain.model import Order, OrderLine, OrderState, Source, Ticket, TicketState
from bytebridge.jobs.book import Run, book, unlike
from bytebridge.ledger import accounts, codec, documents, entries, outbox, pages, past, reviews, verify
from bytebridge.ledger.many import BATCH
from bytebridge.ledger.schema import documents as documents_table
from bytebridge.settings import Settings

NOW = 1_796_100_000  # 2026-12-01 04:40 UTC
DAY = 86_400
TEXTS = {
    "nul": "before\x00after",
    "emoji": "Ana 🧑‍💻🇪🇸",
    "quotes": """O'Brien "the" `boss`; DROP TABLE entries; --""",
    "backslashes": "C:\\new\\\\%s %(name)s :name {0}",
    "wildcards": "100%_[a-z]*?",
    "line ends": "one\r\ntwo\ttwo\x1b[0m\x85\u2028",
    "long": "ñ" * 5_000,
    "long emoji": "🧾" * 1_000,
    "half a character": "before\ud83eafter",
    "right to left": "\u202eevil\u202c أهلا",
    "empty": "",
    "spaces": "  padded  ",
}
SETTINGS = Settings(packs=[{"reference": "P120", "credits": 120}], notices={"quiet_before": ""})


def order(number="7", text="Ana", **changed):
    whole = Order(
        id=number,
        code=f"R{number}",
        customer="1",
        email="ana@example.com",
        name=text,
        language="es",
        state=OrderState.PAID,
        state_name=text,
        once_paid=True,
        created_at=NOW - DAY,
        paid_at=NOW - DAY,
        lines=(OrderLine("1", "P120", 2), OrderLine("2", text, 1)),
    )
    return msgspec.structs.replace(whole, **changed)


def ticket(number="t1", text="Help", **changed):
    whole = Ticket(
        id=number,
        code=f"KXB-{number}",
        state=TicketState.RESOLVED,
        email="ana@example.com",
        contact=None,
        name=text,
        language=None,
        department="d1",
        agent=None,
        subject=text,
        replyable=True,
        created_at=NOW - 3600,
        changed_at=NOW - 60,
        resolved_at=NOW - 60,
        minutes=("16",),
        kinds=("consulta",),
        tags=(text,) if text else (),
    )
    return msgspec.structs.replace(whole, **changed)


@pytest.fixture
def context(store):
    return service.build(SETTINGS, store, by="tester", now=lambda: NOW)


def booked(context, source, *given):
    return book(given, context, Run("poll", "tester", NOW), source=source)


def seen(context, source, *numbers):
    with context.store.read() as connection:
        return pages.known_documents(connection, source, numbers)


def storable(text):
    return text.encode("utf-8", "replace").decode()


def test_whatever_a_source_says_is_kept_as_it_said_it(context):
    emails = {name: f"{number}@example.com" for number, name in enumerate(TEXTS)}
    bought = [order(name, text, email=emails[name]) for name, text in TEXTS.items()]
    asked = [ticket(name, text, email=emails[name]) for name, text in TEXTS.items()]
    booked(context, Source.SHOP, *bought)
    booked(context, Source.HELPDESK, *asked)
    with context.store.read() as connection:
        assert unlike(connection, [*bought, *asked], context.rules_digest) == [], "read again it is the same"
        found = accounts.summaries(connection)
        assert [one.balance for one in found] == [210] * len(TEXTS)
        assert [one.name for one in found] == [codec.fit(text, 250) for text in TEXTS.values()]
        assert verify.verify(connection).fault is None
        assert len(outbox.listed(connection)) == 2 * len(TEXTS)
    orders, tickets = seen(context, Source.SHOP, *TEXTS), seen(context, Source.HELPDESK, *TEXTS)
    for name, text in TEXTS.items():
        assert orders[name] == order(name, storable(text), email=emails[name])
        assert tickets[name] == ticket(name, storable(text), email=emails[name])


def test_whatever_a_person_types_is_kept(books):
    for number, text in enumerate(TEXTS.values(), 1):
        why = {"rule": "adjustment", "credits": 15, "reason": text, "by": text}
        entry = books.post(number, 15, derivation=why)
        letter = books.letter(entry.document, account=number, added=[entry], facts={"reason": text})
        with books.store.read() as connection:
            assert entries.by_ids(connection, [entry.id])[0].derivation["reason"] == storable(text)
            assert outbox.get(connection, letter.id).facts["reason"] == storable(text)
    with books.store.read() as connection:
        assert verify.verify(connection) == verify.Proof(len(TEXTS), len(TEXTS), None)


def test_a_changed_document_replaces_what_was_seen(context):
    booked(context, Source.SHOP, order(), order("8"))
    changed = order(state=OrderState.BACK, name="Ana María")
    with context.store.read() as connection:
        assert unlike(connection, [changed, order("8")], context.rules_digest) == [changed]
    booked(context, Source.SHOP, changed)
    assert seen(context, Source.SHOP, "7", "8", "9") == {"7": changed, "8": order("8")}
    with context.store.read() as connection:
        assert entries.posted(connection, "shop:7") == {1: 0}
        assert entries.last_revision(connection, "shop:7") == 2
        assert documents.get(connection, "shop:7").worth == 0


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("a", "a "), ("n", "ñ"), ("ss", "ß"), ("i", "ı")])
def test_ids_that_look_alike_are_two_documents(context, one, other):
    """As a collation would take them for one."""
    booked(context, Source.HELPDESK, ticket(one), ticket(other, minutes=("40",)))
    assert len(seen(context, Source.HELPDESK, one, other)) == 2
    assert seen(context, Source.HELPDESK, one)[one].minutes == ("16",)


def test_a_page_larger_than_a_batch_is_booked_whole(context):
    many = [order(str(number), email=f"a{number}@example.com") for number in range(2 * BATCH + 3)]
    assert len(booked(context, Source.SHOP, *many).entries) == len(many)
    assert booked(context, Source.SHOP, *many).entries == []
    with context.store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(documents_table)).scalar() == len(many)
        assert set(accounts.all_balances(connection).values()) == {240}
        keys = [f"shop:{one.id}" for one in many]
        assert len(entries.of_documents(connection, keys)) == len(many)
        assert sorted(documents.posted_keys(connection, Source.SHOP, None, None)) == sorted(keys)


def test_a_review_too_long_for_its_column_is_shortened(context):
    booked(context, Source.HELPDESK, ticket(minutes=("🧾" * 400,)))
    with context.store.read() as connection:
        (item,) = reviews.open_items(connection, "waiting")
    assert len(item.found) <= 250


@pytest.fixture
def late(books):
    """A purchase of day 1, and work of day 2 that was recorded on day 5."""
    with books.store.engine.connect().execution_options(writes=True) as connection:
        accounts.create(connection, "ana@example.com", "Ana", "es", NOW, "tester")
        connection.commit()
    books.post(1, 120, "shop:7", happened=NOW + DAY, now=NOW + DAY)
    books.post(1, -45, "helpdesk:t1", happened=NOW + 2 * DAY, now=NOW + 5 * DAY)
    books.post(1, 60, "shop:8", happened=NOW + 3 * DAY, now=NOW + 3 * DAY + 10)
    return books


@pytest.mark.parametrize(
    ("at", "known_at", "balance", "granted", "debited"),
    [
        (None, None, 135, 180, 45),
        (1, None, 0, 0, 0),
        (2, None, 120, 120, 0),
        (3, None, 75, 120, 45),
        (None, 2, 120, 120, 0),
        (None, 4, 180, 180, 0),
        (3, 4, 120, 120, 0),
        (None, 6, 135, 180, 45),
    ],
)
def test_balances_by_when_it_happened_and_when_it_was_known(late, at, known_at, balance, granted, debited):
    before, known = (None if day is None else NOW + day * DAY for day in (at, known_at))
    with late.store.read() as connection:
        found = past.summary(connection, "ana@example.com", before, known, NOW + 9 * DAY)
    assert (found.balance, found.granted, found.debited) == (balance, granted, debited)
    assert found.emails == ("ana@example.com",)


def test_a_statement_is_ordered_by_when_it_happened(late):
    with late.store.read() as connection:
        assert [one.document for one in entries.of_family(connection, 1)] == ["shop:7", "helpdesk:t1", "shop:8"]
        known = entries.of_members(connection, [1], NOW + 4 * DAY)
    assert [one.document for one in known] == ["shop:7", "shop:8"]
