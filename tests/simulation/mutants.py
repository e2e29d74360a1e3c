"""Planted mistakes: small replacements in the product's source, each of which some history or test must notice.

A mistake that nothing notices is a hole in what this folder proves. `make mutate` plants them one by one.
"""

from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).resolve().parents[2] / "bytebridge"


class Mutant(NamedTuple):
    """breaks: what is wrong with it, in a user's words. first: stories or seeds that notice it soonest, tried before others.

    tests: what notices it where no history can, for no simulated firm lives through it.
    """

    breaks: str
    path: str
    old: str
    new: str
    first: tuple = ()
    tests: str = ""

    @property
    def file(self):
        return SOURCE / self.path


MUTANTS = (
    # what things are worth
    Mutant("forgets the tariff's minimum", "domain/tariff.py", "max(rate.minimum, blocks)", "blocks"),
    Mutant("rounds minutes down to blocks", "domain/tariff.py", "-(-minutes // rate.block) *", "(minutes // rate.block) *"),
    Mutant(
        "takes a noted 0 for no figure", "domain/tariff.py",
        "    if noted is not None:\n        return Credits(noted), {", "    if noted:\n        return Credits(noted), {",
    ),
    Mutant(
        "prices old work by the new tariff", "domain/tariff.py",
        "rate.kind == kind and rate.valid_from <= at and", "rate.kind == kind and",
    ),
    Mutant("never supports a module", "domain/tariff.py", "if kind == Kind.MODULE and", "if False and"),
    Mutant(
        "supports a module for ever", "domain/tariff.py", "ticket.created_at <= module_until:", "True:",
        ("support after the module's year",),
    ),
    Mutant(
        "looks no more at support when its module comes or goes", "ledger/modules.py",
        "    _look_again(connection, changed, rules, now)\n", "",
        ("a module bought after its support was read, and given back",),
    ),
    Mutant("guesses where field and tag differ", "domain/tariff.py", "if len(found) > 1:", "if False:"),
    Mutant("grants one pack whatever was bought", "domain/orders.py", '"units": units,', '"units": min(1, units),'),
    Mutant(
        "undoes a refund that is shown no more", "domain/orders.py",
        "if lines == order.lines:", "if True:",
        tests="tests/unit/test_domain_orders.py::test_a_refund_that_stood_on_slips_alone_is_not_undone_by_seeing_fewer",
    ),
    Mutant(
        "takes an order in an odd state back", "domain/orders.py",
        'return "hold" if order.once_paid or memory.charged else "unpaid"', 'return "unpaid"',
    ),
    Mutant("keeps what was cancelled", "domain/orders.py", "if kept else units", "if True else units"),
    Mutant("adds slips and counters", "shop/wire.py", "taken_back = max(counted, slipped)", "taken_back = counted + slipped"),
    Mutant(
        "lets a credit note take more than was granted", "domain/invoices.py", "Credits(-min(claim, left))", "Credits(-claim)",
    ),
    Mutant(
        "never looks at a reopened invoice again", "domain/invoices.py",
        "replace(worth, credits=None, recheck=until)", "replace(worth, credits=None)",
    ),
    Mutant(
        "gives a reopened ticket's charge back", "domain/tickets.py",
        "return _unresolved(ticket, worth, rules)", "return replace(_unresolved(ticket, worth, rules), credits=ZERO)",
    ),
    Mutant(
        "undoes old work when tickets are tidied away", "domain/tickets.py", "voided - done > HOUSEKEEPING_S", "False",
        ("spam, and housekeeping long after",),
    ),
    Mutant("grants packs by a price list to come", "domain/packs.py", "if pack.valid_from > at:", "if False:"),
    # what is posted
    Mutant(
        "posts the worth, not the difference", "domain/settlement.py",
        "expected.get(account, 0) - posted.get(account, 0)", "expected.get(account, 0)",
    ),
    Mutant("hashes an entry without its predecessor", "domain/entry.py", 'posted = f"{previous[:HALF]}', 'posted = f"{GENESIS[:HALF]}'),
    Mutant("opens an account for each spelling", "domain/accounts.py", "return text.lower()", "return text"),
    Mutant(
        "merges without the balance", "jobs/people.py",
        "expected = {keep: balance, other: Credits(-balance)} if balance else {}", "expected = {}",
        ("two customers merged",),
    ),
    Mutant(
        "keeps in the list what has cleared itself up", "ledger/reviews.py",
        "if key not in wanted and row.closed_at is None]", "if False]",
    ),
    # what is read
    Mutant(
        "drops the shop's overlap", "shop/position.py",
        'earlier(self.updated, OVERLAP_S) if self.updated else ""', "self.updated",
        ("orders in the second of the last poll",),
    ),
    Mutant("uses date_upd only", "shop/connector.py", "named |= self._refunded(known) | set(was.again)", "named = set(was.again)"),
    Mutant(
        "never looks at counters of returned units", "shop/connector.py", "self._refunded(known) | set(was.again)", "set(was.again)",
        tests="tests/contract/shop/test_shop_reading.py::test_refunds_of_modules_count_whatever_their_reference",
    ),
    Mutant(
        "drops the help desk's overlap", "helpdesk/position.py",
        "shifted(position.watermark, waited - OVERLAP_S)", "shifted(position.watermark, 1)",
        tests="tests/contract/helpdesk/test_helpdesk_reading.py::test_a_row_that_appears_late_is_met",
    ),
    Mutant(
        "advances the cursor before it books", "jobs/poll.py",
        "    _let_through(waiting, connector, context, run, result)\n    if cursor != saved:\n"
        "        book([], context, run, source=connector.source, cursor=cursor)\n",
        "    if cursor != saved:\n        book([], context, run, source=connector.source, cursor=cursor)\n"
        "    _let_through(waiting, connector, context, run, result)\n",
        ("passes that die sooner or later, an order before each",),
    ),
    Mutant(
        "takes a poll that broke off for a whole one", "jobs/poll.py", "        broken = error  #", "        broken = None  #",
        tests="tests/scenario/test_which_letters.py::test_nobody_is_told_to_buy_before_the_shop_was_read_again",
    ),
    Mutant(
        "forgets what it could not read", "erp/connector.py",
        "yield from sweep.named(was.again, known)", "yield from sweep.named((), known)",
        tests="tests/contract/erp/test_erp_reading.py"
        "::test_an_unreadable_invoice_does_not_stop_the_others_and_is_asked_for_until_it_can_be_read",
    ),
    Mutant(
        "believes a lagging index", "jobs/poll.py", "if differing and not page.trusted:", "if False:",
        tests="tests/scenario/test_one_bad_row.py::test_a_stale_hint_of_the_index_charges_nothing",
    ),
    Mutant(
        "never gets through a reconciliation", "jobs/reconcile.py", "    found.moving = {}\n    try:\n",
        '    found.moving = {}\n    found.errors.append("a surprise")\n    return\n    try:\n',
    ),
    Mutant("takes a reconciliation for done before it began", "jobs/reconcile.py", "    if leg.done:\n", "    if True:\n"),
    # what is told
    Mutant(
        "takes a ticket that is not shown for one without messages", "helpdesk/client.py",
        'raise RemoteRejected(SYSTEM, f"GET {path}", "the ticket is gone, or the key no longer sees it")', "return []",
        tests="tests/scenario/test_delivery.py::test_a_reply_in_doubt_in_a_ticket_that_is_not_shown_is_not_written_again",
    ),
    Mutant("tells of the quiet past", "domain/notices.py", "return dated >= policy.quiet_before or (", "return True or ("),
    Mutant("tells of old work that is priced at last", "domain/settlement.py", "changed if worth.key in view.revisions else None", "changed",
        tests="tests/scenario/test_which_letters.py::test_brings_exactly_these_letters",
    ),
    Mutant("forgets a change while it waits", "domain/settlement.py", "        return worth.memory.changed\n", "        return None\n",
        tests="tests/scenario/test_module_support.py::test_what_an_edit_of_something_old_moves_is_told_also_when_it_waited_for_another_document",
    ),
    Mutant(
        "says low at each charge below", "domain/notices.py",
        "if not (before >= threshold > account.balance)", "if not (threshold > account.balance)",
    ),
    Mutant(
        "never says that a balance is low", "domain/notices.py", "or account.low_pending:", "or True:",
    ),
    Mutant(
        "says low once in an account's life", "ledger/pages.py",
        'notices.c.state.in_(("pending", "sending", "unknown")),  # one', 'notices.c.state.in_(("pending", "sending", "unknown", "sent")),  # one',
        ("low, bought, and low again",),
    ),
    Mutant("makes no statement", "domain/settlement.py", "drafts += notices.statement(ticket, account, policy, view.now)", "drafts += ()"),
    Mutant("takes a low-balance letter along and does not say it", "jobs/deliver.py", "low=rider is not None)", "low=False)"),
    Mutant("never warns beforehand", "domain/notices.py", "if left <= 0 or balance >= left or unwarned(", "if True or unwarned(",
    ),
    Mutant("warns of what the balance covers", "domain/notices.py", "if left <= 0 or balance >= left or unwarned(", "if left <= 0 or unwarned(",
        tests="tests/unit/test_domain_letters.py::test_situation",
    ),
    Mutant(
        "tells who has just bought to buy", "ledger/outbox.py",
        "or_(notices.c.needs_shop == 0, ", "or_(notices.c.needs_shop >= 0, ",
        tests="tests/scenario/test_which_letters.py::test_nor_afterwards_who_bought_meanwhile",
    ),
    Mutant("writes to the account's first address", "ledger/outbox.py", "recipient = draft.to or first_address(", "recipient = first_address(",
        ("two customers merged",),
    ),
    Mutant("offers too small a pack", "jobs/letters.py", "        return owed\n", "        return Credits(1)\n",
        tests="tests/scenario/test_delivery.py::test_whatever_leaves_the_balance_below_zero_says_what_is_owed",
    ),
    # how it is told
    Mutant("skips the look before a resend", "jobs/deliver.py", "        if found:\n", "        if False:\n",
    ),
    Mutant(
        "sends without a claim", "jobs/deliver.py",
        "if not context.store.transact(lambda connection: outbox.claim(connection, notice, rider, **values)):",
        "if context.stopping():",
    ),
    Mutant("gives a resent mail a new Message-ID", "jobs/deliver.py", 'f"<{notice.code.lower()}.{notice.kind', 'f"<{notice.code.lower()}.{notice.attempts}{notice.kind', ("passes that die sooner or later, an order before each",)),
    Mutant("takes a lost answer for a failure", "jobs/deliver.py", "except OutcomeUnknown as error:", "except ZeroDivisionError as error:",
    ),
    Mutant(
        "gives a letter up at the first trouble", "jobs/deliver.py",
        '    if _tried_for_a_day(notice, context):\n        _give_up(notice, context, f"not', '    if True:\n        _give_up(notice, context, f"not',
    ),
    Mutant("gives a mail of unknown outcome up at once", "jobs/deliver.py", "given_up = notice.doubts >= LOOKS", "given_up = True"),
    Mutant(
        "mails each letter twice", "jobs/deliver.py",
        "    context.mailer.send(raw, sender, notice.recipient)\n", "    context.mailer.send(raw, sender, notice.recipient)\n" * 2,
    ),
    Mutant(
        "doubts each mail once", "jobs/deliver.py",
        "    context.mailer.send(raw, sender, notice.recipient)\n",
        "    context.mailer.send(raw, sender, notice.recipient)\n    if notice.attempts <= 1:\n"
        '        raise OutcomeUnknown("mail", "DATA", "no answer came")\n',
    ),
    Mutant(
        "writes each reply as an internal note", "jobs/deliver.py", 'kind="note" if noted else "reply"', 'kind="note"',
    ),
    Mutant("states the first account's movements to whoever asks", "jobs/letters.py", "connection, summary.id, context.settings", "connection, 1, context.settings"),
    Mutant("leaves a ticket as our reply moved it", "helpdesk/posting.py", "        self._put(row, before)\n", "        return\n"),
    Mutant(
        "gives a ticket back its status alone", "helpdesk/posting.py", "agent = before.agent or row.agentid", "agent = row.agentid",
        ("low, bought, and low again",),
    ),
    Mutant("makes an event without looking for it", "erp/write_back.py", "if self.find_event(ref_ext):", "if False:",
        tests="tests/contract/erp/test_erp_write_back.py::test_an_event_is_looked_for_before_it_is_posted",
    ),
    Mutant("copies the last movement for the balance", "jobs/write_back.py", "return Credits(sum(accounts", "return Credits(0 * sum(accounts",
        tests="tests/scenario/test_write_back.py::test_a_foreign_figure_is_overwritten_by_the_nightly_reconciliation",
    ),
    Mutant("tells the agenda nothing of late credit notes", "domain/settlement.py", "tuple(drafts), news)", "tuple(drafts), bool(worth.dated >= policy.quiet_before))", ("a credit note after going live, of an invoice from before",)),
)  # fmt: skip
