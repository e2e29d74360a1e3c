"""What travels with a letter: the statement asked for, as HTML and PDF."""

from bytebridge.domain.letter import NoticeKind
from bytebridge.domain.model import Instant
from bytebridge.errors import Refused
from bytebridge.jobs import statements
from bytebridge.jobs.context import Context
from bytebridge.jobs.letters import addressee
from bytebridge.ledger.outbox import Notice

FILES = (("html", "text/html"), ("pdf", "application/pdf"))


def attachments_of(notice: Notice, context: Context) -> list[tuple[str, str, bytes]]:
    """(file name, media type, content) of each; none for letters that carry nothing.

    A format whose drawing library is not installed is left out: the letter's own text says it all.
    """
    if notice.kind != NoticeKind.STATEMENT:
        return []
    found = []
    # of the first attempt: a second sending carries what the first did
    made = notice.created_at if notice.tried_since is None else notice.tried_since
    window = statements.Window(known_at=Instant(made + 1))
    settings, code = context.settings, notice.code
    with context.store.read() as connection:
        root, language = addressee(connection, notice, context)
        for fmt, media_type in FILES:
            try:
                content = statements.render(
                    connection, root, window, fmt, language, settings, made, code=code, separate=context.apart
                )
            except Refused:
                continue
            found.append((f"creditos-{notice.account}.{fmt}", media_type, content))
    return found
