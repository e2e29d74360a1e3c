"""The firm's side: an internal note in a ticket that waits for review, and the weekly digest of what waits."""

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from bytebridge.domain.model import Document, Instant, Ticket
from bytebridge.errors import OutcomeUnknown, RemoteRefused, RemoteRejected, RemoteSurprise, RemoteUnavailable
from bytebridge.jobs.context import Context
from bytebridge.jobs.deliver import give_back
from bytebridge.jobs.labels import labels
from bytebridge.jobs.office_hours import next_open
from bytebridge.ledger import codec, documents, facts, outbox, reviews
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.lock import turn
from bytebridge.ledger.reviews import Review
from bytebridge.logs import log
from bytebridge.notices import mail
from bytebridge.notices.render import Rendered
from bytebridge.wording.missing import note
from bytebridge.wording.reviews import cure, sentence

NOTES_A_PASS = 20
TURN = "notes"
DIGEST = "digest"  # the week last told, as a fact of the store


def note_reviews(context: Context) -> int:
    """Says once in each ticket that waits what it lacks; looked for before it is written, as with every message.

    Only one process at a time: two would both look before either has written.
    """
    desk = context.settings.helpdesk
    if context.desk is None or not desk.note_reviews or not desk.message_api_key.get_secret_value():
        return 0
    with context.store.read() as connection:
        if outbox.is_held(connection) or not reviews.to_note(connection, 1):
            return 0
    with turn(context.store, TURN) as mine:
        return _note_each(context) if mine else 0


def _note_each(context: Context) -> int:
    done = 0
    with context.store.read() as connection:
        waiting = reviews.to_note(connection, NOTES_A_PASS)
    for review in waiting:
        if context.stopping():
            break
        try:
            done += _note(review, context)
        except (RemoteUnavailable, OutcomeUnknown) as error:
            # noted stays open: the next pass looks for the code first
            log("remote_unavailable", operation=error.operation, error=error.message, retry_after_s=None)
            break
        except RemoteRefused as error:
            log("source_refused", operation=error.operation, error=error.message)
            break
        except RemoteSurprise as error:
            log("source_surprised", operation=error.operation, document=review.document, error=error.message)
    return done


def _note(review: Review, context: Context) -> bool:
    desk = context.desk
    assert desk is not None
    ticket = review.document.partition(":")[2]
    with context.store.read() as connection:
        stored = documents.get(connection, review.document)
    wrote = False
    if stored is not None and stored.dated >= context.policy.quiet_before:
        # of the ticket alone, so that a note is found again after a restore
        code = f"BB-R{codec.digest(review.document)[:8]}".upper()
        try:
            if not desk.find(ticket, code):
                lacks = _lacks(review.code, stored.document)
                before = desk.standing_text(ticket) if context.settings.helpdesk.restore_status else ""
                desk.post(ticket, note(lacks, context.settings.notices.language, code), kind="note")
                wrote = True
                give_back(context, ticket, before, review.document)
        except RemoteRejected:
            wrote = False  # a closed ticket takes no note: the list shows it all the same
    context.store.transact(lambda connection: reviews.noted(connection, review, context.now()))
    return wrote


def _lacks(code: str, document: Document) -> str:
    """All that is missing, since there is one note: a ticket without kind often has no minutes either."""
    bare = isinstance(document, Ticket) and not document.minutes and not document.credits
    return "no_kind_no_minutes" if code == "no_kind" and bare else code


def digest(context: Context) -> bool:
    """Mails the staff, once a week in office hours, what waits for a person; nothing when nothing does."""
    staff, now = context.settings.notices.staff, context.now()
    if not staff or context.mailer is None:
        return False
    letters = context.settings.notices
    if next_open(now, letters.office_hours, letters.time_zone) > now:
        return False
    week = datetime.fromtimestamp(now, ZoneInfo(letters.time_zone)).strftime("%G-W%V")
    with context.store.read() as connection:
        told = facts.get(connection, DIGEST)
        items = reviews.open_items(connection, "waiting")
        flagged = reviews.open_items(connection, "flagged")
        failed = outbox.listed(connection, state="failed")
        names = labels(connection, [item.document for item in (*items, *flagged)])
    if told == week or not (items or flagged or failed):
        return False
    lines = [_line(names[item.document], item) for item in items]
    lines += [f"booked, worth a look: {_line(names[item.document], item)}" for item in flagged]
    lines += [f"letter {notice.id} ({notice.kind}) was not delivered: {notice.why}" for notice in failed]

    def claim(connection: Connection) -> bool:
        mine = facts.get(connection, DIGEST) == told  # or another process tells it just now
        if mine:
            facts.put(connection, DIGEST, week)
        return mine

    # told first: a digest lost in a crash is less than one told twice
    if not context.store.transact(claim):
        return False
    try:
        _send_digest(context, staff, week, lines, now)
    except OutcomeUnknown as error:
        log("remote_unavailable", operation=error.operation, error=error.message, retry_after_s=None)
    except (RemoteUnavailable, RemoteRejected, RemoteRefused) as error:
        log("remote_unavailable", operation=error.operation, error=error.message, retry_after_s=None)
        context.store.transact(lambda connection: facts.put(connection, DIGEST, told))
        return False
    return True


def _line(name: str, item: Review) -> str:
    return f"{name}: {sentence(item.code, item.found)} → {cure(item.code)}"


def _send_digest(context: Context, staff: str, week: str, lines: list[str], now: Instant) -> None:
    assert context.mailer is not None
    sender = context.settings.notices.from_
    text = "\n".join(lines) + "\n\nbytebridge review list\n"
    html = "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
    subject = f"bytebridge {week}: {len(lines)} to look at"
    raw = mail.build(
        Rendered(subject, text, html),
        sender=sender,
        recipient=staff,
        message_id=f"<digest.{week}.{now}@{sender.rpartition('@')[2]}>",
        date=now,
    )
    context.mailer.send(raw, sender, staff)
