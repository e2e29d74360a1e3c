"""What `doctor` looks at in the help desk: each finding says what to do about it."""

from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.connector import Finding, Level, instant
from bytebridge.domain.rules import fold
from bytebridge.errors import (
    OutcomeUnknown,
    RemoteError,
    RemoteRefused,
    RemoteRejected,
    RemoteSurprise,
    RemoteUnavailable,
)
from bytebridge.helpdesk.client import PAGE, Client, Row, decode, filters
from bytebridge.helpdesk.posting import Posting
from bytebridge.helpdesk.walk import falls
from bytebridge.helpdesk.wire import Tag, TicketRow, ticket_row
from bytebridge.settings import Fields, HelpdeskSettings, Kinds

SKEW_S = 300
AHEAD_S = 120
ENDS_SOON_S = 30 * 86_400
FAR_FUTURE = "2100-01-01 00:00:00"
NOBODYS = "0"  # an id that no ticket has
UPDATE = "update LiveAgent to 5.62.14 or later"
READS = {
    "/tickets": "ticket.read and ticket.read_all",
    "/tags": "tag.read",
    "/agents": "agent.read",
    "/contacts": "contact.read",
}
UNPAGED = frozenset({"/tags"})
Rows = tuple[TicketRow, ...]


class _Key(msgspec.Struct):
    userid: str | None = None
    valid_to_date: str | None = None


class _Info(msgspec.Struct):
    apikey: _Key


class _Department(msgspec.Struct):
    department_id: str | None = None

    @property
    def id(self) -> str:
        return self.department_id or ""


def findings(client: Client, posting: Posting, settings: HelpdeskSettings, now: Callable[[], int]) -> Iterator[Finding]:
    """Every finding, well or not. What fails one question is a finding and does not hide the next."""
    client.rows("/departments", {"_perPage": "1"})  # a wrong key ends the check here: /ping would not notice
    yield Finding(Level.WELL, "the help desk answers and knows the key")
    yield clock(client, now)
    yield from reads(client)
    newest: list[TicketRow] = []
    questions: list[Callable[[], Iterator[Finding]]] = [
        lambda: sort(client, newest),
        lambda: key(client, settings, newest, now),
        lambda: visible(newest),
        lambda: filter_honoured(client),
        lambda: zone(client, settings.time_zone, newest),
        lambda: fields(settings, newest),
        lambda: words(client, settings, newest),
        lambda: departments(client, settings.departments),
        lambda: writing(posting, settings),
        lambda: changing(client, settings),
    ]
    for question in questions:
        try:
            yield from question()
        except RemoteRefused as error:
            yield Finding(Level.WRONG, str(error), "give the key the privileges that the manual lists")
        except RemoteSurprise as error:
            yield Finding(Level.WRONG, str(error), UPDATE)
        except OutcomeUnknown as error:
            yield Finding(Level.DOUBTFUL, str(error), "run doctor again: this could not be told")
        except RemoteError as error:
            yield Finding(Level.WRONG, str(error), "run doctor again; if it stays, ask the desk's support")


def clock(client: Client, now: Callable[[], int]) -> Finding:
    """The server's clock, as of the answer just received."""
    if client.clock is None:
        return Finding(Level.DOUBTFUL, "the help desk's answers carry no date", "its clock cannot be compared")
    skew = int(client.clock - now())
    if abs(skew) <= SKEW_S:
        return Finding(Level.WELL, "the help desk's clock agrees with this machine's")
    return Finding(
        Level.DOUBTFUL, f"the help desk's clock is {skew:+d} s from this machine's", "synchronise this machine's clock"
    )


def reads(client: Client) -> Iterator[Finding]:
    """The reading rights, one question each."""
    lacking = [(path, right) for path, right in READS.items() if not _may_read(client, path)]
    for path, right in lacking:
        yield Finding(Level.WRONG, f"the key may not read {path}", f"give it the privilege {right}")
    if not lacking:
        yield Finding(Level.WELL, "the key may read tickets, tags, agents and contacts")
    if not _may_read(client, "/tickets/history"):
        what = "the key may not read the history of statuses, the second witness of what changed"
        yield Finding(Level.DOUBTFUL, what, "give it the privilege that LiveAgent names for it")


def _may_read(client: Client, path: str) -> bool:
    try:
        client.rows(path, {} if path in UNPAGED else {"_perPage": "1"})
    except RemoteRefused:
        return False
    return True


def key(
    client: Client, settings: HelpdeskSettings, newest: list[TicketRow], now: Callable[[], int]
) -> Iterator[Finding]:
    """How long the key lives, and whether it sees more than its owner's tickets."""
    try:
        raw = client.record("/api/info/v3")
    except RemoteRefused:
        raw = None
    if raw is None:
        yield Finding(
            Level.DOUBTFUL, "when the key expires cannot be asked", "look at it in LiveAgent, or give it api.read_own"
        )
        return
    info = decode(raw, _Info, "GET /api/info/v3").apikey
    yield _expiry(info, settings, now())
    if newest and info.userid and {row.agentid for row in newest} == {info.userid}:
        what = "all the newest tickets are assigned to the key's owner: it may be blind to the others"
        yield Finding(Level.DOUBTFUL, what, "give the key the privilege ticket.read_all")


def _expiry(info: _Key, settings: HelpdeskSettings, now: int) -> Finding:
    if not info.valid_to_date:
        return Finding(Level.WELL, "the key does not expire")
    left = instant(info.valid_to_date, ZoneInfo(settings.time_zone)) - now
    cure = "make a new key, or one that does not expire, and set helpdesk.api_key"
    if left <= 0:
        return Finding(Level.WRONG, f"the key expired on {info.valid_to_date}", cure)
    if left < ENDS_SOON_S:
        return Finding(Level.DOUBTFUL, f"the key expires on {info.valid_to_date}", cure)
    return Finding(Level.WELL, f"the key is good until {info.valid_to_date}")


def sort(client: Client, newest: list[TicketRow]) -> Iterator[Finding]:
    """Whether the list comes in the order asked for; its rows go into `newest`."""
    asked = {"_perPage": str(PAGE), "_sortField": "date_changed"}
    newest += _tickets(client.rows("/tickets", {**asked, "_sortDir": "DESC"}))
    eldest = _tickets(client.rows("/tickets", {**asked, "_sortDir": "ASC", "_perPage": "1"}))
    first = max((row.date_changed for row in eldest), default="")
    if len(newest) < 2:
        yield Finding(Level.WELL, "the order of the ticket list could not be tried: there are not two tickets")
    elif falls(newest) and all(row.date_changed >= first for row in newest):
        yield Finding(Level.WELL, "the server honours the order asked for")
    else:
        yield Finding(Level.WRONG, "the server ignores the order of the ticket list", UPDATE)


def _tickets(rows: list[Row]) -> list[TicketRow]:
    return [ticket_row(row, "GET /tickets") for row in rows]


def visible(newest: list[TicketRow]) -> Iterator[Finding]:
    if not newest:
        cure = "give the key ticket.read_all, or open the first ticket"
        yield Finding(Level.DOUBTFUL, "no ticket at all is visible to the key", cure)


def filter_honoured(client: Client) -> Iterator[Finding]:
    """A time to come must show nothing."""
    for column in ("date_created", "date_changed"):
        asked = {"_perPage": "1", **filters((column, "D>=", FAR_FUTURE))}
        try:
            rows = client.rows("/tickets", asked)
        except RemoteUnavailable as error:
            if error.retry_after_s is not None:
                raise
            yield Finding(Level.WRONG, f"the server fails on the filter on {column}", UPDATE)
            continue
        if rows:
            yield Finding(Level.WRONG, f"the server ignores the filter on {column}", UPDATE)
        else:
            yield Finding(Level.WELL, f"the server honours the filter on {column}")


def zone(client: Client, name: str, newest: list[TicketRow]) -> Iterator[Finding]:
    """Times carry no zone: one in the future, or a list that disagrees with the ticket, betrays the wrong one.

    A zone too far east makes times too old and contradicts nothing: a person compares, for only a message written now
    would tell.
    """
    if not newest:
        return
    row = newest[0]
    read = client.record(f"/tickets/{row.id}")
    if read is not None:
        alone = ticket_row(read, "GET /tickets")
        if alone.date_created != row.date_created:
            what = "the ticket list shows times of another zone than the ticket itself"
            yield Finding(Level.WRONG, what, UPDATE)
    ahead = instant(row.date_changed, ZoneInfo(name)) - (client.clock or 0)
    if client.clock is not None and ahead > AHEAD_S:
        what = f"read in {name}, the newest ticket changed {ahead // 60} minutes in the future"
        yield Finding(Level.WRONG, what, "set helpdesk.time_zone to the zone of the help desk's own times")
    else:
        what = f"read in {name}, ticket {row.code} changed {max(0, -ahead) // 60} minutes ago"
        yield Finding(Level.WELL, f"{what}; a zone too far east shows only if you compare that with the desk")


def fields(settings: HelpdeskSettings, newest: list[TicketRow]) -> Iterator[Finding]:
    """Field codes can only be seen on tickets: no call lists them."""
    seen = {field.code for row in newest for field in row.custom_fields}
    named = settings.fields
    # credits are noted so rarely that only a code of one's own is worth a doubt
    own = (named.credits,) if named.credits != Fields().credits else ()
    for code in (named.minutes, named.kind, *own):
        if newest and code not in seen:
            what = f"none of the {len(newest)} newest tickets has a field with the code {code}"
            yield Finding(Level.DOUBTFUL, what, f"compare helpdesk.fields; seen: {', '.join(sorted(seen)) or 'none'}")
    if seen >= {named.minutes, named.kind}:
        yield Finding(Level.WELL, "the fields for minutes and kind of work are seen on tickets")


def words(client: Client, settings: HelpdeskSettings, newest: list[TicketRow]) -> Iterator[Finding]:
    """Words that were configured for a kind and are neither a tag nor a value seen in the kind field."""
    tags = {fold(tag.name) for tag in (decode(row, Tag, "GET /tags") for row in client.rows("/tags"))}
    code = settings.fields.kind
    used = {fold(field.value or "") for row in newest for field in row.custom_fields if field.code == code}
    built_in = Kinds()
    for kind in Kinds.model_fields:
        given = set(getattr(settings.kinds, kind)) - set(getattr(built_in, kind))
        for word in sorted(word for word in given if fold(word) not in tags | used):
            what = f"helpdesk.kinds.{kind}: no tag is called {word}, and no ticket has it as its kind"
            yield Finding(Level.DOUBTFUL, what, "make the tag, or correct the word")
    known = {fold(word) for kind in Kinds.model_fields for word in getattr(settings.kinds, kind)}
    if known & (tags | used):
        yield Finding(Level.WELL, "kinds of work are known by tag or field")
    else:
        what = "no tag and no ticket's kind is a word that helpdesk.kinds knows"
        yield Finding(Level.DOUBTFUL, what, "add the words that technicians use to helpdesk.kinds")


def departments(client: Client, wanted: list[str]) -> Iterator[Finding]:
    missing = set(wanted)
    for page in client.pages("/departments", _Department) if wanted else ():
        missing -= {row.id for row in page}
        if not missing:
            return
    for name in sorted(missing):
        yield Finding(Level.WRONG, f"there is no department {name}", "helpdesk.departments takes ids, not names")


def writing(posting: Posting, settings: HelpdeskSettings) -> Iterator[Finding]:
    """The key for messages and the agent who signs them; nothing is posted."""
    message_key = settings.message_api_key.get_secret_value()
    if not message_key:
        if settings.reply_as != "email":
            yield Finding(
                Level.DOUBTFUL, "without helpdesk.message_api_key every notice goes by e-mail", "set the key of API v1"
            )
        return
    if message_key == settings.api_key.get_secret_value():
        cure = "v3 and v1 have keys of their own: set helpdesk.message_api_key to the one of API v1"
        yield Finding(Level.WRONG, "both keys of the help desk are the same", cure)
    try:
        posting.agent_id()
    except RemoteRefused as error:
        yield Finding(Level.WRONG, error.message, "set helpdesk.agent to the address of an active agent")
    else:
        yield Finding(Level.WELL, f"{settings.agent} is an agent of the help desk")
    try:
        posting.probe()
    except RemoteRefused as error:
        cure = "set helpdesk.message_api_key to the v1 key, or correct helpdesk.url"
        yield Finding(Level.WRONG, f"messages are refused: {error.message}", cure)
    else:
        yield Finding(Level.WELL, "the key for messages is known")


def changing(client: Client, settings: HelpdeskSettings) -> Iterator[Finding]:
    """The right to change tickets, asked for with one that cannot be: needed to restore a status, else too much."""
    needed = (
        settings.restore_status and settings.reply_as != "email" and bool(settings.message_api_key.get_secret_value())
    )
    for right, body in (
        ("ticket.change_state", {"status": "C"}),
        ("ticket.operate", {"departmentid": "default"}),
    ):
        allowed = _may_change(client, body)
        if needed and not allowed:
            what = f"the key lacks {right}: a ticket answered by us would stay answered"
            yield Finding(Level.WRONG, what, f"give it {right}, or set helpdesk.restore_status = false")
        elif allowed and not needed:
            yield Finding(Level.DOUBTFUL, f"the key may do more than it needs: {right}", "take it away")
        elif allowed:
            yield Finding(Level.WELL, f"the key has {right}")


def _may_change(client: Client, body: dict[str, str]) -> bool:
    try:
        client.put(f"/tickets/{NOBODYS}", body)
    except RemoteRefused:
        return False
    except RemoteRejected:
        return True
    return True
