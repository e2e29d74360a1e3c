"""`python server.py ORDERS TICKETS END`: the made shop and help desk on loopback, as fast as Python serves.

Prints its port. Under /_ it answers the bench alone: _log the addresses asked since it was last asked, _touch/N
changes N orders and N tickets.
"""

import json
import re
import sys
from collections import Counter
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

from rows import STATES, Orders, Tickets, seconds

FAR = 4_000_000_000
NONE = b"[]"


class World:
    def __init__(self, orders, tickets, end):
        self.orders, self.tickets = Orders(orders, end), Tickets(tickets, end)
        self.log = []
        self.answer = lru_cache(maxsize=20_000)(self._answer)

    def touch(self, how_many):
        self.orders.time.touch(how_many)
        self.tickets.time.touch(how_many)
        self.answer.cache_clear()

    def drain(self):
        taken, self.log = self.log, []
        return taken

    def _answer(self, address):
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query))
        if parts.path.startswith("/shop/api/"):
            return self.shop(parts.path.removeprefix("/shop/api/"), query)
        return self.desk(parts.path.removeprefix("/desk/api/v3/"), query)

    # shop

    def shop(self, resource, query):
        rows = getattr(self, f"_{resource}")(query, Asked(query))
        name = {"order_slip": "order_slips"}.get(resource, resource)
        body = ",".join(rows)
        return f'{{"{name}":[{body}]}}'.encode() if body else NONE

    def _orders(self, query, asked):
        time = self.orders.time
        if query["sort"] == "[date_upd_DESC]":
            numbers = time.latest_first()
        elif "filter[reference]" in query:
            numbers = asked.among("reference")
        elif asked.ids is not None:
            numbers = asked.ids
        elif "filter[date_add]" in query:
            first, last = asked.made()
            rows = range(max(asked.after + 1, time.first_from(first)), min(time.count, time.last_until(last)) + 1)
            return (self.orders.order(number) for number in islice(rows, asked.limit))
        elif (changed := asked.above("date_upd", words=True)) is not None:
            numbers = (number for number in time.changed_after(changed) if number > asked.after)
        else:
            numbers = range(asked.after + 1, time.count + 1)
        return (self.orders.order(number) for number in islice(numbers, asked.limit))

    def _order_details(self, query, asked):
        if "filter[id_order]" in query:
            return (self.orders.lines(number) for number in asked.among("id_order"))
        if "filter[product_quantity_return]" in query:
            return ()
        touched = set(self.orders.time.touched)
        given_back = sorted(touched | set(range(7, self.orders.time.count + 1, 100)))
        numbers = (number for number in given_back if 2 * number - 1 > asked.after)
        return (self._counter(number) for number in islice(numbers, asked.limit))

    def _counter(self, number):
        return (
            f'{{"id":{2 * number - 1},"id_order":{number},"product_quantity_refunded":1,"product_quantity_return":0}}'
        )

    def _order_slip(self, query, asked):
        count = self.orders.time.count
        if "filter[id_order]" in query:
            return (self.orders.slip(number) for number in asked.among("id_order") if number % 100 == 7)
        numbers = range(7, count + 1, 100)
        if query["sort"] == "[id_DESC]":
            numbers = reversed(numbers)
        return islice((self.orders.slip(number) for number in numbers if number // 100 + 1 > asked.after), asked.limit)

    def _order_histories(self, query, asked):
        return (self.orders.history(number) for number in asked.among("id_order"))

    def _customers(self, query, asked):
        return (self.orders.customer(number) for number in asked.ids)

    def _order_states(self, query, asked):
        return (
            f'{{"id":{id_},"name":"{name}","paid":"{paid}","logable":"{paid}","invoice":"{paid}","shipped":"0",'
            f'"delivery":"0","deleted":"0","module_name":""}}'
            for id_, name, paid in STATES
        )

    def _languages(self, query, asked):
        return ('{"id":1,"iso_code":"en"}',)

    # help desk

    def desk(self, path, query):
        if path == "tags":
            return json.dumps([{"id": f"tag{number}", "name": f"topic {number}"} for number in range(5)]).encode()
        if path.startswith("tickets/t"):
            return self.tickets.ticket(int(path.removeprefix("tickets/t"))).encode()
        if path != "tickets":
            return NONE
        per_page = int(query["_perPage"])
        start = (int(query["_page"]) - 1) * per_page
        rows = islice(self._found(query), start, start + per_page)
        return f"[{','.join(self.tickets.ticket(number) for number in rows)}]".encode()

    def _found(self, query):
        column, status, low, high = query.get("_sortField", "date_created"), None, 0, FAR
        for name, sign, value in json.loads(query.get("_filters", "[]")):
            if name == "status":
                status = value
                continue
            column = name
            at = seconds(value)
            low = at if sign == "D>=" else low
            high = at - (sign == "D<") if sign != "D>=" else high
        if query.get("_sortDir") == "DESC" and column == "date_changed":
            return self.tickets.time.latest_first()
        numbers = self.tickets.between(column, low, high)
        if status is not None:
            return (number for number in numbers if self.tickets.status(number) == status)
        return numbers


class Asked:
    """What a query of the shop narrows its list to."""

    def __init__(self, query):
        self._query = query
        self.limit = int(query.get("limit", FAR))
        self.after = self.above("id") or 0
        self.ids = self.among("id") if "filter[id]" in query and not self.after and self.above("id") is None else None

    def above(self, name, *, words=False):
        found = re.fullmatch(r">\[(.*)\]", self._query.get(f"filter[{name}]", ""))
        if found is None:
            return None
        return seconds(found[1]) if words else int(found[1])

    def made(self):
        """First and last time of making, both included, that `filter[date_add]` names in the shop's own zone."""
        sign, first, last = re.fullmatch(r"([<>]?)\[([^,]*),?(.*)\]", self._query["filter[date_add]"]).groups()
        at = seconds(first)
        return {"": (at, seconds(last) if last else at), ">": (at + 1, FAR), "<": (0, at - 1)}[sign]

    def among(self, name):
        return [int(one) for one in self._query[f"filter[{name}]"].strip("[]").split("|")]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True

    def do_GET(self):
        world = self.server.world
        if self.path == "/_log":
            body = json.dumps(world.drain()).encode()
        elif self.path.startswith("/_touch/"):
            world.touch(int(self.path.removeprefix("/_touch/")))
            body = NONE
        else:
            world.log.append(self.path)
            body = world.answer(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(orders, tickets, end):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.world = World(orders, tickets, end)
    print(server.server_port, flush=True)
    server.serve_forever()


def summary(addresses):
    """How often each resource was asked."""
    return dict(Counter(urlsplit(address).path.rsplit("/", 1)[-1] for address in addresses))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
