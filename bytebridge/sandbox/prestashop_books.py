"""What people do in a simulated PrestaShop, in the shop and in its back office.

Each action leaves what the real one left on 8.2.4 and 9.1.4: above all, a refund does not touch its order's date.
"""

from bytebridge.sandbox.prestashop_tables import Tables

PRICES = {"SERVDOLIA30": 54.45, "SERVDOLIA60": 102.85, "SERVDOLIA120": 193.60}
TAX = 1.21


def amount(value):
    return f"{value:.6f}"


class Books(Tables):
    def customer(self, email, first="Ana", last="Lopez", lang="es", *, guest=False):
        return self.put(
            "customers",
            email=email,
            firstname=first,
            lastname=last,
            id_lang=self._language(lang),
            is_guest="1" if guest else "0",
        )

    def guest(self, email, first="Guest", last="Uno", lang="es"):
        """Every guest order may make a new customer row with the same address."""
        return self.customer(email, first, last, lang, guest=True)

    def forget_customer(self, customer):
        self.tables["customers"].remove(customer)

    def new_state(self, name, flags="", module=""):
        """A state made by staff or by a payment module, often without any flag; its id."""
        return self.state(self.tables["order_states"].next_id(), name, flags.split(), module)

    def delete_state(self, state):
        """A deleted state stays listed."""
        self.tables["order_states"].rows[state]["deleted"] = "1"

    def buy(
        self,
        customer,
        units,
        *,
        paid=True,
        lang=None,
        at=None,
        state=None,
        reference=None,
        voucher=0,
        gift=None,
        prices=None,
        received=None,
        shop=1,
    ):
        """An order of units by reference; its id. customer: id or e-mail. voucher: percent off the total.

        gift: reference that a gift rule adds: its own row, or one unit more of the same row, at full price.
        received: money booked, where it is not the total.
        """
        if isinstance(customer, str):
            customer = self._customer_of(customer) or self.customer(customer, lang=lang or "es")
        units = dict(units)
        if gift:
            units[gift] = units.get(gift, 0) + 1
        date = self.text(at)
        order = self.put(
            "orders",
            id_customer=customer,
            id_cart=self.tables["orders"].next_id(),
            id_lang=self._language(lang) if lang else self.tables["customers"].rows[customer]["id_lang"],
            id_shop=shop,
            current_state=0,
            date_add=date,
            date_upd=date,
            reference=reference or _reference(self.tables["orders"].next_id()),
        )
        for name, quantity in units.items():
            self._line(order, name, quantity, (prices or {}).get(name))
        self._total(order)
        if gift or voucher:
            record = self.tables["orders"].rows[order]
            off = self._price(gift, prices) if gift else float(record["total_paid"]) * voucher / 100
            self._total(order, discount=off)
        self.set_state(order, state or (2 if paid else 10), at=at, received=received)
        return order

    def split(self, customer, carts, **options):
        """One cart that became several orders: the same reference, one payment, shown whole by the last."""
        reference = _reference(self.tables["orders"].next_id())
        orders = [self.buy(customer, units, reference=reference, received=0, **options) for units in carts]
        total = sum(float(self.tables["orders"].rows[order]["total_paid"]) for order in orders)
        self.tables["orders"].rows[orders[-1]]["total_paid_real"] = amount(total)
        return orders

    def set_state(self, order, state, *, at=None, received=None, employee=0):
        """A change of state, the only thing that pays, cancels or delivers."""
        record, flags = self.tables["orders"].rows[order], self.tables["order_states"].rows[state]
        date = self.text(at)
        record["current_state"] = state
        record["valid"] = flags["logable"]
        self.put("order_histories", id_order=order, id_order_state=state, id_employee=employee, date_add=date)
        if flags["paid"] == "1" and (received is not None or float(record["total_paid_real"]) == 0):
            money = float(record["total_paid"]) if received is None else received
            record["total_paid_real"] = amount(money)
            if money:
                self.put("order_payments", order_reference=record["reference"], amount=amount(money), date_add=date)
        if flags["invoice"] == "1" and not record["invoice_number"]:
            self.last_invoice += 1
            record["invoice_number"], record["invoice_date"] = self.last_invoice, date
        record["date_upd"] = date

    def pay(self, order, at=None):
        self.set_state(order, 2, at=at)

    def cancel(self, order):
        self.set_state(order, 6)

    def fail_payment(self, order):
        self.set_state(order, 8)

    def deliver(self, order):
        self.set_state(order, 5)

    def refund(self, order, units=None, how="slip", money=None):
        """Money back for units, by reference or line id.

        how: "slip" (partial refund), "standard", "return", "voucher" (no slip), "webservice_slip" (a slip alone,
        no counters), "postage" (a slip without lines) or "state" (Refunded set by hand, nothing else).
        money: with tax, where it is not the units' price.
        """
        if how == "state":
            self.set_state(order, 7)
            return None
        if how == "postage":
            return self._slip(order, [], postage=money or 2.0)
        taken = [(self._find_line(order, name), count) for name, count in (units or {}).items()]
        if how != "webservice_slip":
            delivered = self.tables["order_states"].rows[self._order(order)["current_state"]]["shipped"] == "1"
            counter = "return" if how == "return" or (how == "slip" and delivered) else "refunded"
            for line, count in taken:
                self._count(line, counter, count, money)
        return None if how == "voucher" else self._slip(order, taken, money=money, outside=how == "webservice_slip")

    def cancel_units(self, order, units):
        """Before payment: the quantity itself goes down."""
        for name, count in units.items():
            line = self._find_line(order, name)
            self.edit(order, {name: line["product_quantity"] - count})

    def edit(self, order, units):
        """Staff sets quantities by reference or line id; a reference not in the order becomes a new line."""
        for name, quantity in units.items():
            line = self._find_line(order, name, missing=True)
            if line is None:
                self._line(order, name, quantity, None)
            else:
                line["product_quantity"] = quantity
        self._total(order)
        self._touch(order)

    def delete_line(self, order, name):
        self.tables["order_details"].remove(self._find_line(order, name)["id"])
        self._total(order)
        self._touch(order)

    def book_payment(self, order, money=None):
        """By hand: the state stays what it was."""
        record = self._order(order)
        added = float(record["total_paid"]) if money is None else money
        record["total_paid_real"] = amount(float(record["total_paid_real"]) + added)
        self.put("order_payments", order_reference=record["reference"], amount=amount(added), date_add=self.text())
        self._touch(order)

    def note(self, order, text="called the customer"):
        self._order(order)["note"] = text
        self._touch(order)

    def erase(self, order):
        """By SQL: the order row alone is gone."""
        self.tables["orders"].remove(order)

    def product(self, reference, *, active=True, kind="virtual"):
        return self.put(
            "products", reference=reference, name=reference.title(), type=kind, active="1" if active else "0"
        )

    def rows_of(self, order):
        """order_rows as an order shows them."""
        return self.tables["order_details"].of("id_order", order)

    def _order(self, order):
        return self.tables["orders"].rows[order]

    def _touch(self, order):
        self._order(order)["date_upd"] = self.text()

    def _customer_of(self, email):
        found = (
            row["id"]
            for row in self.tables["customers"].rows.values()
            if row["email"].lower() == email.lower() and row["is_guest"] == "0"
        )
        return next(found, None)

    def _language(self, iso):
        return next(row["id"] for row in self.tables["languages"].rows.values() if row["iso_code"] == iso)

    def _price(self, reference, prices=None):
        return (prices or {}).get(reference) or PRICES.get(reference) or 59.29

    def _line(self, order, reference, quantity, price):
        price = price or self._price(reference)
        self.last_line += 1
        return self.put(
            "order_details",
            id=self.last_line,
            id_order=order,
            product_reference=reference,
            product_name=reference.title(),
            product_quantity=quantity,
            product_quantity_in_stock=quantity,
            product_price=amount(price / TAX),
            unit_price_tax_incl=amount(price),
            unit_price_tax_excl=amount(price / TAX),
        )

    def _find_line(self, order, name, *, missing=False):
        lines = self.tables["order_details"].of("id_order", order)
        found = [line for line in lines if name in (line["id"], line["product_reference"])]
        if not found and not missing:
            raise LookupError(f"order {order} has no line {name}")
        return found[0] if found else None

    def _total(self, order, discount=None):
        record = self._order(order)
        if discount is not None:
            record["total_discounts"] = record["total_discounts_tax_incl"] = amount(discount)
        lines = self.tables["order_details"].of("id_order", order)
        products = sum(float(line["unit_price_tax_incl"]) * line["product_quantity"] for line in lines)
        total = products - float(record["total_discounts"])
        record["total_products_wt"] = amount(products)
        record["total_paid"] = record["total_paid_tax_incl"] = amount(total)
        record["total_paid_tax_excl"] = amount(total / TAX)

    def _count(self, line, counter, count, money):
        taken = line["product_quantity_refunded"] + line["product_quantity_return"]
        if count < 1 or taken + count > line["product_quantity"]:
            raise ValueError("the shop refunds one unit at least, and no more than were bought")
        line[f"product_quantity_{counter}"] += count
        back = count * float(line["unit_price_tax_incl"]) if money is None else money
        if money is not None and self.old:
            back *= TAX  # 8.2.4 adds the tax twice
        line["total_refunded_tax_incl"] = amount(float(line["total_refunded_tax_incl"]) + back)

    def _slip(self, order, taken, *, money=None, postage=0.0, outside=False):
        record, date, slip = self._order(order), self.text(), self.tables["order_slip"].next_id()
        details = []
        for line, count in taken:
            with_tax = count * float(line["unit_price_tax_incl"]) if money is None else money
            details.append(
                {
                    "id": slip,  # the slip's own id, not the line's
                    "id_order_detail": line["id"],
                    "product_quantity": count,
                    "amount_tax_excl": amount(with_tax / TAX),
                    "amount_tax_incl": amount(with_tax),
                }
            )
        total = sum(float(detail["amount_tax_incl"]) for detail in details)
        if details:
            self.parts["order_slip"][slip] = details
        return self.put(
            "order_slip",
            id=slip,
            id_customer=record["id_customer"],
            id_order=order,
            total_products_tax_incl=amount(total),
            total_products_tax_excl=amount(total / TAX),
            total_shipping_tax_incl=amount(postage),
            total_shipping_tax_excl=amount(postage / TAX),
            amount=amount(total / TAX if self.old and not outside else total),
            shipping_cost="1" if postage else "0",
            shipping_cost_amount=amount(postage),
            partial=1 if outside else 0,
            order_slip_type=2 if postage else 0,
            date_add=date,
            date_upd=date,
        )


def _reference(number):
    """Nine letters, different for every order."""
    letters = ""
    for _ in range(9):
        number, letter = divmod(number * 7 + 3, 26)
        letters += chr(65 + letter)
    return letters
