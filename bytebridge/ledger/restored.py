"""What a restored store must remember: letters about what came after its backup may have gone out already."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from bytebridge.domain.entry import Entry
from bytebridge.domain.letter import Channel
from bytebridge.domain.model import Instant
from bytebridge.domain.notices import Draft
from bytebridge.ledger import facts
from bytebridge.ledger.schema import entries, notices, sources

WHY = "restored from a backup: it may have been sent before"


@dataclass(frozen=True, slots=True)
class Gap:
    """From the backup's last entry to the restore. anew: sources that were read whole since."""

    last_recorded: Instant
    restored_at: Instant
    anew: frozenset[str]

    def may_hold(self, draft: Draft, entry: Entry | None) -> bool:
        """Whether this letter may have been written between the backup and the restore."""
        source = draft.document.partition(":")[0]
        if draft.cause < self.restored_at or (entry is not None and entry.happened < self.restored_at):
            return True
        # a shop's refund has no date of its own: until a whole reading it may be from before
        return source in ("shop", "erp", "helpdesk") and source not in self.anew


def gap(connection: Connection) -> Gap | None:
    """None for a store that was never restored."""
    at = facts.get(connection, "restored_at")
    if not at:
        return None
    restored_at = Instant(int(at))
    rows = connection.execute(select(sources.c.source).where(sources.c.begun >= restored_at))
    last = Instant(int(facts.get(connection, "restored_last")))
    return Gap(last, restored_at, frozenset(rows.scalars()))


def mark(connection: Connection, now: Instant) -> Instant:
    """Turns a copy into a restored store; gives when its last entry was recorded, 0 without entries.

    Letters that were still due when the backup was taken have likely gone out since: those of a ticket are looked
    for there, mails wait for a person.
    """
    last = Instant(connection.execute(select(func.max(entries.c.recorded))).scalar() or 0)
    facts.put(connection, "restored_at", str(now))
    facts.put(connection, "restored_last", str(last))
    open_ones = notices.c.state.in_(("pending", "sending", "unknown"))
    ticket = notices.c.channel == Channel.TICKET.value
    connection.execute(update(notices).where(open_ones, ticket).values(state="unknown", due=now, why=WHY, looks=0))
    connection.execute(update(notices).where(open_ones, ~ticket).values(state="held", why=WHY))
    connection.execute(update(notices).values(carrier=None).where(notices.c.state.in_(("unknown", "held"))))
    return last
