"""Any letter rendered without sending it."""

from pathlib import Path

from msgspec.structs import replace

from bytebridge.domain.letter import NoticeKind
from bytebridge.domain.model import Instant
from bytebridge.errors import Refused
from bytebridge.ledger import accounts
from bytebridge.ledger.engine import Store
from bytebridge.notices.render import Rendered, render
from bytebridge.notices.samples import sample
from bytebridge.settings import Settings


def preview(settings: Settings, kind: str, language: str, store: Store | None, email: str, now: Instant) -> Rendered:
    """The usual letter of this kind; with a store, by the name and balance of the account of `email`."""
    if kind not in set(NoticeKind):
        raise Refused(f"{kind} is no letter: {', '.join(NoticeKind)}")
    letter = sample(NoticeKind(kind), language)
    if store is not None:
        with store.read() as connection:
            summary = accounts.summaries(connection, [accounts.get(connection, email, now)])[0]
        letter = replace(letter, name=summary.name, balance_after=summary.balance, balance_now=summary.balance)
    folder = settings.notices.templates
    return render(letter, zone=settings.notices.time_zone, overrides=Path(folder) if folder else None)
