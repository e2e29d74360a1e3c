"""Expected against posted: the only place entries come from."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bytebridge.domain import notices
from bytebridge.domain.accounts import account_of, normalise, owner
from bytebridge.domain.addressed import addressed
from bytebridge.domain.entry import EntryKind, Posting
from bytebridge.domain.interpret import interpret
from bytebridge.domain.invoices import shop_mark
from bytebridge.domain.letter import Channel
from bytebridge.domain.memory import key_of, source_of
from bytebridge.domain.model import Credits, Document, Instant, Invoice, Order, Source, Ticket
from bytebridge.domain.notices import Draft, Policy
from bytebridge.domain.rules import Rules
from bytebridge.domain.tariff import Lack
from bytebridge.domain.tickets import ticket_date
from bytebridge.domain.view import Account, Purchase, View
from bytebridge.domain.worth import NOTHING, Facts, Known, Worth

LOOK_ALIKE_S = 7 * 86_400


class Outcome(Struct, frozen=True, gc=False):
    """What became of one document in this pass. account: whose it is, None while nobody's.

    news: what was posted is no matter of the quiet past.
    """

    key: str
    document: Document
    worth: Worth
    account: int | None
    postings: tuple[Posting, ...] = ()
    drafts: tuple[Draft, ...] = ()
    news: bool = False


def differences(expected: Mapping[int, Credits], posted: Mapping[int, Credits]) -> dict[int, Credits]:
    """Credits per account that bring a document from what is posted to what is expected.

    Empty when both agree, so posting twice, re-reading and reconciling are the same operation.
    """
    return {
        account: Credits(delta)
        for account in (sorted({*expected, *posted}) if posted else expected)
        if (delta := expected.get(account, 0) - posted.get(account, 0))
    }


def members(document: Document) -> list[Document]:
    """The documents one reading brings: an invoice with its credit notes, else itself."""
    return [document, *document.credit_notes] if isinstance(document, Invoice) else [document]


def settle(document: Document, view: View, rules: Rules, policy: Policy) -> list[Outcome]:
    """Interprets a document and brings what is posted for it to what it is worth; the view follows.

    The same call for a first sight, a re-reading, a refund, a merge of accounts or a reconciliation.
    """
    if isinstance(document, Invoice):
        return _settle_family(addressed(document, view.known), view, rules, policy)
    [worth] = interpret(document, view.known, rules, _facts(document, view, rules))
    outcome = _settle_one(document, worth, None, view, policy)
    return [_with_ticket_letters(outcome, document, view, rules, policy) if isinstance(document, Ticket) else outcome]


def _settle_family(invoice: Invoice, view: View, rules: Rules, policy: Policy) -> list[Outcome]:
    facts = _facts(invoice, view, rules)
    own, *others = interpret(invoice, view.known, rules, facts)
    first = _settle_one(invoice, own, None, view, policy)
    if own.credits is not None and first.worth.credits is None:
        # what waits takes its credit notes along
        _, *others = interpret(invoice, view.known, rules, replace(facts, withheld=True))
    if not {key_of(member) for member in members(invoice)} <= view.unchanged:
        # one that says something new leaves more or less to the others
        view.unchanged.difference_update(map(key_of, invoice.credit_notes))
    notes = zip(invoice.credit_notes, others, strict=True)
    return [first, *(_settle_one(note, worth, first.account, view, policy) for note, worth in notes)]


def _facts(document: Document, view: View, rules: Rules) -> Facts:
    until: Instant | None = None
    if isinstance(document, Ticket) and view.module_ends:
        known = view.known.get(key_of(document), NOTHING)
        email = normalise(known.decision.email if known.decision and known.decision.email else document.email)
        at = ticket_date(document, known.memory)
        account = account_of(view.owners, view.root, [email], at, share=False) if email else None
        until = view.module_ends.get(account if isinstance(account, int) else email or "")
    mark = shop_mark(document, rules) if isinstance(document, Invoice) else None
    return Facts(now=view.now, module_until=until, shop_order=view.shop_orders.get(mark) if mark else None)


def _settle_one(document: Document, worth: Worth, family: int | None, view: View, policy: Policy) -> Outcome:
    """family: the account of the invoice that a credit note belongs to."""
    posted = view.posted.get(worth.key, {})
    emails = [email for text in worth.emails if (email := normalise(text)) is not None]
    found = _holder(document, worth, emails, family, view, policy)
    account = None if isinstance(found, Lack) else found
    changed = _came(document, worth, view)
    if worth.credits:
        lack = found if isinstance(found, Lack) else _doubt(document, worth, account, emails, view, policy)
        if lack is not None:
            worth = _withheld(worth, lack, view.known.get(worth.key, NOTHING), view.now)
    if worth.credits is None:
        return Outcome(worth.key, document, _flag_stranger(_waiting(worth, changed, view), account), account)
    if account is None and worth.credits:
        account = _open(document, worth, emails[:1], view)
        if isinstance(document, Ticket):
            worth = replace(worth, memory=replace(worth.memory, opened=account))
    worth = _flag_stranger(_remembering(worth, None), account)
    if policy.share_company and isinstance(document, Invoice) and account is not None:
        _own(emails, account, worth.dated, view)
    expected = {account: worth.credits} if account is not None and worth.credits else {}
    return _post(document, worth, account, expected, posted, changed, view, policy)


def _flag_stranger(worth: Worth, account: int | None) -> Worth:
    """A charge that opened its account is worth a look, unless the account was merged into another meanwhile."""
    if account is None or account != worth.memory.opened:
        return worth
    return replace(worth, flags=(*worth.flags, Lack("stranger", worth.emails[0] if worth.emails else "")))


def _holder(
    document: Document, worth: Worth, emails: list[str], family: int | None, view: View, policy: Policy
) -> int | Lack | None:
    """Whose the document is. Where its addresses no longer tell, it stays whose it was."""
    share = policy.share_company and isinstance(document, Invoice)
    elsewhere = (
        [email for text in document.elsewhere if (email := normalise(text))] if isinstance(document, Invoice) else ()
    )
    found = account_of(view.owners, view.root, emails, worth.dated, share=share, elsewhere=elsewhere)
    if isinstance(found, int):
        return found
    holders = set(view.posted.get(worth.key, ())) or ({family} if family is not None else set())
    if len(holders) != 1:
        return found
    holder = next(iter(holders))
    fits = {view.root(one) for email in emails if (one := owner(view.owners, email, worth.dated)) is not None}
    return holder if not emails or holder in fits else found


def _doubt(
    document: Document, worth: Worth, account: int | None, emails: list[str], view: View, policy: Policy
) -> Lack | None:
    """Why what a document is worth cannot be booked although the document itself is clear."""
    if account is None and not emails:
        return Lack("no_address")
    if view.posted.get(worth.key):
        return None
    if policy.share_company and isinstance(document, Invoice) and _is_of_two(document, worth, account, view):
        return Lack("two_companies", emails[0])
    if account is None:
        return None
    twin = _twin(document, worth, account, view)
    return Lack("look_alike", twin) if twin is not None else None


def _is_of_two(invoice: Invoice, worth: Worth, account: int | None, view: View) -> bool:
    """Whether an invoice could be of two companies that share their people's accounts.

    Either both have its address now, or its people brought along the account of another.
    """
    known = view.known.get(worth.key)
    if known is not None and known.decision is not None:
        return False
    others = view.companies.get(account, set()) if account is not None else set()
    return invoice.shared or bool(others and invoice.customer not in others)


def _withheld(worth: Worth, lack: Lack, known: Known, now: Instant) -> Worth:
    """No opinion for a reason outside the document; a person who dismissed that has said so."""
    dismissed = known.decision is not None and known.decision.choice == "dismiss"
    memory = replace(
        worth.memory, charged=known.memory.charged or bool(known.posted), references=worth.memory.references
    )
    shown = worth.lack or (None if dismissed else lack)
    # the twin may fall, the accounts may be merged, without the document changing
    recheck = None if dismissed or not worth.emails else Instant(now + 1)
    return replace(worth, credits=None, cost=worth.credits, lack=shown, flags=(), memory=memory, recheck=recheck)


def _twin(document: Document, worth: Worth, account: int, view: View) -> str | None:
    """A shop order that looks like this invoice, or the other way round (domain: shop and ERP)."""
    if isinstance(document, Ticket) or (worth.credits or 0) <= 0 or _accepted(worth.key, view):
        return None
    other = Source.ERP if isinstance(document, Order) else Source.SHOP
    for purchase in view.purchases.get(account, ()):
        if (
            purchase.source == other
            and purchase.credits == worth.credits
            and abs(purchase.dated - worth.dated) <= LOOK_ALIKE_S
        ):
            return purchase.document
    return None


def _accepted(key: str, view: View) -> bool:
    known = view.known.get(key)
    return known is not None and known.decision is not None and known.decision.choice in ("accept", "charge")


def _open(document: Document, worth: Worth, emails: list[str], view: View) -> int:
    account = Account(view.next_account, view.next_account, name=document.name, language=document.language, new=True)
    view.accounts[account.id] = account
    view.next_account += 1
    _own(emails, account.id, worth.dated, view)
    return account.id


def _own(emails: list[str], account: int, at: Instant, view: View) -> None:
    """Gives the addresses that nobody owns to the account: from the beginning, or from `at` one that was given up."""
    for email in emails:
        if owner(view.owners, email, at) is None:
            history = view.owners.setdefault(email, [])
            since = max(at, history[-1][0]) if history else Instant(0)
            history.append((since, account))
            view.added.append((email, account, since))


def _post(
    document: Document,
    worth: Worth,
    account: int | None,
    expected: Mapping[int, Credits],
    posted: Mapping[int, Credits],
    changed: Instant | None,
    view: View,
    policy: Policy,
) -> Outcome:
    postings: list[Posting] = []
    drafts: list[Draft] = []
    news = False
    revision = view.revisions.get(worth.key, 0) + 1
    for number, delta in differences(expected, posted).items():
        holder = view.accounts[number]
        before = holder.balance
        holder.balance = Credits(before + delta)
        posting = Posting(
            account=number,
            document=worth.key,
            revision=revision,
            kind=_entry_kind(document, delta, revision),
            credits=delta,
            balance=holder.balance,
            was=posted.get(number, Credits(0)),
            happened=worth.happened,
            derivation=worth.derivation if number == account or not expected else _moved(account),
        )
        postings.append(posting)
        if news := notices.is_told(posting, worth.dated if worth.news is None else worth.news, changed, policy):
            drafts += _letters(document, worth, posting, holder, before, account, view, policy)
    if postings:
        view.revisions[worth.key] = revision
        view.posted[worth.key] = dict(expected)
        _remember_purchase(document, worth, account, view)
        if isinstance(document, Invoice) and account is not None:
            view.companies.setdefault(account, set()).add(document.customer)
    return Outcome(worth.key, document, worth, account, tuple(postings), tuple(drafts), news)


def _came(document: Document, worth: Worth, view: View) -> Instant | None:
    """When it changed into what it says; None for one first seen now, or valued anew although it says the same."""
    if worth.key not in view.known or worth.key in view.unchanged:
        return worth.memory.changed
    return document.changed_at if isinstance(document, Ticket) else view.now


def _waiting(worth: Worth, changed: Instant | None, view: View) -> Worth:
    """What moved credits and now says something else corrects them whenever that can be valued, if not now."""
    return _remembering(worth, changed if worth.key in view.revisions else None)


def _remembering(worth: Worth, changed: Instant | None) -> Worth:
    if worth.memory.changed == changed:
        return worth
    return replace(worth, memory=replace(worth.memory, changed=changed))


def _moved(account: int | None) -> dict[str, Any]:
    """Why a document is worth nothing to the account it left."""
    return {"rule": "void", "why": "moved", "to": account}


def _letters(
    document: Document,
    worth: Worth,
    posting: Posting,
    holder: Account,
    before: Credits,
    account: int | None,
    view: View,
    policy: Policy,
) -> list[Draft]:
    cause = notices.cause_of(document, view.now)
    # without an address of its own, or with another's, the letter goes to the account's first
    to = normalise(worth.emails[0]) if worth.emails and posting.account == account else None
    drafts = notices.for_posting(posting, document, to or "", policy, cause)
    if posting.account != account:
        drafts = [replace(draft, channel=Channel.EMAIL, ticket="") for draft in drafts[:1]]
    if holder.new and isinstance(document, Ticket) and posting.balance == posting.credits:
        drafts = [replace(draft, facts={**draft.facts, "stranger": True}) for draft in drafts]
    low = notices.low_balance(holder, before, posting, policy, cause)
    if low is not None:
        holder.low_pending = True
        drafts.append(low)
    return drafts


def _entry_kind(document: Document, delta: Credits, revision: int) -> EntryKind:
    if isinstance(document, Ticket):
        return EntryKind.DEBIT if revision == 1 else EntryKind.CORRECTION
    return EntryKind.GRANT if delta > 0 else EntryKind.REFUND


def _remember_purchase(document: Document, worth: Worth, account: int | None, view: View) -> None:
    if account is not None and worth.credits and worth.credits > 0 and not isinstance(document, Ticket):
        purchase = Purchase(worth.key, source_of(document), worth.credits, worth.dated)
        others = [one for one in view.purchases.get(account, ()) if one.document != worth.key]
        view.purchases[account] = [*others, purchase]


def _with_ticket_letters(outcome: Outcome, ticket: Ticket, view: View, rules: Rules, policy: Policy) -> Outcome:
    """Adds what a ticket calls for besides its charge: the warning beforehand and the statement asked for."""
    memory = outcome.worth.memory
    asks = not memory.asked and notices.asks_for_statement(ticket, policy)
    if not asks and ticket.state not in notices.UNRESOLVED:
        return outcome
    email = normalise(ticket.email)
    found = account_of(view.owners, view.root, [email], view.now, share=False) if email else None
    account = view.accounts[found] if isinstance(found, int) else None
    drafts: list[Draft] = []
    if account is not None and asks:
        drafts += notices.statement(ticket, account, policy, view.now)
        account.statements += bool(drafts)
        memory = replace(memory, asked=True)
    posted = Credits(sum(view.posted.get(outcome.key, {}).values()))
    warned, letters = notices.beforehand(ticket, account, posted, memory, rules, policy, view.now)
    drafts += letters
    if warned != memory.warned:
        memory = replace(memory, warned=warned)
    if memory is outcome.worth.memory and not drafts:
        return outcome
    worth = replace(outcome.worth, memory=memory)
    return replace(outcome, worth=worth, drafts=(*outcome.drafts, *drafts))
