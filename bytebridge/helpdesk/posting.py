"""Messages into tickets, each exactly once, and the ticket as it stood before (LiveAgent notes §7)."""

import html
import re
from collections.abc import Iterator
from itertools import count
from typing import Literal

import msgspec

from bytebridge.domain.entry import same_letter
from bytebridge.errors import RemoteRefused, RemoteRejected, RemoteSurprise, RemoteUnavailable
from bytebridge.helpdesk.client import DEFAULT_PAGE, PAGE, SYSTEM, Client, decode
from bytebridge.helpdesk.reading import Reader
from bytebridge.helpdesk.wire import ID, Agent, Group, Interval, TicketRow
from bytebridge.remote import Remote

QUOTED = frozenset("QHAT")  # quoted text, and headers that may repeat another letter's subject
RESTORABLE = frozenset("NCAWR")  # closed, deleted and spam are never written
BY_A_REPLY = "A"  # an agent's reply marks the ticket so (LiveAgent notes §7)
DELETED, SPAM = "X", "B"
SYSTEM_USER = "system00"
RELATIONS = frozenset("2L")  # merged, split: a person's doing, even when the system signs it
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff")) | {0x2010: "-", 0x2011: "-"}
TAG = re.compile(r"<[^>]*>")


class Standing(msgspec.Struct, frozen=True):
    """A ticket as it stood before our message, in the server's own letters.

    last: id of its last group of messages, "" when it had none, None when they could not be read. writer: id of
    the agent that was to write.
    """

    status: str
    department: str
    agent: str | None
    changed: str
    last: str | None = None
    writer: str = ""


class Posting:
    """Writes as one agent of the help desk. messages: v1 with its own key; None where only reading is set up."""

    def __init__(self, client: Client, messages: Remote | None, reader: Reader, agent: str, key: str) -> None:
        self._client = client
        self._messages = messages
        self._reader = reader
        self._agent = agent
        self._key = key
        self._key_in_form = False
        self._id: str | None = None

    def post(self, ticket: str, text: str, *, kind: Literal["reply", "note"]) -> None:
        """Adds a reply to the customer or a note for the staff; returns only if it was taken.

        OutcomeUnknown: `find` it before trying again. RemoteRejected: this ticket does not take it (closed,
        deleted, gone). RemoteRefused: the key, or `helpdesk.agent` is no agent.
        """
        # asked each time: a writer who is no agent any more would turn the reply into a note, which no customer sees
        self._id = None
        self.agent_id()
        form = {
            "message": text,
            "type": "M" if kind == "reply" else "N",
            "useridentifier": self._agent,
            "is_html_message": "N",
            "do_not_send_mail": "N" if kind == "reply" else "Y",
        }
        self._send(ticket, form)

    def _send(self, ticket: str, form: dict[str, str]) -> None:
        if self._messages is None:
            raise RemoteRefused(SYSTEM, "POST message", "helpdesk.message_api_key is not set")
        if not ID.fullmatch(ticket):
            raise RemoteRejected(SYSTEM, "POST message", "this is no ticket's id")
        path = f"/conversations/{ticket}/messages"
        # some servers look for the key only in the form; a refused post stored nothing (LiveAgent notes §1)
        with_key = {**form, "apikey": self._key}
        for body in (with_key,) if self._key_in_form else (form, with_key):
            try:
                self._messages.send("POST", path, form=body)
            except RemoteRefused:
                if body is with_key:
                    self._key_in_form = False
                    raise
            else:
                self._key_in_form = body is with_key
                return

    def probe(self) -> None:
        """Whether v1 knows the key: a message to a ticket that cannot be, so that nothing is written.

        RemoteRefused when it does not.
        """
        form = {"message": "-", "type": "N", "useridentifier": self._agent or "-", "do_not_send_mail": "Y"}
        try:
            self._send("0", form)
        except RemoteRejected:
            return

    def find(self, ticket: str, code: str, text: str = "", writer: str = "") -> bool:
        """Whether a message of ours in this ticket holds the code.

        What our agent wrote counts, for a customer's answer quotes us, and what `writer` wrote, who was our agent when
        it went out and may be none any more; and, since we may have written as another before, what any agent wrote
        if it holds all of `text`, so that a colleague's word about the code is not ours.
        RemoteRejected when the server shows no such ticket: nobody can say then that the message is not in it.
        """
        ours = {self.agent_id(), writer}
        wanted = re.compile(rf"(?<![\w-]){same_letter(code)}(?![\w-])", re.IGNORECASE)
        whole = _plain(text)
        authors = {
            author
            for page in self._pages(ticket)
            for group in page
            for message in group.messages or ()
            if (author := message.userid or group.userid) and group.userid in (author, None)
            if message.type not in QUOTED
            for form in spoken(message.message or "")
            if wanted.search(form) and (author in ours or whole in form)
        }
        return not ours.isdisjoint(authors) or (bool(authors) and any(agent.id in authors for agent in self.agents()))

    def is_emptied(self, ticket: str, before: Standing) -> bool:
        """Whether what stood in the ticket before our message stands there no more.

        A merge takes the messages along into a ticket that nothing names (LiveAgent notes §5): that ours is not
        found here then tells nothing. Where none is known to have stood there, a deleted ticket that shows none is
        taken for merged.
        """
        groups = self._groups(ticket)
        if before.last:
            return all(group.id != before.last for group in groups)
        if any(group.messages for group in groups):
            return False
        row = self._reader.row(ticket)
        return row is None or row.status == DELETED

    def standing(self, ticket: str) -> Standing:
        """The ticket as it stands. RemoteRejected when no message is to be written there: it is gone, or spam."""
        row = self._reader.row(ticket) if ID.fullmatch(ticket) else None
        if row is None:
            raise RemoteRejected(SYSTEM, "GET /tickets", "the ticket is gone")
        if row.status == SPAM:
            raise RemoteRejected(SYSTEM, "GET /tickets", "the ticket is spam, and a message would take it out of there")
        try:
            last: str | None = next((group.id for group in reversed(self._groups(ticket))), "")
        except RemoteUnavailable as error:
            if error.retry_after_s is not None:
                raise
            last = None  # old tickets' messages may be unreadable for good; the reply itself is not
        return Standing(row.status, row.departmentid, row.agentid, row.date_changed, last, self.agent_id())

    def restore(self, ticket: str, before: Standing) -> None:
        """Gives the ticket back the status and assignee it had before our message, unless others moved it since.

        What a reply of ours does is known: status A, perhaps ourselves as assignee. Anything else is somebody's
        doing and stays; so does everything when anybody but us wrote in the ticket after `before` was read, or
        it had yet another status in between. Between this look and the change a moment remains that nothing
        can close: the API has no conditional change.

        RemoteSurprise when it did not become what was asked for, RemoteRejected when nobody was the assignee
        before, which cannot be written.
        """
        row = self._reader.row(ticket)
        if row is None or before.status not in RESTORABLE or not self._is_our_doing(row, before):
            return
        changed_status = row.status != before.status
        changed_agent = (row.agentid or None) != before.agent
        if not changed_status and not changed_agent:
            return
        if self._others_wrote(ticket, before) or (changed_status and not self._came_straight(ticket, before)):
            return
        self._put(row, before)

    def _is_our_doing(self, row: TicketRow, before: Standing) -> bool:
        return (
            row.status in (before.status, BY_A_REPLY)
            and (row.agentid or None) in (before.agent, self.agent_id(), before.writer)
            and row.departmentid == before.department
        )

    def _others_wrote(self, ticket: str, before: Standing) -> bool:
        """Whether anybody else's group of messages or event came after `before`; yes when that cannot be told."""
        if before.last is None:
            return True
        groups = self._groups(ticket)
        places = [place for place, group in enumerate(groups) if group.id == before.last]
        if before.last and not places:
            return True
        later = groups[places[-1] + 1 :] if places else groups
        ours = (self.agent_id(), before.writer, SYSTEM_USER)
        return any(group.userid not in ours or group.type in RELATIONS for group in later)

    def _came_straight(self, ticket: str, before: Standing) -> bool:
        """Whether the present status follows the one before without another between, which leaves no message.

        A key that may not read the history leaves it to the messages.
        """
        try:
            rows = self._client.rows_of(f"/tickets/{ticket}/history", {})
        except RemoteRefused:
            return True
        intervals = sorted((decode(row, Interval, "GET history", ticket) for row in rows), key=_number)
        return len(intervals) > 1 and intervals[-2].status == before.status

    def _put(self, row: TicketRow, before: Standing) -> None:
        # department and assignee go along: without them some releases moved the ticket (LiveAgent notes §6)
        agent = before.agent or row.agentid
        body = {"status": before.status, "departmentid": before.department}
        path = f"/tickets/{row.id}"
        raw = self._client.put(path, body | ({"agentid": agent} if agent else {}))
        after = decode(raw, TicketRow, f"PUT {path}", row.id)
        if after.status != before.status or (before.agent and after.agentid != before.agent):
            message = f"it stands at {after.status} although {before.status} was put back"
            raise RemoteSurprise(SYSTEM, f"PUT {path}", message, document=row.id)
        if after.agentid and before.agent is None:
            message = "it was nobody's and now is ours, which cannot be undone: add a rule that unassigns it"
            raise RemoteRejected(SYSTEM, f"PUT {path}", message)

    def agent_id(self) -> str:
        """Our id in the help desk. RemoteRefused when `helpdesk.agent` is no active agent."""
        if self._id is None:
            self._id = next((agent.id for agent in self.agents() if self._is_us(agent)), None)
        if self._id is None:
            message = "helpdesk.agent is no active agent of this help desk: correct it or make the agent"
            raise RemoteRefused(SYSTEM, "GET /agents", message)
        return self._id

    def agents(self) -> Iterator[Agent]:
        for page in self._client.pages("/agents", Agent):
            yield from page

    def _is_us(self, agent: Agent) -> bool:
        return agent.status != "X" and (agent.email or "").strip().casefold() == self._agent.casefold() != ""

    def _groups(self, ticket: str) -> list[Group]:
        """All groups in their order."""
        found = [group for page in self._pages(ticket) for group in page]
        return sorted(found, key=lambda group: group.sort_order or 0)

    def _pages(self, ticket: str) -> Iterator[list[Group]]:
        """The ticket's groups, page by page.

        RemoteUnavailable when pages repeat before the end: then nobody can say that a message is not there.
        """
        path = f"/tickets/{ticket}/messages"
        seen: set[str] = set()
        for number in count(1) if ID.fullmatch(ticket) else ():
            rows = self._client.rows_of(path, {"_page": str(number), "_perPage": str(PAGE)})
            groups = [decode(row, Group, f"GET {path}", ticket) for row in rows]
            fresh = [group for group in groups if group.id not in seen]
            if not fresh:
                if len(groups) >= DEFAULT_PAGE:
                    raise RemoteUnavailable(SYSTEM, f"GET {path}", "the pages of its messages repeat")
                return
            yield fresh
            seen |= {group.id for group in fresh}


def _number(interval: Interval) -> int:
    return interval.number


def spoken(body: str) -> tuple[str, str]:
    """What a reader sees of a message: tags as breaks, and tags as nothing, for a code may be cut by either."""
    return _plain(TAG.sub(" ", body)), _plain(TAG.sub("", body))


def _plain(text: str) -> str:
    return " ".join(html.unescape(text).translate(INVISIBLE).split())


def as_text(standing: Standing) -> str:
    return msgspec.json.encode(standing).decode()


def from_text(text: str) -> Standing:
    return msgspec.json.decode(text, type=Standing)
