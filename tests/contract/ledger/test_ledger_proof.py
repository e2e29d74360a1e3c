"""`db verify` recomputes everything and names the first entry that somebody altered behind the program's back."""

import json

import pytest
from sqlalchemy import select

from bytebridge import service
from bytebridge.domain.entry import chain, encode
from bytebridge.jobs import people, statements
from bytebridge.ledger import accounts, verify
from bytebridge.ledger.schema import entries
from bytebridge.settings import Settings


@pytest.fixture
def history(books):
    """Two accounts: entries 1, 2, 4, 5 are those of account 1, entry 3 is account 2's."""
    grant = {
        "rule": "packs",
        "lines": [{"reference": "P120", "units": 1, "taken_back": 0, "credits": 120}],
        "standing": "paid",
    }
    charge = {"rule": "blocks", "kind": "consultation", "minutes": 16, "block": 15, "minimum": 15}
    books.post(1, 120, "shop:7", derivation=grant)
    books.post(1, -30, "helpdesk:t1", derivation=charge)
    books.post(2, 120, "shop:8", derivation=grant)
    books.post(1, -30, "helpdesk:t2", derivation=charge)
    books.post(1, 30, "helpdesk:t2", revision=2, was=-30, derivation={"rule": "void", "why": "spam"})
    return books


def proof(books):
    with books.store.read() as connection:
        return verify.verify(connection)


def test_a_whole_history_is_whole(history):
    assert proof(history) == verify.Proof(5, 2, None)


def test_an_empty_store_is_whole(books):
    assert proof(books) == verify.Proof(0, 0, None)


TAMPERED = {
    "credits": ("UPDATE entries SET credits = -15 WHERE id = 2", "entry 2 (number 2 of account 1) was altered"),
    "balance": ("UPDATE entries SET balance = 500 WHERE id = 3", "entry 3 (number 1 of account 2) was altered"),
    "document": ("UPDATE entries SET document = 'shop:99' WHERE id = 1", "entry 1 (number 1 of account 1) was altered"),
    "when it happened": ("UPDATE entries SET happened = 1 WHERE id = 4", "entry 4 (number 3 of account 1) was altered"),
    "when it was recorded": (
        "UPDATE entries SET recorded = 1 WHERE id = 5",
        "entry 5 (number 4 of account 1) was altered",
    ),
    "run": ("UPDATE entries SET run = 9 WHERE id = 3", "entry 3 (number 1 of account 2) was altered"),
    "number": (
        "UPDATE entries SET id = 9 WHERE id = 3",
        "entry 9 (number 1 of account 2) was altered: its hash does not fit",
    ),
    "derivation": ("UPDATE entries SET derivation = '{}' WHERE id = 4", "entry 4 (number 3 of account 1) was altered"),
    "kind": ("UPDATE entries SET kind = 'debit' WHERE id = 1", "entry 1 (number 1 of account 1) was altered"),
    "owner": ("UPDATE entries SET account = 3 WHERE id = 3", "entry 3 (number 1 of account 3) was altered"),
    "first of two": ("UPDATE entries SET credits = 1 WHERE id >= 4", "entry 4 (number 3 of account 1) was altered"),
    "one in the middle": ("DELETE FROM entries WHERE id = 2", "entry 2 of account 1 is missing"),
    "first of an account": ("DELETE FROM entries WHERE id = 1", "entry 1 of account 1 is missing"),
    "last of an account": ("DELETE FROM entries WHERE id = 3", "entry 3 is missing: entries are numbered without gaps"),
    "last of all": ("DELETE FROM entries WHERE id = 5", "entry 5 is missing: it was the last one added"),
    "everything": ("DELETE FROM entries", "entry 5 is missing: it was the last one added"),
    "what was remembered": (
        "UPDATE meta SET value = '' WHERE name = 'last_entry'",
        "entry 5 is not the one that was added last",
    ),
}


@pytest.mark.parametrize(("statement", "says"), TAMPERED.values(), ids=TAMPERED)
def test_the_first_altered_entry_is_named(history, statement, says):
    history.without_triggers(statement)
    assert proof(history).fault.startswith(says)


def rehashed(books, number, **changed):
    """The entry changed and its hash made to fit, as one would who knows the recipe."""
    names = ("account", "seq", "document", "revision", "kind", "credits", "balance", "was", "happened", "recorded")
    with books.store.read() as connection:
        row = connection.execute(select(entries).where(entries.c.id == number)).one()._asdict() | changed
        before = connection.execute(
            select(entries.c.hash).where(entries.c.account == row["account"], entries.c.seq == row["seq"] - 1)
        ).scalar()
    digest = chain(before or "0" * 64, *(row[name] for name in names), row["derivation"], number, row["run"])
    values = ", ".join(f"{name} = {json.dumps(value)}" for name, value in changed.items()).replace('"', "'")
    return f"UPDATE entries SET {values}, hash = '{digest}' WHERE id = {number}"


def test_a_hash_made_to_fit_breaks_at_the_next_entry(history):
    history.without_triggers(rehashed(history, 2, credits=-15, balance=105))
    assert proof(history).fault == "entry 2 (helpdesk:t1) does not follow from its derivation"


def test_balances_are_added_up(history):
    history.without_triggers(rehashed(history, 3, balance=500))
    assert proof(history).fault == "entry 3 of account 2 says balance 500, its entries add up to 120"


def test_derivations_are_computed_again(history):
    history.without_triggers(rehashed(history, 3, credits=240, balance=240))
    assert proof(history).fault == "entry 3 (shop:8) does not follow from its derivation"


def test_an_end_cut_off_with_care_is_found_by_its_letter(history):
    """Entry, memory of it and number agree again; the letter that was written on it does not."""
    entry = history.post(1, -45, "helpdesk:t3")
    letter = history.letter("helpdesk:t3", added=[entry])
    with history.store.read() as connection:
        fifth = connection.execute(select(entries.c.hash).where(entries.c.id == 5)).scalar()
    history.without_triggers(
        "DELETE FROM entries WHERE id = 6", f"UPDATE meta SET value = '5 {fifth}' WHERE name = 'last_entry'"
    )
    says = f"entry 5 of account 1 is not the one that letter {letter.id} ({letter.code}) was written on"
    assert proof(history).fault == says


def test_an_end_replaced_with_care_is_found_by_its_letter(history):
    entry = history.post(1, -45, "helpdesk:t3")
    letter = history.letter("helpdesk:t3", added=[entry])
    why = encode({"rule": "adjustment", "credits": -15, "reason": "x", "by": "y"})
    change = rehashed(history, 6, credits=-15, balance=75, derivation=why).replace("\\'", '"')
    digest = change.rpartition("hash = '")[2][:64]
    history.without_triggers(
        f"UPDATE entries SET credits = -15, balance = 75, derivation = '{why}', hash = '{digest}' WHERE id = 6",
        f"UPDATE meta SET value = '6 {digest}' WHERE name = 'last_entry'",
    )
    assert letter.code in proof(history).fault


@pytest.mark.parametrize("account", [1, 2])
def test_a_receipt_proves_the_history_up_to_it(history, account):
    code = history.letter("helpdesk:t2", account=account).code
    history.post(account, 15)
    with history.store.read() as connection:
        sentence, stands = verify.check_receipt(connection, f" {code.lower()} ")
    assert stands, sentence
    history.without_triggers("UPDATE entries SET happened = 1 WHERE id IN (2, 3)")
    with history.store.read() as connection:
        sentence, stands = verify.check_receipt(connection, code)
    assert not stands
    assert "was altered" in sentence


def test_a_receipt_of_another_history_does_not_stand(history):
    with history.store.read() as connection:
        assert verify.check_receipt(connection, "BB-1-4-000000AABBCC") == (
            "BB-1-4-000000AABBCC: entry 4 of account 1 is another one than the letter was written on",
            False,
        )
        assert not verify.check_receipt(connection, "BB-1-9-000000AABBCC")[1]
        assert not verify.check_receipt(connection, "BB-77-1-000000AABBCC")[1]
        assert not verify.check_receipt(connection, "nonsense")[1]


def test_a_code_that_no_letter_bears_does_not_stand(history):
    """The head's digits are right, the letter's own are not."""
    code = history.letter("helpdesk:t2", account=1).code
    forged = code[:-1] + ("0" if code[-1] != "0" else "1")
    with history.store.read() as connection:
        sentence, stands = verify.check_receipt(connection, forged)
        assert verify.check_receipt(connection, code)[1]
    assert not stands
    assert "no letter or statement" in sentence


@pytest.mark.parametrize("left", [120, 0])
def test_a_receipt_proves_the_history_of_an_account_that_was_merged(history, left):
    if not left:
        history.post(2, -120, "adjust:1")
    context = service.build(Settings(), history.store, by="tester")

    def two(connection):
        for number, email in enumerate(("ana@example.com", "luc@example.com"), 1):
            accounts.give_address(connection, email, number, 0, 0, "tester")

    history.store.transact(two)
    list(people.carry_out(context, people.Merge("ana@example.com", "luc@example.com"), dry_run=False))
    with history.store.read() as connection:
        code = statements.code_of(connection, 1)
        assert verify.check_receipt(connection, code)[1]
    history.without_triggers("UPDATE entries SET happened = 1 WHERE id = 3")
    with history.store.read() as connection:
        sentence, stands = verify.check_receipt(connection, code)
    assert not stands
    assert "account 2, merged into it" in sentence
    history.run(rehashed(history, 3, revision=2))
    with history.store.read() as connection:
        assert not verify.check_receipt(connection, code)[1], "its hash made to fit is not the one that joined"


def test_a_receipt_from_before_the_first_entry_has_nothing_to_prove(books):
    code = books.letter("helpdesk:t9", account=9).code
    with books.store.read() as connection:
        assert verify.check_receipt(connection, code)[1]
        assert not verify.check_receipt(connection, code.replace("000000", "ABCDEF"))[1]
        made_up = code[:-6] + ("ABCDEF" if not code.endswith("ABCDEF") else "FEDCBA")
        assert not verify.check_receipt(connection, made_up)[1], "its own digits are those of no letter"
        empty = statements.code_of(connection, 9)
        assert verify.check_receipt(connection, empty)[1]


def test_history_posted_again_bears_the_same_codes():
    """After a restore the same documents are posted anew, at another time: the letters can be found by their codes."""
    figures = (1, 1, "shop:7", 1, "grant", 120, 120, 0)
    first = chain("0" * 64, *figures, 1_000, 2_000, "{}", 1, 4)
    again = chain("0" * 64, *figures, 9_000, 9_001, "{}", 7, 5)
    assert first[:6] == again[:6]
    assert first != again
