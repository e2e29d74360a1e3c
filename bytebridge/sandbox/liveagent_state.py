"""The records of a simulated LiveAgent, and the one road by which a ticket changes.

Moments are epoch seconds here; only the API turns them into naive text.
"""

import random
import string
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from bytebridge.sandbox.liveagent_index import Index
from bytebridge.sandbox.liveagent_switches import Switches

TECHNICIAN, ROBOT, SYSTEM = "a1b2c3d4", "b0t0b0t0", "system00"
TAGS = {
    "consulta": "k3f9",
    "intervencion": "p7d2",
    "actualizacion": "m2x8",
    "modulo": "w6t1",
    "nofacturable": "h9c4",
}
FIELDS = {"kind": "tipotrabajo", "minutes": "minutos", "credits": "creditos"}
DATES = (
    "date_created", "date_changed", "date_resolved", "date_due", "date_deleted", "last_activity", "last_activity_public",
)  # fmt: skip
GONE = ("B", "X")
MAIL_CHANNELS = ("E", "B", "M")


@dataclass(slots=True)
class Message:
    id: str
    userid: str
    type: str
    at: int
    format: str
    text: str


@dataclass(slots=True)
class Group:
    """Messages that arrived together, or an event of the ticket."""

    id: str
    userid: str
    name: str
    type: str
    at: int
    order: int
    status: str = "V"
    messages: list = field(default_factory=list)


@dataclass(slots=True)
class Interval:
    """How long a ticket stood in one status; end None: it still does."""

    number: int
    ticket: str
    code: str
    department: str
    agent: str | None
    status: str
    begin: int
    end: int | None = None


@dataclass(slots=True)
class Ticket:
    """fields: as the API names them. earlier: the status to which an undeleted ticket comes back."""

    fields: dict
    groups: list = field(default_factory=list)
    intervals: list = field(default_factory=list)
    earlier: str = "C"

    @property
    def id(self):
        return self.fields["id"]

    @property
    def status(self):
        return self.fields["status"]


@dataclass(frozen=True, slots=True)
class Mail:
    """What left LiveAgent's outbox. kind: reply, resolved."""

    ticket: str
    to: str
    kind: str
    text: str
    at: int


class Desk(Switches):
    """Tables by id, and the writes that both people and the API make. Callers hold the lock."""

    def set_up(self, seed):
        self.random = random.Random(seed)  # nosec B311  # ids of a simulated desk
        self.index = Index()
        self.tickets, self.contacts, self.companies, self.agents = {}, {}, {}, {}
        self.departments = {"default": {"department_id": "default", "name": "Soporte", "online_status": "F"}}
        self.tags = {number: new_tag_row(number, name) for name, number in TAGS.items()}
        self.intervals, self.time_reports, self.mails = [], [], []
        self.codes, self.addresses, self.users = {}, {}, {}
        self.next_interval, self.next_message, self.next_report = 553187, 90177, 812
        self._add_agent(TECHNICIAN, "sat@example.com", "Soporte Uno")
        self._add_agent(ROBOT, "creditos@example.com", "Créditos de asistencia")

    def second(self):
        return int(self.now())

    def new_id(self, length=8):
        letters = self.random.choices(string.ascii_lowercase + string.digits, k=length - 1)
        return self.random.choice(string.ascii_lowercase) + "".join(letters)

    def _new_code(self):
        while True:
            letters = self.random.choices(string.ascii_uppercase, k=8)
            code = f"{''.join(letters[:3])}-{''.join(letters[3:])}-{self.random.randrange(100, 1000)}"
            if code not in self.codes:
                return code

    def _add_agent(self, number, email, name):
        self.agents[number] = {
            "id": number, "name": name, "email": email, "role": "agent", "status": "A", "online_status": "N",
        }  # fmt: skip
        self.users[number] = name

    def ticket(self, ticket):
        """By id, as people's actions name it."""
        return self.tickets[ticket]

    def agent_of(self, identifier):
        """Id of the active agent with this id or address, None if there is none."""
        for number, agent in self.agents.items():
            if agent["status"] == "A" and identifier.lower() in (number, agent["email"].lower()):
                return number
        return None

    def create(self, contact, email, name, subject, *, channel, department, status, tags=(), custom_fields=()):
        now, number, code = self.second(), self.new_id(), self._new_code()
        ticket = Ticket(
            {
                "id": number, "code": code, "subject": subject, "status": status, "channel_type": channel,
                "departmentid": department, "agentid": None, "owner_contactid": contact, "owner_email": email,
                "owner_name": name, "tags": list(tags), "date_created": now, "date_changed": now,
                "date_resolved": None, "date_due": None, "date_deleted": None, "last_activity": now,
                "last_activity_public": now, "public_access_urlcode": f"{self.random.getrandbits(40):010x}",
                "custom_fields": list(custom_fields),
            }
        )  # fmt: skip
        self.tickets[number] = ticket
        self.codes[code] = number
        self._begin(ticket)
        if number not in self.unindexed:
            self.index.add(number, ticket.fields, now + self.index_delay)
        return ticket

    def change(self, ticket, *, moves=True, **fields):
        """Writes fields. moves: date_changed becomes now. A new status opens a new interval."""
        now = self.second()
        begins = "status" in fields and fields["status"] != ticket.status
        if begins and fields["status"] in GONE and ticket.status not in GONE:
            ticket.earlier = ticket.status
        if begins:
            fields = {**self._dates_of(ticket, fields["status"], now), **fields}
        if moves:
            fields["date_changed"] = now
        fields = {name: value for name, value in fields.items() if ticket.fields[name] != value}
        ticket.fields.update(fields)
        if begins:
            self._begin(ticket)
        self._tell_index(ticket, fields, now)

    def _dates_of(self, ticket, status, now):
        if status == "R":
            return {"date_resolved": now}
        if ticket.status in ("R", "L") and status not in ("R", "L", *GONE) and self.reopen_clears_resolved:
            return {"date_resolved": None}
        return {}

    def _begin(self, ticket):
        now = self.second()
        if ticket.intervals:
            ticket.intervals[-1].end = now
        fields = ticket.fields
        interval = Interval(
            self.next_interval,
            ticket.id,
            fields["code"],
            fields["departmentid"],
            fields["agentid"],
            fields["status"],
            now,
        )
        self.next_interval += self.random.randrange(1, 15)  # other accounts share the server's counter
        ticket.intervals.append(interval)
        self.intervals.append(interval)

    def _tell_index(self, ticket, fields, now):
        if ticket.id in self.unindexed:
            return
        late = {name: fields[name] for name in fields if name in self.index_delays}
        for name, value in late.items():
            self.index.change(ticket.id, {name: value}, now + self.index_delays[name])
        if len(late) < len(fields):
            others = {name: value for name, value in fields.items() if name not in late}
            self.index.change(ticket.id, others, now + self.index_delay)

    def reindex(self):
        """The list shows the store as it is, whatever was still on its way or had been missed."""
        with self.lock:
            self.index = Index(self.list_zone or self.zone)
            for number, ticket in self.tickets.items():
                self.index.add(number, ticket.fields, 0)

    def group(self, ticket, type, userid, messages=(), *, public=False):
        """Adds a group of (type, format, text) messages, or an event when there are none."""
        now = self.second()
        number = str(uuid.UUID(int=self.random.getrandbits(128)))
        order = 1 + max((group.order for group in ticket.groups), default=0)
        group = Group(number, userid, self.users.get(userid, "System"), type, now, order)
        for kind, form, text in messages:
            group.messages.append(Message(str(self.next_message), userid, kind, now, form, text))
            self.next_message += self.random.randrange(1, 9)
        ticket.groups.append(group)
        if messages:
            dates = {"last_activity": now} | ({"last_activity_public": now} if public else {})
            self.change(ticket, **dates)
        return group

    def answer_of_agent(self, ticket, agent, message, *, mail=True, template=False, status="A"):
        """A reply (type, format, text) to the customer. status None: it stays."""
        fields = ticket.fields
        by_mail = fields["channel_type"] in MAIL_CHANNELS
        mailed = mail and by_mail and self.reply_mails
        header = [("H", "T", f"To: {fields['owner_email']}")] if mailed else []
        footer = [("O", "H", "<p>--<br />Soporte</p>")] if template else []
        self.group(ticket, "4" if by_mail else "C", agent, [*header, message, *footer], public=True)
        if mailed and fields["owner_email"]:
            self.mails.append(Mail(ticket.id, fields["owner_email"], "reply", message[2], self.second()))
        if status is not None:
            self.change(ticket, status=status)

    def answer_of_customer(self, ticket, text, quoted=None):
        """Lands in the ticket, or in a new one when this is closed for good; the ticket it landed in."""
        fields = ticket.fields
        if ticket.status in ("L", "X") or (ticket.status == "R" and not self.reopens):
            ticket = self.create(
                fields["owner_contactid"], fields["owner_email"], fields["owner_name"], f"Re: {fields['subject']}",
                channel=fields["channel_type"], department=fields["departmentid"], status="N",
            )  # fmt: skip
        messages = [("M", "H", f"<p>{text}</p>")]
        if quoted:
            messages.append(("Q", "H", f"<blockquote>{quoted}</blockquote>"))
        self.group(ticket, "3" if len(ticket.groups) == 0 else "7", self.user_of(ticket), messages, public=True)
        if ticket.status in ("R", "A", "W"):
            self.change(ticket, status="C")
        return ticket.id

    def user_of(self, ticket):
        """The customer as author of messages: not the id of the contact."""
        return self.contacts[ticket.fields["owner_contactid"]]["userid"]

    def resolve_ticket(self, ticket, agent):
        self.group(ticket, "R", agent)
        if ticket.status == "R":
            self.change(ticket)
        else:
            self.change(ticket, status="R")

    def local(self, at):
        return datetime.fromtimestamp(at, ZoneInfo(self.list_zone or self.zone)).replace(tzinfo=None)


def new_tag_row(number, name):
    return {
        "id": number, "name": name, "color": "FFFFFF", "background_color": "27AE60", "is_public": "N", "is_archived": "N",
    }  # fmt: skip
