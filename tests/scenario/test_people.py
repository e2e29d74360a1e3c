"""What administrators do: merges and their undoing, addresses, adjustments, openings, decisions."""

import json

import pytest

from bytebridge.domain.model import Credits
from bytebridge.errors import NotFound, Refused
from bytebridge.jobs import decide, openings, people, statements
from bytebridge.ledger import chains, past, reviews, verify

DAY = 86_400
ANA, LUC, NEW = "ana@example.com", "luc@example.com", "ana.new@example.com"


def do(world, change, *, dry_run=False):
    world.clock.tick(60)
    return list(people.carry_out(world.context(), change, dry_run=dry_run))


@pytest.fixture
def two(world):
    """Ana has 60, Luc 120 less a ticket of 30."""
    world.buys(ANA, SERVDOLIA60=1)
    world.buys(LUC, SERVDOLIA120=1)
    world.ticket = world.asks(LUC)
    world.desk.resolve(world.ticket, kind="consulta", minutes=20)
    world.poll()
    assert world.balances() == {ANA: 60, LUC: 90}
    return world


def whole(world):
    with world.store.read() as connection:
        assert verify.verify(connection).fault is None


def test_merge_adds_up_and_split_undoes_it(two):
    do(two, people.Merge(ANA, LUC))
    assert two.balances() == {ANA: 150}
    do(two, people.Split(LUC))
    assert two.balances() == {ANA: 60, LUC: 90}
    whole(two)


def test_what_happened_while_merged_goes_back_with_the_split(two):
    do(two, people.Merge(ANA, LUC))
    two.desk.note_work(two.ticket, minutes=50)
    two.buys(LUC, SERVDOLIA60=1)
    two.buys(ANA, SERVDOLIA30=1)
    two.poll()
    assert two.balances() == {ANA: 150 - 30 + 60 + 30}
    do(two, people.Split(LUC))
    assert two.balances() == {ANA: 90, LUC: 120 - 60 + 60}
    two.poll()
    assert two.balances() == {ANA: 90, LUC: 120}
    whole(two)


def test_a_correction_after_a_merge_posts_only_the_difference(two):
    do(two, people.Merge(ANA, LUC))
    before = two.posted()
    two.desk.note_work(two.ticket, minutes=50)
    two.poll()
    after = two.posted()
    assert {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)} == {
        f"helpdesk:{two.ticket}": -30
    }
    assert two.balances() == {ANA: 120}


def test_a_merge_of_a_merged_account_comes_apart_in_steps(two):
    two.buys("eve@example.com", SERVDOLIA30=1)
    two.poll()
    do(two, people.Merge(LUC, "eve@example.com"))
    do(two, people.Merge(ANA, LUC))
    assert two.balances() == {ANA: 180}
    do(two, people.Split(LUC))
    assert two.balances() == {ANA: 60, LUC: 120}
    do(two, people.Split("eve@example.com"))
    assert two.balances() == {ANA: 60, LUC: 90, "eve@example.com": 30}
    whole(two)


def own_balances(world):
    with world.store.read() as connection:
        return {number: head[1] for number, head in chains.heads(connection, [1, 2, 3, 4]).items()}


def test_a_split_out_of_the_middle_leaves_letters_the_balance_of_the_family(two):
    two.buys("eve@example.com", SERVDOLIA30=1)
    two.poll()
    before = own_balances(two)
    do(two, people.Merge(LUC, "eve@example.com"))
    do(two, people.Merge(ANA, LUC))
    do(two, people.Split("eve@example.com"))
    assert two.balances() == {ANA: 150, "eve@example.com": 30}
    assert sorted(balance for balance in own_balances(two).values() if balance) == [30, 150], (
        "all of it on the roots' chains"
    )
    do(two, people.Split(LUC))
    assert own_balances(two) == before
    whole(two)


def test_a_merge_can_be_undone_after_the_address_was_removed(two):
    do(two, people.Merge(ANA, LUC))
    do(two, people.RemoveAddress(LUC))
    two.buys(LUC, SERVDOLIA30=1)
    two.poll()
    assert two.balances() == {ANA: 150, LUC: 30}
    do(two, people.Split(LUC))
    assert sorted(own_balances(two).values()) == [30, 60, 90]
    whole(two)


def test_an_opening_loaded_while_merged_goes_back_with_the_split(two):
    do(two, people.Merge(ANA, LUC))
    opening = [(LUC, Credits(10), "Luc", None, "")]
    people.import_openings(opening, two.clock.at, two.context(), dry_run=False, tell=print)
    assert two.balances() == {ANA: 160}
    do(two, people.Split(LUC))
    assert two.balances() == {ANA: 60, LUC: 100}


def test_an_adjustment_goes_back_with_the_address_it_named(two):
    do(two, people.Adjust(LUC, Credits(5), "before", "adjust:1"))
    do(two, people.Merge(ANA, LUC))
    do(two, people.Adjust(LUC, Credits(20), "for Luc's trouble", "adjust:2"))
    do(two, people.Adjust(ANA, Credits(-10), "for Ana", "adjust:3"))
    assert two.balances() == {ANA: 165}
    do(two, people.Split(LUC))
    assert two.balances() == {ANA: 50, LUC: 115}
    do(two, people.Merge(ANA, LUC))
    do(two, people.Split(LUC))
    assert two.balances() == {ANA: 50, LUC: 115}
    whole(two)


def test_an_opening_of_the_longest_address_is_loaded(two):
    long = f"{'a' * 60}@{'b' * 60}.example.com"
    people.import_openings([(long, Credits(10), "", None, "")], two.clock.at, two.context(), dry_run=False, tell=print)
    assert two.balances()[long] == 10


def test_the_balance_of_a_day_is_that_of_the_accounts_as_they_were_then(two):
    two.clock.tick(DAY)
    before = two.clock.at
    do(two, people.Merge(ANA, LUC))
    two.clock.tick(DAY)
    merged = two.clock.at
    do(two, people.Split(LUC))
    two.clock.tick(DAY)

    def at(email, moment, **known):
        with two.store.read() as connection:
            found = past.summary(connection, email, moment, known.get("known"), two.clock.at)
        return found.balance, found.emails

    assert (at(ANA, before), at(LUC, before)) == ((60, (ANA,)), (90, (LUC,)))
    assert at(ANA, merged) == at(LUC, merged) == (150, (ANA, LUC))
    assert at(LUC, None, known=merged) == (150, (ANA, LUC))
    assert (at(ANA, two.clock.at), at(LUC, None)) == ((60, (ANA,)), (90, (LUC,)))
    with pytest.raises(NotFound):
        at("nobody@example.com", before)


def test_work_that_was_booked_after_a_merge_was_the_others_before_it(two):
    two.clock.tick(DAY)
    two.desk.resolve(two.asks(LUC), kind="consulta", minutes=10)
    two.desk.note_work(two.ticket, minutes=50)
    two.clock.tick(60)
    before = two.clock.at
    two.clock.tick(DAY)
    do(two, people.Merge(ANA, LUC))
    opening = [(LUC, Credits(7), "Luc", None, "")]
    people.import_openings(opening, before - 10, two.context(), dry_run=False, tell=print)
    two.poll()

    def at(email, **known):
        with two.store.read() as connection:
            found = past.summary(connection, email, before, known.get("known"), two.clock.at)
            standing = past.standing(connection, email, before - 1)
            form = statements.Window(until=before, known_at=known.get("known"))
            settings, now = two.context().settings, two.clock.at
            drawn = statements.render(connection, standing.root, form, "json", None, settings, now, standing=standing)
        assert json.loads(drawn)["closing"] == found.balance
        return found.balance, found.debited

    for again in (True, False):
        assert at(ANA) == (60, 0)
        assert at(LUC) == (120 - 60 - 15 + 7, 75)
        assert at(LUC, known=before) == (90, 30)
        if again:
            do(two, people.Split(LUC))


def test_merging_nobody_or_oneself_is_refused(two):
    with pytest.raises(Refused):
        do(two, people.Merge(ANA, ANA))
    with pytest.raises(NotFound):
        do(two, people.Merge(ANA, "nobody@example.com"))
    with pytest.raises(Refused):
        do(two, people.Split(LUC))


def test_a_second_address_brings_what_it_pays_to_the_account(two):
    do(two, people.AddAddress(ANA, NEW))
    two.buys(NEW.upper(), SERVDOLIA60=1)
    two.poll()
    assert two.balances() == {ANA: 120, LUC: 90}
    with pytest.raises(Refused, match="merge"):
        do(two, people.AddAddress(ANA, LUC))


def test_a_removed_address_keeps_its_past_and_starts_anew(two):
    do(two, people.AddAddress(ANA, NEW))
    two.buys(NEW, SERVDOLIA60=1)
    two.poll()
    do(two, people.RemoveAddress(NEW))
    two.clock.tick(60)
    two.buys(NEW, SERVDOLIA30=1)
    two.poll()
    assert two.balances() == {ANA: 120, LUC: 90, NEW: 30}


def test_the_only_address_of_an_account_stays(two):
    """Without one nobody could ask for its credits, move them or give it another."""
    for dry_run in (True, False):
        with pytest.raises(Refused, match="only address"):
            do(two, people.RemoveAddress(ANA), dry_run=dry_run)
    do(two, people.AddAddress(ANA, NEW))
    do(two, people.RemoveAddress(ANA))
    assert two.balances() == {NEW: 60, LUC: 90}
    do(two, people.Merge(LUC, NEW))
    do(two, people.RemoveAddress(NEW))
    assert two.balances() == {LUC: 150}


def test_a_dry_run_says_it_and_changes_nothing(two):
    before = two.balances()
    for change in (
        people.Merge(ANA, LUC),
        people.AddAddress(ANA, NEW),
        people.Adjust(ANA, Credits(5), "x", "adjust:9"),
    ):
        assert do(two, change, dry_run=True)
    assert two.balances() == before


def test_an_adjustment_run_again_by_its_key_posts_once(two):
    change = people.Adjust(ANA, Credits(-15), "goodwill", "adjust:1")
    do(two, change)
    do(two, change)
    assert two.balances()[ANA] == 45


def test_openings_are_documents(world, tmp_path):
    path = tmp_path / "openings.csv"

    def load(text):
        path.write_text("email,credits,name\n" + text)
        return people.import_openings(
            openings.read(str(path)), world.clock.at - 100, world.context(), dry_run=False, tell=lambda _: None
        )

    assert load(f"{ANA},100,Ana\n{LUC},-20,Luc\n") == 2
    assert load(f"{ANA},100,Ana\n{LUC},-20,Luc\n") == 0
    assert load(f" {ANA.upper()} ,80,Ana\n") == 1
    assert world.balances() == {ANA: 80, LUC: -20}
    world.poll()
    assert world.told() == []
    whole(world)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mail,credits\na@example.com,1\n", "line 1"),
        ("email,credits\nnonsense,1\n", "line 2: no e-mail address"),
        ("email,credits\na@example.com,1.5\n", "line 2: credits are no whole number"),
        ("email,credits\na@example.com,1\nA@example.com,2\n", "line 3: a@example.com stands twice"),
        ("email,credits\na@example.com,1,extra\n", "line 2: 3 cells"),
        ('email,credits\n"a@example.com,1\n', "line"),
    ],
)
def test_openings_with_mistakes_are_refused_as_a_whole(tmp_path, text, said):
    path = tmp_path / "openings.csv"
    path.write_text(text)
    with pytest.raises(Refused, match=said):
        openings.read(str(path))


def test_openings_by_semicolon_and_byte_order_mark(tmp_path):
    path = tmp_path / "openings.csv"
    path.write_bytes("\ufeffemail;credits\na@example.com;-7\n".encode())
    assert [row[:2] for row in openings.read(str(path))] == [("a@example.com", -7)]


def waiting(world):
    with world.store.read() as connection:
        return reviews.open_items(connection, "waiting")


def decided(world, number, choice, *, credits=0, email=""):
    world.clock.tick(60)
    wish = decide.Wish(number, choice, credits, email, "asked the customer")
    return list(decide.resolve(wish, world.context(), dry_run=False))


def test_a_decision_charges_and_holds_until_the_ticket_changes(two):
    ticket = two.asks(ANA)
    two.desk.resolve(ticket, kind="consulta", minutes=0)
    two.poll()
    (item,) = waiting(two)
    assert item.code == "zero_minutes"
    decided(two, item.id, "charge", credits=20)
    assert two.balances()[ANA] == 40
    two.poll()
    assert waiting(two) == []
    two.desk.add_note(ticket, "una nota")
    two.clock.tick(60)
    two.poll()
    two.desk.note_work(ticket, minutes=10)
    two.poll()
    assert two.balances()[ANA] == 45
    whole(two)


def test_a_decision_ends_with_the_first_reading_of_what_changed(two):
    ticket = two.asks(ANA)
    two.desk.resolve(ticket, kind="consulta", minutes=0)
    two.poll()
    decided(two, waiting(two)[0].id, "charge", credits=20)
    two.clock.tick(60)
    two.desk.note_work(ticket, minutes=40)
    two.poll()
    assert two.balances()[ANA] == 15


def test_work_after_a_decision_is_not_under_it(two):
    ticket = two.asks(ANA)
    two.desk.resolve(ticket, kind="consulta", minutes=0)
    two.poll()
    decided(two, waiting(two)[0].id, "dismiss")
    two.clock.tick(60)
    two.desk.reopen(ticket)
    two.poll()
    two.clock.tick(60)
    two.desk.resolve(ticket)
    two.poll()
    assert [item.code for item in waiting(two)] == ["zero_minutes"]
    assert two.balances()[ANA] == 60
    whole(two)


def test_a_dismissed_review_stays_away(two):
    ticket = two.asks(ANA)
    two.desk.resolve(ticket)
    two.poll()
    (item,) = waiting(two)
    decided(two, item.id, "dismiss")
    two.poll()
    assert waiting(two) == []
    assert two.balances()[ANA] == 60


@pytest.mark.parametrize("choice", ["charge", "dismiss"])
@pytest.mark.parametrize("loses", [False, True])
def test_a_decision_holds_when_the_desk_closes_the_ticket(two, choice, loses):
    ticket = two.asks(ANA)
    two.desk.resolve(ticket, kind="consulta", minutes=0)
    two.poll()
    decided(two, waiting(two)[0].id, choice, credits=20 if choice == "charge" else 0)
    before = two.balances()[ANA]
    two.clock.tick(7 * 86_400)
    two.desk.closing_loses_resolved = loses
    two.desk.close(ticket)
    two.poll()
    assert waiting(two) == []
    assert two.balances()[ANA] == before
    whole(two)


def test_only_open_reviews_can_be_decided(two):
    with pytest.raises(NotFound):
        decided(two, 99, "dismiss")


def test_a_decision_and_what_it_posts_are_one_transaction(two, monkeypatch):
    from bytebridge.jobs import book

    ticket = two.asks(ANA)
    two.desk.resolve(ticket, kind="consulta", minutes=0)
    two.poll()
    (item,) = waiting(two)

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(book, "_store", dies)
        with pytest.raises(KeyboardInterrupt):
            decided(two, item.id, "charge", credits=20)
    assert [one.id for one in waiting(two)] == [item.id]
    decided(two, item.id, "charge", credits=20)
    assert two.balances()[ANA] == 40
