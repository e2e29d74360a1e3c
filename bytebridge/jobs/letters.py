"""A due notice and the ledger as it stands, put together into the letter to render."""

from msgspec.structs import replace

from bytebridge.domain import packs
from bytebridge.domain.accounts import normalise
from bytebridge.domain.forecast import charges, lasts_days
from bytebridge.domain.letter import Letter, Movement, NoticeKind
from bytebridge.domain.model import Credits, Document, Instant, Invoice, Source, Ticket, TicketState
from bytebridge.domain.tickets import estimate
from bytebridge.jobs import statements
from bytebridge.jobs.context import Context
from bytebridge.jobs.languages import language_of
from bytebridge.ledger import accounts, documents, entries, modules, outbox
from bytebridge.ledger.accounts import Summary
from bytebridge.ledger.documents import Stored
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.outbox import Notice
from bytebridge.settings import Settings

STATEMENT_ROWS = 20  # of a statement, in the letter that it is attached to


def untrue(connection: Connection, notice: Notice, context: Context) -> str | None:
    """Why a letter must not go out any more; None while it says the truth."""
    now = context.now()
    match notice.kind:
        case NoticeKind.LOW_BALANCE:
            return _no_longer_low(connection, notice)
        case NoticeKind.INSUFFICIENT:
            return _no_longer_short(connection, notice, context)
        case NoticeKind.STATEMENT:
            known = accounts.find(connection, notice.recipient, now) == _root(connection, notice)
            return None if known else "the asking address is no longer one of the account's"
        case NoticeKind.MODULE_ENDING:
            holder = _root(connection, notice) or notice.recipient
            ends = modules.ends_of(connection, {holder}).get(holder)
            if ends is None or ends <= now or ends != notice.facts["ends"]:
                return "its year of support is over, or ends on another day now"
            return None
        case _:
            return None


def _no_longer_low(connection: Connection, notice: Notice) -> str | None:
    if _summary(connection, notice).balance >= notice.facts["threshold"]:
        return "the balance is above the threshold again"
    said = any(other.state == "sent" for other in _short_since(connection, notice))
    return "a letter about insufficient credits says the same" if said else None


def first_heard(connection: Connection, notice: Notice) -> Notice | None:
    """The letter about insufficient credits that a low-balance letter waits for, since it would say the same.

    It may yet be dropped, as when its ticket waits for no work any more: then the low balance is told after all.
    """
    if notice.kind != NoticeKind.LOW_BALANCE:
        return None
    waiting = ("pending", "sending", "unknown")
    return next((other for other in _short_since(connection, notice) if other.state in waiting), None)


def _short_since(connection: Connection, low: Notice) -> list[Notice]:
    return [
        other
        for other in outbox.listed(connection, account=low.account)
        if other.kind == NoticeKind.INSUFFICIENT and other.created_at >= low.created_at
    ]


def _no_longer_short(connection: Connection, notice: Notice, context: Context) -> str | None:
    stored = documents.get(connection, notice.document)
    ticket = stored.document if stored is not None else None
    if isinstance(ticket, Ticket) and ticket.state not in (TicketState.NEW, TicketState.OPEN):
        return "the ticket is no longer waiting for work"
    need = _estimate(stored, notice, context)
    if need is None:
        return "its work costs nothing, or nobody can say what"
    if need[0] > notice.facts["estimate"]:
        return "it costs more now, which another letter says"
    covered = _summary(connection, notice).balance >= need[0] - notice.facts["already"]
    return "the balance covers it now" if covered else None


def _estimate(stored: Stored | None, notice: Notice, context: Context) -> tuple[Credits, str | None] | None:
    """What the ticket costs at least by what it says now, and its kind."""
    if stored is None or not isinstance(stored.document, Ticket):
        return Credits(notice.facts["estimate"]), notice.facts["kind"]
    need = estimate(stored.document, stored.memory, context.rules, context.now())
    return (need[0], need[1].value if need[1] else None) if need is not None else None


def _root(connection: Connection, notice: Notice) -> int:
    """The account the letter's own was merged into meanwhile, else its own; 0 for a stranger's."""
    return accounts.roots_of(connection, {notice.account}).get(notice.account, 0)


def _summary(connection: Connection, notice: Notice) -> Summary:
    root = _root(connection, notice)
    if root:
        return accounts.summaries(connection, [root])[0]
    nobody = Credits(0)
    return Summary(0, (), "", None, None, nobody, nobody, nobody, None)


def addressee(connection: Connection, notice: Notice, context: Context) -> tuple[int, str]:
    """The account the letter is for, and the language it is written in."""
    summary, document = _summary(connection, notice), documents.find(connection, notice.document)
    spoken = document.language if document is not None else None
    return summary.id, language_of(spoken, summary.language, context.policy.language)


def letter_of(connection: Connection, notice: Notice, context: Context, *, low: bool) -> Letter:
    """Values of the letter as of now. low: it says the low-balance paragraph too."""
    summary = _summary(connection, notice)
    stored = documents.get(connection, notice.document)
    document = stored.document if stored is not None else None
    source = _source(notice.document)
    facts = notice.facts
    policy = context.policy
    threshold = policy.threshold if summary.threshold is None else summary.threshold
    now = context.now()
    # what was covered by its own entry is not called a debt before the shop was read again
    owed = Credits(max(0, -summary.balance)) if notice.needs_shop or low else Credits(0)
    low = low or notice.kind == NoticeKind.LOW_BALANCE
    least = _estimate(stored, notice, context) if notice.kind == NoticeKind.INSUFFICIENT else None
    if least is not None:
        need = Credits(max(0, least[0] - facts["already"] - summary.balance))
    else:
        need = _need(summary.balance, threshold, owed, low=low)
    movement = _movement(notice)
    language = language_of(document.language if document else None, summary.language, policy.language)
    letter = Letter(
        kind=notice.kind,
        language=language,
        name=_name(summary, document, notice.recipient),
        code=notice.code,
        source=source,
        document=_shown(document, notice.document),
        balance_after=Credits(facts.get("after", summary.balance)),
        balance_now=summary.balance,
        threshold=threshold,
        movement=movement,
        low=low and not owed,
        owed=owed,
        offer=packs.smallest_cover(context.rules, need, now),
        lasts_days=_lasts(connection, notice, summary, now),
        estimate=least[0] if least is not None else None,
        estimate_kind=least[1] if least is not None else None,
        charged_already=Credits(facts.get("already", 0)),
        credentials_reminder=bool(facts.get("reminder")),
        stranger=bool(facts.get("stranger")),
        module=facts.get("module", ""),
        module_ends=Instant(facts["ends"]) if "ends" in facts else None,
    )
    if notice.kind != NoticeKind.STATEMENT:
        return letter
    return with_statement(letter, connection, summary.id, context.settings, now)


def _name(summary: Summary, document: Document | None, recipient: str) -> str:
    """Whom the letter greets: in a shared account who wrote from that very address, never a colleague."""
    writer = ""
    if document is not None:
        given = document.emails if isinstance(document, Invoice) else (document.email,)
        writer = document.name if recipient in {normalise(email) for email in given} else ""
    return writer if len(summary.emails) > 1 else summary.name or writer


def _source(key: str) -> Source:
    source = key.partition(":")[0]
    return Source(source) if source in set(Source) else Source.ADMIN


def _shown(document: object, key: str) -> str:
    """How the customer knows the document: an order by its number, a ticket and an invoice by their code."""
    number = key.partition(":")[2]
    return number if key.startswith(Source.SHOP) else str(getattr(document, "code", "") or number)


def _need(balance: Credits, threshold: Credits, owed: Credits, *, low: bool) -> Credits:
    """Credits a pack should cover: a debt, or what brings the balance to the threshold again."""
    if owed:
        return owed
    return Credits(max(1, threshold - balance)) if low else Credits(0)


def _movement(notice: Notice) -> Movement | None:
    facts = notice.facts
    if "credits" not in facts:
        return None
    return Movement(
        Credits(facts["credits"]),
        Credits(facts["was"]),
        Credits(facts["now"]),
        facts["derivation"],
        Instant(facts["at"]),
    )


def _lasts(connection: Connection, notice: Notice, summary: Summary, now: Instant) -> tuple[int, int] | None:
    if notice.kind not in (NoticeKind.BALANCE, NoticeKind.LOW_BALANCE, NoticeKind.PURCHASE) or summary.balance <= 0:
        return None
    used = charges(entries.of_family(connection, summary.id))
    return lasts_days(summary.balance, used, now)


def with_statement(letter: Letter, connection: Connection, root: int, settings: Settings, now: Instant) -> Letter:
    """The letter with the account's statement in it."""
    window, language, code = statements.Window(), letter.language, letter.code
    text = statements.render(connection, root, window, "text", language, settings, now, code=code)
    rows, more = statements.latest(connection, root, language, settings, STATEMENT_ROWS)
    return replace(letter, statement_text=text.decode(), statement_rows=rows, more_rows=more)
