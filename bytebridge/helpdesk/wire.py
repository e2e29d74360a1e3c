"""LiveAgent's JSON as our values: strict where that is certain, tolerant elsewhere (LiveAgent notes §5)."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.connector import UNREADABLE, clock_face, instant
from bytebridge.domain.accounts import normalise
from bytebridge.domain.model import Ticket, TicketState
from bytebridge.errors import RemoteSurprise
from bytebridge.helpdesk.client import SYSTEM, Row, decode
from bytebridge.settings import Fields

ID = re.compile(r"[A-Za-z0-9_]{1,40}")
TicketId = Annotated[str, msgspec.Meta(pattern=rf"\A{ID.pattern}\Z")]
FORM = "%Y-%m-%d %H:%M:%S"
FIRST, LAST = "0001-01-01 00:00:00", "9999-12-31 23:59:59"
LAST_DAY = LAST[:10]  # no midnight ends it, and it is a next year's in other zones
STATES = {
    "I": TicketState.INIT,
    "N": TicketState.NEW,
    "T": TicketState.LIVE,
    "P": TicketState.LIVE,
    "C": TicketState.OPEN,
    "A": TicketState.OPEN,
    "W": TicketState.OPEN,
    "R": TicketState.RESOLVED,
    "L": TicketState.CLOSED,
    "B": TicketState.SPAM,
    "X": TicketState.DELETED,
}
MAIL_CHANNELS = frozenset("EBM")  # e-mail, contact button, contact form
ANSWERABLE = frozenset("NCAWR")


class Field(msgspec.Struct, frozen=True, gc=False):
    code: str
    value: str | None = None


class TicketRow(msgspec.Struct, frozen=True, gc=False):
    """A ticket as list, object and PUT show it. A key whose value is null may be absent (LiveAgent notes §5)."""

    id: TicketId
    code: str
    status: str
    departmentid: str
    date_created: str
    date_changed: str
    tags: tuple[str, ...]
    custom_fields: tuple[Field, ...]
    channel_type: str | None = None
    agentid: str | None = None
    subject: str | None = None
    owner_contactid: str | None = None
    owner_email: str | None = None
    owner_name: str | None = None
    date_resolved: str | None = None


class Interval(msgspec.Struct, frozen=True):
    """A row of the status history: since `date_from` the ticket `conversation_id` has had this status."""

    id: str
    conversation_id: str
    status: str
    date_from: str

    @property
    def number(self) -> int:
        """Its place in time: naive texts repeat an hour each autumn, ids do not (LiveAgent notes §8)."""
        return int(self.id) if self.id.isdecimal() else 0


class Message(msgspec.Struct, frozen=True):
    type: str = ""
    userid: str | None = None
    message: str | None = None


class Group(msgspec.Struct, frozen=True):
    id: str
    type: str = ""
    userid: str | None = None
    sort_order: int | None = None
    messages: list[Message] | None = None


class Contact(msgspec.Struct, frozen=True):
    id: str
    language: str | None = None
    emails: list[str] | None = None
    registration_email: str | None = None

    @property
    def address(self) -> str | None:
        found = (address(text) for text in [*(self.emails or ()), self.registration_email])
        return next((one for one in found if one), None)


class Agent(msgspec.Struct, frozen=True):
    id: str
    email: str | None = None
    status: str | None = None


class Tag(msgspec.Struct, frozen=True):
    id: str
    name: str


class _Named(msgspec.Struct, frozen=True):
    id: TicketId


def ticket_row(row: Row | TicketRow, operation: str) -> TicketRow:
    """RemoteSurprise, naming the ticket if the row does, when a field that decides is missing or of another type."""
    try:
        read = row if isinstance(row, TicketRow) else decode(row, TicketRow, operation)
        clock_face(read.date_created)
        clock_face(read.date_changed)
        if read.date_resolved:
            clock_face(read.date_resolved)
        if max(read.date_created, read.date_changed, read.date_resolved or "") >= LAST_DAY:
            raise ValueError("a date on the last day of all")  # noqa: TRY301  (as one that is none)
    except (RemoteSurprise, ValueError) as error:
        why = error.message if isinstance(error, RemoteSurprise) else str(error)
        raise RemoteSurprise(SYSTEM, operation, why, document=_name(row)) from error
    return read


def _name(row: Row | TicketRow) -> str | None:
    if isinstance(row, TicketRow):
        return row.id
    try:
        return msgspec.json.decode(row, type=_Named).id
    except UNREADABLE:
        return None


def ticket(
    row: TicketRow, *, contact: Contact | None, tags: Mapping[str, str], fields: Fields, zone: ZoneInfo
) -> Ticket:
    """A row as the domain knows it.

    contact: given only when the row itself holds no address. tags: names by id; an id without a name stays out.
    """
    email, found = address(row.owner_email), values(row)
    return Ticket(
        id=row.id,
        code=row.code,
        state=STATES.get(row.status, TicketState.UNKNOWN),
        email=email or (contact.address if contact else None),
        contact=row.owner_contactid,
        name=(row.owner_name or "").strip(),
        language=contact.language if contact else None,
        department=row.departmentid,
        agent=row.agentid or None,
        subject=row.subject or "",
        replyable=row.channel_type in MAIL_CHANNELS and row.status in ANSWERABLE,
        created_at=instant(row.date_created, zone),
        changed_at=instant(row.date_changed, zone),
        resolved_at=instant(row.date_resolved, zone) if row.date_resolved else None,
        minutes=found.get(fields.minutes, ()),
        credits=found.get(fields.credits, ()),
        kinds=found.get(fields.kind, ()),
        tags=tuple([tags[tag] for tag in row.tags if tag in tags]),
    )


def address(text: str | None) -> str | None:
    """A requester's address, None for what is none: a call's ticket may hold a telephone number there."""
    trimmed = (text or "").strip()
    return trimmed if normalise(trimmed) else None


def values(row: TicketRow) -> dict[str, tuple[str, ...]]:
    """The distinct texts under each field code, which may come more than once."""
    found: dict[str, tuple[str, ...]] = {}
    for field in row.custom_fields:
        if field.value and (text := field.value.strip()):
            before = found.get(field.code, ())
            if text not in before:
                found[field.code] = (*before, text)
    return found


def naive(at: float, zone: ZoneInfo) -> str:
    """An instant as the server's clocks show it."""
    return datetime.fromtimestamp(int(at), zone).strftime(FORM)


def shifted(text: str, seconds: float) -> str:
    """A naive time moved on the clock face, at most to its ends; it needs no zone. "" stays before everything."""
    if not text:
        return ""
    try:
        return (clock_face(text) + timedelta(seconds=seconds)).isoformat(" ", "seconds")
    except OverflowError:
        return LAST if seconds > 0 else FIRST
