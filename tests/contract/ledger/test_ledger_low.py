"""Who is about to run out, as the status page asks for it."""

import pytest

from bytebridge.jobs import overview
from bytebridge.ledger import accounts, outbox
from bytebridge.reports.status import LowBalance
from bytebridge.settings import Settings


@pytest.fixture
def found(books, store):
    """Balances by account; 2 was merged into 1, 3 has a threshold of its own, 9 never had an entry."""

    def found(balances):
        def open_all(connection):
            for number in (*balances, 9):
                assert accounts.create(connection, f"{number}@example.com", f"Name {number}", None, 0, "test")
            accounts.merge(connection, 1, 2, 0, "tester")
            accounts.set_values(connection, 3, language=None, threshold=500, name=None)

        store.transact(open_all)
        for number, credits in balances.items():
            books.post(number, credits)
        with store.read() as connection:
            return overview.status(connection, Settings(), 1_796_100_000, (), {})

    return found


def test_who_runs_out_first_stands_in_front_and_who_owes_last(found):
    shown = found({1: 20, 2: 5, 3: 499, 4: 30, 5: 0, 6: -60, 7: 29, 8: -5})
    assert shown.low == (
        LowBalance(1, "Name 1", 25, 30),
        LowBalance(7, "Name 7", 29, 30),
        LowBalance(3, "Name 3", 499, 500),
        LowBalance(6, "Name 6", -60, 30),
        LowBalance(8, "Name 8", -5, 30),
    )
    assert (shown.low_more, shown.at_zero) == (0, 1)


def test_those_the_page_has_no_room_for_are_counted(found, monkeypatch):
    monkeypatch.setattr(overview, "SHOWN", 2)
    shown = found({1: 1, 2: 1, 3: 3, 4: 4, 5: 5, 6: -6, 7: 0, 8: 0})
    assert [one.account for one in shown.low] == [1, 3]
    assert (shown.low_more, shown.at_zero) == (3, 2)


def test_outbox_of_the_status_page_holds_what_is_still_to_go_and_what_was_given_up(books, store):
    books.post(1, 60)
    letters = [books.letter(f"helpdesk:t{number}") for number in range(4)]
    for letter, state in zip(letters, ("sent", "failed", "cancelled", "unknown"), strict=True):
        store.transact(lambda connection, letter=letter, state=state: outbox.move(connection, letter, state))
    books.letter("helpdesk:t9")
    with store.read() as connection:
        shown = overview.status(connection, Settings(), 1_796_100_000, (), {}).outbox
    assert shown == (("pending", 1), ("unknown", 1), ("failed", 1))
