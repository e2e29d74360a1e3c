"""Any letter rendered without sending it."""

from pathlib import Path

from msgspec.structs import replace

from bytebridge.domain import packs
from bytebridge.domain.letter import Letter, NoticeKind
from bytebridge.domain.model import Credits, Instant
from bytebridge.errors import Refused
from bytebridge.jobs.languages import language_of
from bytebridge.jobs.letters import with_statement
from bytebridge.jobs.rules import rules_of
from bytebridge.ledger import accounts
from bytebridge.ledger.engine import Store
from bytebridge.notices.render import Rendered, render
from bytebridge.notices.samples import sample
from bytebridge.settings import Settings


def preview(
    settings: Settings, kind: str, language: str | None, store: Store | None, email: str, now: Instant
) -> Rendered:
    """The usual letter of this kind with the firm's own packs; with a store, by the figures of the account of `email`.

    language: None for the one that account, or else the firm, is written to in.
    """
    if kind not in set(NoticeKind):
        raise Refused(f"{kind} is no letter: {', '.join(NoticeKind)}")
    firm = settings.notices.language
    letter = sample(NoticeKind(kind), language or firm)
    need = Credits(sum(offer.credits * offer.quantity for offer in letter.offer))
    letter = replace(letter, offer=packs.smallest_cover(rules_of(settings), need, now) or letter.offer)
    if store is not None:
        letter = _of_account(letter, settings, language, store, email, now)
    folder = settings.notices.templates
    return render(letter, zone=settings.notices.time_zone, overrides=Path(folder) if folder else None)


def _of_account(
    letter: Letter, settings: Settings, language: str | None, store: Store, email: str, now: Instant
) -> Letter:
    with store.read() as connection:
        summary = accounts.summaries(connection, [accounts.get(connection, email, now)])[0]
        tongue = language or language_of(None, summary.language, settings.notices.language)
        letter = replace(
            letter,
            language=tongue,
            name=summary.name if len(summary.emails) == 1 else "",
            balance_after=summary.balance,
            balance_now=summary.balance,
        )
        if letter.kind != NoticeKind.STATEMENT:
            return letter
        return with_statement(letter, connection, summary.id, settings, now)
