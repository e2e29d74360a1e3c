"""A shop and a help desk of any size, made by formula: row n is always the same, and no row is kept."""

from datetime import UTC, datetime

SPACING_S = (
    900  # between two orders and between two tickets, so that a day is as busy in a short history as in a long one
)
PACKS = (("SERVDOLIA60", "72.600000"), ("SERVDOLIA120", "145.200000"), ("SERVDOLIA300", "363.000000"))
MODULE = ("MODULE-AGENDA", "48.400000")
PAID, CANCELLED, AWAITING = 2, 6, 10
STATES = (
    (PAID, "Payment accepted", 1),
    (CANCELLED, "Canceled", 0),
    (AWAITING, "Awaiting bank wire payment", 0),
)
LATEST_STEP_S = 60


def text(at):
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def seconds(words):
    return int(datetime.fromisoformat(words).replace(tzinfo=UTC).timestamp())


class Timeline:
    """Numbers 1..count at even distances up to `end`, and those that were touched since, the later the newer.

    touched: number to how often. delay: from making to last change [s].
    """

    def __init__(self, count, end, delay):
        self.count, self.end, self.delay = count, end, delay
        self.touched = {}
        self._changed = {}

    def touch(self, how_many):
        for number in range(1, how_many + 1):
            self.touched[number] = self.touched.get(number, 0) + 1
            self._changed[number] = self.end + self.delay + LATEST_STEP_S * (len(self._changed) + self.touched[number])

    def made(self, number):
        return self.end - (self.count - number) * SPACING_S

    def changed(self, number):
        return self._changed.get(number, self.made(number) + self.delay)

    def first_from(self, at):
        """The first number made at this time or later."""
        return max(1, self.count - (self.end - at) // SPACING_S)

    def last_until(self, at):
        """The last number made at this time or earlier."""
        return self.count - -(-(self.end - at) // SPACING_S)

    def changed_after(self, at):
        """Numbers in rising order."""
        found = set(range(self.first_from(at - self.delay + 1), self.count + 1))
        return sorted(number for number in found | set(self._changed) if self.changed(number) > at)

    def latest_first(self):
        """All numbers by falling time of change."""
        yield from sorted(self._changed, key=self._changed.get, reverse=True)
        yield from (number for number in range(self.count, 0, -1) if number not in self._changed)


class Orders:
    """Of a hundred orders 10 are of a module, 10 neither paid nor kept, 1 was given back a unit; a third have two lines."""

    def __init__(self, count, end):
        self.time = Timeline(count, end, delay=3600)
        self.customers = max(1, count // 10)

    def state(self, number):
        return {3: CANCELLED, 11: AWAITING}.get(number % 20, PAID)

    def parts(self, number):
        """Id, reference, price and units given back of each line."""
        back = 1 if number % 100 == 7 or number in self.time.touched else 0
        first = MODULE if number % 10 == 9 else PACKS[number % 3]
        lines = [(2 * number - 1, *first, back)]
        if number % 3 == 0:
            lines.append((2 * number, *PACKS[number % 2], 0))
        return lines

    def order(self, number):
        lines = self.parts(number)
        shown = ",".join(
            f'{{"id":{line},"product_quantity":1,"product_reference":"{reference}"}}' for line, reference, _, _ in lines
        )
        total = f"{sum(float(price) for _, _, price, _ in lines):.6f}"
        state = self.state(number)
        made = text(self.time.made(number))
        return (
            f'{{"id":{number},"id_lang":1,"id_customer":{self.customer_of(number)},"current_state":{state},'
            f'"invoice_date":"{"0000-00-00 00:00:00" if state == AWAITING else made}","date_add":"{made}",'
            f'"date_upd":"{text(self.time.changed(number))}","id_shop":1,"total_paid":"{total}",'
            f'"total_paid_real":"{"0.000000" if state == AWAITING else total}","reference":"{number:09d}",'
            f'"associations":{{"order_rows":[{shown}]}}}}'
        )

    def customer_of(self, number):
        return number % self.customers + 1

    def lines(self, number):
        return ",".join(
            f'{{"id":{line},"id_order":{number},"product_quantity":1,"product_quantity_return":0,'
            f'"product_quantity_refunded":{back},"product_reference":"{reference}","unit_price_tax_incl":"{price}",'
            f'"total_refunded_tax_incl":"{price if back else "0.000000"}"}}'
            for line, reference, price, back in self.parts(number)
        )

    def slip(self, number):
        line, _, price, _ = self.parts(number)[0]
        return (
            f'{{"id":{number // 100 + 1},"id_order":{number},"associations":{{"order_slip_details":'
            f'[{{"id_order_detail":{line},"product_quantity":1,"amount_tax_incl":"{price}"}}]}}}}'
        )

    def history(self, number):
        made = text(self.time.made(number))
        state = self.state(number)
        return f'{{"id":{number},"id_order_state":{state},"id_order":{number},"date_add":"{made}"}}'

    def customer(self, number):
        return (
            f'{{"id":{number},"id_lang":1,"lastname":"Example","firstname":"Customer {number}",'
            f'"email":"customer{number}@example.com"}}'
        )


class Tickets:
    """Of ten tickets seven are resolved, one is closed, two are open; of fifty one waits without minutes."""

    def __init__(self, count, end):
        self.time = Timeline(count, end, delay=7200)
        self.customers = max(1, count // 10)

    def status(self, number):
        return "RRRRRRRLCC"[number % 10]

    def ticket(self, number):
        status = self.status(number)
        customer = number % self.customers + 1
        changed = text(self.time.changed(number))
        minutes = "" if number % 50 == 1 else str(10 + number % 60 + 15 * self.time.touched.get(number, 0))
        kind = ("consulta", "intervencion")[number % 2]
        resolved = f'"{changed}"' if status in "RL" else "null"
        return (
            f'{{"id":"t{number:07d}","owner_contactid":"c{customer:06d}","owner_email":"customer{customer}@example.com",'
            f'"owner_name":"Customer {customer} Example","departmentid":"default","agentid":"agent1","status":"{status}",'
            f'"tags":["tag{number % 5}"],"code":"KXB-QWERT-{number:06d}","channel_type":"E",'
            f'"date_created":"{text(self.time.made(number))}","date_changed":"{changed}","date_resolved":{resolved},'
            f'"date_due":null,"date_deleted":null,"public_access_urlcode":"a{number:031x}",'
            f'"subject":"Question {number} about an invoice","custom_fields":[{{"code":"minutos","value":"{minutes}"}},'
            f'{{"code":"tipotrabajo","value":"{kind}"}},{{"code":"creditos","value":""}}]}}'
        )

    def between(self, column, first, last):
        """Numbers whose date of this column lies in [first, last], in that column's rising order."""
        if column == "date_created":
            return range(self.time.first_from(first), min(self.time.count, self.time.last_until(last)) + 1)
        found = [number for number in self.time.changed_after(first - 1) if self.time.changed(number) <= last]
        return sorted(found, key=self.time.changed)
