"""The records of a simulated Dolibarr, and what people do to them; `tms` moves only where the real one moves it."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

DRAFT, VALIDATED, CLOSED, ABANDONED = 0, 1, 2, 3
STANDARD, REPLACEMENT, CREDIT_NOTE, DEPOSIT = 0, 1, 2, 3
PREFIX = {STANDARD: "FA", REPLACEMENT: "FA", CREDIT_NOTE: "AV", DEPOSIT: "AC"}


class Books:
    """Tables by number. Ids are given and taken as text, as the API shows them.

    time_zone: PHP's. database_zone: the data base session's, where it differs.
    """

    def set_up(self, time_zone="Europe/Madrid", database_zone=None, vat="21"):
        self.zone = ZoneInfo(time_zone)
        self.database_zone = ZoneInfo(database_zone or time_zone)
        self.vat = Decimal(vat)
        self.invoices, self.parties, self.contacts, self.products, self.events = {}, {}, {}, {}, {}
        self.extra_fields = {"credit_balance": "double", "credit_synced_at": "datetime"}
        self.next_ids = {}

    def _next(self, table):
        highest = max([*getattr(self, table), self.next_ids.get(table, 0)], default=0)
        self.next_ids[table] = highest + 1
        return highest + 1

    def _second(self):
        return int(self.now())

    def midnight(self, at):
        """The beginning of a day in the server's zone. at: epoch s, or "2026-10-05"."""
        day = datetime.fromisoformat(at).date() if isinstance(at, str) else datetime.fromtimestamp(at, self.zone).date()
        return int(datetime.combine(day, time(), self.zone).timestamp())

    def customer(self, name, email=None, contacts=(), *, language=None, rep=None):
        """A third party. contacts: addresses of its people. rep: login of its only sales representative."""
        socid = self._next("parties")
        self.parties[socid] = {
            "rowid": socid, "nom": name, "email": email.lower() if email else None, "status": 1, "client": 1,
            "ref_ext": None, "code_client": f"CU-{socid:05d}", "default_lang": language, "datec": self._second(),
            "tms": self._second(), "options": {}, "rep": rep,
        }  # fmt: skip
        for address in contacts:
            self.contact(socid, address)
        return str(socid)

    def contact(self, socid, email, *, active=True):
        rowid = self._next("contacts")
        self.contacts[rowid] = {
            "rowid": rowid, "fk_soc": int(socid), "email": email.lower(), "firstname": "Sam",
            "lastname": f"Doe{rowid}", "statut": int(active),
        }  # fmt: skip
        return str(rowid)

    def product(self, ref, *, label=None, price="100", service=True):
        rowid = self._next("products")
        self.products[rowid] = {
            "rowid": rowid, "ref": ref, "label": label or ref, "fk_product_type": int(service), "tosell": 1,
            "price": Decimal(price),
        }  # fmt: skip
        return str(rowid)

    def rename_product(self, ref, new):
        self.products[self._product(ref)]["ref"] = new

    def _product(self, ref):
        found = next((rowid for rowid, product in self.products.items() if product["ref"] == ref), None)
        return found if found is not None else int(self.product(ref))

    def invoice(
        self,
        socid,
        lines,
        *,
        date=None,
        ref_client="",
        ref_ext="",
        module_source="",
        kind=STANDARD,
        source=None,
    ):
        """A draft. lines: (product reference or None for free text, quantity, unit price)."""
        rowid = self._next("invoices")
        now = self._second()
        self.invoices[rowid] = {
            "rowid": rowid, "ref": f"(PROV{rowid})", "ref_ext": ref_ext or None, "ref_client": ref_client or None,
            "type": kind, "fk_statut": DRAFT, "paye": 0, "close_code": None, "close_note": None,
            "fk_soc": int(socid), "datef": self.midnight(date if date is not None else now), "datec": now,
            "tms": now, "date_valid": None, "date_closing": None, "module_source": module_source or None,
            "fk_facture_source": int(source) if source is not None else None, "paid": Decimal(0),
            "notes_used": None, "deposits_used": None, "billing_contacts": [], "lines": [], "has_pdf": False,
        }  # fmt: skip
        self._set_lines(self.invoices[rowid], lines)
        return str(rowid)

    def _set_lines(self, invoice, lines):
        invoice["lines"] = [self._line(invoice, *line) for line in lines]

    def _line(self, invoice, ref, quantity, price, discount=0):
        quantity, price = Decimal(str(quantity)), Decimal(str(price))
        if invoice["type"] == CREDIT_NOTE:  # whatever sign was sent
            quantity, price = abs(quantity), -abs(price)
        return {
            "rowid": self._next("lines_made"), "fk_product": self._product(ref) if ref else None,
            "desc": ref or "Free text", "qty": quantity, "subprice": price, "remise_percent": discount,
        }  # fmt: skip

    @property
    def lines_made(self):
        return [line["rowid"] for invoice in self.invoices.values() for line in invoice["lines"]]

    def total(self, invoice):
        """With tax, from the lines unless the invoice came with its own."""
        if "total_ttc" in invoice:
            return invoice["total_ttc"]
        net = sum((self.net(line) for line in invoice["lines"]), Decimal(0))
        return (net * (100 + self.vat) / 100).quantize(Decimal("0.01"))

    def net(self, line):
        return line["qty"] * line["subprice"] * (100 - Decimal(line["remise_percent"])) / 100

    def _touch(self, invoice, **changes):
        invoice.update(changes)
        invoice["tms"] = self._second()

    def _of(self, invoice, *states):
        row = self.invoices[int(invoice)]
        if states and row["fk_statut"] not in states:
            raise ValueError(f"the ERP refuses this for {row['ref']} in state {row['fk_statut']}")
        return row

    def validate(self, invoice):
        row = self._of(invoice, DRAFT)
        today = self.midnight(self._second())
        ref = self._number(row) if row["ref"].startswith("(PROV") else row["ref"]
        self._touch(row, fk_statut=VALIDATED, ref=ref, date_valid=today)

    def _number(self, row):
        """The next of its series: the number of a deleted last one is given out again."""
        prefix = f"{PREFIX[row['type']]}{datetime.fromtimestamp(row['datef'], self.zone):%y%m}-"
        used = [int(other["ref"][-4:]) for other in self.invoices.values() if other["ref"].startswith(prefix)]
        return f"{prefix}{max(used, default=0) + 1:04d}"

    def pay(self, invoice):
        """The whole rest is paid and the invoice closed by it."""
        row = self._of(invoice, VALIDATED)
        row["paid"] = self.total(row) - (row["notes_used"] or 0) - (row["deposits_used"] or 0)
        self._close(row)

    def pay_part(self, invoice, amount):
        """Money booked without closing the invoice: its `tms` stays."""
        self._of(invoice, VALIDATED)["paid"] += Decimal(str(amount))

    def close_by_hand(self, invoice):
        """Marked paid without any payment."""
        self._close(self._of(invoice, VALIDATED))

    def _close(self, row):
        self._touch(row, fk_statut=CLOSED, paye=1, close_code=None, date_closing=self._second())

    def sell(self, socid, lines, **more):
        """Invoiced, validated and paid in one go."""
        invoice = self.invoice(socid, lines, **more)
        self.validate(invoice)
        self.pay(invoice)
        return invoice

    def reopen(self, invoice, *, delete_payment=False):
        row = self._of(invoice, CLOSED, ABANDONED)
        self._touch(row, fk_statut=VALIDATED, paye=0, close_code=None, date_closing=None)
        if delete_payment:
            row["paid"] = Decimal(0)

    def edit(self, invoice, lines=None, **fields):
        """Set back to draft, changed, and validated again if it was; a paid one must be reopened first."""
        row = self._of(invoice, DRAFT, VALIDATED)
        state = row["fk_statut"]
        if lines is not None:
            self._set_lines(row, lines)
        self._touch(row, **fields, fk_statut=state)

    def back_to_draft(self, invoice):
        self._touch(self._of(invoice, VALIDATED), fk_statut=DRAFT)

    def abandon(self, invoice, code="abandon"):
        self._touch(self._of(invoice, DRAFT, VALIDATED), fk_statut=ABANDONED, paye=0, close_code=code)

    def classify(self, invoice, close_code):
        """Closed with the rest given up: status 2 that is not paid."""
        row = self._of(invoice, VALIDATED)
        self._touch(row, fk_statut=CLOSED, paye=0, close_code=close_code, date_closing=self._second())

    def replace(self, invoice, lines):
        """Abandoned because a new invoice takes its place."""
        row = self._of(invoice, VALIDATED)
        new = self.invoice(row["fk_soc"], lines, kind=REPLACEMENT, source=invoice)
        self.validate(new)
        self._touch(row, fk_statut=ABANDONED, close_code="replaced")
        return new

    def deposit(self, socid, amount):
        return self.invoice(socid, [(None, 1, amount)], kind=DEPOSIT)

    def credit_note(self, source, lines, *, socid=None):
        """A draft that names its source, or none if source is None; the source's own row does not move."""
        owner = self.invoices[int(source)]["fk_soc"] if source is not None else socid
        return self.invoice(owner, lines, kind=CREDIT_NOTE, source=source)

    def refund(self, note):
        """Its money is paid back."""
        row = self._of(note, VALIDATED)
        row["paid"] = self.total(row)
        self._close(row)

    def to_discount(self, note):
        """Turned into a discount the customer may use later."""
        self._close(self._of(note, VALIDATED))

    def use_discount(self, note, invoice):
        """Set against another invoice, whose `tms` stays."""
        row = self._of(invoice, VALIDATED)
        row["notes_used"] = (row["notes_used"] or Decimal(0)) - self.total(self.invoices[int(note)])

    def draw_pdf(self, invoice):
        """Only the first drawing moves `tms`."""
        row = self._of(invoice)
        if not row["has_pdf"]:
            self._touch(row, has_pdf=True)

    def merge_customers(self, keep, other):
        """The other's id vanishes with its extra fields; its invoices and people move."""
        for row in self.invoices.values():
            if row["fk_soc"] == int(other):
                self._touch(row, fk_soc=int(keep))
        for row in self.contacts.values():
            if row["fk_soc"] == int(other):
                row["fk_soc"] = int(keep)
        del self.parties[int(other)]

    def delete(self, invoice):
        """A draft, or the last validated one without payment; anything else is refused."""
        row = self._of(invoice, DRAFT, VALIDATED)
        series = [
            other["rowid"]
            for other in self.invoices.values()
            if other["type"] == row["type"] and other["fk_statut"] != DRAFT
        ]
        if row["fk_statut"] == VALIDATED and (row["paid"] or row["rowid"] != max(series)):
            raise ValueError(f"the ERP refuses to delete {row['ref']}")
        self.next_ids["invoices"] = max(self.next_ids.get("invoices", 0), *self.invoices)
        del self.invoices[row["rowid"]]

    def age(self, invoice, days):
        """Moves everything of an invoice into the past, as if it had been made then."""
        row = self.invoices[int(invoice)]
        seconds = int(timedelta(days=days).total_seconds())
        for name in ("datec", "tms", "date_closing"):
            if row[name] is not None:
                row[name] -= seconds
        row["datef"] = self.midnight(row["datef"] - seconds)

    def events_of(self, socid):
        """Agenda events that somebody wrote about a third party, oldest first."""
        return [event for event in self.events.values() if event["fk_soc"] == int(socid) and event["ref_ext"]]

    def balance_of(self, socid):
        """The copy of the balance as people see it, None when empty."""
        return self.parties[int(socid)]["options"].get("credit_balance")
