"""What must be true at every quiet point, judged from the simulated world; shares no code with the product.

It sees the world's own tables, what customers received, and the ledger's rows as any SQLite reader sees them.
"""

import re
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing

from simulation import truth
from simulation.world import normal

CODE = re.compile(r"BB-\d+-\d+-[0-9A-F]{12}")
TOLD = ("grant", "refund", "debit", "correction")
MOVED = ("purchase", "taken_back", "balance")
THRESHOLD = 30
STATEMENT_WORDS = ("Saldo", "Informe de créditos", "balance")


class WrongError(AssertionError):
    """An invariant does not hold."""


class Oracle:
    """path: the ledger's file. live_at: when the firm went live; before it nobody is told anything."""

    def __init__(self, world, path, mail, switches):
        self.world, self.path, self.mail, self.switches = world, path, mail, switches
        self.live_at = None
        self.asked_before = {}  # document -> (credits, address) as it stood at the last quiet point
        self.since_then = defaultdict(set)
        self.addresses = defaultdict(set)  # document -> every address it ever had
        self.entries = {}
        self.moved_accounts = False

    def demand(self, holds, what):
        if not holds:
            raise WrongError(what)

    # before a quiet point

    def note(self):
        """What everything is worth just now: a ledger that looks at this moment may book it."""
        for document, opinion in truth.opinions(self.world).items():
            if opinion is not None:
                self.since_then[document].add(opinion)
                self.addresses[document].add(opinion[1])
        for ticket in self.world.desk.tickets.values():
            self.addresses[f"helpdesk:{ticket.id}"].add(normal(ticket.fields["owner_email"]))

    # at a quiet point

    def settle(self):
        self.note()
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            self._only_appended(database)
            roots = self._families(database)
            self._documents(database, roots)
            self._letters(database)
            self._low(database)
        self.since_then.clear()

    def count_entries(self):
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            return database.execute("SELECT COUNT(*) FROM entries").fetchone()[0]

    def letters_wait(self):
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            waiting = "SELECT 1 FROM notices WHERE state IN ('pending', 'sending', 'unknown') LIMIT 1"
            return database.execute(waiting).fetchone() is not None

    def _only_appended(self, database):
        rows = {row["id"]: tuple(row) for row in database.execute("SELECT * FROM entries ORDER BY id")}
        for number, row in self.entries.items():
            self.demand(rows.get(number) == row, f"entry {number} was {row} and is {rows.get(number)}")
        self.entries = rows
        heads = {}
        for row in database.execute("SELECT account, seq, credits, balance FROM entries ORDER BY account, seq"):
            seq, balance = heads.get(row["account"], (0, 0))
            heads[row["account"]] = (seq + 1, balance + row["credits"])
            found = (row["seq"], row["balance"])
            self.demand(
                heads[row["account"]] == found, f"account {row['account']}: {found}, not {heads[row['account']]}"
            )

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
        balances = defaultdict(int)
        for document, opinion in now.items():
            kept = self.asked_before.get(document, (0, None))
            allowed = {opinion} if opinion is not None else {kept} | self.since_then[document]
            actual = posted.pop(document, {})
            fits = [one for one in sorted(allowed, key=str) if _as_posted(one, roots) == actual]
            self.demand(fits, f"{document} is worth {sorted(allowed, key=str)}, posted is {actual} (owners {roots})")
            self.asked_before[document] = fits[0]
            if fits[0][0]:
                balances[self.world.holder(fits[0][1]).name] += fits[0][0]
        self._balances(database, balances, roots)
        strange = [document for document in posted if document.partition(":")[0] not in ("adjust", "merge")]
        self.demand(not strange, f"entries of unknown documents {strange}")

    def _balances(self, database, balances, roots):
        for holder in {id(one): one for one in self.world.owners.values()}.values():
            balances[holder.root.name] += holder.given
        sums = dict(
            database.execute(
                "SELECT root, SUM(credits) FROM entries JOIN accounts ON accounts.id = account GROUP BY root"
            ).fetchall()
        )
        for name, emails in self.world.families().items():
            root = next((roots[email] for email in emails if roots.get(email) is not None), None)
            found = sums.get(root, 0)
            self.demand(found == balances[name], f"{emails}: balance {found}, by the world {balances[name]}")

    # letters

    def _delivered(self):
        """Code -> how often it reached a customer by mail and in a ticket, with to whom."""
        mails, identities, replies = defaultdict(list), defaultdict(set), defaultdict(list)
        for letter in self.mail.messages:
            message = letter.message
            code = message["Message-ID"].strip("<>").partition(".")[0].upper()
            text = message.get_body(("plain",)).get_content()
            identities[message["Message-ID"]].add((message["Subject"], message["To"], text))
            mails[code].append(letter.recipients[0].lower())
        for identity, contents in identities.items():
            self.demand(len(contents) == 1, f"two different letters are {identity}")
        for reply in self.world.desk.mails:
            found = CODE.findall(reply.text)
            if found and reply.kind == "reply":
                replies[found[-1]].append(reply.ticket)  # a statement says its own code before the letter's
        for ticket in self.world.desk.tickets.values():
            for text in self._notes(ticket):
                for code in CODE.findall(text)[-1:]:
                    replies[code].append(ticket.id)
        return mails, replies

    def _notes(self, ticket):
        """Internal notes; of a group that a split took along, the new ticket holds the one that counts."""
        groups = [group for group in ticket.groups if group.type == "I" and group.status != "S"]
        return [message.text for group in groups for message in group.messages if message.type == "N"]

    def _letters(self, database):
        mails, replies = self._delivered()
        rows = database.execute("SELECT * FROM notices ORDER BY id").fetchall()
        for row in rows:
            name = f"letter {row['id']} ({row['kind']} of {row['document']}, {row['state']}: {row['why']})"
            self.demand(row["state"] not in ("pending", "sending", "unknown"), f"{name} waits for ever")
            self._one_letter(row, name, mails[row["code"]], replies[row["code"]])
        known = {row["code"] for row in rows}
        for code in [*mails, *replies]:
            self.demand(code in known, f"letter {code} is not in the outbox")
        self._every_change_told(database, rows)
        self._statements(rows)

    def _one_letter(self, row, name, mails, replies):
        by_mail = row["channel"] == "email"
        got = mails if by_mail else replies
        self.demand(len(replies) < 2, f"{name} stands {len(replies)} times in its ticket")
        self.demand(len(mails) < 3, f"{name} was mailed {len(mails)} times")
        if row["state"] == "sent" and row["carrier"] is None:
            self.demand(got, f"{name} never arrived")
        if row["state"] in ("cancelled",):
            self.demand(not got, f"{name} arrived all the same")
        if row["document"] in self.addresses and row["kind"] != "low_balance":
            allowed = self.addresses[row["document"]]
            self.demand(set(mails) <= allowed, f"{name} went to {mails}, not {allowed}")
        ticket = row["document"].partition(":")[2]
        if self.switches.get("reply_as") != "note":  # notes move along when tickets are merged or split
            self.demand(set(replies) <= {ticket}, f"{name} stands in {replies}")

    def _every_change_told(self, database, rows):
        """Each entry since going live has its one letter, none has two, the quiet past none."""
        letters = Counter(
            (row["document"], row["revision"])
            for row in rows
            if row["kind"] in MOVED and (row["state"] in ("sent", "failed") or row["why"] == "the mail says the same")
        )
        each = 2 if self.switches.get("reply_as") == "note" else 1
        told = defaultdict(list)
        for row in database.execute("SELECT * FROM entries ORDER BY id"):
            if row["kind"] in TOLD:
                told[row["document"], row["revision"]].append(row)
        for (document, revision), entries in told.items():
            dated = self._dated(document)
            found = letters.pop((document, revision), 0)
            if revision == 1 and dated is not None and dated < self.live_at:
                self.demand(found == 0, f"{document} is of the quiet past and was told")
                continue
            if revision == 1 and dated is None:
                continue  # of a day that nobody can be sure of
            several = each if document.startswith("helpdesk") else 1
            self.demand(
                1 <= found <= several, f"{document} revision {revision} was told {found} times: {tuple(entries[0])}"
            )
        self.demand(not letters, f"letters about nothing: {dict(letters)}")

    def _dated(self, document):
        """The document's own day where it is plain: orders when they were paid, tickets when first resolved."""
        source, _, number = document.partition(":")
        if source == "shop":
            return self.world.orders[int(number)].dated
        if source == "helpdesk":
            worked = self.world.worked.get(number) or [None]
            changed = self.world.desk.tickets[number].fields["date_changed"]
            plain = worked[0] is not None and (worked[0] >= self.live_at or changed < self.live_at)
            return worked[0] if plain else None
        row = self.world.erp.invoices[int(number)]
        plain = row["datef"] >= self.live_at or row["tms"] < self.live_at
        return row["datef"] if plain else None

    def _statements(self, rows):
        """Who asks and has an account gets one statement, at the address that asked."""
        by_ticket = defaultdict(list)
        for row in rows:
            if row["kind"] == "statement" and row["channel"] == "email":
                by_ticket[row["document"]].append(row)
        for document, found in by_ticket.items():
            ticket = self.world.desk.tickets[document.partition(":")[2]]
            self.demand(ticket.fields["subject"] in STATEMENT_WORDS, f"{document} never asked for a statement")
            self.demand(len(found) == 1, f"{document} got {len(found)} statements")

    def _low(self, database):
        """Each fall below the threshold is told at most once, and told if the balance stays there."""
        if self.moved_accounts:
            return
        balance, low, falls = Counter(), Counter(), defaultdict(list)
        for row in database.execute("SELECT account, credits, recorded, kind FROM entries ORDER BY id"):
            before = balance[row["account"]]
            balance[row["account"]] += row["credits"]
            if before >= THRESHOLD > balance[row["account"]]:
                falls[row["account"]].append(row["recorded"])
        question = "SELECT account FROM notices WHERE kind = 'low_balance' AND state = 'sent'"
        low.update(row["account"] for row in database.execute(question))
        for account, count in low.items():
            self.demand(
                count <= len(falls[account]), f"account {account}: {count} low letters, {len(falls[account])} falls"
            )

    # at the end

    def check_outside(self, log):
        for simulator in (*self.world.systems, self.mail):
            self.demand(not simulator.outside, f"outside the notes: {simulator.outside[:2]}")
        self.demand("poll_finished" in log, "the log was not kept")
        keys = (self.world.shop_key, self.world.erp.key, self.world.desk.api_key, self.world.desk.message_api_key)
        for key in keys:
            self.demand(key not in log, "a key stands in the log")


def _as_posted(opinion, roots):
    credits, email = opinion
    return {roots.get(email): credits} if credits else {}
