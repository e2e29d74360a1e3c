"""Tells buyers of modules, where the firm wishes it, that their year of support is about to end."""

from bytebridge.domain.letter import Channel, NoticeKind
from bytebridge.domain.notices import Draft
from bytebridge.jobs.context import Context
from bytebridge.ledger import modules, outbox

DAY_S = 86_400


def queue_endings(context: Context) -> int:
    """Queues one letter for each purchase whose support ends, whosever it has become since it was first queued."""
    days = context.settings.notices.module_ending_days
    if not days:
        return 0
    now = context.now()
    with context.store.read() as connection:
        ending = modules.ending(connection, now, now + days * DAY_S)
        told = outbox.told_of(connection, NoticeKind.MODULE_ENDING, [one.document for one in ending])
        drafts = [
            Draft(
                NoticeKind.MODULE_ENDING,
                one.holder if isinstance(one.holder, int) else 0,  # who bought modules alone has no account
                one.document,
                1,
                Channel.EMAIL,
                one.email,
                "",
                now,
                needs_shop=False,
                facts={"module": one.reference, "ends": one.ends},
            )
            for one in ending
            if one.document not in told and one.ends - days * DAY_S >= context.policy.quiet_before
        ]
    if not drafts:
        return 0
    only_to = context.settings.notices.only_to
    return len(context.store.transact(lambda connection: outbox.queue(connection, drafts, [], now, only_to)))
