"""The tables of a simulated PrestaShop: as installed, or as the little shop of the recordings."""

import json
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bytebridge.sandbox.prestashop_fields import FIELDS, PLURALS, ZERO_DATE, canonical, filled

STATES = (
    (1, "Awaiting check payment", "", "ps_checkpayment"),
    (2, "Payment accepted", "invoice logable paid", ""),
    (3, "Processing in progress", "delivery invoice logable paid", ""),
    (4, "Shipped", "delivery invoice logable shipped paid", ""),
    (5, "Delivered", "delivery invoice logable shipped paid", ""),
    (6, "Canceled", "", ""),
    (7, "Refunded", "invoice", ""),
    (8, "Payment error", "", ""),
    (9, "On backorder (paid)", "invoice paid", ""),
    (10, "Awaiting bank wire payment", "", "ps_wirepayment"),
    (11, "Remote payment accepted", "invoice logable paid", ""),
    (12, "On backorder (not paid)", "", ""),
    (13, "Awaiting Cash On Delivery validation", "", "ps_cashondelivery"),
)
FLAGS = ("delivery", "hidden", "invoice", "logable", "shipped", "paid", "deleted")
LANGUAGES = ((1, "en", "en-US", "en-us"), (2, "es", "es-ES", "es"), (3, "fr", "fr-FR", "fr"))


class Table:
    """Records by id, their ids in order, and indexes on the fields by which batches are asked for."""

    def __init__(self, *indexed):
        self.rows = {}
        self.ids = []
        self.indexes = {field: defaultdict(list) for field in indexed}

    def add(self, record):
        id_ = record["id"]
        if id_ not in self.rows:
            insort(self.ids, id_)
            for field, index in self.indexes.items():
                insort(index[record[field]], id_)
        self.rows[id_] = record
        return id_

    def remove(self, id_):
        record = self.rows.pop(id_)
        del self.ids[bisect_left(self.ids, id_)]
        for field, index in self.indexes.items():
            index[record[field]].remove(id_)

    def next_id(self):
        return self.ids[-1] + 1 if self.ids else 1

    def after(self, id_):
        return self.ids[bisect_right(self.ids, id_) :]

    def of(self, field, value):
        return [self.rows[id_] for id_ in self.indexes[field].get(value, ())]


class Tables:
    """now: the server's clock [epoch s]; zone: in which it writes dates. Every record of every resource."""

    def __init__(self, now, time_zone, *, old):
        self.now = now
        self.zone = ZoneInfo(time_zone)
        self.old = old
        self.tables = {resource: Table() for resource in FIELDS}
        for resource in ("order_details", "order_slip", "order_histories"):
            self.tables[resource] = Table("id_order")
        self.parts = {"order_slip": {}, "products": {}}  # associations that are no table of their own
        self.translations = {}  # (resource, id) -> {language: name}
        self.last_line = self.last_invoice = 0

    def furnish(self):
        """An empty shop as installed: its own states, three languages, one shop, some secrets."""
        for id_, name, flags, module in STATES:
            self.state(id_, name, flags.split(), module)
        for id_, iso, locale, code in LANGUAGES:
            self.put("languages", id=id_, iso_code=iso, locale=locale, language_code=code, active="1")
        self.put("shops", id=1, id_shop_group=1, id_category=2, active=1, deleted=0, name="Shop Example")
        self.put("configurations", id=1, name="PS_TIMEZONE", value=str(self.zone))
        return self

    def load(self, folder, prefix):
        """The little shop of the recordings `<prefix>-*.json`."""

        def recorded(name, resource):
            body = json.loads((Path(folder) / f"{prefix}-{name}.json").read_text(encoding="utf-8"))
            return body[PLURALS.get(resource, resource)]

        for name, resource in (
            ("order_states", "order_states"),
            ("languages", "languages"),
            ("customers-seed-all", "customers"),
            ("orders-seed-all", "orders"),
            ("orders-full-by-id", "orders"),
            ("orders-full-awaiting", "orders"),
            ("order-single-display-full", "orders"),
            ("order_details-seed-all", "order_details"),
            ("order_details-full", "order_details"),
            ("order_slip-all", "order_slip"),
            ("order_histories-all", "order_histories"),
            ("order_payments-unsorted", "order_payments"),
            ("order_payments-by-reference", "order_payments"),
            ("order_invoices", "order_invoices"),
            ("order_cart_rules", "order_cart_rules"),
            ("products-by-reference", "products"),
            ("products-bundle", "products"),
            ("combinations", "combinations"),
            ("shops", "shops"),
        ):
            for record in recorded(name, resource):
                self._take(resource, dict(record))
        for record in recorded("order_states-multilang", "order_states"):
            names = {int(text["id"]): text["value"] for text in record["name"]}
            self.translations["order_states", record["id"]] = names
        for name in ("orders-seed-all", "orders-full-by-id", "orders-full-awaiting"):
            self._complete_lines(recorded(name, "orders"))
        self.last_line = self.tables["order_details"].ids[-1]
        self.last_invoice = max(row["invoice_number"] for row in self.tables["orders"].rows.values())
        self._date_invoices()
        self.put("configurations", id=1, name="PS_TIMEZONE", value=str(self.zone))
        return self

    def _take(self, resource, record):
        associations = record.pop("associations", {})
        record = canonical(resource, record)
        before = self.tables[resource].rows.get(record["id"], {})
        self.tables[resource].add(filled(resource, {**before, **record}))
        for name, rows in associations.items():
            if name in ("order_slip_details", "product_bundle"):
                self.parts[resource][record["id"]] = [{k: _number(v) for k, v in row.items()} for row in rows]

    def _complete_lines(self, orders):
        """What the recorded lists of lines leave out, from the rows of the orders."""
        lines = self.tables["order_details"].rows
        for order in orders:
            for row in order.get("associations", {}).get("order_rows", ()):
                lines[int(row["id"])] |= canonical("order_details", row)

    def _date_invoices(self):
        """The list of all orders was recorded without invoice_date: the first state with an invoice set it."""
        states = self.tables["order_states"].rows
        for order in self.tables["orders"].rows.values():
            entries = self.tables["order_histories"].of("id_order", order["id"])
            dates = [entry["date_add"] for entry in entries if states[entry["id_order_state"]]["invoice"] == "1"]
            if order["invoice_number"] and order["invoice_date"] == ZERO_DATE:
                order["invoice_date"] = min(dates, default=order["date_add"])

    def put(self, resource, **values):
        values.setdefault("id", self.tables[resource].next_id())
        return self.tables[resource].add(filled(resource, values))

    def state(self, id_, name, flags, module=""):
        values = {flag: "1" if flag in flags else "0" for flag in FLAGS}
        return self.put("order_states", id=id_, name=name, module_name=module, **values)

    def text(self, at=None):
        moment = datetime.fromtimestamp(self.now() if at is None else at, UTC)
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")


def _number(value):
    return int(value) if str(value).isdecimal() else value
