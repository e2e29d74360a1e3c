"""What customers were told, against the ledger's rows and the world: once, to the right person, with true figures."""

import html
import re
from collections import Counter, defaultdict
from typing import NamedTuple

from simulation import copies, truth
from simulation.world import CODE, code_of, normal

TOLD = ("grant", "refund", "debit", "correction")
MOVED = ("purchase", "taken_back", "balance")
THRESHOLD = 30
STATEMENT_WORDS = ("Saldo", "Informe de créditos", "balance")
STATEMENTS_A_DAY = 3
DAY_S = 86_400
CREDITS = r"([+-]?[\d.]+) créditos?"
NOW, THEN = re.compile(f"Saldo actual: {CREDITS}"), re.compile(f"Saldo tras este movimiento: {CREDITS}")
DIFFERENCE = re.compile(f"Diferencia en su saldo: {CREDITS}")
OWED = re.compile(f"debe {CREDITS}")
LOW = re.compile(f"menos de {CREDITS}|se ha agotado")
COST = re.compile(f"(?:Coste[^:]*|Presupuesto): {CREDITS}")
ALREADY = re.compile(f"Ya cargado: {CREDITS}")
SHORT = re.compile(f"Falta por cubrir: {CREDITS}")
STATED, STATED_OF = re.compile(r"Saldo final\s+([-−]?[\d.]+)"), re.compile(r"Cuenta (\d+) ")
NAMED = re.compile(r"\b(pedido|factura|ticket) (\d+|[A-Z]{2}\S*\d)")
TAG = re.compile(r"<[^>]*>")
OFFER = re.compile(rf"^(?:(\d+) × )?(SERVDOLIA\w+) = {CREDITS} \(", re.MULTILINE)


class Told(NamedTuple):
    """One delivery. to: an address, or the ticket it stands in. page: what its HTML file shows, if it has one."""

    to: str
    subject: str
    text: str
    page: str = ""


class Letters:
    """One quiet point's look. world, mail: what customers hold. balances: account -> [(entry id, when, balance)]."""

    def __init__(self, oracle, database):
        self.oracle, self.database = oracle, database
        self.world, self.mail, self.demand = oracle.world, oracle.mail, oracle.demand
        self.noted = oracle.switches.get("reply_as") == "note"
        self.rows = database.execute("SELECT * FROM notices ORDER BY id").fetchall()
        self.namesakes = Counter(row["code"] for row in self.rows)  # a letter may go by mail and stand in its ticket
        self.entries = database.execute("SELECT * FROM entries ORDER BY id").fetchall()
        self.owned = dict(database.execute("SELECT email, recorded_at FROM addresses ORDER BY since, id").fetchall())
        self.moved = self._moved()
        self.balances = defaultdict(list)
        for entry in self.entries:
            self.balances[entry["account"]].append((entry["id"], entry["recorded"], entry["balance"]))

    def _moved(self):
        """Accounts that share a balance with one of another time or of another number."""
        root_of = dict(self.database.execute("SELECT id, root FROM accounts").fetchall())
        had = self.database.execute("SELECT email, account FROM addresses WHERE account IS NOT NULL").fetchall()
        found = {account for email, account in had if email in self.oracle.moved}
        roots = {root_of[account] for account in found}
        return found | {account for account, root in root_of.items() if root in roots}

    def check(self):
        mails, replies = self._delivered()
        by_number = {row["id"]: row for row in self.rows}
        for row in self.rows:
            name = f"letter {row['id']} ({row['kind']} of {row['document']}, {row['state']}: {row['why']})"
            self._one(row, name, mails[row["code"]], replies[row["code"]])
            if row["state"] == "failed":
                self._given_up(row, name)
            if row["state"] == "sent" and row["carrier"] is not None:
                carrier = by_number[row["carrier"]]
                self._carried(name, (mails if carrier["channel"] == "email" else replies)[carrier["code"]])
        known = {row["code"] for row in self.rows}
        for code in [*mails, *replies]:
            self.demand(code in known, f"letter {code} is not in the outbox")
        self._every_change_told()
        self._statements()
        self._endings()
        self._low()
        self._beforehand()

    def _delivered(self):
        """Code -> each time it reached a customer, by mail and in a ticket."""
        mails, identities = defaultdict(list), defaultdict(set)
        replies, notes = defaultdict(list), defaultdict(list)
        for letter in self.mail.messages:
            message = letter.message
            if copies.STAFF in letter.recipients:
                continue
            code = code_of(message)
            text = message.get_body(("plain",)).get_content()
            identities[message["Message-ID"]].add((message["Subject"], message["To"], text))
            self.demand(len(letter.recipients) == 1, f"one mail went to {letter.recipients}")
            mails[code].append(Told(letter.recipients[0].lower(), message["Subject"], text, _page(message)))
        for identity, contents in identities.items():
            self.demand(len(contents) == 1, f"two different letters are {identity}")
        names = Counter(identity.partition(".")[0] for identity in identities)
        self.demand(max(names.values(), default=1) == 1, f"one letter has several Message-IDs: {sorted(identities)}")
        for reply in self.world.desk.mails:
            found = CODE.findall(reply.text)
            if found and reply.kind == "reply":
                told = Told(reply.ticket, "", reply.text)  # a statement says its own code before the letter's
                replies[found[-1]].append(told)
        for ticket in self.world.desk.tickets.values():
            for text in _notes(ticket):
                for code in CODE.findall(text)[-1:]:
                    notes[code].append(Told(ticket.id, "", text))
        unasked = replies if self.noted else notes
        self.demand(
            not unasked, f"a firm that tells by {self.oracle.switches.get('reply_as', 'reply')} told {dict(unasked)}"
        )
        return mails, notes if self.noted else replies

    def _one(self, row, name, mails, replies):
        by_mail = row["channel"] == "email"
        got = mails if by_mail else replies
        self.demand(row["state"] not in ("pending", "sending", "unknown"), f"{name} waits for ever")
        alone = self.namesakes[row["code"]] == 1
        # people who split and merge tickets copy a note about
        self.demand(
            len(replies) < 2 or (self.noted and row["attempts"] == 1) or (by_mail and not alone),
            f"{name} stands {len(replies)} times in its ticket",
        )
        if by_mail:
            most = self._most(row)
            self.demand(len(mails) <= most, f"{name} was mailed {len(mails)} times, {most} at most")
        if alone:
            self.demand(not (mails and replies), f"{name} was mailed and stands in its ticket, too")
        if row["state"] == "sent" and row["carrier"] is None:
            self.demand(got, f"{name} never arrived")
        if row["state"] == "cancelled":
            self.demand(not got, f"{name} arrived all the same")
        if row["document"] in self.oracle.addresses and row["kind"] != "low_balance":
            allowed = self.oracle.addresses[row["document"]]
            self.demand({told.to for told in mails} <= allowed, f"{name} went to {mails}, not {allowed}")
        ticket = row["document"].partition(":")[2]
        if not self.noted:  # notes move along when tickets are merged or split
            self.demand({told.to for told in replies} <= {ticket}, f"{name} stands in {replies}")
        if row["state"] == "sent" and row["kind"] in ("low_balance", "insufficient"):
            self._shop_was_read(row, name)
        for told in got[:1]:
            if row["kind"] == "statement":
                self._statement(row, name, told)
            if row["kind"] not in ("statement", "module_ending") and row["account"] not in self.moved:
                self._figures(row, name, told)

    def _most(self, row):
        """How often its mail may have arrived: nobody can look for one of unknown outcome, so it goes once more."""
        return 2 if row["code"] in self.oracle.kept | self.oracle.network.kept else 1

    def _given_up(self, row, name):
        """Never at the first trouble."""
        seen = self.oracle.given_up.get(row["id"], self.world.now())
        self.demand(self._hopeless(row, seen), f"{name} was given up at {seen}")

    def _hopeless(self, row, seen):
        """After a day of trying; a mail, too, whose outcome was lost twice, a reply whose ticket's messages went elsewhere."""
        ticket = row["document"].partition(":")[2]
        if row["channel"] == "email":
            posted = self.oracle.network.lost_posts[row["code"]] if self.namesakes[row["code"]] == 1 else 0
            hopeless = self._lost(row) + posted >= 2  # it may have been meant for its ticket before
        else:
            hopeless = ticket in self.world.merged
        return hopeless or self._tried_for_a_day(row, seen)

    def _lost(self, row):
        """How often nobody could know what became of this letter's mail."""
        return self.oracle.network.lost_mails[row["code"]] + len(self.oracle.died[row["id"]])

    def _tried_for_a_day(self, row, seen):
        """Whether there was trouble on its way when it was given up, and a day before it, when it was there already."""
        oracle = self.oracle
        system = self.mail if row["channel"] == "email" else self.world.desk
        troubles = (*oracle.network.troubles[system], *oracle.disturbed)
        first = oracle.met.get(row["id"], seen) - truth.NEAR_S
        return any(first <= moment <= seen - DAY_S + truth.NEAR_S for moment in troubles) and any(
            seen - truth.NEAR_S <= moment <= seen for moment in troubles
        )

    def _carried(self, name, told):
        """The letter that says this one's text, too, says it: that the balance is low, or what is owed."""
        self.demand(told, f"{name} never arrived, nor did the letter that says the same")
        for one in told:
            self.demand(LOW.search(one.text) or OWED.search(one.text), f"{name} is not said in {one.text}")

    def _shop_was_read(self, row, name):
        """Who had bought before the letter's cause is not told to buy."""
        cause = row["cause"] - truth.NEAR_S // 4
        bought = {document for document, since in self.oracle.worth_since.items() if since < cause}
        late = [
            entry["document"]
            for entry in self.entries
            if entry["document"].startswith("shop")
            and entry["document"] in bought
            and (entry["account"], entry["revision"], entry["kind"]) == (row["account"], 1, "grant")
            and entry["recorded"] > row["sent_at"]
        ]
        for document in late:
            since = self.oracle.worth_since[document] - truth.NEAR_S
            hidden = self.oracle.hidden(document, since, row["sent_at"] + truth.NEAR_S)
            self.demand(hidden, f"{name} went out before {document} was read")

    # figures

    def _figures(self, row, name, told):
        """Every figure that a letter shows is one the ledger had at its time."""
        found = NOW.findall(told.text)
        self.demand(len(found) == 1, f"{name} shows no balance or several: {told.text}")
        now = _number(found[0])
        entry = self._entry(row)
        since = entry["recorded"] if entry is not None else row["created_at"]
        true = self._balances_between(row["account"], since, row["sent_at"] or row["due"])
        self.demand(now in true, f"{name} says the balance is {now}, it was {true}")
        then = _number(THEN.findall(told.text)[0]) if THEN.search(told.text) else now
        if entry is not None:
            self.demand(then == entry["balance"], f"{name} says {then} after the movement, it was {entry['balance']}")
            self._movement(entry, name, told)
        need = self._need(row, name, told, now)
        offered = [(int(count or 1), _number(credits)) for count, _, credits in OFFER.findall(told.text)]
        if need:
            self._covers(need, offered, name)
        self.demand(need or not offered, f"{name} offers packs for nothing: {told.text}")

    def _entry(self, row):
        if row["kind"] not in MOVED:
            return None
        wanted = row["document"], row["revision"], row["account"]
        fits = [one for one in self.entries if (one["document"], one["revision"], one["account"]) == wanted]
        self.demand(len(fits) == 1, f"letter {row['id']} tells {wanted}, which is {len(fits)} entries")
        return fits[0]

    def _balances_between(self, account, since, until):
        history = self.balances[account]
        before = [balance for _, when, balance in history if when < since]
        return {*before[-1:], *(balance for _, when, balance in history if since <= when <= until)} or {0}

    def _movement(self, entry, name, told):
        difference = DIFFERENCE.search(told.text)
        moved = entry["credits"]
        if difference:
            self.demand(_number(difference[1]) == moved, f"{name} moves {difference[1]}, the entry {moved}")
        else:
            body = told.text.partition("Saldo ")[0] + told.subject
            shown = {_number(text) for text in re.findall(CREDITS, body)}
            self.demand(not shown or abs(moved) in shown, f"{name} moves {moved} and shows {shown}")

    def _need(self, row, name, told, now):
        """Credits that the offered packs must cover."""
        if row["kind"] == "insufficient":
            cost, short = _number(COST.search(told.text)[1]), _number(SHORT.search(told.text)[1])
            already = _number(found[1]) if (found := ALREADY.search(told.text)) else 0
            # the ticket may have come to cost less between the warning and its sending
            self.demand(cost <= row["revision"], f"{name} says it costs {cost}, not {row['revision']}")
            self.demand(short == cost - already - now > 0, f"{name}: {cost} - {already} - {now} is not {short}")
            return short
        owed = OWED.search(told.text)
        self.demand(bool(owed) == (now < 0) or not owed, f"{name} with {now} says {told.text}")
        if row["kind"] in MOVED and self._entry(row)["balance"] < 0:
            self.demand(bool(owed) == (now < 0), f"{name} with {now} does not say what is owed: {told.text}")
        if owed:
            self.demand(_number(owed[1]) == -now, f"{name} with {now} says {owed[1]} is owed")
            return -now
        if LOW.search(told.text):
            self.demand(now < THRESHOLD, f"{name} calls {now} low")
            return THRESHOLD - now
        self.demand(row["kind"] != "low_balance", f"{name} does not say that {now} is low")
        return 0

    def _covers(self, need, offered, name):
        """The smallest pack that covers it, else the fewest packs that do."""
        count, total = sum(number for number, _ in offered), sum(number * credits for number, credits in offered)
        self.demand(total >= need, f"{name}: {offered} do not cover {need}")
        small = any(need <= truth.pack("SERVDOLIA60", new) for new in self._prices())
        large = max(truth.pack("SERVDOLIA120", new) for new in self._prices())
        fewest = -(-need // large)
        self.demand(count <= -(-need // truth.pack("SERVDOLIA120")), f"{name}: {offered} are many packs for {need}")
        self.demand(count >= fewest, f"{name}: {offered} for {need}")
        if small and len(self._prices()) == 1:
            self.demand(total == truth.pack("SERVDOLIA60"), f"{name}: {offered}, where a smaller one covers {need}")

    def _prices(self):
        return (False,) if self.world.changes_at is None else (False, True)

    # told of each change, and of nothing else

    def _every_change_told(self):
        """Each entry since going live has its one letter, none has two, the quiet past none."""
        letters = Counter(
            (row["document"], row["revision"])
            for row in self.rows
            if row["kind"] in MOVED and (row["state"] in ("sent", "failed") or row["why"] == "the mail says the same")
        )
        told = defaultdict(list)
        for row in self.entries:
            if row["kind"] in TOLD:
                told[row["document"], row["revision"]].append(row)
        for (document, revision), entries in told.items():
            dated = self.oracle.dated(document)
            found = letters.pop((document, revision), 0)
            if revision == 1 and dated is not None and dated < self.oracle.live_at:
                self.demand(found == 0, f"{document} is of the quiet past and was told")
                continue
            if revision == 1 and dated is None:
                continue  # of a day that nobody can be sure of
            # a document that changes hands is told to both, by mail to whom it left
            several = (2 if self.noted and document.startswith("helpdesk") else 1) + len(entries) - 1
            self.demand(
                1 <= found <= several, f"{document} revision {revision} was told {found} times: {tuple(entries[0])}"
            )
        self.demand(not letters, f"letters about nothing: {dict(letters)}")

    def _statements(self):
        """Who asks and has an account gets one statement, at the address that asked."""
        asked = [row for row in self.rows if row["kind"] == "statement" and row["channel"] == "email"]
        found = Counter(row["document"] for row in asked)
        for ticket in self.world.desk.tickets.values():
            document = f"helpdesk:{ticket.id}"
            got = found.pop(document, 0)
            if ticket.fields["subject"] not in STATEMENT_WORDS:
                self.demand(not got, f"{document} never asked for a statement")
                continue
            self.demand(got < 2, f"{document} got {got} statements")
            if self._surely_asked(ticket):
                near = {row["document"] for row in asked if row["created_at"] > self.world.opened[ticket.id] - DAY_S}
                self.demand(got or len(near) >= STATEMENTS_A_DAY, f"{document} asked for a statement and got none")
        for row in asked:
            allowed = ("sent", "failed", "cancelled") if row["account"] in self.moved else ("sent", "failed")
            self.demand(row["state"] in allowed, f"the statement of {row['document']} is {row['state']}: {row['why']}")

    def _statement(self, row, name, told):
        """It shows the balance, every document that made it and no stranger's."""
        balances = {_number(text) for text in STATED.findall(told.text)}
        now = {_number(text) for text in NOW.findall(told.text)}
        self.demand(len(now) == 1 and balances == now, f"{name} states {balances} and says {now}")
        named = {self._document(kind, code) for kind, code in NAMED.findall(told.text)}
        if told.page:
            paged = {self._document(kind, code) for kind, code in NAMED.findall(told.page)}
            states = {_number(text) for text in STATED.findall(told.page)}
            self.demand((paged, states) == (named, balances), f"the file of {name} shows {paged} and {states}")
        mine = self.oracle.held_by[normal(row["recipient"])]
        held_by, addresses = self.oracle.held_by, self.oracle.addresses
        strange = sorted(key for key in named if not any(held_by[email] & mine for email in addresses[key]))
        self.demand(not strange, f"{name} for {row['recipient']} shows {strange}, which are another's")
        if row["account"] in self.moved:
            return
        until = row["sent_at"] or row["due"]
        true = self._balances_between(row["account"], row["created_at"], until)
        self.demand(balances <= true, f"{name} states {balances}, the balance was {true}")
        of = STATED_OF.findall(told.text)
        self.demand(of == [str(row["account"])], f"{name} of account {row['account']} is of {of}")
        before = {
            entry["document"]
            for entry in self.entries
            if entry["account"] == row["account"] and entry["recorded"] < row["created_at"] and entry["kind"] in TOLD
        }
        self.demand(before <= named, f"{name} lacks {before - named}")

    def _document(self, kind, code):
        """The key of what a customer knows by this name."""
        if kind == "pedido":
            return f"shop:{code}"
        if kind == "factura":
            return next(f"erp:{row['rowid']}" for row in self.world.erp.invoices.values() if row["ref"] == code)
        return f"helpdesk:{self.world.desk.codes[code]}"

    def _surely_asked(self, ticket):
        """Whether it was read as a new ticket, since going live, of an address that had its account before."""
        opened = self.world.opened[ticket.id]
        owned = self.owned.get(normal(ticket.fields["owner_email"]))
        untouched = self.world.stood[ticket.id] == "N" and opened >= self.oracle.live_at + self.oracle.skew
        return untouched and owned is not None and owned < opened

    # a year of support

    def _endings(self):
        """Who bought a module hears of the end of its year once, some time before it, if they hear of it at all."""
        told = {row["document"]: row for row in self.rows if row["kind"] == "module_ending"}
        self.demand(
            len(told) == sum(row["kind"] == "module_ending" for row in self.rows), "one end of support was told twice"
        )
        ahead = self.oracle.switches.get("ending_days", 0) * DAY_S
        for document, row in told.items():
            order = self.world.orders[int(document.partition(":")[2])]
            self.demand(any(_is_module(line) for line in order.lines.values()), f"{document} has no module")
            due = order.dated + truth.SUPPORT_S - ahead
            self.demand(row["created_at"] > due - truth.NEAR_S, f"the end of {document}'s support was told too early")
        if not ahead:
            return
        latest = {}
        for order in self.world.orders.values():
            if order.stand in ("paid", "hold") and any(_is_module(line) and line.left for line in order.lines.values()):
                holder = self.world.holder(order.email).name
                if self.oracle.is_moved(order.email):
                    continue
                latest[holder] = max(latest.get(holder, order), order, key=lambda one: one.dated)
        for order in latest.values():
            due, now = order.dated + truth.SUPPORT_S - ahead, self.world.now()
            if due < now - truth.NEAR_S and now < due + ahead and due > self.oracle.live_at + truth.NEAR_S:
                row = told.get(f"shop:{order.id}")
                self.demand(row is not None, f"nobody was told that the support of shop:{order.id} ends")

    # low, insufficient

    def _low(self):
        """Each fall below the threshold is told at most once, and told if the balance stays there."""
        said = defaultdict(list)
        for row in self.rows:
            if row["state"] in ("sent", "failed") and row["kind"] in ("low_balance", "insufficient"):
                # one that stayed in doubt twice is listed for a person
                said[row["account"], row["kind"]].append(row["sent_at"] or row["tried_since"] or row["created_at"])
        for account, history in self.balances.items():
            if account in self.moved:
                continue
            before, falls = 0, []
            for _, when, balance in history:
                if before >= THRESHOLD > balance:
                    falls.append(when)
                before = balance
            low = said[account, "low_balance"]
            self.demand(len(low) <= len(falls), f"account {account}: {len(low)} low letters, {len(falls)} falls")
            if falls and before < THRESHOLD and self._surely_told(account, falls[-1]):
                after = [when for kind in ("low_balance", "insufficient") for when in said[account, kind]]
                self.demand(
                    any(when >= falls[-1] for when in after),
                    f"account {account} fell to {before} at {falls[-1]} and was not told",
                )

    def _surely_told(self, account, when):
        """Whether what made the account fall then is no matter of the quiet past."""
        made = [entry for entry in self.entries if entry["account"] == account and entry["recorded"] == when]
        days = [
            self.oracle.live_at if entry["kind"] == "adjustment" else self.oracle.dated(entry["document"])
            for entry in made
            if entry["credits"] < 0
        ]
        return all(day is not None and day >= self.oracle.live_at for day in days)

    def _beforehand(self):
        """An open ticket that the balance never covered since it last changed was warned of, never twice alike."""
        warned = defaultdict(list)
        for row in self.rows:
            if row["kind"] == "insufficient" and row["why"] != "the mail says the same":
                warned[row["document"], row["channel"]].append(row["revision"])
        for (document, _), costs in warned.items():
            self.demand(costs == sorted(set(costs)), f"{document} was warned of {costs}")
        since = dict(self.database.execute("SELECT id, created_at FROM accounts").fetchall())
        owner = dict(self.database.execute("SELECT email, account FROM addresses ORDER BY since, id").fetchall())
        for document, (changed, need) in self.oracle.open_tickets.items():
            ticket = self.world.desk.tickets[document.partition(":")[2]]
            account = owner.get(normal(ticket.fields["owner_email"]))
            if need is None or ticket.status not in ("N", "C") or changed < self.oracle.live_at or account is None:
                continue
            if account in self.moved or since[account] >= changed or ticket.fields["subject"] in STATEMENT_WORDS:
                continue
            if need <= self.oracle.opened_before.get(document, 0):
                continue  # going live told nobody, and it costs no more than it did then
            charged = sum(entry["credits"] for entry in self.entries if entry["document"] == document)
            had = self._balances_between(account, changed, self.world.now())
            costs = [cost for (other, _), costs in warned.items() if other == document for cost in costs]
            if max(had) < need + charged and need + charged > 0:
                self.demand(
                    any(cost >= need for cost in costs), f"{document} costs {need} with {had}: warned of {costs}"
                )


def _page(message):
    found = [part for part in message.iter_attachments() if part.get_content_type() == "text/html"]
    return html.unescape(TAG.sub(" ", "".join(part.get_payload(decode=True).decode() for part in found)))


def _notes(ticket):
    """Internal notes; of a group that a split took along, the new ticket holds the one that counts."""
    groups = [group for group in ticket.groups if group.type == "I" and group.status != "S"]
    return [message.text for group in groups for message in group.messages if message.type == "N"]


def _is_module(line):
    return line.reference.startswith("MOD")


def _number(text):
    return int(text.replace(".", "").replace("+", "").replace("−", "-"))
