"""The ERP as a source of documents: windows by last change, keyset pages by id (Dolibarr notes §7)."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from bytebridge.connector import Finding, Known, Page
from bytebridge.domain.model import Document, Instant, Source
from bytebridge.erp import checks
from bytebridge.erp.client import BROKE, SYSTEM, Client, batches, classify, prove_visible
from bytebridge.erp.families import Families
from bytebridge.erp.filters import day_from, ids_in, is_id, moment
from bytebridge.erp.wire import PROPERTIES, text
from bytebridge.errors import RemoteSurprise, RemoteUnavailable
from bytebridge.remote import Limits, Observe, Remote
from bytebridge.settings import ErpSettings

OVERLAP_S = 48 * 3600  # more than any mistake about the server's two time zones (Dolibarr notes §4)
PAGE = 100
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
    now: Callable[[], float],
    knows: Knows = checks.knows_every,
) -> "Erp":
    """The ERP of these settings; nothing is asked yet. knows: by default every product is known."""
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
    )
    return Erp(remote, settings, now=now, knows=knows)


class Erp:
    """Invoices of one Dolibarr. client: for other questions to the same server, under the same limits."""

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
        self._settings = settings
        self._zone = ZoneInfo(settings.time_zone)
        self._now = now
        self._limit = limit
        self._knows = knows
        self._families = Families(self.client, self._zone)

    @property
    def source(self) -> Source:
        return Source.ERP

    def changed(self, cursor: str | None, known: Known, since: Instant | None) -> Iterator[Page]:
        """Every row touched since the last good sweep began, less the overlap.

        The last, empty page carries the cursor. RemoteRefused when no invoice at all is visible to the key.
        RemoteSurprise after all other pages when a row could not be read: the cursor stays.
        """
        if not self._settings.read_invoices:
            return
        if cursor is None:
            self._families.customers.forget()
            began = yield from self._sweep(self._dated(since, None), None)
        else:
            start = int(json.loads(cursor)["swept"]) - OVERLAP_S
            began = yield from self._sweep(f"(t.tms:>=:{moment(start, self._zone)})", known)
        yield Page((), json.dumps({"swept": began}))

    def everything(self, since: Instant | None, until: Instant | None) -> Iterator[Page]:
        """Invoices whose own day, or whose making, falls between these times; customers read afresh."""
        if self._settings.read_invoices:
            self._families.customers.forget()
            yield from self._sweep(self._dated(since, until), None)

    def by_ids(self, ids: Sequence[str]) -> list[Document]:
        """The families of these invoices and credit notes, each once.

        What a list leaves out is asked for by itself: a list skips rows without a word, and a lost right
        looks like a deleted invoice there but is refused here (Dolibarr notes §1, §7).
        """
        documents: dict[str, Document] = {}
        for batch in batches([wanted for wanted in ids if is_id(wanted)], self._limit):
            condition = ids_in("t.rowid", batch)
            params = {"limit": "0", "sqlfilters": condition, "properties": PROPERTIES}
            rows = self.client.rows("/invoices", params)
            missing = set(batch) - {text(row.get("id")) for row in rows}
            alone = [self.client.record(f"/invoices/{wanted}") for wanted in sorted(missing, key=int)]
            gathered = self._families.gather([*rows, *(row for row in alone if row is not None)], None)
            if gathered.surprises:
                raise gathered.surprises[0]
            documents |= {found.id: found for found in gathered.documents}
        return list(documents.values())

    def check(self) -> Iterator[Finding]:
        """Version, clock, rights, visibility, time zone, packs no rule knows, the balance field."""
        return checks.findings(self.client, self._settings, self._now, self._knows)

    def _dated(self, since: Instant | None, until: Instant | None) -> str:
        """Bounds on the day of an invoice or on the time it was made, whichever lets it in; "" for none."""
        bounds = [(sign, at) for sign, at in ((">=", since), ("<", until)) if at is not None]
        day = [f"(t.datef:{sign}:{day_from(at, self._zone)})" for sign, at in bounds]
        made = [f"(t.datec:{sign}:{moment(at, self._zone)})" for sign, at in bounds]
        return f"(({' and '.join(day)}) or ({' and '.join(made)}))" if bounds else ""

    def _sweep(self, condition: str, known: Known | None) -> Generator[Page, None, int]:
        """Pages until an empty one, for a short page is not the end; answers when the sweep began [epoch s].

        That is by the server's clock, unless it runs ahead of ours: a jump of that clock must not open a gap.
        """
        rows = self._page(condition, 0)
        ours = int(self._now())
        began = min(ours, self.client.clock or ours)
        if not rows:
            prove_visible(self.client)
        surprises: list[RemoteSurprise] = []
        while rows:
            gathered = self._families.gather(rows, known)
            surprises += gathered.surprises
            if gathered.documents:
                yield Page(gathered.documents)
            rows = self._page(condition, int(text(rows[-1].get("id"))))
        if surprises:
            raise surprises[0]
        return began

    def _page(self, condition: str, last: int) -> list[Mapping[str, Any]]:
        """The next rows by id. Where a page was too much for the server, later turns ask for half."""
        after = f"(t.rowid:>:{last})"
        params = {
            "sortfield": "t.rowid",
            "sortorder": "ASC",
            "limit": str(self._limit),
            "sqlfilters": f"{condition} and {after}" if condition else after,
            "properties": PROPERTIES,
        }
        try:
            rows = self.client.rows("/invoices", params)
        except RemoteUnavailable as error:
            if error.message == BROKE:
                self._limit = max(min(SMALLEST_PAGE, self._limit), self._limit // 2)
            raise
        _in_order(rows, last)
        return rows


def _in_order(rows: Sequence[Mapping[str, Any]], last: int) -> None:
    """RemoteSurprise unless ids rise above `last`: where the filter is ignored, no page would be the last."""
    for row in rows:
        identity = text(row.get("id"))
        if not is_id(identity) or int(identity) <= last:
            raise RemoteSurprise(SYSTEM, "GET /invoices", "ids do not rise: the filter or the order was ignored")
        last = int(identity)
