"""The outbox: letters due, claimed, sent; an attempt is recorded before the call, its outcome after."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, insert, or_, select, update

from bytebridge.domain.entry import Entry, receipt
from bytebridge.domain.letter import Channel, NoticeKind
from bytebridge.domain.model import Instant
from bytebridge.domain.notices import Draft
from bytebridge.ledger import codec, facts, restored
from bytebridge.ledger.chains import NO_HEAD, heads
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import accounts, addresses, notices

NO_SHOP = Instant(2**62)  # read later than anything happens
SHOP_WAS_READ = or_(notices.c.needs_shop == 0, notices.c.cause <= bindparam("shop_read"))
# asked at each pass, so made once
DUE = (
    select(notices)
    .where(
        notices.c.state.in_(("pending", "sending", "unknown")),
        notices.c.channel == bindparam("through"),
        notices.c.due <= bindparam("now"),
        notices.c.carrier.is_(None),
        SHOP_WAS_READ,
    )
    .order_by(notices.c.id)
    .limit(bindparam("most"))
)
WAITS_FOR_SHOP = (
    select(notices.c.id)
    .where(notices.c.state == "pending", notices.c.needs_shop == 1, notices.c.cause > bindparam("shop_read"))
    .limit(1)
)
NOT_GIVEN_BACK = (
    select(notices)
    .where(
        notices.c.state == "sent",
        notices.c.channel == Channel.TICKET,
        notices.c.sent_at >= bindparam("since"),
        notices.c.standing.is_not(None),
    )
    .order_by(notices.c.id)
)
WAITING = ("pending", "held")
ALL_HELD = "all letters are held until `bytebridge notices release`"
UNSETTLED = ("pending", "held", "sending", "unknown")


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter and how far it got.

    letter: subject, text and HTML once frozen. standing: the ticket's, as it was before our reply. carrier: the
    letter that says this one's text too. tried_since: the first of the attempts that are being made.
    """

    id: int
    kind: NoticeKind
    account: int
    document: str
    revision: int
    channel: Channel
    recipient: str
    ticket: str
    code: str
    state: str
    why: str
    cause: Instant
    needs_shop: bool
    facts: Mapping[str, Any]
    letter: Mapping[str, str] | None
    created_at: Instant
    due: Instant
    attempts: int
    sent_at: Instant | None
    standing: str | None = None
    carrier: int | None = None
    looks: int = 0
    doubts: int = 0
    tried_since: Instant | None = None


def from_row(row: Row[Any]) -> Notice:
    return Notice(
        row.id,
        NoticeKind(row.kind),
        row.account,
        row.document,
        row.revision,
        Channel(row.channel),
        row.recipient,
        row.ticket,
        row.code,
        row.state,
        row.why,
        Instant(row.cause),
        bool(row.needs_shop),
        json.loads(row.facts),
        json.loads(row.letter) if row.letter else None,
        Instant(row.created_at),
        Instant(row.due),
        row.attempts,
        Instant(row.sent_at) if row.sent_at is not None else None,
        row.standing,
        row.carrier,
        row.looks,
        row.doubts,
        Instant(row.tried_since) if row.tried_since is not None else None,
    )


def queue(
    connection: Connection,
    drafts: Sequence[Draft],
    added: Sequence[Entry],
    now: Instant,
    only_to: Sequence[str],
) -> list[Notice]:
    """Puts due letters into the outbox, in the transaction of what they tell; a letter already there stays.

    only_to: while a pilot runs, letters to anybody else are held back and listed. After a restore, what may have
    been told before it is looked for in its ticket, and as mail held back.
    """
    if not drafts:
        return []
    gap = restored.gap(connection)
    by_posting = {(entry.document, entry.revision, entry.account): entry for entry in added}
    last = heads(connection, sorted({draft.account for draft in drafts}))
    there = _there(connection, drafts)
    muted = _muted(connection, drafts)
    first = (connection.execute(select(func.max(notices.c.id))).scalar() or 0) + 1
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        key = (draft.kind.value, draft.document, draft.revision, draft.channel.value, draft.account)
        if key in there:
            continue
        there.add(key)
        recipient = draft.to or first_address(connection, draft.account) or ""
        entry = by_posting.get((draft.document, draft.revision, draft.account))
        seq, _, head = last.get(draft.account, NO_HEAD)
        if entry is not None:
            seq, head = entry.seq, entry.hash
        state, why = _standing(draft, recipient, only_to, told=gap is not None and gap.may_hold(draft, entry))
        if draft.kind in muted.get(draft.account, ()):
            state, why = "cancelled", "this account does not want such letters"
        rows.append(_row(first + len(rows), draft, recipient, (seq, head), now, state, why))
    if rows:
        connection.execute(insert(notices), rows)
    return [from_row(row) for row in _by_ids(connection, [row["id"] for row in rows])]


def _muted(connection: Connection, drafts: Sequence[Draft]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for some in batches({draft.account for draft in drafts}):
        rows = connection.execute(
            select(accounts.c.id, accounts.c.muted).where(accounts.c.id.in_(some), accounts.c.muted != "")
        )
        found |= {row.id: row.muted.split(",") for row in rows}
    return found


def _there(connection: Connection, drafts: Sequence[Draft]) -> set[tuple[str, str, int, str, int]]:
    found: set[tuple[str, str, int, str, int]] = set()
    for some in batches({draft.document for draft in drafts}):
        rows = connection.execute(
            select(notices.c.kind, notices.c.document, notices.c.revision, notices.c.channel, notices.c.account).where(
                notices.c.document.in_(some)
            )
        )
        found |= {(row[0], row[1], row[2], row[3], row[4]) for row in rows}
    return found


def _standing(draft: Draft, recipient: str, only_to: Sequence[str], *, told: bool) -> tuple[str, str]:
    """State and reason that a new letter starts with. told: it may have gone out before a restore."""
    if only_to and recipient not in only_to:
        return "held", "not among notices.only_to"
    if told and draft.channel == Channel.TICKET:
        return "unknown", restored.WHY
    return ("held", restored.WHY) if told else ("pending", "")


def _row(
    number: int, draft: Draft, recipient: str, head: tuple[int, str], now: Instant, state: str, why: str
) -> dict[str, Any]:
    return {
        "id": number,
        "kind": draft.kind.value,
        "account": draft.account,
        "document": draft.document,
        "revision": draft.revision,
        "channel": draft.channel.value,
        "recipient": recipient,
        "ticket": draft.ticket,
        "code": receipt(draft.account, head[0], head[1], draft.document, draft.revision, draft.kind),
        "seq": head[0],
        "state": state,
        "why": why,
        "cause": draft.cause,
        "needs_shop": int(draft.needs_shop),
        "facts": codec.storable(json.dumps(draft.facts, ensure_ascii=False)),
        "created_at": now,
        "due": now,
    }


def _by_ids(connection: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for some in batches(ids):
        rows += connection.execute(select(notices).where(notices.c.id.in_(some)).order_by(notices.c.id))
    return rows


def first_address(connection: Connection, root: int) -> str | None:
    """The oldest address still owned, the kept account's own first."""
    rows = connection.execute(
        select(addresses.c.email, addresses.c.account, accounts.c.id == root)
        .join(accounts, accounts.c.id == addresses.c.account)
        .where(accounts.c.root == root)
        .order_by((accounts.c.id == root).desc(), addresses.c.since, addresses.c.id)
    ).all()
    for email, account, _ in rows:
        last = connection.execute(
            select(addresses.c.account)
            .where(addresses.c.email == email)
            .order_by(addresses.c.since.desc(), addresses.c.id.desc())
            .limit(1)
        ).scalar()
        if last == account:
            return str(email)
    return None


def due(
    connection: Connection, channel: Channel, now: Instant, shop_read: Instant | None, limit: int = 200
) -> list[Notice]:
    """Letters of a channel that may go out now, oldest first.

    shop_read: start of the last good reading of the shop; what may tell people to buy waits until it lies
    after its cause. None: this firm has no shop, nothing waits for it.
    """
    if is_held(connection):
        return []
    values = {"through": channel, "now": now, "shop_read": _or_far(shop_read), "most": limit}
    return [from_row(row) for row in connection.execute(DUE, values)]


def _or_far(shop_read: Instant | None) -> Instant:
    return NO_SHOP if shop_read is None else shop_read


def rider(connection: Connection, account: int, shop_read: Instant | None) -> Notice | None:
    """The low-balance letter of this account that waits, whenever it is due, and that another may take along."""
    question = select(notices).where(
        notices.c.account.in_(_family(account)),
        notices.c.kind == NoticeKind.LOW_BALANCE,
        notices.c.state == "pending",
        notices.c.carrier.is_(None),
        notices.c.doubts == 0,
        SHOP_WAS_READ,
    )
    row = connection.execute(question.order_by(notices.c.id).limit(1), {"shop_read": _or_far(shop_read)}).first()
    return from_row(row) if row is not None else None


def _family(account: int) -> Select[tuple[int]]:
    """The account, what it was merged into and what was merged with it."""
    root = select(accounts.c.root).where(accounts.c.id == account).scalar_subquery()
    return select(accounts.c.id).where(accounts.c.root == root)


def low_waits(connection: Connection, account: int) -> bool:
    """Whether a low-balance letter of this account is on its way."""
    question = select(notices.c.id).where(
        notices.c.account.in_(_family(account)),
        notices.c.kind == NoticeKind.LOW_BALANCE,
        notices.c.state.in_(("pending", "sending", "unknown")),
    )
    return connection.execute(question.limit(1)).first() is not None


def waits_for_shop(connection: Connection, shop_read: Instant) -> bool:
    """Whether a letter waits for a newer reading of the shop."""
    return connection.execute(WAITS_FOR_SHOP, {"shop_read": shop_read}).first() is not None


def move(connection: Connection, notice: Notice, state: str, **values: Any) -> bool:
    """From the state it was read in to another; False when somebody else moved it meanwhile.

    The attempt counts: what came of one may be told as long as nobody began the next, even if somebody had given
    its outcome up for unknown.
    """
    states = ("sending", "unknown") if notice.state == "sending" else (notice.state,)
    done = connection.execute(
        update(notices)
        .where(
            and_(
                notices.c.id == notice.id,
                notices.c.state.in_(states),
                notices.c.attempts == notice.attempts,
                notices.c.carrier.is_(None) if notice.carrier is None else notices.c.carrier == notice.carrier,
            )
        )
        .values(state=state, **values)
    )
    if done.rowcount == 1:
        _share_fate(connection, notice.id, state, values.get("sent_at"))
    return done.rowcount == 1


def claim(connection: Connection, notice: Notice, rider: Notice | None, **values: Any) -> bool:
    """Takes a letter up for an attempt, with the one whose text it says too; False when either is taken already.

    False too when somebody stopped all letters meanwhile.
    """
    if is_held(connection):
        return False
    if rider is not None and not move(connection, rider, rider.state, carrier=notice.id):
        return False
    if move(connection, notice, "sending", **values):
        return True
    if rider is not None:
        move(connection, replace(rider, carrier=notice.id), rider.state, carrier=None)
    return False


def _share_fate(connection: Connection, carrier: int, state: str, sent_at: Instant | None) -> None:
    """Letters whose text another one says: sent with it, on their own again when it will not go."""
    if state == "sent":
        values: dict[str, Any] = {"state": "sent", "sent_at": sent_at, "why": f"said in letter {carrier}"}
    elif state in ("failed", "cancelled", "held"):
        values = {"carrier": None}
    else:
        return
    connection.execute(update(notices).where(notices.c.carrier == carrier, notices.c.state == "pending").values(values))


def recover(connection: Connection, now: Instant, recheck_after_s: int) -> int:
    """On start every attempt without outcome is unknown: it is looked for before anything is sent again."""
    done = connection.execute(
        update(notices)
        .where(notices.c.state == "sending")
        .values(state="unknown", due=now + recheck_after_s, doubts=notices.c.doubts + 1)
    )
    return done.rowcount


def not_given_back(connection: Connection, since: Instant) -> list[Notice]:
    """Letters sent since then whose tickets do not stand as before yet, oldest first."""
    return [from_row(row) for row in connection.execute(NOT_GIVEN_BACK, {"since": since})]


def is_held(connection: Connection) -> bool:
    """Whether a person stopped all letters."""
    return bool(facts.get(connection, "held"))


def listed(
    connection: Connection,
    *,
    account: int | None = None,
    state: str | None = None,
    document: str | None = None,
) -> list[Notice]:
    """Oldest first. account: with all that was merged into it."""
    question = select(notices).order_by(notices.c.id)
    if account is not None:
        question = question.where(notices.c.account.in_(_family(account)))
    if state is not None:
        question = question.where(notices.c.state == state)
    if document is not None:
        question = question.where(notices.c.document == document)
    return [from_row(row) for row in connection.execute(question)]


def get(connection: Connection, number: int) -> Notice | None:
    row = connection.execute(select(notices).where(notices.c.id == number)).one_or_none()
    return from_row(row) if row is not None else None


def told_of(connection: Connection, kind: NoticeKind, keys: Sequence[str]) -> set[str]:
    """Those of these documents that have such a letter, sent or not; a cancelled one is none."""
    found: set[str] = set()
    for some in batches(keys):
        question = select(notices.c.document).where(
            notices.c.document.in_(some), notices.c.kind == kind, notices.c.state != "cancelled"
        )
        found.update(connection.execute(question).scalars())
    return found


def depth(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(notices.c.state, func.count()).group_by(notices.c.state))
    return {row[0]: row[1] for row in rows}


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Letters by kind and state."""
    both = (notices.c.kind, notices.c.state)
    rows = connection.execute(select(*both, func.count()).group_by(*both))
    return {(row[0], row[1]): row[2] for row in rows}


def oldest_due(connection: Connection, now: Instant) -> int:
    """Age [s] of the oldest letter that should have gone out; 0 when there is none."""
    first = connection.execute(
        select(func.min(notices.c.due)).where(notices.c.state.in_(("pending", "sending", "unknown")))
    ).scalar()
    return max(0, now - first) if first is not None else 0


def fit_why(text: str) -> str:
    return codec.fit(text, 250)
