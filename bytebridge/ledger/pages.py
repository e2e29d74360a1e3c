"""A page of documents: what the ledger knows of them, and the one transaction that books them."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Row, bindparam, delete, func, or_, select

from bytebridge.domain.accounts import normalise, owner
from bytebridge.domain.addressed import addressed, mindful
from bytebridge.domain.interpret import Known, shop_mark
from bytebridge.domain.letter import NoticeKind
from bytebridge.domain.memory import Decision, key_of, source_of
from bytebridge.domain.model import Credits, Document, Instant, Invoice, Source, Ticket
from bytebridge.domain.rules import Rules
from bytebridge.domain.settlement import Outcome, members
from bytebridge.domain.tariff import kind_of
from bytebridge.domain.view import Account, Purchase, View
from bytebridge.ledger import codec, many
from bytebridge.ledger import modules as support
from bytebridge.ledger.chains import IS_HEAD
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import accounts, addresses, documents, entries, notices, reviews

DAY_S = 86_400

ACCOUNT = select(
    accounts.c.id,
    accounts.c.root,
    accounts.c.name,
    accounts.c.language,
    accounts.c.threshold,
    entries.c.seq,
    entries.c.balance,
    entries.c.hash,
).select_from(accounts.outerjoin(entries, IS_HEAD))
SEEN = select(documents.c.key, documents.c.state, documents.c.rules)
KNOWN = select(documents.c.key, documents.c.memory, documents.c.state, documents.c.email)
# without the accounts: a server that knows nothing of its tables yet would find the heads of all of them for a few
OWNERS = select(addresses.c.since, addresses.c.id, addresses.c.email, addresses.c.account)
_place = itemgetter(0, 1)
HIGHEST = select(func.max(accounts.c.id))
LOW = select(notices.c.account).where(  # few at any time, so that all are read
    notices.c.kind == NoticeKind.LOW_BALANCE,
    notices.c.state.in_(("pending", "sending", "unknown")),  # one a pilot held back may never go
)
STATEMENTS = (
    select(notices.c.account, func.count(func.distinct(notices.c.document)))
    .where(notices.c.kind == NoticeKind.STATEMENT, notices.c.created_at > bindparam("after"))
    .group_by(notices.c.account)
)
DOCUMENT = tuple(column.name for column in documents.columns)


@dataclass(slots=True)
class Seen:
    """What the store holds of a page's documents: state text, digest of rules and revision by key."""

    states: dict[str, str] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)


def seen(connection: Connection, keys: Sequence[str]) -> Seen:
    """States as last seen, one query a batch."""
    result = Seen()
    for key, state, rules in many.among(connection, SEEN, documents.c.key, keys):
        result.states[key] = state
        result.rules[key] = rules
    return result


def known_documents(connection: Connection, source: Source, ids: Sequence[str]) -> dict[str, Document]:
    """Documents of one source as last seen, by their id."""
    stored = many.among(connection, SEEN, documents.c.key, [f"{source}:{number}" for number in ids])
    return {key.partition(":")[2]: codec.document(source, state) for key, state, _ in stored}


class _Bought(Struct):
    """Whose an invoice is, out of its stored state."""

    customer: str


_bought = msgspec.json.Decoder(_Bought)


def load_view(
    connection: Connection, page: Sequence[Document], rules: Rules, now: Instant, *, companies: bool = False
) -> View:
    """Everything settling this page needs, in a handful of queries whatever its length.

    companies: with the third parties of the accounts' invoices.
    """
    view = View(now=now)
    invoices = [document for document in page if isinstance(document, Invoice)]
    everything = [member for document in page for member in members(document)] if invoices else page
    by_key = {key_of(member): member for member in everything}
    view.states = {key: codec.encode(member) for key, member in by_key.items()}
    _load_documents(connection, by_key, view)
    if invoices:
        page = [addressed(one, view.known) if isinstance(one, Invoice) else one for one in page]
    _load_decisions(connection, page, view)
    texts = {text for document in page for text in _emails(document)}
    emails = {email for text in texts if (email := normalise(text))}
    emails |= {known.decision.email for known in view.known.values() if known.decision and known.decision.email}
    _load_owners(connection, emails, view)
    _load_accounts(connection, {account for posted in view.posted.values() for account in posted}, view)
    _fold_to_roots(view)
    if any(isinstance(document, Ticket) for document in page):
        _load_module_ends(connection, page, rules, view)
        _load_statements(connection, view)
    else:
        _load_purchases(connection, page, rules, view)
    if companies and invoices:
        _load_companies(connection, view)
    _load_marks(connection, invoices, rules, view)
    _load_low(connection, view)
    highest = connection.execute(HIGHEST).scalar()
    view.next_account = (highest or 0) + 1
    return view


def _emails(document: Document) -> tuple[str, ...]:
    if isinstance(document, Invoice):
        return document.emails + document.elsewhere
    return (document.email,) if document.email else ()


def _load_documents(connection: Connection, page: Mapping[str, Document], view: View) -> None:
    """What is remembered and posted of the documents that were seen before."""
    stored = many.among(connection, KNOWN, documents.c.key, view.states)
    totals: dict[str, int] = defaultdict(int)
    for some in batches(row.key for row in stored):
        rows = connection.execute(
            select(
                entries.c.document,
                entries.c.account,
                func.sum(entries.c.credits),
                func.max(entries.c.revision),
            )
            .where(entries.c.document.in_(some))
            .group_by(entries.c.document, entries.c.account)
        )
        for key, account, credits, revision in rows:
            view.posted.setdefault(key, {})[account] = Credits(int(credits))
            totals[key] += int(credits)
            view.revisions[key] = max(view.revisions.get(key, 0), revision)
    for key, memory, state, email in stored:
        view.emails[key] = email
        kept = codec.memory(memory)
        if state == view.states[key]:
            view.unchanged.add(key)
        elif isinstance(page[key], Invoice):
            kept = mindful(kept, codec.document(Source.ERP, state), page[key])
        view.known[key] = Known(kept, Credits(totals[key]))
    _load_unseen(connection, page, view)


def _load_decisions(connection: Connection, page: Sequence[Document], view: View) -> None:
    """What people decided on the documents of the page as they are now."""
    if not view.known:
        return
    said = {key: member for document in page for member in members(document) if (key := key_of(member)) in view.known}
    decisions: dict[str, Row[Any]] = {}
    targets: dict[tuple[str, str], str] = {}  # whose a document is stays decided when what it moves is decided next
    for some in batches(said):
        for row in _decisions(connection, some):
            targets[row.document, row.basis] = row.target or targets.get((row.document, row.basis), "")
            decisions[row.document] = row
    for key, row in decisions.items():
        if row.basis == codec.basis(said[key]):
            view.known[key] = replace(view.known[key], decision=_decision(row, targets))


def _load_unseen(connection: Connection, page: Mapping[str, Document], view: View) -> None:
    """Credit notes that an invoice of the page was once seen with and now is not, and what is posted for them."""
    unseen = {
        note: key
        for key in page
        for number in (view.known[key].memory.notes if key in view.known else ())
        if (note := f"{Source.ERP}:{number}") not in page
    }
    for some in batches(sorted(unseen)):
        rows = connection.execute(
            select(entries.c.document, func.sum(entries.c.credits))
            .where(entries.c.document.in_(some))
            .group_by(entries.c.document)
        )
        for note, credits in rows:
            known = view.known[unseen[note]]
            view.known[unseen[note]] = replace(known, unseen=Credits(known.unseen + int(credits)))
    for note, state in seen(connection, sorted(unseen)).states.items():
        known, hidden = view.known[unseen[note]], codec.document(Source.ERP, state)
        if isinstance(hidden, Invoice):
            view.known[unseen[note]] = replace(known, hidden=(*known.hidden, hidden))


def _decisions(connection: Connection, keys: Sequence[str]) -> Iterable[Row[Any]]:
    return connection.execute(
        select(reviews)
        .where(reviews.c.document.in_(keys), reviews.c.choice != "", reviews.c.state == "waiting")
        .order_by(reviews.c.id)
    )


def _decision(row: Row[Any], targets: Mapping[tuple[str, str], str]) -> Decision:
    target = targets[row.document, row.basis]
    return Decision(row.choice, row.basis, Credits(row.credits), target, row.reason, row.by)


def _load_owners(connection: Connection, emails: set[str], view: View) -> None:
    """Who owned these addresses, with the accounts and their heads."""
    rows = many.among(connection, OWNERS, addresses.c.email, sorted(emails))
    rows.sort(key=_place)  # by when they began: here, since a database sorts for each of its questions
    for since, _, email, number in rows:
        view.owners.setdefault(email, []).append((Instant(since), number))
    _load_accounts(connection, {row[3] for row in rows if row[3] is not None}, view)


def _load_accounts(connection: Connection, ids: set[int], view: View) -> None:
    """These accounts, and those that any account known by now was merged into."""
    _read_accounts(connection, ids, view)
    _read_accounts(connection, {account.root for account in view.accounts.values()}, view)


def _read_accounts(connection: Connection, ids: set[int], view: View) -> None:
    for row in many.among(connection, ACCOUNT, accounts.c.id, sorted(ids - view.accounts.keys())):
        _know(view, *row)


def _know(
    view: View,
    number: int,
    root: int,
    name: str,
    language: str | None,
    threshold: int | None,
    seq: int | None,
    balance: int | None,
    digest: str | None,
) -> None:
    limit = Credits(threshold) if threshold is not None else None
    view.accounts[number] = Account(number, root, Credits(balance or 0), threshold=limit, language=language, name=name)
    if seq is not None:
        view.heads[number] = (seq, balance or 0, digest or "")


def _load_low(connection: Connection, view: View) -> None:
    for number in connection.execute(LOW).scalars():
        if number in view.accounts:
            view.accounts[view.root(number)].low_pending = True


def _fold_to_roots(view: View) -> None:
    """Posted credits by root: a document of a merged account is settled over the merged family."""
    for key, posted in view.posted.items():
        folded: dict[int, Credits] = {}
        for account, credits in posted.items():
            root = view.root(account)
            folded[root] = Credits(folded.get(root, 0) + credits)
        view.posted[key] = {account: credits for account, credits in folded.items() if credits}


def _load_module_ends(connection: Connection, page: Sequence[Document], rules: Rules, view: View) -> None:
    if not rules.modules:
        return
    wanted = [document for document in page if isinstance(document, Ticket) and kind_of(document, rules) == "module"]
    if not wanted:
        return
    holders: set[int | str] = {view.root(number) for number in view.accounts}
    holders |= {email for document in wanted if (email := normalise(document.email)) and email not in view.owners}
    view.module_ends = support.ends_of(connection, holders)


def _load_statements(connection: Connection, view: View) -> None:
    for account, count in connection.execute(STATEMENTS, {"after": view.now - DAY_S}):
        if account in view.accounts:
            view.accounts[account].statements = count


def _load_purchases(connection: Connection, page: Sequence[Document], rules: Rules, view: View) -> None:
    """Grants of the other of shop and ERP, when this firm has both: what is posted, whatever is thought of it now."""
    if not page or not rules.shop_read:
        return
    other = Source.ERP if source_of(page[0]) == Source.SHOP else Source.SHOP
    roots = {view.root(number) for number in view.accounts}
    moved = func.sum(entries.c.credits)
    for some in batches(sorted(roots)):
        rows = connection.execute(
            select(documents.c.key, accounts.c.root, moved, documents.c.dated)
            .join(entries, entries.c.document == documents.c.key)
            .join(accounts, accounts.c.id == entries.c.account)
            .where(accounts.c.root.in_(some), documents.c.source == other)
            .group_by(documents.c.key, accounts.c.root, documents.c.dated)
            .having(moved > 0)
        )
        for key, root, credits, dated in rows:
            purchase = Purchase(key, other, Credits(int(credits)), Instant(dated))
            view.purchases.setdefault(root, []).append(purchase)


def _load_companies(connection: Connection, view: View) -> None:
    for some in batches(sorted({view.root(number) for number in view.accounts})):
        rows = connection.execute(
            select(accounts.c.root, documents.c.state)
            .join(accounts, accounts.c.id == documents.c.account)
            .where(accounts.c.root.in_(some), documents.c.source == Source.ERP, documents.c.revision > 0)
        )
        for root, state in rows:
            view.companies.setdefault(root, set()).add(_bought.decode(state).customer)


def _load_marks(connection: Connection, invoices: Sequence[Invoice], rules: Rules, view: View) -> None:
    marks = {mark for invoice in invoices if (mark := shop_mark(invoice, rules))}
    for some in batches(sorted(marks)):
        keys = [f"{Source.SHOP}:{mark}" for mark in some]
        rows = connection.execute(
            select(documents.c.key, documents.c.code).where(
                documents.c.source == Source.SHOP, or_(documents.c.code.in_(some), documents.c.key.in_(keys))
            )
        )
        for key, code in rows:
            view.shop_orders[code] = key
            view.shop_orders[key.partition(":")[2]] = key


def store_documents(
    connection: Connection,
    outcomes: Sequence[Outcome],
    rules_digest: str,
    view: View,
    already: Container[str],
) -> None:
    """Last-seen states, each in the place of the one before: of updates a driver may ask for each by itself."""
    last = {outcome.key: outcome for outcome in outcomes}
    for some in batches(key for key in last if key in already):
        connection.execute(delete(documents).where(documents.c.key.in_(some)))
    many.add(connection, documents, DOCUMENT, [_row(outcome, rules_digest, view) for outcome in last.values()])


def _telling(outcome: Outcome, view: View) -> str:
    """The address by which the document is its account's: the first unless that is another's.

    What is posted stays under the address that it was posted by, until it is settled anew.
    """
    posted, worth = view.posted.get(outcome.key), outcome.worth
    for text in worth.emails if worth.credits is not None or not posted else ():
        email = normalise(text)
        if email is None:
            continue
        if not posted:
            return email
        account = owner(view.owners, email, worth.dated)
        if account and view.root(account) == outcome.account:
            return email
    return view.emails.get(outcome.key, "") if posted else ""


def _row(outcome: Outcome, rules_digest: str, view: View) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    key, document, worth = outcome.key, outcome.document, outcome.worth
    return (
        key,
        key.partition(":")[0],
        codec.fit(document.code, 90),
        outcome.account,
        codec.fit(_telling(outcome, view), 254),
        worth.dated,
        document.created_at,
        view.states[key],
        rules_digest,
        codec.encode(worth.memory),
        worth.credits,
        view.revisions.get(key, 0),
        worth.recheck,
        view.now,
    )
