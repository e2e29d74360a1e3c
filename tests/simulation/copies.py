"""What the firm's own people see: the copies in the ERP, the list of what waits for them, and what tells of it."""

import hashlib
import re
from collections import Counter, defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

from simulation import truth
from simulation.world import normal

STAFF = "staff@example.com"
DIGEST = re.compile(r"<digest\.(\d{4}-W\d\d)\.\d+@example\.com>")
NOTE = re.compile(r"BB-R[0-9A-F]{8}")
REFERENCE = re.compile(r"bytebridge:(\d+)-(\d+)-([0-9a-f]{8}):(\d+)")


def check_erp(oracle, database, balance_of):
    """Each third party shows its people's balance, and each operation since it exists once in its agenda."""
    world, demand = oracle.world, oracle.demand
    waiting = database.execute("SELECT * FROM write_backs WHERE state != 'done'").fetchall()
    demand(not waiting, f"copies for the ERP wait for ever: {[tuple(row) for row in waiting]}")
    references = Counter(event["ref_ext"] for event in world.erp.events.values() if event["ref_ext"])
    twice = [reference for reference, count in references.items() if count > 1]
    demand(not twice, f"two events in the agenda are {twice}")
    entries = database.execute("SELECT * FROM entries ORDER BY id").fetchall()
    by_place = {(entry["account"], entry["seq"]): entry for entry in entries}
    root_of = dict(database.execute("SELECT id, root FROM accounts").fetchall())
    owner = dict(database.execute("SELECT email, account FROM addresses ORDER BY since, id").fetchall())
    for number, party in world.erp.parties.items():
        email = normal(party["email"] or "")
        if email not in owner:
            continue
        family = [entry for entry in entries if root_of[entry["account"]] == root_of[owner[email]]]
        later = [entry for entry in family if entry["recorded"] > party["datec"] + oracle.skew]
        shown = world.erp.balance_of(number)
        moved = oracle.is_moved(email)
        if later and not moved:
            demand(shown == balance_of(email), f"the ERP shows {shown} for {email}, the balance is {balance_of(email)}")
        events = _events(oracle, number, by_place)
        if not moved:
            missing = [tuple(entry) for entry in later if _is_news(oracle, entry) and entry["id"] not in events]
            demand(not missing, f"operations that the agenda of {email} lacks: {missing}")


def _events(oracle, number, by_place):
    """Entries that an agenda tells, each rightly."""
    found = set()
    for event in oracle.world.erp.events_of(number):
        account, seq, _, party = REFERENCE.fullmatch(event["ref_ext"]).groups()
        entry = by_place[int(account), int(seq)]
        label = f"{entry['credits']:+d} credits, {entry['document'].replace(':', ' ')}: balance {entry['balance']}"
        oracle.demand(event["label"] == label[:128], f"the agenda says {event['label']!r}, it was {label!r}")
        oracle.demand(int(party) == number, f"{event['ref_ext']} stands in the agenda of {number}")
        found.add(entry["id"])
    return found


def _is_news(oracle, entry):
    if entry["kind"] == "adjustment":
        return True
    if entry["kind"] == "merge":
        return False
    dated = oracle.dated(entry["document"])
    return dated is not None and dated >= oracle.live_at


def _speaks_for_itself(document, ticket, world):
    """A credit note waits with its invoice; a ticket that somebody tidied away, until it is looked for again."""
    source, _, number = document.partition(":")
    if ticket is not None:
        return ticket.status in ("R", "L")
    return source != "erp" or world.erp.invoices[int(number)]["type"] == 0


def check_reviews(oracle, database):
    """What nobody can value waits for a person, and what can be valued waits for nobody."""
    world = oracle.world
    waits = defaultdict(set)
    for row in database.execute("SELECT document, code FROM reviews WHERE state = 'waiting' AND closed_at IS NULL"):
        waits[row["document"]].add(row["code"])
    for document, worths in truth.opinions(world).items():
        ticket = world.desk.tickets.get(document.partition(":")[2]) if document.startswith("helpdesk") else None
        if ticket is not None and ticket.status not in ("R", "L", "B", "X"):
            continue  # it is being worked on: what it said when it was last resolved may still be listed
        if document in oracle.unsure:
            continue
        found = waits.pop(document, set())
        if worths:
            oracle.demand(not found, f"{document} is worth {worths} and waits: {found}")
        elif _speaks_for_itself(document, ticket, world):
            oracle.demand(found, f"{document} is worth nobody knows what and does not wait")


def check_notes(oracle, database):
    """A ticket that waits says so once, to the technicians alone."""
    world, found, owner = oracle.world, Counter(), {}
    for ticket in world.desk.tickets.values():
        owner[_note_of(f"helpdesk:{ticket.id}")] = ticket.id
        for group in ticket.groups:
            if group.status != "S":  # what a split took along counts where it went
                found.update(code for message in group.messages for code in NOTE.findall(message.text))
    for code, count in found.items():
        moved = owner[code] in world.merged or owner[code] in world.split  # before anybody knew whether it was written
        oracle.demand(count == 1 or moved, f"the note {code} of ticket {owner[code]} stands {count} times")
    told = [mail.text for mail in world.desk.mails if NOTE.search(mail.text)]
    oracle.demand(not told, f"a customer got a note: {told}")
    silent = database.execute(
        """SELECT document FROM reviews WHERE document LIKE 'helpdesk:%' AND state = 'waiting' AND closed_at IS NULL
            AND document NOT IN (SELECT document FROM reviews WHERE noted IS NOT NULL)"""
    ).fetchall()
    oracle.demand(not silent, f"no note was made of {[row[0] for row in silent]}")


def _note_of(document):
    return f"BB-R{hashlib.sha256(document.encode()).hexdigest()[:8]}".upper()


def check_tickets(oracle):
    """What our messages moved stands again as people left it, where nothing disturbed that."""
    world, us = oracle.world, oracle.world.desk.agent_of("creditos@example.com")
    merged = [group for ticket in world.desk.tickets.values() for group in ticket.groups if group.status == "M"]
    gone = any(group.userid == us and not oracle.quiet_around(group.at) for group in merged)
    for ticket in world.desk.tickets.values():
        unsure = [group.at for group in ticket.groups if group.userid == us and not oracle.quiet_around(group.at)]
        if all(at < world.moved[ticket.id] - oracle.skew for at in unsure):
            left, stands = world.stood[ticket.id], ticket.status
            oracle.demand(stands == left, f"people left ticket {ticket.id} at {left}, our message at {stands}")
        left, stands = world.assigned[ticket.id], ticket.fields["agentid"]
        # that it was nobody's cannot be written; what disturbed our message in one that was merged away went with it
        unsure = unsure or (gone and ticket.id in world.merged)
        fine = stands == left or (left is None and stands == us) or unsure
        oracle.demand(fine, f"people left ticket {ticket.id} to {left}, our message to {stands}")


def check_digests(oracle, database):
    """The staff hear once a week that something waits, if they want to; nobody else does."""
    weeks = Counter()
    for letter in oracle.mail.messages:
        week = DIGEST.fullmatch(letter.message["Message-ID"])
        oracle.demand(bool(week) == (STAFF in letter.recipients), f"{letter.message['Subject']} to {letter.recipients}")
        if week:
            weeks[week[1]] += 1
            text = letter.message.get_body(("plain",)).get_content()
            oracle.demand("bytebridge review list" in text, f"a digest that says nothing: {text}")
    oracle.demand(max(weeks.values(), default=1) == 1, f"digests by week: {weeks}")
    waiting = """SELECT 1 FROM reviews WHERE closed_at IS NULL AND state IN ('waiting', 'flagged')
        UNION SELECT 1 FROM notices WHERE state = 'failed'"""
    if oracle.switches.get("staff") and database.execute(waiting).fetchone():
        told = dict(database.execute("SELECT name, value FROM meta")).get("digest")
        now = f"{datetime.fromtimestamp(oracle.world.now(), ZoneInfo('Europe/Madrid')):%G-W%V}"
        oracle.demand(told == now, f"something waits in {now}, and the staff were told in {told}")
