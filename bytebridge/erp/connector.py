"""The ERP as a source of documents: windows by last change, keyset pages by id (Dolibarr notes §7)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from bytebridge.connector import Finding, Known, Page
from bytebridge.domain.model import Document, Instant, Source
from bytebridge.erp import checks
from bytebridge.erp.client import BROKE, SYSTEM, Client, batches, classify, prove_visible
from bytebridge.erp.families import IDS_A_QUERY, Families, Gathered
from bytebridge.erp.filters import day_from, ids_in, is_id, moment
from bytebridge.erp.position import Position, decode, encode, is_touched, mark, newest
from bytebridge.erp.wire import PROPERTIES, text
from bytebridge.errors import RemoteSurprise, RemoteUnavailable
from bytebridge.remote import Limits, Observe, Remote
from bytebridge.settings import ErpSettings

DAY_S = 24 * 3600
OVERLAP_S = 2 * DAY_S  # more than any mistake about the server's two time zones (Dolibarr notes §4)
PAGE = 100
WIDEST_PAGE = 1000  # of an overlap whose rows are mostly known already
SMALLEST_PAGE = 10
API = "/api/index.php"
Knows = Callable[[str], bool]
"""Whether some rule values a product of this reference."""


def connect(
    settings: ErpSettings,
    *,
    observe: Observe,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
    may_write: Callable[[], bool] = lambda: True,
    now: Callable[[], float],
    page: int = PAGE,
    knows: Knows = checks.knows_every,
) -> "Erp":
    """The ERP of these settings; nothing is asked yet. page: invoices asked for at a time.

    knows: by default every product is known.
    """
    remote = Remote(
        SYSTEM,
        settings.url + API,
        headers={"DOLAPIKEY": settings.api_key.get_secret_value(), "Accept": "application/json"},
        limits=Limits(requests_per_minute=settings.requests_per_minute),
        ca_file=settings.ca_file or None,
        classify=classify,
        observe=observe,
        monotonic=monotonic,
        sleep=sleep,
        may_write=may_write,
    )
    return Erp(remote, settings, now=now, limit=page, knows=knows)


class Erp:
    """Invoices of one Dolibarr. client: for other questions to the same server, under the same limits.

    surprises: invoices that could not be read since the list was last emptied; the caller empties it.
    unread: ids of those that could not be read when last met, their families included.
    """

    def __init__(
        self,
        remote: Remote,
        settings: ErpSettings,
        *,
        now: Callable[[], float],
        limit: int = PAGE,
        knows: Knows = checks.knows_every,
    ) -> None:
        self.client = Client(remote)
        self.surprises: list[RemoteSurprise] = []
        self.unread: set[str] = set()
        self._settings = settings
        self._zone = ZoneInfo(settings.time_zone)
        self._now = now
        self._given = self._limit = limit
        self._knows = knows
        self._families = Families(self.client, self._zone)

    @property
    def source(self) -> Source:
        return Source.ERP

    def changed(self, cursor: str | None, known: Known, since: Instant | None) -> Iterator[Page]:
        """Every row touched since the last good sweep began, less the overlap.

        The last, empty page carries the cursor. RemoteRefused when no invoice at all is visible to the key.
        """
        if not self._settings.read_invoices:
            return
        if cursor is None:
            self.forget()
            sweep = _Sweep(self, self._dated(since, None))
            yield from sweep.pages(None)
        else:
            was = decode(cursor)
            start = was.swept - OVERLAP_S
            sweep = _Sweep(self, f"(t.tms:>=:{moment(start, self._zone)})", was.marks)
            yield from sweep.pages(known)
            yield from sweep.named(was.again, known)
        yield Page((), encode(sweep.position))

    def forget(self) -> None:
        """Customers are read afresh."""
        self._families.customers.forget()

    def everything(self, since: Instant | None, until: Instant | None) -> Iterator[Page]:
        """Invoices whose own day, or whose making, falls between these times."""
        if self._settings.read_invoices:
            yield from _Sweep(self, self._dated(since, until)).pages(None)

    def by_ids(self, ids: Sequence[str]) -> list[Document]:
        """The families of these invoices and credit notes, each once.

        What a list leaves out is asked for by itself: a list skips rows without a word, and a lost right
        looks like a deleted invoice there but is refused here (Dolibarr notes §1, §7). One that cannot be read
        is absent and stands in `unread`.
        """
        self.unread -= set(ids)
        documents: dict[str, Document] = {}
        for batch in batches([wanted for wanted in ids if is_id(wanted)], self._limit):
            rows = self.named(batch)
            missing = set(batch) - {text(row.get("id")) for row in rows}
            alone = [self.client.record(f"/invoices/{wanted}") for wanted in sorted(missing, key=int)]
            gathered = self.gather([*rows, *(row for row in alone if row is not None)], None)
            documents |= {found.id: found for found in gathered.documents}
        return list(documents.values())

    def check(self) -> Iterator[Finding]:
        """Version, clock, rights, visibility, order and filters, time zone, packs no rule knows, the balance field."""
        with self.client.remote.tireless():
            yield from checks.findings(self.client, self._settings, self._now, self._knows)

    def _dated(self, since: Instant | None, until: Instant | None) -> str:
        """Bounds on the day of an invoice or on the time it was made, whichever lets it in; "" for none."""
        bounds = [(sign, at) for sign, at in ((">=", since), ("<", until)) if at is not None]
        day = [f"(t.datef:{sign}:{day_from(at, self._zone)})" for sign, at in bounds]
        made = [f"(t.datec:{sign}:{moment(at, self._zone)})" for sign, at in bounds]
        return f"(({' and '.join(day)}) or ({' and '.join(made)}))" if bounds else ""

    def gather(self, rows: Sequence[Mapping[str, Any]], known: Known | None) -> Gathered:
        """The families of these rows; what could not be read goes to `surprises`."""
        gathered = self._families.gather(rows, known)
        self.surprises += gathered.surprises
        read = {one.id for family in gathered.documents for one in (family, *family.credit_notes)}
        self.unread = self.unread - read | gathered.broken
        return gathered

    def named(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """The rows of these documents. RemoteSurprise when it shows others."""
        params = {"limit": "0", "sqlfilters": ids_in("t.rowid", ids), "properties": PROPERTIES}
        rows = self.client.rows("/invoices", params)
        if not {text(row.get("id")) for row in rows} <= set(ids):
            raise RemoteSurprise(SYSTEM, "GET /invoices", "invoices that were not asked for: the filter is ignored")
        return rows

    def question(self, condition: str, last: int, expected: int) -> dict[str, str]:
        """The parameters of a page.

        expected: rows that will most likely come and are known; as many as that are asked for at once.
        """
        after = f"(t.rowid:>:{last})"
        narrowed = self._limit < self._given
        return {
            "sortfield": "t.rowid",
            "sortorder": "ASC",
            "limit": str(self._limit if narrowed else min(self._limit + expected, max(self._limit, WIDEST_PAGE))),
            "sqlfilters": f"{condition} and {after}" if condition else after,
            "properties": PROPERTIES,
        }

    def page(self, condition: str, last: int, expected: int) -> list[Mapping[str, Any]]:
        """The next rows by id. Where a page was too much for the server, later turns ask for half."""
        self.client.remote.next = None
        params = self.question(condition, last, expected)
        try:
            rows = self.client.rows("/invoices", params)
        except RemoteUnavailable as error:
            if error.message == BROKE:
                self._limit = max(min(SMALLEST_PAGE, self._limit), self._limit // 2)
            raise
        _in_order(rows, last)
        return rows

    def began(self) -> int:
        """When a sweep that just had its first answer began [epoch s].

        That is by the server's clock, unless it runs ahead of ours: a jump of that clock must not open a gap.
        """
        ours = int(self._now())
        return min(ours, self.client.clock or ours)


class _Sweep:
    """A walk over what meets a condition, page by page, and what the next one needs to know of it.

    marks: rows that the ledger has already, passed over while they are the same.
    """

    def __init__(self, erp: Erp, condition: str, marks: Mapping[str, str] | None = None) -> None:
        self._erp = erp
        self._condition = condition
        self._known = marks or {}
        self._met: dict[str, str] = {}
        self._broken: set[str] = set()
        self._began = 0

    @property
    def position(self) -> Position:
        sound = {id_: mark for id_, mark in self._met.items() if id_ not in self._broken}
        return Position(self._began, newest(sound), tuple(sorted(filter(is_id, self._broken), key=int)))

    def pages(self, known: Known | None) -> Iterator[Page]:
        """Pages until an empty one, for a short page is not the end."""
        rows = self._erp.page(self._condition, 0, len(self._known))
        self._began = self._erp.began()
        oldest = self._began - OVERLAP_S - DAY_S
        if not rows:
            prove_visible(self._erp.client)
        while rows:
            marks = {text(row.get("id")): mark(row) for row in rows}
            # of a long history no more is remembered than the next overlap shows again
            self._met |= {id_: marks[id_] for row in rows if is_touched(row, oldest) and (id_ := text(row.get("id")))}
            new = [row for row in rows if self._known.get(id_ := text(row.get("id"))) != marks[id_]]
            last = int(text(rows[-1].get("id")))
            self._erp.client.remote.next = "/invoices", self._erp.question(self._condition, last, len(self._known))
            yield from self._read(new, known)
            rows = self._erp.page(self._condition, last, len(self._known))

    def named(self, ids: Sequence[str], known: Known) -> Iterator[Page]:
        """Documents that could not be read before, where this sweep has not met them; gone ones are let go."""
        left = [wanted for wanted in ids if wanted not in self._met and wanted not in self._broken]
        for batch in batches(left, IDS_A_QUERY):
            yield from self._read(self._erp.named(batch), known)

    def _read(self, rows: Sequence[Mapping[str, Any]], known: Known | None) -> Iterator[Page]:
        gathered = self._erp.gather(rows, known) if rows else Gathered()
        self._broken |= gathered.broken
        if gathered.documents:
            self._erp.client.remote.ahead()
            yield Page(gathered.documents)


def _in_order(rows: Sequence[Mapping[str, Any]], last: int) -> None:
    """RemoteSurprise unless ids rise above `last`: where the filter is ignored, no page would be the last."""
    for row in rows:
        identity = text(row.get("id"))
        if not is_id(identity) or int(identity) <= last:
            raise RemoteSurprise(SYSTEM, "GET /invoices", "ids do not rise: the filter or the order was ignored")
        last = int(identity)
