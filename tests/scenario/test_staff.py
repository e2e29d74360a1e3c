"""What the firm's own people hear: one note in a ticket that waits, a digest of what waits, a stranger once."""

import pytest

from bytebridge.domain.model import Credits
from bytebridge.jobs import decide, letters_by_hand, people, staff, told
from bytebridge.ledger import lock, reviews

ANA, LUC, STAFF = "ana@example.com", "luc@example.com", "staff@example.com"
DAY = 86_400
WEEK = 7 * DAY


@pytest.fixture
def noting(open_world):
    found = open_world(helpdesk={"note_reviews": True})
    found.buys(ANA, SERVDOLIA120=1)
    found.poll()
    return found


def test_a_ticket_gets_one_note_that_says_all_that_is_missing(noting):
    ticket = noting.asks(ANA)
    noting.desk.resolve(ticket)
    noting.poll()
    [note] = noting.desk.notes(ticket)
    assert "faltan el tipo de trabajo y los minutos" in note
    noting.desk.note_work(ticket, kind="consulta")
    noting.poll()
    assert noting.reviews() == {(f"helpdesk:{ticket}", "no_minutes")}
    noting.desk.note_work(ticket, minutes=20)
    noting.poll()
    assert noting.reviews() == set()
    noting.desk.note_work(ticket, minutes="abc")
    noting.poll()
    assert noting.reviews() == {(f"helpdesk:{ticket}", "unreadable_minutes")}
    assert noting.desk.notes(ticket) == [note]
    assert noting.desk.replies(ticket) != []


def test_its_note_is_found_again_after_its_answer_was_lost(noting):
    ticket = noting.asks(ANA)
    noting.desk.resolve(ticket, kind="consulta")
    noting.desk.cut_next(match=lambda asked: asked.path.endswith("/messages") and asked.method == "POST")
    noting.poll()
    noting.poll()
    [note] = noting.desk.notes(ticket)
    assert "faltan los minutos" in note


def test_only_one_process_at_a_time_writes_notes(noting):
    """Both would look before either has written."""
    ticket = noting.asks(ANA)
    noting.desk.resolve(ticket, kind="consulta")
    with lock.turn(noting.store, staff.TURN) as mine:
        assert mine
        noting.poll()
        assert noting.desk.notes(ticket) == []
    noting.poll()
    noting.poll()
    assert len(noting.desk.notes(ticket)) == 1


def test_a_ticket_stands_as_it_stood_although_its_note_moved_it(noting):
    noting.desk.note_status = "A"
    ticket = noting.asks(ANA)
    noting.desk.resolve(ticket, kind="consulta")
    noting.poll()
    assert len(noting.desk.notes(ticket)) == 1
    assert noting.desk.tickets[ticket].fields["status"] == "R"
    noting.poll()
    assert noting.reviews() == {(f"helpdesk:{ticket}", "no_minutes")}


def test_no_note_while_letters_are_held(noting):
    letters_by_hand.hold(noting.store, "tester", held=True, dry_run=False)
    ticket = noting.asks(ANA)
    noting.desk.resolve(ticket)
    noting.poll()
    assert noting.desk.notes(ticket) == []


def digests(world):
    return [mail.message for mail in world.mail.messages if mail.recipients == (STAFF,)]


def test_the_digest_comes_once_a_week_in_office_hours_and_holds_what_waits(open_world):
    world = open_world(notices={"staff": STAFF, "office_hours": "mon-fri 09:00-18:00"})
    ticket = world.asks(ANA)
    world.desk.resolve(ticket)
    stranger = world.asks(LUC)
    world.desk.resolve(stranger, kind="consulta", minutes=10)
    world.poll()
    assert digests(world) == []
    world.clock.tick(6 * 3600)
    for _ in range(3):
        world.poll()
        world.clock.tick(3600)
    [digest] = digests(world)
    text = digest.get_body(("plain",)).get_content()
    code = world.desk.ticket(ticket).fields["code"]
    assert f"ticket {code}: resolved without a kind of work → set the kind on the ticket" in text
    assert f"booked, worth a look: ticket {world.desk.ticket(stranger).fields['code']}: charged to {LUC}" in text
    world.clock.tick(WEEK)
    world.poll()
    assert len(digests(world)) == 2


def test_no_digest_when_nothing_waits(open_world):
    world = open_world(notices={"staff": STAFF})
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    assert digests(world) == []


def test_a_digest_that_the_server_puts_off_comes_later(open_world):
    world = open_world(notices={"staff": STAFF})
    world.desk.resolve(world.asks(ANA))
    world.mail.fail_next(451, at="RCPT")
    world.poll()
    assert digests(world) == []
    world.poll()
    assert len(digests(world)) == 1


@pytest.fixture
def stranger(world):
    """A ticket of Luc, whose credits stand under Ana's address."""
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    found = world.asks(LUC)
    world.desk.resolve(found, kind="consulta", minutes=10)
    world.poll()
    return f"helpdesk:{found}"


def test_a_stranger_is_shown_to_the_staff_once(world, stranger):
    assert world.reviews("flagged") == {(stranger, "stranger")}
    world.desk.resolve(world.asks(LUC), kind="consulta", minutes=10)
    world.poll()
    world.desk.reopen(stranger.partition(":")[2])
    world.poll()
    assert world.reviews() == {(stranger, "stranger")}


def test_until_somebody_dismisses_it(world, stranger):
    with world.store.read() as connection:
        [item] = reviews.open_items(connection, "flagged")
    wish = decide.Wish(item.id, "dismiss", Credits(0), "", "es nuevo")
    list(decide.resolve(wish, world.context(), dry_run=False))
    world.desk.note_work(stranger.partition(":")[2], minutes=50)
    world.poll()
    assert world.reviews() == set()
    assert world.balances()[LUC] == -60


def test_or_it_is_read_again_after_a_merge(world, stranger):
    world.clock.tick()
    list(people.carry_out(world.context(), people.Merge(ANA, LUC), dry_run=False))
    world.desk.note_work(stranger.partition(":")[2], minutes=20)
    world.poll()
    assert world.reviews() == set()
    assert world.balances() == {ANA: 30}


def test_what_was_told_of_a_merged_family_is_told_whole(world, stranger):
    world.clock.tick()
    list(people.carry_out(world.context(), people.Merge(ANA, LUC), dry_run=False))
    with world.store.read() as connection:
        rows = told.explain(connection, ANA, None, None, world.context())
        same = told.explain(connection, LUC, None, None, world.context())
    assert rows == same
    assert [row["kind"] for row in rows] == ["purchase", "balance", "merge", "merge"]
    assert [row["became"].partition(",")[0] for row in rows[:2]] == ["sent", "sent"]


def test_a_shared_accounts_statement_names_nobody(open_world):
    world = open_world()
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    list(people.carry_out(world.context(), people.AddAddress(ANA, LUC), dry_run=False))
    world.desk.resolve(world.desk.open(ANA, "Las nóminas de Ana"), kind="consulta", minutes=10)
    world.poll()
    world.clock.tick()
    asked = world.desk.open(LUC, "Saldo", name="Luc Blanc")
    world.poll()
    [reply] = world.desk.replies(asked)
    mail = world.mail.messages[-1]
    assert mail.recipients == (LUC,)
    texts = [part.get_content() for part in mail.message.walk() if part.get_content_maintype() == "text"]
    assert len(texts) == 3
    for text in (reply, *texts):
        assert "Ana" not in text
        assert ANA not in text
        assert "nóminas" not in text
    assert "Hola, Luc Blanc:" in reply
