"""Letters out of the outbox: rendered once, claimed before the call, looked for before a resend."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bytebridge.domain.letter import Channel, NoticeKind
from bytebridge.domain.model import Instant, Source
from bytebridge.errors import (
    BytebridgeError,
    OutcomeUnknown,
    RemoteError,
    RemoteRefused,
    RemoteRejected,
    RemoteSurprise,
    RemoteUnavailable,
)
from bytebridge.jobs.attachments import attachments_of
from bytebridge.jobs.context import Context, PassResult
from bytebridge.jobs.letters import first_heard, letter_of, untrue
from bytebridge.jobs.office_hours import next_open
from bytebridge.ledger import outbox, runs
from bytebridge.ledger.engine import Connection
from bytebridge.ledger.outbox import Notice
from bytebridge.logs import log
from bytebridge.notices import mail, render

GIVE_UP_S = 86_400
FIRST_WAIT_S, LONGEST_WAIT_S = 60, 3600
CLAIM_S = 600  # an attempt without outcome after this long is one of a process that died
LOOKS = 2
GIVE_BACK_S = 3600  # for so long a ticket is tried to be given back its status
CARRIERS = (NoticeKind.BALANCE, NoticeKind.TAKEN_BACK)  # letters that say the low-balance text too
PATIENT = (NoticeKind.LOW_BALANCE, NoticeKind.MODULE_ENDING)  # letters that can wait for office hours


@dataclass(frozen=True, slots=True)
class Frozen:
    """A rendered letter as it is stored and sent."""

    subject: str
    text: str
    html: str


def deliver(context: Context, result: PassResult) -> int:
    """Sends what is due; gives the number of deliveries confirmed in this pass.

    A fault of ours in one letter is raised once all others have gone out.
    """
    faults: list[Exception] = []
    _give_back_late(context)
    sent = sum(_deliver(channel, context, result, faults) for channel in Channel)
    if faults:
        raise faults[0]
    return sent


def _deliver(channel: Channel, context: Context, result: PassResult, faults: list[Exception]) -> int:
    """One channel's letters: another that refuses us, or has a long queue, does not keep them back."""
    sent = 0
    with context.store.read() as connection:
        due = outbox.due(connection, channel, context.now(), shop_read_at(connection, context))
    # a low-balance letter goes by itself only when no other took it along
    for notice in sorted(due, key=lambda one: one.kind == NoticeKind.LOW_BALANCE):
        if context.stopping():
            break
        try:
            sent += _advance(notice, context)
        except RemoteRefused as error:
            log("source_refused", source=error.system, operation=error.operation, error=error.message)
            result.error = str(error)
            break
        except BytebridgeError:
            raise
        except Exception as error:  # noqa: BLE001  raised by `deliver`, after the letters behind this one
            faults.append(error)
            why = outbox.fit_why(f"it cannot be made: {error!r}")
            _move(context, notice, notice.state, due=context.now() + LONGEST_WAIT_S, why=why)
    return sent


def shop_read_at(connection: Connection, context: Context) -> Instant | None:
    """Start of the shop's last good reading; None when this firm has no shop to read."""
    if not context.settings.shop.url:
        return None
    return runs.reading(connection, Source.SHOP).begun or Instant(0)


def _advance(notice: Notice, context: Context) -> bool:
    if notice.state == "pending":
        return _first(notice, context)
    if notice.state == "sending":
        unknown = replace(notice, state="unknown", doubts=notice.doubts + 1)
        if not _move(context, notice, "unknown", doubts=unknown.doubts):
            return False
        notice = unknown
    return _look(notice, context)


def _first(notice: Notice, context: Context) -> bool:
    now = context.now()
    if notice.kind in PATIENT:
        opens = next_open(now, context.settings.notices.office_hours, context.settings.notices.time_zone)
        if opens > now:
            _move(context, notice, "pending", due=opens)
            return False
    with context.store.read() as connection:
        stale = untrue(connection, notice, context) if notice.letter is None else None
        before = first_heard(connection, notice) if notice.letter is None else None
        rider = _rider(connection, notice, context) if notice.letter is None else None
        frozen = _frozen(connection, notice, context, rider)
    if stale is not None:
        _move(context, notice, "cancelled", why=stale)
        log("notice_dropped", **_named(notice), why=stale)
        return False
    if before is not None:
        _move(context, notice, "pending", due=max(before.due, now + FIRST_WAIT_S))
        return False
    return _send(notice, frozen, context, rider)


def _rider(connection: Connection, notice: Notice, context: Context) -> Notice | None:
    """The low-balance letter that this one says too, which then needs no mail of its own."""
    internal = notice.channel == Channel.TICKET and context.settings.helpdesk.reply_as == "note"
    if notice.kind not in CARRIERS or internal:
        return None
    rider = outbox.rider(connection, notice.account, shop_read_at(connection, context))
    if rider is None or untrue(connection, rider, context) is not None:
        return None
    return rider if first_heard(connection, rider) is None else None


def _frozen(connection: Connection, notice: Notice, context: Context, rider: Notice | None = None) -> Frozen:
    if notice.letter is not None:
        return Frozen(**notice.letter)
    letter = letter_of(connection, notice, context, low=rider is not None)
    folder = context.settings.notices.templates
    rendered = render.render(
        letter, zone=context.settings.notices.time_zone, overrides=Path(folder) if folder else None
    )
    if rendered.fallback:
        log("template_fallback", template=notice.kind.value, language=letter.language, error=rendered.fallback)
    return Frozen(rendered.subject, rendered.text, rendered.html)


def _send(notice: Notice, frozen: Frozen, context: Context, rider: Notice | None = None) -> bool:
    """Claims the letter in the store, then makes the one call, then records what came of it."""
    now = context.now()
    since = _since(notice, context)
    values: dict[str, Any] = {
        "attempts": notice.attempts + 1,
        "letter": json.dumps(_plain(frozen), ensure_ascii=False),
        "due": now + CLAIM_S,
        "looks": 0,
        "tried_since": since,
    }
    # read anew for each attempt: one before was looked for and is not there, and people may have acted since
    standing = None
    try:
        if notice.channel == Channel.TICKET and context.desk is not None:
            standing = context.desk.standing_text(notice.ticket)
            values["standing"] = standing
    except (RemoteUnavailable, RemoteRejected, RemoteSurprise) as error:
        return _failed(notice, context, error)
    except RemoteRefused as error:
        _wait(notice, context, error)
        raise
    if not context.store.transact(lambda connection: outbox.claim(connection, notice, rider, **values)):
        return False
    claimed = replace(
        notice,
        state="sending",
        attempts=notice.attempts + 1,
        standing=standing,
        letter=_plain(frozen),
        tried_since=since,
    )
    try:
        _call(claimed, frozen, context)
    except OutcomeUnknown as error:
        wait = context.settings.notices.recheck_after
        _move(
            context,
            claimed,
            "unknown",
            doubts=claimed.doubts + 1,
            due=context.now() + wait,
            why=outbox.fit_why(str(error)),
        )
        log("notice_unknown", **_named(claimed), attempt=claimed.attempts, error=str(error))
        return False
    except RemoteRefused as error:
        _wait(claimed, context, error)
        raise
    except (RemoteUnavailable, RemoteRejected, RemoteSurprise) as error:
        return _failed(claimed, context, error)
    return _sent(claimed, context)


def _plain(frozen: Frozen) -> dict[str, str]:
    return {"subject": frozen.subject, "text": frozen.text, "html": frozen.html}


def _call(notice: Notice, frozen: Frozen, context: Context) -> None:
    if notice.channel == Channel.TICKET:
        if context.desk is None:
            raise RemoteRejected("helpdesk", "reply", "no key for messages is configured")
        noted = context.settings.helpdesk.reply_as == "note"
        context.desk.post(notice.ticket, frozen.text, kind="note" if noted else "reply")
        return
    if context.mailer is None:
        raise RemoteUnavailable("mail", "send", "no SMTP server is configured: set smtp.host")
    sender = context.settings.notices.from_
    raw = mail.build(
        # with its code, so that whatever answers it is known for an answer and brings no letter
        render.Rendered(f"{frozen.subject} ({notice.code})", frozen.text, frozen.html, None),
        sender=sender,
        recipient=notice.recipient,
        message_id=message_id(notice, sender),
        date=notice.created_at if notice.tried_since is None else notice.tried_since,
        attachments=attachments_of(notice, context),
    )
    context.mailer.send(raw, sender, notice.recipient)


def message_id(notice: Notice, sender: str) -> str:
    """Stable for the letter: a second sending is recognised by the customer's own mail program."""
    return f"<{notice.code.lower()}.{notice.kind.value}@{sender.rpartition('@')[2]}>"


def _sent(notice: Notice, context: Context) -> bool:
    standing = notice.standing if context.settings.helpdesk.restore_status else None
    if notice.channel == Channel.TICKET and standing and give_back(context, notice.ticket, standing, notice.document):
        standing = None  # what is left is tried again
    now = context.now()
    if not _move(context, notice, "sent", sent_at=now, why="", standing=standing):
        return False

    log("notice_sent", **_named(notice), attempt=notice.attempts)
    return True


def give_back(context: Context, ticket: str, standing: str, document: str) -> bool:
    """The ticket as it stood before a message that is out and stays so; what cannot be is left to the technicians.

    False when trouble that may pass was in the way, so that it is worth another try.
    """
    if context.desk is None or not standing:
        return True
    try:
        context.desk.restore_text(ticket, standing)
    except RemoteError as error:
        log("ticket_not_restored", document=document, error=error.message)
        return not isinstance(error, RemoteUnavailable | OutcomeUnknown)
    return True


def _give_back_late(context: Context) -> None:
    """Tickets of letters that went out within the hour, and that trouble kept from standing as before."""
    if not context.settings.helpdesk.restore_status:
        return
    with context.store.read() as connection:
        left = outbox.not_given_back(connection, Instant(context.now() - GIVE_BACK_S))
    for notice in left:
        if context.stopping() or not give_back(context, notice.ticket, notice.standing or "", notice.document):
            return
        _move(context, notice, "sent", standing=None)


def _look(notice: Notice, context: Context) -> bool:
    """An attempt of unknown outcome: in the ticket it can be looked for; a mail goes at most once more."""
    if notice.channel == Channel.TICKET and context.desk is not None:
        try:
            text = (notice.letter or {}).get("text", "")
            found = context.desk.find(notice.ticket, notice.code, text, notice.standing)
            stood = notice.standing if not found else None
            lost = stood is not None and context.desk.is_emptied_since(notice.ticket, stood)
        except (RemoteUnavailable, RemoteSurprise, RemoteRejected) as error:
            if _tried_for_a_day(notice, context):
                _give_up(notice, context, f"for a day nobody could tell whether it is there: {error}")
            else:
                values = {"due": context.now() + FIRST_WAIT_S, "why": outbox.fit_why(str(error))}
                _move(context, notice, "unknown", tried_since=_since(notice, context), **values)
            return False
        if found:
            return _sent(notice, context)
        if lost:
            _give_up(
                notice,
                context,
                "its outcome is unknown and the ticket's messages went elsewhere, as when it is merged: "
                "look for it there, then `notices retry` or `cancel`",
            )
            return False
        if notice.looks + 1 < LOOKS:
            wait = max(FIRST_WAIT_S, context.settings.notices.recheck_after)
            _move(context, notice, "unknown", looks=notice.looks + 1, due=context.now() + wait)
            return False
        # a ticket that was looked through shows that the reply is not there: sending it again is safe
        given_up = _tried_for_a_day(notice, context)
    else:
        given_up = notice.doubts >= LOOKS
    if notice.letter is None:
        # after a restore: looked for in its ticket, not there, and never written by this store
        return _first(notice, context)
    if given_up:
        _give_up(
            notice,
            context,
            "its outcome stayed unknown: look for it yourself, then `notices retry` or `cancel`",
        )
        return False
    with context.store.read() as connection:
        frozen = _frozen(connection, notice, context)
    return _send(notice, frozen, context)


def _failed(notice: Notice, context: Context, error: RemoteError) -> bool:
    if isinstance(error, RemoteRejected):
        if notice.channel == Channel.TICKET and _by_mail(notice, context):
            return False
        _give_up(notice, context, str(error))
        return False
    if _tried_for_a_day(notice, context):
        _give_up(notice, context, f"not delivered for a day: {error}")
        return False
    _wait(notice, context, error)
    return False


def _since(notice: Notice, context: Context) -> Instant:
    """When the attempts that are being made began: with this one, if it is the first."""
    return context.now() if notice.tried_since is None else notice.tried_since


def _tried_for_a_day(notice: Notice, context: Context) -> bool:
    """Whether a day of attempts is over: one that merely waited, for office hours or a person, has its day to come."""
    return notice.tried_since is not None and context.now() - notice.tried_since > GIVE_UP_S


def _by_mail(notice: Notice, context: Context) -> bool:
    """A ticket that cannot take the reply: the same letter goes by e-mail, unless a mail of it is there already."""
    with context.store.read() as connection:
        there = [
            other
            for other in outbox.listed(connection, document=notice.document)
            if other.kind == notice.kind and other.revision == notice.revision and other.channel == Channel.EMAIL
        ]
    state, why = ("cancelled", "the mail says the same") if there else ("pending", "the ticket takes no reply")
    channel = notice.channel if there else Channel.EMAIL.value
    moved = _move(context, notice, state, channel=channel, why=why, due=context.now())
    if there and moved:
        log("notice_dropped", **_named(notice), why=why)
    return moved


def _wait(notice: Notice, context: Context, error: RemoteError) -> None:
    wait = min(FIRST_WAIT_S * 2 ** max(0, notice.attempts - 1), LONGEST_WAIT_S)
    asked = error.retry_after_s if isinstance(error, RemoteUnavailable) else None
    wait = max(wait, int(asked or 0))
    values = {"due": context.now() + wait, "why": outbox.fit_why(str(error))}
    _move(context, notice, "pending", tried_since=_since(notice, context), **values)
    log("notice_delayed", **_named(notice), attempt=notice.attempts, error=str(error), retry_in_s=wait)


def _give_up(notice: Notice, context: Context, why: str) -> None:
    _move(context, notice, "failed", why=outbox.fit_why(why))
    log("notice_failed", **_named(notice), attempt=notice.attempts, error=why)


def _move(context: Context, notice: Notice, state: str, **values: Any) -> bool:
    return context.store.transact(lambda connection: outbox.move(connection, notice, state, **values))


def _named(notice: Notice) -> dict[str, Any]:
    return {
        "notice": notice.id,
        "kind": notice.kind.value,
        "channel": notice.channel.value,
        "document": notice.document,
        "account": notice.account,
    }
