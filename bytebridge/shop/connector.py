"""The shop as a source of documents: changes by window, refunds by counters and slips, the rest by walking.

A refund does not touch its order's date (shop notes 26), so each poll asks four things: which slips are new,
which lines carry refunded or returned units, and which orders were touched.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from zoneinfo import ZoneInfo

from bytebridge.connector import Finding, Known, Page
from bytebridge.domain.model import Document, Instant, Order, Source
from bytebridge.errors import RemoteSurprise
from bytebridge.remote import Limits, Observe, Remote
from bytebridge.settings import ShopSettings
from bytebridge.shop import checks, wire
from bytebridge.shop.client import API, SYSTEM, Client, Row, batches, classify, credentials, id_of
from bytebridge.shop.position import SLIP_OVERLAP, Position, decode, encode, mark, marks_of
from bytebridge.shop.reading import Reader
from bytebridge.shop.wire import OrderRow

PAGE = 100
COUNTERS_PAGE = 1000  # every line ever refunded is listed at each poll: narrow rows, few pages
WIDEST_PAGE = 5000  # of a window whose rows are mostly known already
DAY_S = 86_400
COUNTERS = ("product_quantity_refunded", "product_quantity_return")
NO_ORDER = "0"
NEVER = "9999-12-31 23:59:59"  # a walk that remembers nothing


def connect(
    settings: ShopSettings,
    *,
    observe: Observe,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
    may_write: Callable[[], bool] = lambda: True,
    now: Callable[[], float],
    knows: Callable[[str], bool] = bool,
    page: int = PAGE,
) -> "Shop":
    """The shop of these settings; nothing is asked yet.

    knows: False for a reference doctor should name. page: orders asked for at a time.
    """
    headers, params = credentials(settings.api_key.get_secret_value(), in_query=settings.key_in_query)
    remote = Remote(
        SYSTEM,
        settings.url + API,
        headers=headers,
        params=params,
        limits=Limits(requests_per_minute=settings.requests_per_minute),
        ca_file=settings.ca_file or None,
        classify=classify,
        observe=observe,
        monotonic=monotonic,
        sleep=sleep,
        may_write=may_write,
    )
    return Shop(remote, settings, now=now, knows=knows, page=page)


class Shop:
    """Orders of one PrestaShop.

    surprises: orders that could not be read since the list was last emptied; the caller empties it.
    unread: ids of those that could not be read when last met.
    """

    def __init__(
        self,
        remote: Remote,
        settings: ShopSettings,
        *,
        now: Callable[[], float],
        knows: Callable[[str], bool] = bool,
        page: int = PAGE,
        counters_page: int = COUNTERS_PAGE,
    ) -> None:
        self.client = Client(remote)
        self.surprises: list[RemoteSurprise] = []
        self.unread: set[str] = set()
        self._settings = settings
        self._zone = ZoneInfo(settings.time_zone)
        self._now = now
        self._knows = knows
        self._page, self._counters_page = page, counters_page
        self._reader = Reader(self.client, settings, self._zone)
        self._elsewhere: set[str] = set()
        self._told: dict[int, int] = {}

    @property
    def source(self) -> Source:
        return Source.SHOP

    def changed(self, cursor: str | None, known: Known, since: Instant | None) -> Iterator[Page]:
        """Orders touched, refunded or given back since the cursor; the last, empty page carries the new one.

        Slips and counters are read before the orders they name: what is refunded in between is then at worst
        read twice, never taken for read.
        """
        if cursor is None:
            yield from self._first_load(since)
            return
        was = decode(cursor)
        slips = [row for rows in self._new_slips(was) for row in rows]
        named = {_order_id(row) for row in slips if wire.number(row, "id") not in was.slips}
        named |= self._refunded(known) | set(was.again)
        walked = _Walk(self, slips=_by_order(slips))
        size = min(self._page + len(was.marks), max(self._page, WIDEST_PAGE))  # known rows come along in one request
        window = self.client.pages("orders", wire.ORDER_FIELDS, size, was.window, shape=wire.ORDERS)
        yield from walked.pages(window, was.marks)
        updated = max([was.updated, *self._believable(walked.dates)])
        yield from self._named(sorted(named - walked.read - self._elsewhere - {NO_ORDER}, key=int), walked)
        ids = sorted({was.slip, *(wire.number(row, "id") for row in slips)})
        position = Position(
            updated=updated,
            slip=ids[-1],
            slips=tuple(id_ for id_ in ids if ids[-1] - SLIP_OVERLAP < id_),
            marks=marks_of(walked.seen, updated),
            again=walked.again,
        )
        yield Page((), encode(position))

    def forget(self) -> None:
        """Buyers and states are read afresh, what was found elsewhere or told already is looked up again."""
        self._reader.forget()
        self._elsewhere.clear()
        self._told.clear()

    def everything(self, since: Instant | None, until: Instant | None) -> Iterator[Page]:
        """Orders made between these times, all when neither is given."""
        rows = self.client.pages("orders", wire.ORDER_FIELDS, self._page, self._made(since, until), shape=wire.ORDERS)
        yield from _Walk(self, since=NEVER).pages(rows)

    def by_ids(self, ids: Sequence[str]) -> list[Document]:
        """These orders as they stand. One that cannot be read is absent and stands in `unread`."""
        wanted = [id_ for id_ in ids if id_.isdecimal() and int(id_) > 0]
        self.unread -= set(wanted)
        found: list[Document] = []
        for batch in batches(wanted, self._page):
            found += self.orders(self._rows(batch))[0]
        return found

    def check(self) -> Iterator[Finding]:
        with self.client.remote.tireless():
            yield from checks.findings(self.client, self._settings, self._now, self._knows)

    def pack_references(self, prefixes: Sequence[str]) -> list[str]:
        """References of products and combinations that begin so; a right on both resources is needed."""
        return checks.references(self.client, prefixes)

    def orders(
        self, rows: Sequence[Row | OrderRow], slips: Mapping[str, AbstractSet[int]] | None = None
    ) -> tuple[list[Order], set[str]]:
        """Whole orders of these rows, and the ids of those that could not be read. slips: as in `Reader.orders`."""
        surprises: list[RemoteSurprise] = []
        orders = self._reader.orders(rows, surprises, slips or {})
        self.surprises += surprises
        read = {order.id for order in orders}
        failed = {id_of(row) for row in rows} - read if surprises else set()
        self.unread = self.unread - read | failed
        return orders, failed

    def _first_load(self, since: Instant | None) -> Iterator[Page]:
        """Everything touched since then; where to go on from is noted before, so that nothing falls between.

        An order is paid no later than it was last touched, but it may have been made long before.
        """
        start = self._start()
        query = {}
        if since is not None:
            query = {"date": "1", "filter[date_upd]": f">[{wire.local(since - 1, self._zone)}]"}
        walked = _Walk(self, since=start.shown_from)
        yield from walked.pages(self.client.pages("orders", wire.ORDER_FIELDS, self._page, query, shape=wire.ORDERS))
        marks = marks_of(walked.seen, start.updated)
        yield Page((), encode(Position(start.updated, start.slip, start.slips, marks, walked.again)))

    def _start(self) -> Position:
        newest = self.client.rows("orders", "id,date_upd", {"date": "1", "sort": "[date_upd_DESC]", "limit": "1"})
        slips = self.client.rows("order_slip", "id", {"sort": "[id_DESC]", "limit": str(SLIP_OVERLAP)})
        updated = max(self._believable([str(row.get("date_upd")) for row in newest]), default="")
        if newest and not updated:
            clock = self.client.clock or self._now()
            updated = wire.local(clock - DAY_S, self._zone)
        ids = tuple(sorted(wire.number(row, "id") for row in slips))
        return Position(updated, max(ids, default=0), ids)

    def _believable(self, dates: Iterable[str]) -> list[str]:
        """Dates, not a day or more ahead of the shop's clock: such a one would blind or stop every later poll."""
        clock = self.client.clock or self._now()
        latest = wire.local(clock + DAY_S, self._zone)
        return [date for date in dates if wire.is_date(date) and date <= latest]

    def _new_slips(self, was: Position) -> Iterator[list[Row]]:
        fields = "id,id_order"
        return self.client.pages("order_slip", fields, self._page, after=was.slips_after)

    def _refunded(self, known: Known) -> set[str]:
        """Orders with a line of which the shop counts more units back than the ledger last saw.

        All lines, whatever their reference: modules are refunded, too. Each poll lists every one there ever was,
        so those that the ledger was found to have already are not looked up again while their count stays.
        """
        counted: dict[str, dict[int, int]] = {}
        size = self._counters_page + len(self._told)
        for column in COUNTERS:
            query = {f"filter[{column}]": ">[0]"}
            for rows in self.client.pages("order_details", wire.COUNTER_FIELDS, size, query, shape=wire.COUNTED):
                for row in rows:
                    one = wire.counter(row) if isinstance(row, dict) else row
                    if self._told.get(one.id) != one.units:
                        counted.setdefault(str(one.id_order), {})[one.id] = one.units
        seen = known(sorted(counted, key=int)) if counted else {}
        behind = {order for order, lines in counted.items() if _behind(seen.get(order), lines)}
        self._told |= {line: units for order in counted.keys() - behind for line, units in counted[order].items()}
        return behind

    def _named(self, ids: Sequence[str], walked: "_Walk") -> Iterator[Page]:
        """Orders asked for by id. What is not there is gone or another shop's: not asked for again."""
        for batch in batches(ids, self._page):
            rows = self._rows(batch)
            self._elsewhere |= set(batch) - set(map(id_of, rows))
            yield from walked.pages([rows])

    def _rows(self, ids: Sequence[str]) -> list[Row | OrderRow]:
        """These orders as their list shows them. RemoteSurprise when it shows others."""
        rows = self.client.batched("orders", wire.ORDER_FIELDS, "id", ids, wire.ORDERS)
        if not {id_of(row) for row in rows} <= set(ids):
            raise RemoteSurprise(SYSTEM, "GET /orders", "orders that were not asked for: the filter is ignored")
        return rows

    def _made(self, since: Instant | None, until: Instant | None) -> dict[str, str]:
        """The filter for since <= date_add < until; dates are whole seconds, both ends of a range count."""
        first = wire.local(since, self._zone) if since is not None else None
        last = wire.local(until - 1, self._zone) if until is not None else None
        if first and last:
            return {"date": "1", "filter[date_add]": f"[{first},{last}]"}
        if first:
            return {"date": "1", "filter[date_add]": f">[{wire.earlier(first, 1)}]"}
        return {"date": "1", "filter[date_add]": f"<[{wire.earlier(str(last), -1)}]"} if last else {}


class _Walk:
    """Pages of rows turned into pages of orders, and what is worth knowing afterwards.

    seen: date_upd and mark of every order touched after `since` (the shop's own text) that the ledger has once
    these pages are booked: of a long history no more is kept than the next window shows again. read: those among
    them that were looked at whole. failed: ids that could not be read. slips: as in `Reader.orders`.
    """

    def __init__(self, shop: Shop, since: str = "", slips: Mapping[str, AbstractSet[int]] | None = None) -> None:
        self._shop = shop
        self._since = since
        self._slips = slips
        self.seen: dict[str, tuple[str, str]] = {}
        self.read: set[str] = set()
        self.failed: set[str] = set()

    @property
    def again(self) -> tuple[str, ...]:
        return tuple(sorted(filter(str.isdecimal, self.failed), key=int))

    @property
    def dates(self) -> list[str]:
        return [date for date, _ in self.seen.values()]

    def pages(self, pages: Iterable[list[Row | OrderRow]], marks: Mapping[str, str] | None = None) -> Iterator[Page]:
        """marks: rows that the ledger has already, passed over while they are the same."""
        for rows in pages:
            late = {id_of(row): row for row in rows if _touched(row) > self._since}
            digests = {id_: mark(row) for id_, row in late.items()}
            same = {id_ for id_, digest in digests.items() if marks and marks.get(id_) == digest}
            told = [row for row in rows if id_of(row) not in same] if same else rows
            orders, failed = self._shop.orders(told, self._slips)
            self.read |= late.keys() - same
            self.failed |= failed
            for id_ in late.keys() - failed:
                self.seen[id_] = (_touched(late[id_]), digests[id_])
            if orders:
                self._shop.client.remote.ahead()
                yield Page(tuple(orders))


def _behind(seen: Document | None, lines: Mapping[int, int]) -> bool:
    if not isinstance(seen, Order):
        return True
    taken_back = {line.id: line.taken_back for line in seen.lines}
    return any(units > taken_back.get(str(line), -1) for line, units in lines.items())


def _touched(row: Row | OrderRow) -> str:
    """date_upd, the shop's own text."""
    return row.date_upd if isinstance(row, OrderRow) else str(row.get("date_upd"))


def _by_order(slips: Iterable[Row]) -> dict[str, set[int]]:
    """Ids of slips by their order."""
    found: dict[str, set[int]] = defaultdict(set)
    for row in slips:
        found[_order_id(row)].add(wire.number(row, "id"))
    return found


def _order_id(row: Row) -> str:
    return str(wire.number(row, "id_order"))
