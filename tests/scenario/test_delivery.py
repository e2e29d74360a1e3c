"""How letters leave: who carries whom, what waits, what is given up, and what was true when it was queued only."""

import logging
import re
from collections import Counter
from urllib.parse import parse_qsl

import pytest

from bytebridge import logs
from bytebridge.domain.model import Credits
from bytebridge.errors import NotFound
from bytebridge.jobs import letters_by_hand, people, told
from bytebridge.ledger import accounts, outbox, reviews

ANA, LUC, NEW = "ana@example.com", "luc@example.com", "ana.new@example.com"
HOUR = 3600
DAY = 24 * HOUR
LOW = "próximo a agotarse"


def do(world, change):
    list(people.carry_out(world.context(), change, dry_run=False))


def adjust(world, credits, key="adjust:1"):
    do(world, people.Adjust(ANA, Credits(credits), "cortesía", key))


def hold(world, *, held):
    letters_by_hand.hold(world.store, "tester", held=held, dry_run=False)


def bought(world, **units):
    world.buys(ANA, **(units or {"SERVDOLIA60": 1}))
    world.poll()
    world.told()


def falls_low(world):
    """Ana's balance falls from 60 to 15 with a ticket; both letters wait."""
    bought(world)
    ticket = world.asks(ANA)
    hold(world, held=True)
    world.desk.resolve(ticket, kind="consulta", minutes=40)
    world.poll()
    balance, low = world.letters(state="pending")
    return ticket, balance, low


def move(world, notice, state, **values):
    return world.store.transact(lambda connection: outbox.move(connection, notice, state, **values))


def claim(world, notice, rider):
    return world.store.transact(
        lambda connection: outbox.claim(connection, notice, rider, attempts=notice.attempts + 1, due=world.clock())
    )


def states(world):
    return {one.kind.value: one.state for one in world.letters() if one.kind != "purchase"}


def test_a_letter_is_not_sent_with_a_text_that_somebody_else_took_meanwhile(world):
    _, balance, low = falls_low(world)
    hold(world, held=False)
    assert move(world, low, "sending", attempts=1)
    assert not claim(world, balance, low)
    assert states(world) == {"balance": "pending", "low_balance": "sending"}


def test_a_text_is_free_again_when_its_letter_was_taken_meanwhile(world):
    _, balance, low = falls_low(world)
    hold(world, held=False)
    assert move(world, balance, "sending", attempts=1)
    assert not claim(world, balance, low)
    assert states(world) == {"balance": "sending", "low_balance": "pending"}
    assert world.letters(state="pending")[0].carrier is None


def test_what_a_letter_under_way_says_is_nobody_elses_to_send(world):
    ticket, _, _ = falls_low(world)
    hold(world, held=False)
    world.desk.cut_next(match=lambda asked: asked.path.endswith("/messages") and asked.method == "POST")
    world.poll()
    assert states(world) == {"balance": "unknown", "low_balance": "pending"}
    world.clock.tick(HOUR)
    world.poll()
    assert states(world) == {"balance": "sent", "low_balance": "sent"}
    [reply] = world.desk.replies(ticket)
    assert LOW in reply
    assert len(world.mail.messages) == 1
    [low] = [one for one in world.letters() if one.kind == "low_balance"]
    assert low.why == f"said in letter {low.carrier}"


def test_a_reply_that_arrives_after_the_first_look_is_not_posted_again(world):
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    late = []

    def lost(asked):
        """The post breaks off and reaches the desk a minute later."""
        if asked.method == "POST" and asked.path.endswith("/messages"):
            late.append(dict(parse_qsl(asked.body.decode()))["message"])
            return True
        return False

    world.desk.cut_next(stored=False, match=lost)
    world.poll()
    assert states(world) == {"balance": "unknown"}
    world.clock.tick(61)
    world.poll()
    assert states(world) == {"balance": "unknown"}
    assert world.desk.replies(ticket) == []
    world.desk.answer(ticket, late[0], by="creditos@example.com")
    world.clock.tick(61)
    world.poll()
    assert states(world) == {"balance": "sent"}
    assert len(world.desk.replies(ticket)) == 1


@pytest.mark.parametrize("stored", [True, False])
def test_a_proxys_page_instead_of_an_answer_leaves_the_reply_in_doubt(world, stored):
    """Whether the desk took it before the proxy gave up cannot be told: a mail at once could tell it twice."""
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    written = []

    def timed_out(asked):
        if asked.method == "POST" and asked.path.endswith("/messages"):
            written.append(dict(parse_qsl(asked.body.decode()))["message"])
            return True
        return False

    world.desk.fail_next(408, body=b"<html>Request Time-out</html>", match=timed_out)
    world.poll()
    assert states(world) == {"balance": "unknown"}
    if stored:
        world.desk.answer(ticket, written[0], by="creditos@example.com")
    for _ in range(3):
        world.clock.tick(61)
        world.poll()
    assert world.told() == [("balance", "ticket", ANA)]
    assert len(world.mail.messages) == 1


def test_replies_wait_for_an_address_that_takes_them(world):
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    at_messages = lambda asked: asked.method == "POST" and asked.path.endswith("/messages")  # noqa: E731
    world.desk.fail_next(404, 2, body=b"<html>no such page</html>", match=at_messages)
    world.poll()
    [letter] = world.letters(state="pending")
    assert "check its url" in letter.why
    world.clock.tick(HOUR)
    world.poll()
    assert world.told() == [("balance", "ticket", ANA)]
    assert (len(world.desk.replies(ticket)), len(world.mail.messages)) == (1, 1)


def test_a_reply_in_doubt_is_found_though_another_agent_writes_by_now(world):
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    world.desk.cut_next(stored=True, match=lambda asked: asked.method == "POST" and asked.path.endswith("/messages"))
    world.poll()
    assert states(world) == {"balance": "unknown"}
    world.desk.agent("otra@example.com")
    other = world.settings_of(helpdesk={"agent": "otra@example.com"})
    for _ in range(3):
        world.clock.tick(61)
        world.poll(context=world.context(other))
    assert states(world) == {"balance": "sent"}
    assert len(world.desk.replies(ticket)) == 1
    assert world.desk.tickets[ticket].fields["status"] == "R", "and it stands as it stood"


@pytest.mark.parametrize("again", ["anew", "as another"])
def test_a_reply_in_doubt_is_found_though_its_agent_is_there_no_more(world, again):
    """Removed and made anew, with another id: what the removed one wrote stays ours."""
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    world.desk.cut_next(stored=True, match=lambda asked: asked.method == "POST" and asked.path.endswith("/messages"))
    world.poll()
    assert states(world) == {"balance": "unknown"}
    address = {"anew": "creditos@example.com", "as another": "otra@example.com"}[again]
    del world.desk.agents[world.desk.agent_of("creditos@example.com")]
    world.desk.agent(address)
    other = world.settings_of(helpdesk={"agent": address})
    for _ in range(3):
        world.clock.tick(61)
        world.poll(context=world.context(other))
    assert states(world) == {"balance": "sent"}
    assert len(world.desk.replies(ticket)) == 1
    assert world.desk.tickets[ticket].fields["status"] == "R", "and it stands as it stood"


@pytest.mark.parametrize("stood", ["messages", "nothing"])
def test_a_reply_in_doubt_whose_ticket_is_merged_is_left_to_a_person(world, stood):
    """What became of it stands in a ticket that nothing names: a mail could tell the customer twice."""
    bought(world)
    ticket, other = world.asks(ANA), world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    if stood == "nothing":
        world.desk.tickets[ticket].groups.clear()
    world.desk.cut_next(stored=True, match=lambda asked: asked.method == "POST" and asked.path.endswith("/messages"))
    world.poll()
    assert states(world) == {"balance": "unknown"}
    world.desk.merge(ticket, other)
    world.told()
    for _ in range(3):
        world.clock.tick(61)
        world.poll()
    [letter] = world.letters(state="failed")
    assert "look for it there" in letter.why
    said = [message.text for group in world.desk.tickets[other].groups for message in group.messages]
    assert any(letter.code in text for text in said)
    sent = [one for one in world.letters(state="sent") if one.document == letter.document]
    assert letter.revision not in {one.revision for one in sent}


@pytest.mark.parametrize("stands_in", ["a ticket with messages", "an empty one"])
def test_a_reply_in_doubt_in_a_ticket_that_is_not_shown_is_not_written_again(world, stands_in):
    """A key that lost a right hears of tickets as if they were gone: nobody can tell whether the reply is there."""
    bought(world)
    ticket = world.asks(ANA)
    if stands_in == "an empty one":
        world.desk.tickets[ticket].groups.clear()
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    world.desk.cut_next(stored=True, match=lambda asked: asked.method == "POST" and asked.path.endswith("/messages"))
    world.poll()
    assert states(world) == {"balance": "unknown"}
    rights = world.desk.privileges
    world.desk.privileges = rights - {"ticket.read_all"}
    for _ in range(4):
        world.clock.tick(61)
        world.poll()
    assert states(world) == {"balance": "unknown"}
    assert "no longer sees it" in world.letters(state="unknown")[0].why
    mails = len(world.mail.messages)
    world.desk.privileges = rights
    world.clock.tick(61)
    world.poll()
    assert states(world) == {"balance": "sent"}
    assert (len(world.desk.replies(ticket)), len(world.mail.messages)) == (1, mails)


def test_a_reply_in_doubt_in_a_ticket_that_stays_away_is_left_to_a_person(world):
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    world.desk.cut_next(stored=True, match=lambda asked: asked.method == "POST" and asked.path.endswith("/messages"))
    world.poll()
    world.desk.delete(ticket)
    world.desk.purge(ticket)
    mails = len(world.mail.messages)
    for pause in (61, 61, 86_400):
        world.clock.tick(pause)
        world.poll()
    [letter] = world.letters(state="failed")
    assert letter.why.startswith("for a day nobody could tell whether it is there: ")
    told = [one for one in world.letters(state="sent") if one.document == letter.document]
    assert letter.revision not in {one.revision for one in told}
    assert len(world.mail.messages) == mails + len([one for one in told if one.channel == "email"])


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (lambda desk, ticket: desk.answer_as_customer(ticket, "otra cosa"), "C"),
        (lambda desk, ticket: desk.set_status(ticket, "W"), "W"),
    ],
    ids=["the customer answered", "a technician postponed it"],
)
def test_a_reply_that_goes_out_again_leaves_the_ticket_as_it_stands_by_then(world, act, status):
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    world.desk.post_modes = ["lost_500"]
    world.poll()
    assert states(world) == {"balance": "unknown"}
    act(world.desk, ticket)
    for _ in range(3):
        world.clock.tick(61)
        world.poll()
    assert states(world) == {"balance": "sent"}
    assert len(world.desk.replies(ticket)) == 1
    assert world.desk.tickets[ticket].fields["status"] == status


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_ticket_gets_its_status_back_when_the_trouble_has_passed(world, method):
    bought(world)
    ticket = world.asks(ANA)
    world.desk.resolve(ticket, kind="consulta", minutes=5)

    def after_the_reply(asked):
        return asked.method == method and world.desk.replies(ticket) != []

    world.desk.fail_next(times=30, match=after_the_reply, status=503, body=b"", content_type="text/html")
    world.poll()
    assert states(world) == {"balance": "sent"}
    assert world.desk.tickets[ticket].fields["status"] == "A"
    world.desk.faults.clear()
    world.clock.tick(300)
    world.poll()
    assert world.desk.tickets[ticket].fields["status"] == "R"
    assert len(world.desk.replies(ticket)) == 1
    asked = len(world.desk.requests)
    world.poll()
    assert len(world.desk.requests) - asked <= 2


def test_a_low_balance_that_waits_for_monday_goes_with_a_balance_letter(open_world):
    world = open_world(notices={"office_hours": "mon-fri 09:00-18:00"})
    bought(world)
    ticket = world.asks(ANA)
    world.poll()
    adjust(world, -35)
    world.poll()
    assert world.told() == []
    world.desk.resolve(ticket, kind="consulta", minutes=5)
    world.poll()
    assert sorted(kind for kind, _, _ in world.told()) == ["balance", "low_balance"]
    assert LOW in world.desk.replies(ticket)[-1]


def test_beside_a_note_the_mail_says_it(open_world):
    world = open_world(helpdesk={"reply_as": "note"})
    bought(world)
    ticket = world.asks(ANA)
    world.poll()
    world.desk.resolve(ticket, kind="consulta", minutes=40)
    world.poll()
    assert world.told() == [("balance", "ticket", ANA), ("balance", "email", ANA), ("low_balance", "email", ANA)]
    [note] = world.desk.notes(ticket)
    assert LOW not in note
    texts = [mail.message.get_body(("plain",)).get_content() for mail in world.mail.messages[1:]]
    assert [LOW in text for text in texts] == [True]


def test_a_letter_that_takes_credits_back_says_it_too(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    world.told()
    world.shop.refund(order, {"SERVDOLIA60": 1})
    world.poll()
    assert world.told() == [("taken_back", "email", ANA), ("low_balance", "email", ANA)]
    [_, taken] = world.mail.messages
    assert "Su saldo se ha agotado." in taken.message.get_body(("plain",)).get_content()


def test_a_letter_that_waited_for_days_still_has_its_day_of_attempts(world):
    bought(world)
    hold(world, held=True)
    adjust(world, -45)
    world.clock.tick(3 * DAY)
    hold(world, held=False)
    world.mail.fail_next(451, at="RCPT")
    world.poll()
    [low] = [one for one in world.letters() if one.kind == "low_balance"]
    assert low.state == "pending"
    world.clock.tick(HOUR)
    world.poll()
    assert world.told() == [("low_balance", "email", ANA)]


def test_a_day_of_failures_is_for_a_person_and_a_retry_has_another_day(world):
    bought(world)
    adjust(world, -45)
    for _ in range(40):
        world.mail.fail_next(451, at="RCPT")
        world.poll()
        world.clock.tick(HOUR)
    [low] = [one for one in world.letters() if one.kind == "low_balance"]
    assert low.state == "failed"
    assert low.why.startswith("not delivered for a day")
    assert 20 < low.attempts < 40
    letters_by_hand.change(world.store, low.id, "retry", world.clock(), dry_run=False)
    world.mail.fail_next(451, at="RCPT", times=1)
    world.poll()
    assert [one.state for one in world.letters() if one.kind == "low_balance"] == ["pending"]


@pytest.fixture
def heard(monkeypatch):
    """What the metrics hear while the log itself leaves out all but warnings."""
    events = []
    monkeypatch.setattr(logs, "_listeners", [lambda event, fields: events.append((event, fields.get("why")))])
    logger = logging.getLogger(logs.LOGGER)
    before = logger.level
    logger.setLevel(logging.WARNING)
    yield events
    logger.setLevel(before)


def test_an_entry_counts_although_the_log_leaves_it_out(world, heard):
    bought(world)
    assert [event for event, _ in heard].count("entry_posted") == 1


def test_a_letter_that_its_account_does_not_want_is_said_to_be_dropped(world, heard):
    bought(world)
    do(world, people.SetValues(ANA, None, None, None, ("purchase",)))
    world.clock.tick()
    bought(world)
    assert world.mail.messages[1:] == []
    assert ("notice_dropped", "this account does not want such letters") in heard


def test_the_date_of_a_mail_is_that_of_its_first_attempt(world):
    bought(world)
    hold(world, held=True)
    adjust(world, -45)
    world.clock.tick(2 * DAY)
    hold(world, held=False)
    world.poll()
    date = world.mail.messages[-1].message["Date"].datetime
    assert abs(date.timestamp() - world.clock()) < HOUR


def test_a_letter_of_an_account_merged_meanwhile_shows_the_balance_of_both(world):
    world.buys(LUC, SERVDOLIA120=1)
    ticket, _, _ = falls_low(world)
    world.clock.tick()
    do(world, people.Merge(LUC, ANA))
    hold(world, held=False)
    world.poll()
    [reply] = world.desk.replies(ticket)
    assert "Saldo actual: 135 créditos" in reply
    assert LOW not in reply
    assert states(world)["low_balance"] == "cancelled"


def test_a_statement_does_not_go_to_an_address_taken_from_the_account_meanwhile(world):
    bought(world)
    do(world, people.AddAddress(ANA, NEW))
    world.asks(NEW, "Saldo")
    hold(world, held=True)
    world.poll()
    world.clock.tick()
    do(world, people.RemoveAddress(NEW))
    hold(world, held=False)
    world.poll()
    assert world.told() == []
    assert {one.why for one in world.letters(state="cancelled")} == {
        "the asking address is no longer one of the account's"
    }


@pytest.fixture
def modular(open_world):
    """Ana's year of module support ends within the days in which that is told."""
    found = open_world(
        modules=[{"reference": "DOLIMOD-.*"}],
        notices={"module_ending_days": 30},
    )
    found.shop.buy(found.shop.customer(ANA), {"DOLIMOD-STOCK": 1, "SERVDOLIA60": 1})
    found.poll()
    found.told()
    hold(found, held=True)
    found.clock.tick(340 * DAY)
    found.poll()
    assert [one.kind for one in found.letters(state="pending")] == ["module_ending"]
    return found


def test_the_end_of_a_module_year_is_told(modular):
    hold(modular, held=False)
    modular.poll()
    assert modular.told() == [("module_ending", "email", ANA)]


def test_and_once_also_when_its_account_is_merged_into_another(modular):
    hold(modular, held=False)
    modular.poll()
    modular.told()
    modular.shop.buy(modular.shop.customer(LUC), {"SERVDOLIA60": 1})
    modular.poll()
    modular.told()
    do(modular, people.Merge(LUC, ANA))
    modular.poll()
    assert modular.told() == []


def test_and_no_more_once_it_was_bought_again(modular):
    modular.shop.buy(modular.shop.customer(ANA), {"DOLIMOD-STOCK": 1})
    modular.poll()
    hold(modular, held=False)
    modular.poll()
    assert modular.told() == []


def test_nor_after_it_is_over(modular):
    modular.clock.tick(40 * DAY)
    hold(modular, held=False)
    modular.poll()
    assert modular.told() == []


def test_whoever_answers_every_mail_by_a_new_ticket_starts_no_loop(open_world):
    world = open_world(helpdesk={"reply_as": "email"})
    bought(world)
    adjust(world, -50)
    world.asks(ANA)
    answered = 0
    for _ in range(5):
        world.poll()
        for mail in world.mail.messages[answered:]:
            world.asks(ANA, f"Re: {mail.message['Subject']}")
        answered = len(world.mail.messages)
    kinds = [one.kind.value for one in world.letters(state="sent")]
    assert sorted(kinds) == ["insufficient", "purchase"]
    assert answered == 2


def test_a_statement_by_mail_is_in_the_language_of_its_letter(world):
    customer = world.shop.customer("kate@example.com", "Kate", "Smith", lang="en")
    world.shop.buy(customer, {"SERVDOLIA60": 1})
    world.poll()
    world.told()
    world.asks("kate@example.com", "Balance", name="Kate Smith")
    world.poll()
    message = world.mail.messages[-1].message
    [page] = [part for part in message.iter_attachments() if part.get_content_type() == "text/html"]
    html = message.get_body(("html",)).get_content()
    assert "Here is the credit statement" in html
    assert "+60" in html
    assert '<html lang="en">' in page.get_content()
    text = message.get_body(("plain",)).get_content()
    code = next(one.code for one in world.letters() if one.kind == "statement" and one.channel == "email")
    assert set(re.findall(r"BB-\d+-\d+-[0-9A-F]+", text + page.get_content())) == {code}


def test_what_a_letter_carries_is_in_its_language_also_where_the_account_has_none(world):
    world.store.transact(lambda connection: accounts.create(connection, "kate@example.com", "Kate", None, 0, "test"))
    contact = world.desk.contact("kate@example.com", "Kate Smith", language="fr")
    ticket = world.asks("kate@example.com", "Balance", name="Kate Smith")
    world.desk.change(world.desk.ticket(ticket), owner_email=None, owner_contactid=contact)
    world.poll()
    message = world.mail.messages[-1].message
    [page] = [part for part in message.iter_attachments() if part.get_content_type() == "text/html"]
    assert "relevé de crédits" in message.get_body(("plain",)).get_content()
    assert '<html lang="fr">' in page.get_content()


def insufficient_waits(world):
    """Ana has 15 left; a ticket of hers was read while the shop was silent."""
    bought(world)
    adjust(world, -45)
    world.poll()
    world.told()
    world.shop.fail_next(503, times=500)
    ticket = world.asks(ANA, kind="intervencion")
    world.poll()
    assert world.told() == []
    return ticket


def later(world):
    world.shop.faults.clear()
    world.clock.tick(HOUR)
    world.poll()
    return world.told()


def test_what_was_to_be_said_of_a_ticket_is_said_by_what_it_says_now(world):
    ticket = insufficient_waits(world)
    world.desk.note_work(ticket, kind="presupuesto", credits=30)
    assert later(world) == [("insufficient", "ticket", ANA)]
    [reply] = world.desk.replies(ticket)
    assert "Presupuesto: 30 créditos" in reply
    assert "Falta por cubrir: 15 créditos" in reply


def test_what_costs_more_meanwhile_is_said_once(world):
    ticket = insufficient_waits(world)
    world.desk.note_work(ticket, kind="presupuesto", credits=90)
    assert later(world) == [("insufficient", "ticket", ANA)]
    [reply] = world.desk.replies(ticket)
    assert "Presupuesto: 90 créditos" in reply


def test_what_became_free_meanwhile_is_not_said(world):
    ticket = insufficient_waits(world)
    world.desk.note_work(ticket, kind="gratis")
    assert later(world) == []
    assert states(world)["insufficient"] == "cancelled"


def test_a_letter_to_the_first_address_of_a_shared_account_greets_no_colleague(world):
    bought(world)
    do(world, people.AddAddress(ANA, NEW))
    ticket = world.desk.open(NEW, "Una duda", name="Luc Blanc")
    world.poll()
    world.shop.fail_next(503, times=500)
    world.desk.resolve(ticket, kind="consulta", minutes=40)
    world.poll()
    assert world.told() == [("balance", "ticket", NEW)]
    [reply] = world.desk.replies(ticket)
    assert "Hola, Luc Blanc:" in reply
    assert later(world) == [("low_balance", "email", ANA)]
    text = world.mail.messages[-1].message.get_body(("plain",)).get_content()
    assert text.startswith("Hola:")
    assert "Luc" not in text


def test_holding_stops_a_delivery_that_has_begun(world):
    bought(world)
    tickets = [world.asks(ANA), world.asks(ANA)]
    world.poll()
    for ticket in tickets:
        world.desk.resolve(ticket, kind="consulta", minutes=5)
    context = world.context()
    post = context.desk.post

    def hold_after_the_first(*arguments, **more):
        post(*arguments, **more)
        hold(world, held=True)

    context.desk.post = hold_after_the_first
    world.poll(context=context)
    assert [one.state for one in world.letters() if one.kind == "balance"] == ["sent", "pending"]


def explained(world, email, since=None, until=None):
    with world.store.read() as connection:
        rows = told.explain(connection, email, since, until, world.context())
    return [(row["kind"], re.sub(r" at \d{4}-.*", "", row["became"])) for row in rows]


def test_why_nobody_was_told(world):
    bought(world, SERVDOLIA120=1)
    world.asks(ANA)
    world.asks(ANA, kind="gratis")
    world.asks(ANA, "Respuesta automática: Saldo")
    world.desk.resolve(world.asks(ANA))
    world.poll()
    world.clock.tick(HOUR)
    for _ in range(4):
        world.asks(ANA, "Saldo")
        world.poll()
    adjust(world, -5)
    assert Counter(explained(world, ANA)) == {
        ("purchase", f"sent, email to {ANA}"): 1,
        ("insufficient", "not written: the balance covered what it costs at least, when it was last read"): 1,
        ("insufficient", "not written: its work costs nothing, or nobody can say what"): 1,
        ("insufficient", "not written: it answers a letter, or is an automatic answer"): 1,
        ("balance", "not written: it waits for a person: resolved without a kind of work"): 1,
        ("statement", "sent, reply in the ticket"): 3,
        ("statement", f"sent, email to {ANA}"): 3,
        ("statement", "not written: 3 statements were answered that day already, or a machine asked"): 1,
        ("adjustment", "told to nobody: a change by a person, who tells it themselves"): 1,
    }
    assert explained(world, ANA, until=world.clock() - DAY) == []


def test_why_a_stranger_was_not_told(world):
    world.asks(LUC)
    world.poll()
    why = "not written: nobody without an account is warned beforehand (notices.strangers)"
    assert explained(world, LUC) == [("insufficient", why)]
    with pytest.raises(NotFound):
        explained(world, NEW)


def test_one_letter_that_cannot_be_made_keeps_back_no_other(world):
    world.buys(ANA, SERVDOLIA60=1)
    world.buys(LUC, SERVDOLIA60=1)
    context = world.context()
    send = context.mailer.send

    def fails_for_ana(raw, sender, recipient):
        if recipient == ANA:
            raise KeyError("a mistake of ours")
        send(raw, sender, recipient)

    context.mailer.send = fails_for_ana
    with pytest.raises(KeyError):
        world.poll(context=context)
    assert world.told() == [("purchase", "email", LUC)]
    world.clock.tick(HOUR)
    world.poll()
    world.clock.tick(HOUR)
    world.poll()
    assert world.told() == [("purchase", "email", ANA)]


def test_a_mail_refused_for_ever_is_tried_once_and_shown(world):
    world.mail.reject(ANA)
    world.buys(ANA, SERVDOLIA60=1)
    for _ in range(3):
        world.poll()
        world.clock.tick(HOUR)
    [letter] = world.letters()
    assert (letter.state, letter.attempts) == ("failed", 1)
    assert "550" in letter.why
    with world.store.read() as connection:
        assert outbox.counts(connection) == {("purchase", "failed"): 1}


def test_after_an_outage_of_the_mail_one_low_balance_text_is_left(world):
    bought(world)
    world.mail.fail_next(451, at="RCPT", times=100)
    adjust(world, -45)
    world.poll()
    world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    adjust(world, -60, "adjust:2")
    world.poll()
    world.buys(ANA, SERVDOLIA120=1)
    world.poll()
    adjust(world, -120, "adjust:3")
    world.poll()
    world.mail.faults.clear()
    world.clock.tick(2 * HOUR)
    world.poll()
    world.clock.tick(2 * HOUR)
    world.poll()
    assert Counter(kind for kind, _, _ in world.told()) == {"purchase": 2, "low_balance": 1}


def test_whatever_leaves_the_balance_below_zero_says_what_is_owed(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    world.desk.resolve(world.asks(ANA), kind="consulta", minutes=165)
    world.poll()
    world.buys(ANA, SERVDOLIA30=1)
    world.poll()
    world.shop.refund(order, {"SERVDOLIA60": 1})
    world.poll()
    texts = [mail.message.get_body(("plain",)).get_content() for mail in world.mail.messages]
    assert [re.findall(r"debe (\d+) créditos", text) for text in texts] == [[], ["75"], ["135"]]
    assert [("Este pack cubre" in text, "Estos packs cubren" in text) for text in texts[1:]] == [
        (True, False),
        (False, True),
    ]


def test_a_failed_letter_sent_anew_does_not_say_again_what_went_out_meanwhile(world):
    order = world.buys(ANA, SERVDOLIA60=1)
    world.poll()
    world.mail.fail_next(550, at="RCPT")
    world.shop.refund(order, {"SERVDOLIA60": 1})
    world.poll()
    world.clock.tick(HOUR)
    world.poll()
    [failed] = world.letters(state="failed")
    letters_by_hand.change(world.store, failed.id, "retry", world.clock(), dry_run=False)
    world.poll()
    texts = [mail.message.get_body(("plain",)).get_content() for mail in world.mail.messages[1:]]
    assert ["se ha agotado" in text for text in texts] == [True, False]
    assert "retirado" in texts[1]


def test_who_bought_a_module_alone_has_its_year_of_support_and_hears_of_its_end(open_world):
    world = open_world(modules=[{"reference": "DOLIMOD-.*"}], notices={"module_ending_days": 30})
    world.shop.buy(world.shop.customer(LUC), {"DOLIMOD-STOCK": 1})
    world.poll()
    world.desk.resolve(world.asks(LUC), kind="modulo", minutes=20)
    world.poll()
    with world.store.read() as connection:
        assert reviews.open_items(connection) == []
    world.clock.tick(340 * DAY)
    world.poll()
    assert world.told() == [("module_ending", "email", LUC)]
    world.poll()
    assert world.told() == []
    world.shop.buy(world.shop.customer(LUC), {"SERVDOLIA60": 1})
    world.poll()
    world.poll()
    assert [kind for kind, *_ in world.told()] == ["purchase"], "nor again when it gets an account"


@pytest.mark.parametrize("asked", ["31536000", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_desk_that_asks_for_a_year_gets_its_letter_within_the_hour(world, asked):
    bought(world)
    world.desk.resolve(world.asks(ANA), kind="consulta", minutes=40)
    world.desk.fail_next(429, headers={"Retry-After": asked}, match=lambda request: request.method == "POST")
    world.poll()
    assert states(world)["balance"] == "pending"
    world.clock.tick(HOUR)
    world.poll()
    assert states(world)["balance"] == "sent"
