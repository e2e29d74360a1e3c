"""Which letters a change calls for, and when none."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from bytebridge.domain.accounts import normalise
from bytebridge.domain.automatic import answers_a_letter, is_automatic, is_machine
from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.domain.letter import Channel, NoticeKind
from bytebridge.domain.memory import Memory
from bytebridge.domain.model import Credits, Document, Instant, Ticket, TicketState
from bytebridge.domain.rules import Rules, fold
from bytebridge.domain.tariff import says_work
from bytebridge.domain.tickets import estimate
from bytebridge.domain.view import Account

STATEMENTS_A_DAY = 3
UNTOLD = {EntryKind.ADJUSTMENT, EntryKind.OPENING, EntryKind.MERGE}
UNRESOLVED = (TicketState.NEW, TicketState.OPEN)
REMINDED = ("intervention", "upgrade")


class Policy(Struct, frozen=True, gc=False):
    """quiet_before: what happened earlier is told to nobody. threshold: the firm's low balance [credits].

    ticket_channels: how a letter that belongs to a ticket travels: ("ticket",), ("ticket", "email") for a note
    with its mail, or ("email",). statement_words, statement_tags: folded.
    """

    quiet_before: Instant
    threshold: Credits = Credits(30)
    language: str = "es"
    ticket_channels: tuple[Channel, ...] = (Channel.TICKET,)
    statement_words: frozenset[str] = frozenset()
    statement_tags: frozenset[str] = frozenset()
    strangers: bool = False
    share_company: bool = False
    own: frozenset[str] = frozenset()


class Draft(Struct, frozen=True, gc=False):
    """A letter that is due.

    to: the address it came with, "" for the account's first. ticket: id of the ticket it replies to, "" for
    none. cause: when what it tells came about; needs_shop: it may tell people to buy, so it waits for a
    reading of the shop begun later than its cause. facts: values frozen now, the rest is read at rendering.
    """

    kind: NoticeKind
    account: int
    document: str
    revision: int
    channel: Channel
    to: str
    ticket: str
    cause: Instant
    needs_shop: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


def threshold_of(account: Account, policy: Policy) -> Credits:
    return policy.threshold if account.threshold is None else account.threshold


def is_told(posting: Posting, dated: Instant, changed: Instant | None, policy: Policy) -> bool:
    """What happened in the quiet past is told to nobody, unless its document changed later.

    changed: when what the document says became different from what was settled before; None for one first seen now,
    or valued anew although it says the same (other rules, a person's decision).
    """
    if posting.kind in UNTOLD:
        return False
    return dated >= policy.quiet_before or (changed is not None and changed >= policy.quiet_before)


def for_posting(posting: Posting, document: Document, to: str, policy: Policy, cause: Instant) -> list[Draft]:
    """The letter that tells one posting: by e-mail for a purchase, in the ticket for a charge.

    Whatever leaves the balance below zero tells what is owed and which pack covers it.
    """
    facts = {
        "credits": posting.credits,
        "was": posting.was,
        "now": posting.was + posting.credits,
        "derivation": posting.derivation,
        "at": posting.happened,
        "after": posting.balance,
    }
    owed = posting.balance < 0
    if not isinstance(document, Ticket):
        kind = NoticeKind.PURCHASE if posting.credits > 0 else NoticeKind.TAKEN_BACK
        return [_draft(kind, posting, Channel.EMAIL, to, "", cause, facts, needs_shop=owed)]
    facts["reminder"] = posting.derivation.get("kind") in REMINDED
    return [
        _draft(NoticeKind.BALANCE, posting, channel, to, document.id, cause, facts, needs_shop=owed)
        for channel in channels(document, policy)
    ]


def _draft(
    kind: NoticeKind,
    posting: Posting,
    channel: Channel,
    to: str,
    ticket: str,
    cause: Instant,
    facts: Mapping[str, Any],
    *,
    needs_shop: bool,
) -> Draft:
    return Draft(
        kind,
        posting.account,
        posting.document,
        posting.revision,
        channel,
        to,
        ticket,
        cause,
        needs_shop,
        facts,
    )


def cause_of(document: Document, now: Instant) -> Instant:
    """When what its letters tell came about; of a ticket the end of that second, in which somebody may yet buy."""
    return min(now, Instant(document.changed_at + 1)) if isinstance(document, Ticket) else now


def channels(ticket: Ticket, policy: Policy) -> tuple[Channel, ...]:
    """How a letter of this ticket travels; one that cannot take a reply gets it by e-mail."""
    return policy.ticket_channels if ticket.replyable else (Channel.EMAIL,)


def low_balance(account: Account, before: Credits, posting: Posting, policy: Policy, cause: Instant) -> Draft | None:
    """The low-balance letter of a fall from above or at the threshold to below it; None when one already waits."""
    threshold = threshold_of(account, policy)
    if not (before >= threshold > account.balance) or account.low_pending:
        return None
    facts = {"after": account.balance, "threshold": threshold}
    return _draft(NoticeKind.LOW_BALANCE, posting, Channel.EMAIL, "", "", cause, facts, needs_shop=True)


def beforehand(
    ticket: Ticket,
    account: Account | None,
    posted: Credits,
    memory: Memory,
    rules: Rules,
    policy: Policy,
    now: Instant,
) -> tuple[Credits, list[Draft]]:
    """What the customer is now warned of at most [credits], and the letters that say so before work is done.

    posted: what this ticket already moved. Only once for a ticket and again only if the minimum rises.
    """
    need = estimate(ticket, memory, rules, now)
    if need is None or (account is None and not policy.strangers):
        return memory.warned, []
    balance = account.balance if account is not None else Credits(0)
    left = need[0] + posted  # a ticket that is charged already, as one that our own letter reopened, costs no more
    # the balance first: of the many who have enough nobody need ask who wrote what
    if left <= 0 or balance >= left or unwarned(ticket, memory, rules, policy, now):
        return memory.warned, []
    if ticket.changed_at < policy.quiet_before:
        return need[0], []
    facts = {
        "estimate": need[0],
        "kind": need[1].value if need[1] else None,
        "already": -posted,
        "after": balance,
    }
    to = normalise(ticket.email) or ""
    cause = cause_of(ticket, now)
    number = account.id if account is not None else 0
    drafts = [
        Draft(
            NoticeKind.INSUFFICIENT,
            number,
            f"helpdesk:{ticket.id}",
            int(need[0]),
            channel,
            to,
            ticket.id,
            cause,
            True,
            facts,
        )
        for channel in channels(ticket, policy)
    ]
    return need[0], drafts


def unwarned(ticket: Ticket, memory: Memory, rules: Rules, policy: Policy, now: Instant) -> str | None:
    """Why nobody is warned of a ticket beforehand, whatever the balance; None when the balance decides."""
    if ticket.state not in UNRESOLVED:
        return f"it is {ticket.state}"
    if is_machine(ticket, policy.own):
        return "a machine wrote it"
    if not _watched(ticket, rules):
        return "its department is not watched"
    work, need = says_work(ticket, rules), estimate(ticket, memory, rules, now)
    # who answers a letter of ours is warned once a technician noted what is to be done, which no machine brings about
    if answers_a_letter(ticket) and not work:
        return "it answers a letter, or is an automatic answer"
    if (memory.asked or asks_for_statement(ticket, policy)) and not work:
        return "it asks for a statement"
    if need is None:
        return "its work costs nothing, or nobody can say what"
    return "it was warned of already" if need[0] <= memory.warned else None


def _watched(ticket: Ticket, rules: Rules) -> bool:
    return not rules.departments or ticket.department in rules.departments


def asks_for_statement(ticket: Ticket, policy: Policy) -> bool:
    """A new ticket whose subject is one of the agreed words, or any ticket with the agreed tag or kind."""
    if ticket.state in (TicketState.SPAM, TicketState.DELETED):
        return False
    for text in (*ticket.tags, *ticket.kinds):
        if fold(text) in policy.statement_tags:
            return True
    if ticket.state != TicketState.NEW:
        return False
    subject = re.sub(r"^((re|rv|aw|fwd?|tr|ref)\s*:\s*)+", "", fold(ticket.subject))
    return _plain(subject) in {_plain(word) for word in policy.statement_words}


def _plain(text: str) -> str:
    """Folded text without punctuation."""
    return re.sub(r"[\W_]+", " ", text).strip()


def statement(ticket: Ticket, account: Account, policy: Policy, now: Instant) -> list[Draft]:
    """The answer to a first request: in the ticket, and by e-mail with the PDF to the asking address."""
    if ticket.changed_at < policy.quiet_before or account.statements >= STATEMENTS_A_DAY:
        return []
    if is_automatic(ticket, policy.own):
        return []
    wanted = {Channel.EMAIL, *(channels(ticket, policy))}
    return [
        Draft(
            NoticeKind.STATEMENT,
            account.id,
            f"helpdesk:{ticket.id}",
            1,
            channel,
            normalise(ticket.email) or "",
            ticket.id,
            now,
            False,
            {"after": account.balance},
        )
        for channel in sorted(wanted)
    ]
