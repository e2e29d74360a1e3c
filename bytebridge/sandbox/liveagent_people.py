"""What customers, technicians and administrators do in a simulated LiveAgent, and what they then see."""

from functools import wraps

from bytebridge.sandbox.liveagent_state import FIELDS, GONE, SYSTEM, TECHNICIAN, Desk, new_tag_row


def locked(action):
    @wraps(action)
    def act(self, *args, **more):
        with self.lock:
            return action(self, *args, **more)

    return act


class People(Desk):
    """Tickets are named by id, agents by id or address, tags by name."""

    # people and places

    @locked
    def agent(self, email, name="Soporte Dos"):
        """The id of the active agent with this address, made when there is none."""
        number = self.agent_of(email)
        if number is None:
            number = self.new_id()
            self._add_agent(number, email, name)
        return number

    @locked
    def dismiss_agent(self, agent):
        self.agents[self.agent_of(agent)]["status"] = "X"

    @locked
    def department(self, name):
        number = self.new_id()
        self.departments[number] = {"department_id": number, "name": name, "online_status": "F"}
        return number

    @locked
    def company(self, name, email=None):
        number = self.new_id()
        self.companies[number] = {
            "id": number, "name": name, "type": "V", "emails": [email] if email else [], "phones": [], "groups": [],
            "custom_fields": [],
        }  # fmt: skip
        return number

    @locked
    def contact(self, email, name="", *, language=None, company=None, emails=()):
        """The contact of an address or telephone number, made when there is none.

        emails: further addresses of the same person. language, company: of a contact that is made.
        """
        number = self.addresses.get((email or "").lower())
        if number is None:
            number = self._new_contact(name, language, company)
        contact = self.contacts[number]
        for address in filter(None, (email, *emails)):
            self.addresses[address.lower()] = number
            known = contact["emails" if "@" in address else "phones"]
            known.extend([address] if address not in known else [])
        return number

    def _new_contact(self, name, language, company):
        number, now = self.new_id(), self.second()
        first, _, last = name.partition(" ")
        self.contacts[number] = {
            "id": number, "userid": self.new_id(), "company_id": company, "firstname": first or None,
            "lastname": last or None, "type": "V", "gender": "X", "language": language, "emails": [], "phones": [],
            "groups": [], "custom_fields": [], "date_created": now, "date_changed": now,
        }  # fmt: skip
        self.users[self.contacts[number]["userid"]] = name
        return number

    @locked
    def edit_contact(self, contact, **fields):
        self.contacts[contact].update(fields, date_changed=self.second())

    @locked
    def new_tag(self, name):
        """The id of a tag, made when there is none of this name."""
        for number, tag in self.tags.items():
            if tag["name"] == name:
                return number
        number = self.new_id(4)
        self.tags[number] = new_tag_row(number, name)
        return number

    # a ticket's work

    @locked
    def open(self, email, subject, *, name="Ana Pérez", channel="E", department="default", kind=None, minutes=None,
             credits=None, tags=(), text="Al validar la factura me da un error.", status="N"):  # fmt: skip
        """A customer writes; the id of the new ticket. Of a call `email` may be a telephone number; None: unknown."""
        contact = self.contact(email, name)
        fields = _custom_fields(kind, minutes, credits)
        ticket = self.create(
            contact, email, name or None, subject, channel=channel, department=department, status=status,
            tags=[self.new_tag(tag) for tag in tags], custom_fields=fields,
        )  # fmt: skip
        self.group(
            ticket,
            "3" if channel == "E" else "5",
            self.user_of(ticket),
            [("M", "H", f"<p>{text}</p>")],
            public=True,
        )
        return ticket.id

    @locked
    def note_work(self, ticket, kind=None, minutes=None, credits=None, *, by=None):
        """Fills in the fields that are given; None leaves one as it is. by: takes a ticket that nobody has."""
        ticket = self.ticket(ticket)
        noted = {field["code"]: field["value"] for field in _custom_fields(kind, minutes, credits)}
        kept = [field for field in ticket.fields["custom_fields"] if field["code"] not in noted]
        self._set_fields(ticket, kept + [{"code": code, "value": value} for code, value in noted.items()])
        if by is not None and ticket.fields["agentid"] is None:
            self.change(ticket, agentid=self.agent_of(by))

    @locked
    def set_fields(self, ticket, *fields):
        """All custom fields as (code, value) pairs; a code may come twice."""
        self._set_fields(self.ticket(ticket), [{"code": code, "value": value} for code, value in fields])

    def _set_fields(self, ticket, fields):
        if fields != ticket.fields["custom_fields"]:
            self.change(ticket, moves=self.field_edit_moves_changed, custom_fields=fields)

    @locked
    def resolve(self, ticket, *, by=TECHNICIAN, **work):
        """work: kind, minutes, credits to note first."""
        self.note_work(ticket, **work, by=by)
        self.resolve_ticket(self.ticket(ticket), self.agent_of(by))

    @locked
    def reopen(self, ticket, *, by=TECHNICIAN):
        self.set_status(ticket, "C", by=by)

    @locked
    def set_status(self, ticket, status, *, by=TECHNICIAN):
        """Any letter, known or not."""
        ticket = self.ticket(ticket)
        if status in ("J", "W"):
            self.group(ticket, "J", self.agent_of(by))
        self.change(ticket, status=status)

    @locked
    def answer(self, ticket, text, *, by=TECHNICIAN, status="A"):
        """A technician replies. status None: kept resolved."""
        self.answer_of_agent(self.ticket(ticket), self.agent_of(by), ("M", "H", f"<p>{text}</p>"), status=status)

    @locked
    def add_note(self, ticket, text, *, by=TECHNICIAN):
        self.group(self.ticket(ticket), "I", self.agent_of(by), [("N", "T", text)])

    @locked
    def answer_as_customer(self, ticket, text, *, quoted=None):
        """The id of the ticket in which the answer landed: a new one if this cannot be reopened."""
        return self.answer_of_customer(self.ticket(ticket), text, quoted)

    @locked
    def add_group(self, ticket, type, messages=(("M", "T", "…"),), *, by=TECHNICIAN):
        """Any group of (type, format, text) messages, with letters known or not."""
        return self.group(self.ticket(ticket), type, self.agent_of(by), messages).id

    @locked
    def tag(self, ticket, name):
        ticket, number = self.ticket(ticket), self.new_tag(name)
        if number not in ticket.fields["tags"]:
            self.group(ticket, "G", TECHNICIAN)
            self.change(ticket, tags=[*ticket.fields["tags"], number])

    @locked
    def untag(self, ticket, name):
        ticket, number = self.ticket(ticket), self.new_tag(name)
        if number in ticket.fields["tags"]:
            self.group(ticket, "G", TECHNICIAN)
            self.change(ticket, tags=[tag for tag in ticket.fields["tags"] if tag != number])

    @locked
    def transfer(self, ticket, department, *, agent=None):
        """To a department; there it is nobody's unless `agent` is named."""
        ticket = self.ticket(ticket)
        self.group(ticket, "T", TECHNICIAN)
        self.change(ticket, departmentid=department, agentid=self.agent_of(agent) if agent else None)

    @locked
    def assign(self, ticket, agent):
        self.change(self.ticket(ticket), agentid=self.agent_of(agent) if agent else None)

    @locked
    def change_owner(self, ticket, email, *, name="Luc Martin"):
        self.change(self.ticket(ticket), owner_contactid=self.contact(email, name), owner_email=email, owner_name=name)

    @locked
    def report_time(self, ticket, seconds, *, by=TECHNICIAN, note=""):
        """The stopwatch of the time-tracking plugin."""
        fields = self.ticket(ticket).fields
        self.time_reports.append(
            {
                "id": self.next_report, "agentid": self.agent_of(by), "conversationid": ticket,
                "contactid": fields["owner_contactid"], "reportdate": self.second(), "reportedtime": str(seconds),
                "reportedtime_hhmmss": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
                "spenttime": str(seconds + 122), "note": note, "type": "R",
            }
        )  # fmt: skip
        self.next_report += 1

    # a ticket's end, and other lives

    @locked
    def close(self, ticket):
        """The automatic closing of a resolved ticket."""
        ticket = self._in(ticket, "R")
        lost = {"date_resolved": None} if self.closing_loses_resolved else {}
        self.change(ticket, moves=self.closing_moves_changed, status="L", **lost)

    @locked
    def spam(self, ticket):
        self._bury(self.ticket(ticket), "B")

    @locked
    def delete(self, ticket):
        self._bury(self.ticket(ticket), "X", date_deleted=self.second())

    def _bury(self, ticket, status, **dates):
        self.group(ticket, status, TECHNICIAN)
        self.change(ticket, status=status, **dates)

    @locked
    def undelete(self, ticket):
        """From deleted or spam to the status before; a merged one comes back without its messages."""
        ticket = self._in(ticket, *GONE)
        self.change(ticket, status=ticket.earlier, date_deleted=None, date_resolved=ticket.fields["date_resolved"])

    @locked
    def purge(self, ticket):
        ticket = self._in(ticket, *GONE)
        del self.tickets[ticket.id]
        del self.codes[ticket.fields["code"]]
        self.intervals = [interval for interval in self.intervals if interval.ticket != ticket.id]
        self.index.remove(ticket.id, self.second() + self.purge_delay)

    @locked
    def merge(self, source, into):
        """The source ends deleted; nothing in it says where it went."""
        source, into = self.ticket(source), self.ticket(into)
        for group in source.groups:
            group.status = "M"
        into.groups.extend(source.groups)
        source.groups = []
        into.groups.sort(key=lambda group: group.at)
        for order, group in enumerate(into.groups, 1):
            group.order = order
        self.group(into, "2", SYSTEM)
        tags = [
            *into.fields["tags"],
            *(tag for tag in source.fields["tags"] if tag not in into.fields["tags"]),
        ]
        self.change(into, tags=tags, custom_fields=self._merged_fields(source, into))
        self.delete(source.id)

    def _merged_fields(self, source, into):
        mine, theirs = into.fields["custom_fields"], source.fields["custom_fields"]
        if self.merge_fields == "append":
            return mine + theirs
        if self.merge_fields == "fill":
            codes = {field["code"] for field in mine}
            return mine + [field for field in theirs if field["code"] not in codes]
        return mine

    @locked
    def split(self, ticket):
        """The last message becomes a ticket of its own, whose id is the answer."""
        old = self.ticket(ticket)
        fields = old.fields
        last = [group for group in old.groups if group.messages][-1]
        last.status = "S"
        new = self.create(
            fields["owner_contactid"], fields["owner_email"], fields["owner_name"], fields["subject"],
            channel=fields["channel_type"], department=fields["departmentid"], status="N",
            custom_fields=fields["custom_fields"] if self.split_copies_fields else (),
        )  # fmt: skip
        messages = [(message.type, message.format, message.text) for message in last.messages]
        self.group(new, last.type, last.userid, messages, public=True)
        self.group(old, "L", SYSTEM)
        self.change(old)
        return new.id

    def _in(self, ticket, *states):
        found = self.ticket(ticket)
        if found.status not in states:
            raise ValueError(f"ticket {found.fields['code']} is {found.status}, not {' or '.join(states)}")
        return found

    # what the world then holds

    @locked
    def replies(self, ticket):
        """Texts that agents' replies mailed to the customer of this ticket, oldest first."""
        return [mail.text for mail in self.mails if mail.ticket == ticket and mail.kind == "reply"]

    @locked
    def notes(self, ticket):
        """Texts of the internal notes, oldest first."""
        return [
            message.text
            for group in self.ticket(ticket).groups
            for message in group.messages
            if group.type == "I" and message.type == "N"
        ]


def _custom_fields(kind, minutes, credits):
    values = {"kind": kind, "minutes": minutes, "credits": credits}
    return [{"code": FIELDS[name], "value": str(value)} for name, value in values.items() if value is not None]
