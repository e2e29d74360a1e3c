"""The search index behind LiveAgent's tickets list: it learns of each change late, and sorts by naive local time."""

import heapq
import itertools
from bisect import bisect_left, insort
from datetime import datetime
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

SORTED = ("date_created", "date_changed")
IMPORTANCE = "NCTPWAIRLBX"  # what an agent has to care for comes first


@lru_cache(maxsize=200_000)
def naive(at, zone):
    """A moment [epoch s] as the wall clock of that zone shows it, without saying which zone."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


class Index:
    """rows: what the list shows now, by ticket id; moments as epoch seconds.

    Changes are queued with the moment they become visible; `catch_up` applies those that are due.
    """

    def __init__(self, zone="UTC"):
        self.rows = {}
        self._zone = zone
        self._orders = {field: [] for field in SORTED}
        self._queue = []
        self._numbers = itertools.count(1)
        self._appears = {}
        self._newest = {}

    def add(self, ticket, fields, due):
        self._appears[ticket] = due
        self._put(due, ticket, dict(fields))

    def change(self, ticket, fields, due):
        self._put(max(due, self._appears.get(ticket, due)), ticket, fields)

    def remove(self, ticket, due):
        self._put(due, ticket, None)

    def _put(self, due, ticket, fields):
        heapq.heappush(self._queue, (due, next(self._numbers), ticket, fields))

    def catch_up(self, now):
        while self._queue and self._queue[0][0] <= now:
            _, number, ticket, fields = heapq.heappop(self._queue)
            if fields is None:
                self._drop(ticket)
            else:
                self._show(ticket, self._not_overtaken(ticket, number, fields))
        if not self._queue:
            self._newest.clear()

    def _not_overtaken(self, ticket, number, fields):
        """Without what a later change with a shorter delay has already replaced."""
        newest = self._newest.setdefault(ticket, {})
        fresh = {name: value for name, value in fields.items() if newest.get(name, 0) < number}
        newest.update(dict.fromkeys(fresh, number))
        return fresh

    def _show(self, ticket, fields):
        row = self.rows.setdefault(ticket, {})
        for field in SORTED:
            if field in fields:
                order = self._orders[field]
                if field in row:
                    del order[bisect_left(order, (naive(row[field], self._zone), ticket))]
                insort(order, (naive(fields[field], self._zone), ticket))
        row.update(fields)

    def _drop(self, ticket):
        row = self.rows.pop(ticket, None)
        self._appears.pop(ticket, None)
        if row is not None:
            for field in SORTED:
                order = self._orders[field]
                del order[bisect_left(order, (naive(row[field], self._zone), ticket))]

    def speak(self, zone):
        """From now on times are sorted as that zone's clocks show them."""
        if zone != self._zone:
            self._zone = zone
            for field in SORTED:
                self._orders[field] = sorted((naive(row[field], zone), ticket) for ticket, row in self.rows.items())

    def page(self, sort, conditions, start, end, *, descending=False, bounds=("", "~")):
        """Rows `start` to `end` of those that satisfy every condition.

        sort: a field, or None for an order that means nothing. bounds: least and greatest naive time of `sort`
        that can satisfy them; it only saves looking at the others.
        """
        tickets = self._walk(sort, bounds, descending=descending)
        rows = (self.rows[ticket] for ticket in tickets)
        found = (row for row in rows if all(condition(row) for condition in conditions))
        return list(islice(found, start, end))

    def _walk(self, sort, bounds, *, descending):
        if sort is None:
            return sorted(self.rows)
        if sort == "importance":
            return sorted(self.rows, key=self._importance, reverse=descending)
        order = self._orders[sort]
        first, last = bisect_left(order, (bounds[0],)), bisect_left(order, (bounds[1] + "~",))
        indexes = range(last - 1, first - 1, -1) if descending else range(first, last)
        return (order[index][1] for index in indexes)

    def _importance(self, ticket):
        row = self.rows[ticket]
        return IMPORTANCE.find(row["status"]), row["date_created"], ticket
