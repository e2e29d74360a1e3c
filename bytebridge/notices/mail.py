"""One letter as a mail: built, read back, handed to the SMTP server.

A mail is refused before it leaves if what the parser reads from its bytes is not exactly what was meant.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.header import Header
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime
from functools import lru_cache

from bytebridge.domain.model import Instant
from bytebridge.errors import RemoteRejected
from bytebridge.notices.render import Rendered
from bytebridge.notices.smtp import Mailer, ascii_address
from bytebridge.wording.plain import one_line

__all__ = ["Attachment", "Mailer", "build"]

SYSTEM = "mail"
LONGEST_SUBJECT = 200
SHORT_SUBJECT = 66  # fits the line of 78 with its name
ATOM = r"[!#-'*+\-/-9=?A-Z^-~.]{1,200}"
ADDRESS = re.compile(rf"{ATOM}@[A-Za-z0-9.\-]{{1,253}}")
MESSAGE_ID = re.compile(rf"<{ATOM}@{ATOM}>")
MEANT = (
    "Auto-Submitted",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
    "X-Auto-Response-Suppress",
)

# no encoding of a part's content writes these two signs side by side, so that no text can hold the line that ends it;
# the parser keeps a pattern for each line it was ever given
BOUNDARY = "=_part_{number}"

Attachment = tuple[str, str, bytes]
"""File name, media type, content."""


class _Headers(HeaderRegistry):
    """The library's own makes a class for every header of every mail, which lies in memory until it is collected."""

    @lru_cache(maxsize=64)  # noqa: B019  (there is one, for as long as the process lives)
    def __getitem__(self, name: str) -> type:
        return super().__getitem__(name)


_headers = _Headers()
WRITING = policy.SMTP.clone(header_factory=_headers)
READING = policy.default.clone(header_factory=_headers)


def build(
    rendered: Rendered,
    *,
    sender: str,
    recipient: str,
    message_id: str,
    date: Instant,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """The mail's bytes, ready to send: plain text and HTML as alternatives, one recipient, all of it ASCII.

    message_id: with its angle brackets, the same at every attempt. RemoteRejected when an address is none or
    when the bytes would carry anything but what was meant.
    """
    sender, recipient = ascii_address(sender), ascii_address(recipient)
    _check_addresses(sender, recipient, message_id)
    subject = header_text(rendered.subject)
    lines = {
        "From": sender,
        "To": recipient,
        "Subject": _encoded(subject),
        "Date": format_datetime(datetime.fromtimestamp(date, UTC)),
        "Message-ID": message_id,
        "Auto-Submitted": "auto-generated",
        # no absence notes in answer to a letter; reports of failed delivery must still come
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    raw = head.encode("ascii") + _content(rendered, attachments)
    check(raw, sender=sender, recipient=recipient, message_id=message_id, subject=subject)
    return raw


def _content(rendered: Rendered, attachments: Sequence[Attachment]) -> bytes:
    """The parts with their headers, which follow those of the mail."""
    message = EmailMessage(policy=WRITING)
    # quoted-printable whatever the text: lines stay short and no server needs to take eight bits
    message.set_content(_body(rendered.text), cte="quoted-printable")
    message.add_alternative(_body(rendered.html), subtype="html", cte="quoted-printable")
    for name, media_type, content in attachments:
        main, _, sub = media_type.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=header_text(name))
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(BOUNDARY.format(number=number))
    try:
        return message.as_bytes()
    except (MessageError, ValueError, LookupError) as error:
        raise _refused("it cannot be written as a mail") from error


def _encoded(subject: str) -> str:
    if subject.isascii() and len(subject) <= SHORT_SUBJECT:
        return subject
    # not by EmailMessage: its folding drops a space between two encoded words (Python 3.11)
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")


def header_text(text: str) -> str:
    """Text for a header: on one line, and no encoded word of somebody else's, which the parser would decode."""
    return one_line(text, LONGEST_SUBJECT).replace("=?", "= ?")


def _body(text: str) -> str:
    """The text with plain newlines and without lone surrogates, which no encoding can carry."""
    plain = re.sub(r"\r\n?", "\n", text).replace("\x00", "")
    return plain.encode("utf-8", "replace").decode("utf-8")


def _check_addresses(sender: str, recipient: str, message_id: str) -> None:
    if not ADDRESS.fullmatch(sender):
        raise _refused("notices.from is not an address that a mail can bear")
    if not ADDRESS.fullmatch(recipient):
        raise _refused("the customer's address is not one that a mail can be sent to")
    if not MESSAGE_ID.fullmatch(message_id):
        raise _refused("its Message-ID is not well formed")


def check(raw: bytes, *, sender: str, recipient: str, message_id: str, subject: str) -> None:
    """RemoteRejected unless `raw`, read by the parser, has exactly the headers that were meant.

    The last lock: an encoded word with a newline inside has been known to become a header of its own, such as
    Bcc, when a subject was set (Python 3.11).
    """
    read = BytesParser(policy=READING).parsebytes(raw)
    if sorted(read.keys()) != sorted(MEANT):
        raise _refused("it has headers that were not meant")
    said = {
        "From": sender,
        "To": recipient,
        "Message-ID": message_id,
        "Subject": subject,
    }
    if wrong := [name for name, value in said.items() if str(read[name]) != value]:
        raise _refused(f"it reads differently from what was meant in {', '.join(wrong)}")
    for part in read.walk():
        names = {name.lower() for name, _ in part.items()} if part is not read else set()
        if part.defects or any(name != "mime-version" and not name.startswith("content-") for name in names):
            raise _refused("it has parts that were not meant")


def _refused(why: str) -> RemoteRejected:
    return RemoteRejected(SYSTEM, "build", f"the letter was not sent: {why}")
