"""What must be true at every quiet point, judged from the simulated world; shares no code with the product.

It sees the world's own tables, what customers received, and the ledger's rows as any SQLite reader sees them.
"""

import base64
import hashlib
import sqlite3
from collections import defaultdict
from contextlib import closing

from simulation import copies, truth
from simulation.letters import Letters
from simulation.world import TARIFF, code_of, normal


class WrongError(AssertionError):
    """An invariant does not hold."""


class Oracle:
    """path: the ledger's file. live_at: when the firm went live; before it nobody is told anything."""

    def __init__(self, world, path, mail, switches):
        self.world, self.path, self.mail, self.switches = world, path, mail, switches
        self.live_at = None
        self.skew = max(map(abs, switches.get("skew", (0,))))
        self.asked_before = {}  # document -> (credits, address) as it stood at the last quiet point
        self.since_then = defaultdict(set)
        self.late = set()  # documents that became worth something after going live, whatever their day
        self.worth_since = {}  # document -> since when it is worth something
        self.course = defaultdict(list)  # document -> all it was ever worth to anybody, one after the other
        self.addresses = defaultdict(set)  # document -> every address it ever had
        self.entries = {}
        self.network = None  # what it did to whose calls
        self.died = defaultdict(set)  # letter -> which of its attempts a process died in
        self.kept = set()  # codes of mails that had arrived when a process died over them
        self.disturbed = []  # moments at which a process died, lacked a right, or worked while people did
        self.met = {}  # letter -> when it was first seen
        self.moved = set()  # addresses whose accounts were merged or parted, or that went to another
        self.lies_healed = 0  # how many lists had lacked rows at the last quiet point
        self.said = {}
        self.open_tickets = {}  # document -> (since when it says so, what it will cost at least)
        self.opened_before = {}  # open ticket when the firm went live -> what it was to cost at least
        self.module_tickets = {}  # ticket -> (what it says, whether its owner has support, the owner's addresses)
        self.given_up = {}  # letter -> when it was first seen to be
        self.held_by = defaultdict(set)  # address -> names of all whose account it ever was in
        self.unsure = set()  # tickets whose worth changed with whose account is whose

    def demand(self, holds, what):
        if not holds:
            raise WrongError(what)

    def go_live(self, now):
        self.live_at = now
        self.opened_before = {document: need or 0 for document, (_, need) in self.open_tickets.items()}

    # before a quiet point

    def note(self):
        """What everything is worth just now: a ledger that looks at this moment may book it."""
        for document, worths in truth.opinions(self.world).items():
            self.since_then[document].update(worths)
            credits = {credits for credits, _ in worths}
            if self.course[document][-1:] != [credits]:
                self.course[document].append(credits)
            if any(credits for credits, _ in worths):
                if document not in self.worth_since and self.live_at is not None:
                    self.late.add(document)
                self.worth_since.setdefault(document, self.world.now())
            else:
                self.worth_since.pop(document, None)
            self.addresses[document].update(email for _, email in worths)
        for ticket in self.world.desk.tickets.values():
            self.addresses[f"helpdesk:{ticket.id}"].add(normal(ticket.fields["owner_email"]))
            self._note_open(ticket)
            self._note_module(ticket)
        for email in self.world.owners:
            self.held_by[email].add(self.world.holder(email).name)
        for met in self.addresses.values():
            if len(met) > 1:  # it changed hands: who is told that it left may have become another's since
                met |= {self.world.holder(email).name for email in met}

    def _note_open(self, ticket):
        key, is_open = f"helpdesk:{ticket.id}", ticket.status in ("N", "C")
        # a price list that comes into force has no ticket read again
        says = (is_open, truth.least_by(ticket, self.world, TARIFF) if is_open else None, ticket.fields["owner_email"])
        if self.said.get(key) != says:
            self.said[key] = says
            self.open_tickets[key] = (self.world.now(), truth.least(ticket, self.world) if is_open else None)

    def _note_module(self, ticket):
        """A purchase has its tickets looked at again; whose account is whose has not, until they say something new."""
        says = (str(ticket.fields["custom_fields"]), str(ticket.fields["tags"]))  # buried and dug out it says the same
        holder = self.world.holder(normal(ticket.fields["owner_email"]))
        family = sorted(self.world.families()[holder.name])
        now = truth.supported(ticket, self.world)
        before, had, was_family = self.module_tickets.get(ticket.id, (says, now, family))
        self.module_tickets[ticket.id] = (says, now, family)
        document = f"helpdesk:{ticket.id}"
        if had != now and family != was_family:
            self.unsure.add(document)
        elif before != says:
            self.unsure.discard(document)

    # at a quiet point

    def settle(self):
        self.note()
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            self._only_appended(database)
            roots = self._families(database)
            self._documents(database, roots)
            self._never_wrong(database)
            Letters(self, database).check()
            copies.check_reviews(self, database)
            copies.check_notes(self, database)
            copies.check_digests(self, database)
            copies.check_tickets(self)
            copies.check_erp(self, database, lambda email: self.balances.get(self.world.holder(email).name, 0))
            self._nothing_waits(database)
        self.since_then.clear()
        self.lies_healed = self._told()

    def _nothing_waits(self, database):
        late = database.execute("SELECT key FROM documents WHERE recheck <= ?", [self.world.now() - 3600]).fetchall()
        self.demand(not late, f"documents wait for ever to be read again: {[row[0] for row in late]}")
        begun = database.execute("SELECT source FROM sources WHERE begun < ?", [self.world.now() - 7200]).fetchall()
        self.demand(not begun, f"nobody has read {[row[0] for row in begun]} for hours")

    def count_entries(self):
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            return database.execute("SELECT COUNT(*) FROM entries").fetchone()[0]

    def see_given_up(self):
        """The store does not say when it gave a letter up: what each pass leaves does."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            for number, state in database.execute("SELECT id, state FROM notices").fetchall():
                self.met.setdefault(number, self.world.now())
                if state == "failed":
                    self.given_up.setdefault(number, self.world.now())

    def see_death(self):
        """A process died, perhaps in the middle of an attempt to deliver something."""
        self.see_disturbance()
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            claimed = database.execute("SELECT id, attempts, code FROM notices WHERE state = 'sending'").fetchall()
        for number, attempt, _ in claimed:
            self.died[number].add(attempt)
        if claimed:
            self.kept |= {code for *_, code in claimed} & {code_of(letter.message) for letter in self.mail.messages}

    def see_move(self, *emails):
        """People change whose accounts these are: the chains of several make one balance from then on."""
        for email in emails:
            self.moved.update(self._kin(email))

    def is_moved(self, email):
        return not self.moved.isdisjoint(self._kin(email))

    def _kin(self, email):
        """Addresses of the account that this one is of."""
        holder = self.world.holder(email)  # who may be new
        return self.world.families()[holder.name]

    def see_disturbance(self):
        self.disturbed.append(self.world.now())

    def quiet_around(self, moment):
        """Whether nothing disturbed what the product did in the help desk from then on for an hour and some."""
        troubles = (*self.disturbed, *self.network.troubles[self.world.desk])
        return not any(moment - truth.NEAR_S <= trouble <= moment + 3600 + truth.NEAR_S for trouble in troubles)

    def check_examined(self, examined):
        """A reconciliation looked at whatever there is; a credit note comes with its invoice."""
        invoices = [row for row in self.world.erp.invoices.values() if row["type"] == 0]
        there = {"shop": self.world.orders, "erp": invoices, "helpdesk": self.world.desk.tickets}
        lacks = {source: len(all_) for source, all_ in there.items() if examined.get(source, 0) < len(all_)}
        self.demand(not lacks, f"a reconciliation examined {examined} of {lacks}")

    def letters_wait(self):
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            waiting = """SELECT 1 FROM notices WHERE state IN ('pending', 'sending', 'unknown')
                UNION SELECT 1 FROM write_backs WHERE state = 'pending'"""
            return database.execute(waiting).fetchone() is not None

    def _only_appended(self, database):
        stored = database.execute("SELECT * FROM entries ORDER BY account, seq").fetchall()
        rows = {row["id"]: tuple(row) for row in stored}
        for number, row in self.entries.items():
            self.demand(rows.get(number) == row, f"entry {number} was {row} and is {rows.get(number)}")
        self.entries = rows
        heads = {}
        for row in stored:
            account, found = row["account"], (row["seq"], row["balance"], row["hash"])
            seq, balance, head = heads.get(account, (0, 0, "0" * 64))
            heads[account] = (seq + 1, balance + row["credits"], _chained(head, row))
            self.demand(heads[account] == found, f"account {account}: {found}, not {heads[account]}")

    def _families(self, database):
        """Addresses that people think of as one account are one, others are apart. Address -> root account."""
        root_of = dict(database.execute("SELECT id, root FROM accounts").fetchall())
        owner = {}
        for row in database.execute("SELECT email, account FROM addresses ORDER BY since, id"):
            owner[row["email"]] = root_of.get(row["account"])
        for email in owner:
            self.world.holder(email)
        claimed = {}
        for name, emails in self.world.families().items():
            roots = {owner[email] for email in emails if email in owner}
            self.demand(len(roots) < 2, f"{emails} are one account, in the ledger {roots}")
            for root in roots:
                self.demand(claimed.setdefault(root, name) == name, f"{claimed[root]} and {name} share account {root}")
        return owner

    def _documents(self, database, roots):
        posted = defaultdict(dict)
        question = """SELECT document, root, SUM(credits) AS credits FROM entries
            JOIN accounts ON accounts.id = entries.account GROUP BY document, root"""
        for row in database.execute(question):
            if row["credits"]:
                posted[row["document"]][row["root"]] = row["credits"]
        now = truth.opinions(self.world)
        missing = now.keys() - {key for (key,) in database.execute("SELECT key FROM documents")}
        self.demand(not missing, f"the reading went past {sorted(missing)} and booked nothing of them")
        balances = defaultdict(int)
        for document, opinion in now.items():
            kept = self.asked_before.get(document, (0, None))
            allowed = set(opinion)
            if not opinion or document in self.unsure:
                allowed |= {kept} | self.since_then[document]
            actual = posted.pop(document, {})
            fits = [one for one in sorted(allowed, key=str) if _as_posted(one, roots) == actual]
            self.demand(fits, f"{document} is worth {sorted(allowed, key=str)}, posted is {actual} (owners {roots})")
            self.asked_before[document] = fits[0]
            if fits[0][0]:
                balances[self.world.holder(fits[0][1]).name] += fits[0][0]
        self._balances(database, balances, roots)
        strange = [document for document in posted if document.partition(":")[0] not in ("adjust", "merge")]
        self.demand(not strange, f"entries of unknown documents {strange}")

    def _never_wrong(self, database):
        """Whatever was posted for a document was what it was worth at some moment, and later no earlier worth."""
        sums, reached = defaultdict(int), defaultdict(int)
        question = """SELECT document, revision, SUM(credits) AS credits FROM entries
            WHERE kind NOT IN ('merge', 'adjustment') GROUP BY document, revision ORDER BY document, revision"""
        for row in database.execute(question):
            if self._is_note(row["document"]):
                continue  # it is worth what it takes while its reopened invoice still counts for a day
            sums[row["document"]] += row["credits"]
            course, at = self.course[row["document"]], reached[row["document"]]
            found = next((n for n, worths in enumerate(course) if n >= at and sums[row["document"]] in worths), None)
            self.demand(
                found is not None,
                f"{row['document']} was posted as {sums[row['document']]} at {row['revision']}, worth {course} from {at}",
            )
            reached[row["document"]] = found

    def _is_note(self, document):
        source, _, number = document.partition(":")
        return source == "erp" and self.world.erp.invoices[int(number)]["type"] == 2

    def _balances(self, database, balances, roots):
        for holder in {id(one): one for one in self.world.owners.values()}.values():
            balances[holder.root.name] += holder.given
        self.balances = balances
        sums = dict(
            database.execute(
                "SELECT root, SUM(credits) FROM entries JOIN accounts ON accounts.id = account GROUP BY root"
            ).fetchall()
        )
        joined = """SELECT account, SUM(credits) FROM entries JOIN accounts ON accounts.id = account
            WHERE accounts.id != root GROUP BY account HAVING SUM(credits) != 0"""
        kept = [tuple(row) for row in database.execute(joined)]
        self.demand(not kept, f"accounts that joined another still hold {kept}")
        for name, emails in self.world.families().items():
            root = next((roots[email] for email in emails if roots.get(email) is not None), None)
            found = sums.get(root, 0)
            self.demand(found == balances[name], f"{emails}: balance {found}, by the world {balances[name]}")

    # when

    def lied_to(self):
        """Whether a list lacked rows since the last quiet point."""
        return self._told() > self.lies_healed

    def _told(self):
        return sum(map(len, self.network.lies.values()))

    def hidden(self, document, since, until):
        """Whether something that the document's worth is read from was left out of a list then."""
        lies = self.network.lies[document.partition(":")[0]]
        return any(since <= lie.at <= until and (lie.about is None or document in lie.about) for lie in lies)

    def dated(self, document):
        """The document's own day where it is plain: orders when they were paid, tickets when first resolved."""
        source, _, number = document.partition(":")
        if source == "shop":
            dated = self.world.orders[int(number)].dated
            return None if document in self.late and (dated or 0) < self.live_at else dated
        if source == "helpdesk":
            worked = self.world.worked.get(number) or [None]
            changed = self.world.desk.tickets[number].fields["date_changed"]
            plain = worked[0] is not None and (worked[0] >= self.live_at or changed < self.live_at)
            return worked[0] if plain else None
        row = self.world.erp.invoices[int(number)]
        # a credit note moves with its source and the other notes of that
        kin = [
            one
            for one in self.world.erp.invoices.values()
            if row["fk_facture_source"] in (one["rowid"], one["fk_facture_source"]) and row["type"] == 2
        ]
        touched = max(one["tms"] for one in (row, *kin))
        plain = row["datef"] >= self.live_at or touched < self.live_at - self.skew
        return row["datef"] if plain else None

    # at the end

    def check_outside(self, log, story):
        for simulator in (*self.world.systems, self.mail):
            self.demand(not simulator.outside, f"outside the notes: {simulator.outside[:2]}")
        self.demand("poll_finished" in log, "the log was not kept")
        notes = [str(group.messages) for ticket in self.world.desk.tickets.values() for group in ticket.groups]
        outputs = {
            "the log": log,
            "what the commands print": "\n".join(story),
            "a mail": "\n".join(letter.raw.decode("ascii", "replace") for letter in self.mail.messages),
            "a ticket": "\n".join(notes),
            "the agenda": str(self.world.erp.events),
            "the store": self.path.read_bytes().decode("utf-8", "replace"),
        }
        keys = (self.world.shop_key, self.world.erp.key, self.world.desk.api_key, self.world.desk.message_api_key)
        for place, text in outputs.items():
            for key in keys:
                leaks = [form for form in (key, _basic(key), _basic(f"{key}:")) if form in text]
                self.demand(not leaks, f"a key stands in {place}")


def _as_posted(opinion, roots):
    credits, email = opinion
    return {roots.get(email): credits} if credits else {}


def _basic(text):
    """As a header of Basic authentication carries it."""
    return base64.b64encode(text.encode()).decode()


def _chained(head, row):
    """The hash of an entry by the documented form: a half for what was posted, a half for when and by what."""
    posted = "account seq document revision kind credits balance was derivation"
    booked = "happened recorded id run"
    first = _half(head[:32], *(row[name] for name in posted.split()))
    return first + _half(head[32:], first, *(row[name] for name in booked.split()))


def _half(*parts):
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]
