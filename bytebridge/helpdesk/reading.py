"""Rows of LiveAgent as tickets: tag names, contacts where a row holds no address, one ticket by its id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bytebridge.domain.model import Ticket
from bytebridge.errors import RemoteSurprise, RemoteUnavailable
from bytebridge.helpdesk import wire
from bytebridge.helpdesk.client import PAGE, SYSTEM, Client, Row, decode
from bytebridge.helpdesk.wire import ID, Contact, Tag, TicketRow
from bytebridge.settings import HelpdeskSettings

LIST = "/tickets"


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the list: `asked` rows came, of which these could be read."""

    rows: tuple[TicketRow, ...]
    asked: int


def unreadable() -> RemoteSurprise:
    return RemoteSurprise(SYSTEM, f"GET {LIST}", "no row of its list can be read: has it been updated?")


def repeats(listed: Listed, before: Listed | None) -> bool:
    """Whether a page shows the rows of the one before: what lies below it cannot be reached."""
    return before is not None and bool(listed.rows) and [r.id for r in listed.rows] == [r.id for r in before.rows]


def repeated() -> RemoteSurprise:
    return RemoteSurprise(SYSTEM, f"GET {LIST}", "a page of its list repeats the one before: is paging ignored?")


class Reader:
    """Reads tickets of one LiveAgent.

    surprises: tickets that could not be read, each said once; the caller empties it. unread: their ids, until
    one of them is read after all. per_page: rows asked for at a time.
    """

    def __init__(self, client: Client, settings: HelpdeskSettings, zone: ZoneInfo, per_page: int = PAGE) -> None:
        self.client = client
        self.per_page = per_page
        self.surprises: list[RemoteSurprise] = []
        self.unread: set[str] = set()
        self._fields = settings.fields
        self._zone = zone
        self._tags: dict[str, str | None] = {}
        self._tags_are_fresh = False
        self._contacts: dict[str, Contact | None] = {}

    def begin(self) -> None:
        """A new pass: from now on an unknown tag id is reason enough to read the tags once more."""
        self._tags_are_fresh = False

    def forget(self) -> None:
        """Contacts and tags are read anew: what was edited since the process began counts."""
        self._contacts.clear()
        self._tags.clear()
        self._tags_are_fresh = False

    def latest(self, now: int) -> str:
        """The server's clock as its own times show it. A watermark beyond would blind every later reading."""
        return wire.naive(self.client.clock or now, self._zone)

    def page(self, number: int, *, any_readable: bool = True, **params: str) -> Listed:
        """One page of the list. RemoteSurprise when not a single row of it can be read.

        any_readable: False for a page that may hold one ticket alone; who asks then judges what all pages brought.
        """
        rows = self.client.rows_as(TicketRow, LIST, self.question(number, params))
        read = [row for raw in rows if (row := self._readable(raw, f"GET {LIST}")) is not None]
        if rows and not read and any_readable:
            raise unreadable()
        return Listed(tuple(read), len(rows))

    def question(self, number: int, params: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a page of the list."""
        return {"_page": str(number), "_perPage": str(self.per_page), **params}

    def tickets(self, rows: Iterable[TicketRow]) -> tuple[Ticket, ...]:
        return tuple(ticket for row in rows if (ticket := self._ticket(row)) is not None)

    def by_ids(self, ids: Iterable[str]) -> list[Ticket]:
        """These tickets from the system itself. One that it says it does not have is absent.

        One that cannot be read is absent too, but stands in `unread`.
        """
        found = (self._one(ticket) for ticket in dict.fromkeys(ids) if ID.fullmatch(ticket))
        return [ticket for row in found if row is not None and (ticket := self._ticket(row)) is not None]

    def row(self, ticket: str) -> TicketRow | None:
        """One ticket as it stands now; None when the server says that it has none."""
        raw = self.client.record(f"{LIST}/{ticket}")
        if raw is None:
            return None
        read = wire.ticket_row(raw, f"GET {LIST}/{ticket}")
        if read.id != ticket:
            raise RemoteSurprise(SYSTEM, f"GET {LIST}/{ticket}", "another ticket came back", document=ticket)
        return read

    def _one(self, ticket: str) -> TicketRow | None:
        try:
            read = self.row(ticket)
        except RemoteSurprise as error:  # what came back may not name it
            self._note(RemoteSurprise(SYSTEM, error.operation, error.message, document=ticket), ticket)
            return None
        except RemoteUnavailable as error:
            self._blame(ticket, error)
            return None
        self.unread.discard(ticket)
        return read

    def _blame(self, ticket: str, error: RemoteUnavailable) -> None:
        """A server that answers other questions has trouble with this ticket alone (LiveAgent notes §6)."""
        if error.retry_after_s is not None:
            raise error
        self.client.rows("/departments", {"_perPage": "1"})
        self._note(RemoteSurprise(SYSTEM, error.operation, error.message, document=ticket), ticket)

    def _readable(self, raw: Row | TicketRow, operation: str) -> TicketRow | None:
        try:
            read = wire.ticket_row(raw, operation)
        except RemoteSurprise as error:
            self._note(error, error.document)
            return None
        if self.unread:
            self.unread.discard(read.id)
        return read

    def _note(self, surprise: RemoteSurprise, ticket: str | None) -> None:
        if ticket is None or ticket not in self.unread:
            self.surprises.append(surprise)
        if ticket is not None:
            self.unread.add(ticket)

    def _ticket(self, row: TicketRow) -> Ticket | None:
        """None when one of its tags, or its contact, which it needs for want of an address, cannot be read.

        It is asked for again. RemoteSurprise when the list of tags is no answer at all.
        """
        self._list_tags(row.tags)
        try:
            tags = {tag: name for tag in row.tags if (name := self._tag(tag)) is not None}
            contact = None if wire.address(row.owner_email) else self._contact(row.owner_contactid)
        except RemoteSurprise as error:
            self._note(error, row.id)
            return None
        except RemoteUnavailable as error:
            self._blame(row.id, error)
            return None
        return wire.ticket(row, contact=contact, tags=tags, fields=self._fields, zone=self._zone)

    def _list_tags(self, ids: Sequence[str]) -> None:
        """Reads the tags' names. An unknown id may be a new tag, so the list is read again, once a pass."""
        if self._tags_are_fresh or self._tags.keys() >= set(ids):
            return
        listed = [decode(row, Tag, "GET /tags") for row in self.client.rows("/tags")]
        if not listed:
            message = "its list holds no tag although tickets carry some: does the key see them? else make one"
            raise RemoteSurprise(SYSTEM, "GET /tags", message)
        self._tags |= {tag.id: tag.name for tag in listed}
        self._tags_are_fresh = True

    def _tag(self, tag: str) -> str | None:
        """Its name; None when the server says that it has no such tag, as of one that was deleted from under tickets.

        One that the list leaves out is asked for by itself: a missing row says nothing (LiveAgent notes §5).
        """
        if tag not in self._tags:
            raw = self.client.record(f"/tags/{tag}") if ID.fullmatch(tag) else None
            found = [] if raw is None else _one_or_more(raw, f"GET /tags/{tag}")
            self._tags[tag] = next((one.name for one in found if one.id == tag), None)
        return self._tags[tag]

    def _contact(self, contact: str | None) -> Contact | None:
        if contact is None or not ID.fullmatch(contact):
            return None
        if contact not in self._contacts:
            raw = self.client.record(f"/contacts/{contact}")
            self._contacts[contact] = None if raw is None else decode(raw, Contact, f"GET /contacts/{contact}", contact)
        return self._contacts[contact]


def _one_or_more(raw: Row, operation: str) -> list[Tag]:
    """One tag as the server shows it: the vendor's own description promises a list."""
    is_list = bytes(raw).lstrip().startswith(b"[")
    return decode(raw, list[Tag], operation) if is_list else [decode(raw, Tag, operation)]
