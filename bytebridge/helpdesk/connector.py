"""The help desk as a source of tickets, and as the place where letters about tickets are posted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.connector import Finding, Known, Page
from bytebridge.domain.model import Document, Instant, Source, Ticket
from bytebridge.errors import RemoteError, RemoteRefused, RemoteSurprise
from bytebridge.helpdesk import checks, posting, witness
from bytebridge.helpdesk.client import API, MESSAGE_API, PAGE, SYSTEM, Client, classify, classify_message
from bytebridge.helpdesk.position import Position, decode, encode
from bytebridge.helpdesk.posting import Posting, Standing
from bytebridge.helpdesk.reading import Reader
from bytebridge.helpdesk.walk import DAY_S, Walk
from bytebridge.helpdesk.windows import is_left_out, oldest, windows
from bytebridge.helpdesk.wire import TicketRow, naive
from bytebridge.remote import Limits, Observe, Remote
from bytebridge.settings import HelpdeskSettings

AGAIN = 50  # unreadable tickets tried once more at each hearing of the second witness
LOOKED_UP = 100  # tickets asked for by id at one hearing
LEFT_OUT = "XBL"  # whether an unfiltered list always holds these is not settled (LiveAgent notes §4)
FEW = 3  # tickets that are all gone at once are more likely hidden than purged


def connect(
    settings: HelpdeskSettings,
    *,
    observe: Observe,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
    may_write: Callable[[], bool] = lambda: True,
    now: Callable[[], int],
    page: int = PAGE,
) -> "HelpDesk":
    """The help desk of these settings; nothing is asked yet. Each of its two keys has a budget of its own.

    page: tickets asked for at a time.
    """

    def remote(api: str, key: str, rule: Callable[..., RemoteError | None]) -> Remote:
        return Remote(
            SYSTEM,
            settings.url + api,
            headers={"apikey": key, "Accept": "application/json"},
            limits=Limits(requests_per_minute=settings.requests_per_minute),
            ca_file=settings.ca_file or None,
            classify=rule,
            observe=observe,
            monotonic=monotonic,
            sleep=sleep,
            may_write=may_write,
        )

    message_key = settings.message_api_key.get_secret_value()
    messages = remote(MESSAGE_API, message_key, classify_message) if message_key else None
    return HelpDesk(remote(API, settings.api_key.get_secret_value(), classify), messages, settings, now=now, page=page)


class HelpDesk:
    """Tickets of one LiveAgent. Reading goes over API v3, messages over v1 with a key of their own."""

    def __init__(
        self,
        v3: Remote,
        v1: Remote | None,
        settings: HelpdeskSettings,
        *,
        now: Callable[[], int],
        page: int = PAGE,
    ) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.time_zone)
        self._now = now
        self._client = Client(v3)
        self._reader = Reader(self._client, settings, self._zone, page)
        key = settings.message_api_key.get_secret_value()
        self._posting = Posting(self._client, v1, self._reader, settings.agent, key)
        self._complained = False
        self._settled: dict[str, TicketRow] = {}

    @property
    def source(self) -> Source:
        return Source.HELPDESK

    @property
    def surprises(self) -> list[RemoteSurprise]:
        """Tickets that could not be read since the list was last emptied, each said once; the caller empties it."""
        return self._reader.surprises

    @property
    def unread(self) -> AbstractSet[str]:
        return self._reader.unread

    # reading

    def changed(self, cursor: str | None, known: Known, since: Instant | None) -> Iterator[Page]:
        """Tickets that may have changed. Their pages are not trusted: the list is an index that may lag.

        The first load reads every ticket made from `since` on and trusts the list, or going live on years of
        history would ask for each ticket.
        """
        self._reader.begin()
        if cursor is None:
            yield from self._first_load(since)
            return
        position = decode(cursor)
        self._reader.unread |= set(position.again)
        walk = Walk(self._reader, position, self._now(), self._zone)
        told: dict[str, Document] = {}
        for rows in walk.pages():
            for page in self._hinted(rows, known):
                told |= {ticket.id: ticket for ticket in page.documents}
                yield page
        yield Page((), self._cursor(walk.position))
        if witness.is_due(walk.position, self._now()):
            # a poll is booked as a whole: what its list told is not in the ledger yet, and needs no second asking
            yield from self._hear(walk.position, lambda ids: {**known(ids), **_among(told, ids)})

    def forget(self) -> None:
        self._reader.forget()

    def everything(self, since: Instant | None, until: Instant | None) -> Iterator[Page]:
        """All tickets made in this time, in order of their making, the deleted, the spam and the closed too."""
        yield from self._made(since, until, trusted=False)

    def by_ids(self, ids: Sequence[str]) -> list[Document]:
        """These tickets from the system itself.

        One that cannot be read is absent and stands in `unread`; `changed` asks again until it can be.
        """
        return list(self._reader.by_ids(ids))

    def check(self) -> Iterator[Finding]:
        with self._client.remote.tireless():
            yield from checks.findings(self._client, self._posting, self._settings, self._now)

    def _first_load(self, since: Instant | None) -> Iterator[Page]:
        """The watermark is taken before the walk begins: what changes meanwhile is met by the next poll."""
        began = self._now()
        newest = self._reader.page(1, _sortField="date_changed", _sortDir="DESC")
        dates = [row.date_changed for row in newest.rows]
        watermark = min(max(dates, default=""), self._reader.latest(began))
        yield from self._made(since, None, trusted=True)
        start = Position(watermark=watermark, met=began, walked=began, witness=watermark, witnessed=began, heard=began)
        yield Page((), self._cursor(start))

    def _made(self, since: Instant | None, until: Instant | None, *, trusted: bool) -> Iterator[Page]:
        start = naive(since, self._zone) if since is not None else oldest(self._reader)
        end = naive(until if until is not None else self._now() + 2 * DAY_S, self._zone)
        seen: set[str] = set()
        for rows in windows(self._reader, "date_created", start, end):
            seen |= {row.id for row in rows if row.status in LEFT_OUT}
            yield from self._page(rows, trusted=trusted)
        for status in LEFT_OUT:
            if start < end and is_left_out(self._reader, status, start, end, seen):
                for rows in windows(self._reader, "date_created", start, end, status=status):
                    yield from self._page([row for row in rows if row.id not in seen], trusted=trusted)

    def _page(self, rows: Sequence[TicketRow], *, trusted: bool) -> Iterator[Page]:
        if rows:
            tickets = self._reader.tickets(rows)
            self._client.remote.ahead()
            yield Page(tickets, trusted=trusted)

    def _hinted(self, rows: Sequence[TicketRow], known: Known) -> Iterator[Page]:
        """Rows of the index as hints. One that is older than what the ledger has from the system itself is
        settled by id, once: it would otherwise undo the newer reading at each poll.
        """
        tickets = self._reader.tickets(rows)
        seen = known([ticket.id for ticket in tickets]) if tickets else {}
        behind = {ticket.id for ticket in tickets if _is_behind(ticket, seen.get(ticket.id))}
        hints = tuple(ticket for ticket in tickets if ticket.id not in behind)
        if hints:
            yield Page(hints, trusted=False)
        doubted = {row.id: row for row in rows if row.id in behind and self._settled.get(row.id) != row}
        found = self._reader.by_ids(doubted)
        if found:
            yield Page(tuple(found))
        self._settled = {ticket: row for ticket, row in self._settled.items() if ticket in behind} | doubted

    def _hear(self, position: Position, known: Known) -> Iterator[Page]:
        """What the second witness says beyond the list, and the tickets that could not be read before."""
        now = self._now()
        try:
            said = witness.ask(self._client, position, now, self._zone)
        except (RemoteRefused, RemoteSurprise) as error:
            self._complain(error)  # the list goes on without it
            yield from self._again()
            yield Page((), self._cursor(msgspec.structs.replace(position, witnessed=now)))
            return
        self._complained = False
        yield from self._again()
        wanted = witness.contradicted(said.fresh, known, self._zone)
        found = self._reader.by_ids(wanted[:LOOKED_UP])
        if len(wanted) >= FEW and not found:
            self._complain(RemoteRefused(SYSTEM, "GET /tickets", "tickets of its history are hidden from the key"))
        if found:
            yield Page(tuple(found))
        yield Page((), self._cursor(witness.heard(position, said, wanted[LOOKED_UP:], now, self._reader.latest(now))))

    def _again(self) -> Iterator[Page]:
        found = self._reader.by_ids(sorted(self._reader.unread)[:AGAIN])
        if found:
            yield Page(tuple(found))

    def _complain(self, error: RemoteError) -> None:
        if not self._complained:
            message = f"the history of statuses is of no use: {error.message}"
            self.surprises.append(RemoteSurprise(SYSTEM, error.operation, message))
        self._complained = True

    def _cursor(self, position: Position) -> str:
        return encode(msgspec.structs.replace(position, again=tuple(sorted(self._reader.unread))))

    # posting

    def post(self, ticket: str, text: str, *, kind: Literal["reply", "note"]) -> None:
        """Adds a reply or an internal note, see `Posting.post` for what each error asks of the caller."""
        self._posting.post(ticket, text, kind=kind)

    def find(self, ticket: str, code: str, text: str = "", standing: str | None = None) -> bool:
        """Whether a message that our agent, or with all of this text any agent, wrote in this ticket holds the code.

        standing: its `standing_text` before the message, which names the agent that was to write it.
        RemoteRejected when the ticket is gone or hidden, so that nobody can tell.
        """
        writer = posting.from_text(standing).writer if standing else ""
        return self._posting.find(ticket, code, text, writer)

    def is_emptied_since(self, ticket: str, standing: str) -> bool:
        """Whether the messages that stood in it by this `standing_text` are gone, as into another ticket."""
        return self._posting.is_emptied(ticket, posting.from_text(standing))

    def standing(self, ticket: str) -> Standing:
        """How the ticket stands before our message. RemoteRejected when it is gone."""
        return self._posting.standing(ticket)

    def restore(self, ticket: str, before: Standing) -> None:
        """Gives the ticket back its status and assignee, unless somebody else moved it meanwhile."""
        self._posting.restore(ticket, before)

    def standing_text(self, ticket: str) -> str:
        """`standing` as text that outlives the process."""
        return posting.as_text(self.standing(ticket))

    def restore_text(self, ticket: str, standing: str) -> None:
        self.restore(ticket, posting.from_text(standing))


def _among(told: Mapping[str, Document], ids: Sequence[str]) -> dict[str, Document]:
    return {wanted: told[wanted] for wanted in ids if wanted in told}


def _is_behind(ticket: Ticket, seen: Document | None) -> bool:
    return isinstance(seen, Ticket) and seen.changed_at > ticket.changed_at
