"""What administrators do: adjust, open, merge, split, addresses. Each with who and why, through the one ledger."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bytebridge.domain.accounts import normalise, owner
from bytebridge.domain.entry import HALF, EntryKind
from bytebridge.domain.model import Credits, Instant
from bytebridge.errors import NotFound, Refused
from bytebridge.jobs import posting
from bytebridge.jobs.book import Run, report_posted
from bytebridge.jobs.context import Context
from bytebridge.ledger import accounts, chains, codec, documents, entries, runs
from bytebridge.ledger.engine import Connection
from bytebridge.logs import bind

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Merge:
    keep: str
    other: str


@dataclass(frozen=True, slots=True)
class Split:
    email: str


@dataclass(frozen=True, slots=True)
class AddAddress:
    email: str
    new: str


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    email: str


@dataclass(frozen=True, slots=True)
class SetValues:
    email: str
    language: str | None
    threshold: int | None
    name: str | None
    muted: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Adjust:
    """key: unique for this wish, so that a transaction that is run again posts it once."""

    email: str
    credits: Credits
    reason: str
    key: str


Change = Merge | Split | AddAddress | RemoveAddress | SetValues | Adjust


def carry_out(context: Context, change: Change, *, dry_run: bool) -> Iterator[str]:
    """Does what was asked and says what was done, one sentence each."""
    if dry_run:
        with context.store.read() as connection:
            yield from _foresee(connection, change, context)
        return
    what = type(change).__name__.lower()
    yield from _recorded(what, context, lambda connection, run: _apply(connection, change, context, run))


def _recorded(what: str, context: Context, work: Callable[[Connection, Run], Done]) -> Done:
    """One transaction as a recorded run; what it posted is told once it is committed."""

    def whole(connection: Connection) -> tuple[Done, Run]:
        run = Run(what, context.by, context.now())
        done = work(connection, run)
        if run.number is not None:
            runs.finish(connection, run.number, "done", {"posted": len(run.added)}, context.now())
        return done, run

    done, run = context.store.transact(whole)
    if run.added:
        with bind(run=run.token):
            report_posted(run.added)
    return done


def _foresee(connection: Connection, change: Change, context: Context) -> list[str]:
    """The checks of the change, and what it would do, on a connection that cannot write."""
    now = context.now()
    match change:
        case Merge():
            keep, other = _two(connection, change, now)
            balance = accounts.balances(connection, {other}).get(other, Credits(0))
            return [f"account {other} would join account {keep} with {balance:+d} credits"]
        case Split():
            number = _merged(connection, change.email)
            return [f"account {number} would stand for itself again"]
        case AddAddress():
            root = _addable(connection, change, now)
            return [f"{change.new} would belong to account {root}"]
        case Adjust():
            root = accounts.get(connection, change.email, now)
            balance = accounts.balances(connection, {root}).get(root, Credits(0))
            return [f"account {root}: {balance} {change.credits:+d} would be {balance + change.credits}"]
        case RemoveAddress():
            root = _removable(connection, change, now)
            return [f"{normalise(change.email)} would belong to nobody, account {root} would keep what it brought"]
        case SetValues():
            root = accounts.get(connection, change.email, now)
            return [f"account {root} would be changed"]


def _apply(connection: Connection, change: Change, context: Context, run: Run) -> list[str]:
    now = context.now()
    match change:
        case Merge():
            return _merge(connection, change, context, run)
        case Split():
            return _split(connection, change, context, run)
        case AddAddress():
            root = _addable(connection, change, now)
            new = normalise(change.new) or ""
            known = bool(accounts.history_of(connection, new))
            accounts.give_address(connection, new, root, now if known else Instant(0), now, context.by)
            return [f"{new} belongs to account {root}"]
        case RemoveAddress():
            root = _removable(connection, change, now)
            accounts.give_address(connection, normalise(change.email) or "", None, now, now, context.by)
            return [f"{normalise(change.email)} belongs to nobody from now on, account {root} keeps what it brought"]
        case SetValues():
            root = accounts.get(connection, change.email, now)
            accounts.set_values(
                connection,
                root,
                language=change.language,
                threshold=change.threshold,
                name=change.name,
                muted=change.muted,
            )
            return [f"account {root} is changed"]
        case Adjust():
            return _adjust(connection, change, context, run)


def _addable(connection: Connection, change: AddAddress, now: Instant) -> int:
    new = normalise(change.new)
    if new is None:
        raise Refused(f"{change.new} is no e-mail address")
    root = accounts.get(connection, change.email, now)
    there = accounts.find(connection, new, now)
    if there == root:
        raise Refused(f"{new} belongs to account {root} already")
    if there is not None:
        raise Refused(f"{new} has account {there}: use `accounts merge {change.email} {new}`")
    return root


def _removable(connection: Connection, change: RemoveAddress, now: Instant) -> int:
    """Its account; the only address stays, by which alone people can ask for its credits or move them."""
    root = accounts.get(connection, change.email, now)
    if len(accounts.emails_of(connection, [root])[root]) == 1:
        raise Refused(
            f"{change.email} is the only address of account {root}: "
            f"give it another first with `accounts add-email {change.email} NEW`"
        )
    return root


def _two(connection: Connection, change: Merge, now: Instant) -> tuple[int, int]:
    keep = accounts.get(connection, change.keep, now)
    other = accounts.get(connection, change.other, now)
    if keep == other:
        raise Refused(f"{change.keep} and {change.other} are one account already")
    return keep, other


def _merged(connection: Connection, email: str) -> int:
    """The account merged into another that owned this address last, also when nobody owns it now."""
    owners = [owner for _, owner in reversed(accounts.history_of(connection, normalise(email) or "")) if owner]
    if not owners:
        raise NotFound(f"no account for {email}")
    merged = [owner for owner in owners if accounts.parent_of(connection, owner) != owner]
    if not merged:
        raise Refused(f"the account of {email} was never merged into another")
    return merged[0]


def _merge(connection: Connection, change: Merge, context: Context, run: Run) -> list[str]:
    keep, other = _two(connection, change, context.now())
    balance = accounts.balances(connection, {other}).get(other, Credits(0))
    key = _merge_key(other)
    posted = posting.rooted(connection, key)
    accounts.merge(connection, keep, other, context.now(), context.by)
    expected = {keep: balance, other: Credits(-balance)} if balance else {}
    seq, _, head = chains.heads(connection, [other]).get(other, chains.NO_HEAD)
    # what a letter of the kept account proves from now on includes the history that joined it
    derivation = {"with": [keep, other], "joined": {"account": other, "seq": seq, "hash": head[:HALF]}}
    if balance or not seq:
        posting.bring(connection, key, EntryKind.MERGE, expected, posted, derivation, context, run)
    else:  # nothing to move, but a history to bind
        posting.add(connection, key, EntryKind.MERGE, {keep: Credits(0)}, {}, derivation, context, run)
    return [f"account {other} joined account {keep} with {balance:+d} credits"]


def _merge_key(other: int | str) -> str:
    return f"merge:{other}"


def _opening_key(email: str) -> str:
    """Of the longest addresses a digest, which fits where every document's key does."""
    return f"opening:{email}" if len(email) <= 80 else f"opening:{codec.digest(email)}"


def _split(connection: Connection, change: Split, context: Context, run: Run) -> list[str]:
    number = _merged(connection, change.email)
    keep = accounts.parent_of(connection, number)
    root = accounts.roots_of(connection, {keep})[keep]
    accounts.separate(connection, number, context.now(), context.by)
    moved = _resettle(connection, number, root, context, run)
    _gather(connection, root, context, run)
    _gather(connection, number, context, run)
    balance = accounts.balances(connection, {number}).get(number, Credits(0))
    return [f"account {number} stands for itself again with {balance} credits; {moved} entries moved to it"]


def _resettle(connection: Connection, number: int, root: int, context: Context, run: Run) -> int:
    """Each document stands where its address is now, and the balances that merges moved between the two go back."""
    family = {member: top for top in (number, root) for member in accounts.family(connection, top)}
    held = entries.held(connection, sorted(family))
    owners = _owners(connection, list(held), sorted(family), context.now())
    moved = 0
    for key, by_member in held.items():
        posted: dict[int, Credits] = {}
        for member, credits in by_member.items():
            posted[family[member]] = Credits(posted.get(family[member], 0) + credits)
        top = family.get(owners.get(key) or 0, next(iter(posted)))
        total = Credits(sum(posted.values()))
        merged = key.startswith(_merge_key(""))
        why = {"with": [root, number]} if merged else {}
        expected = {top: total} if total else {}
        added = posting.bring(connection, key, EntryKind.MERGE, expected, posted, why, context, run)
        moved += 0 if merged else len(added)
    return moved


def _owners(connection: Connection, keys: Sequence[str], members: Sequence[int], now: Instant) -> dict[str, int | None]:
    """Whose these documents are by their address, openings by that of the present, adjustments as the person meant."""
    found = dict(entries.adjusted(connection))
    owners = {
        email: [(Instant(since), account) for since, account in accounts.history_of(connection, email)]
        for email in sorted(accounts.addresses_ever(connection, members))
    }
    found |= {_opening_key(email): owner(owners, email, now) for email in owners}
    found |= {key: owner(owners, email, dated) for key, email, dated in documents.addressed(connection, keys)}
    return found


def _gather(connection: Connection, root: int, context: Context, run: Run) -> None:
    """All that a family has stands on its root's chain, which is what letters show: the other chains are at zero."""
    members = [number for number in accounts.family(connection, root) if number != root]
    for number, (_, balance, _) in chains.heads(connection, members).items():
        if not balance:
            continue
        key = _merge_key(number)
        expected = entries.posted(connection, key)
        expected[root] = Credits(expected.get(root, 0) + balance)
        expected[number] = Credits(expected.get(number, 0) - balance)
        posting.post(connection, key, EntryKind.MERGE, expected, {"with": [root, number]}, context, run)


def _adjust(connection: Connection, change: Adjust, context: Context, run: Run) -> list[str]:
    root = accounts.get(connection, change.email, context.now())
    owner = accounts.owner_of(connection, change.email, context.now())
    derivation = {"rule": "adjustment", "reason": change.reason, "by": context.by, "for": owner}
    posting.post(connection, change.key, EntryKind.ADJUSTMENT, {root: change.credits}, derivation, context, run)
    balance = accounts.balances(connection, {root})[root]
    return [f"account {root}: {change.credits:+d} credits, balance {balance}"]


Opening = tuple[str, Credits, str, str | None, str]
"""Normalised address, credits, name, language, reason."""


def import_openings(
    openings: Sequence[Opening], day: Instant, context: Context, *, dry_run: bool, tell: Callable[[str], None]
) -> int:
    """Opening balances, all or nothing; an address's opening is a document, so the same file posts nothing twice."""

    def work(connection: Connection, run: Run) -> int:
        total = 0
        for email, credits, name, language, reason in openings:
            root = accounts.find(connection, email, context.now())
            if root is None:
                root = accounts.create(connection, email, name, language, context.now(), context.by)
            derivation = {"rule": "opening", "reason": reason, "by": context.by}
            expected = {root: credits} if credits else {}
            key = _opening_key(email)
            posted = posting.rooted(connection, key)
            total += len(
                posting.bring(connection, key, EntryKind.OPENING, expected, posted, derivation, context, run, day)
            )
        return total

    if dry_run:
        with context.store.read() as connection:
            changes = 0
            for email, credits, *_ in openings:
                posted = sum(entries.posted(connection, _opening_key(email)).values())
                if posted != credits:
                    changes += 1
                    tell(f"{email}: {posted} → {credits}")
        return changes
    return _recorded("import", context, work)
