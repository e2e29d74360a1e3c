"""Documents and memories as JSON text, the form in which they are stored and compared."""

import hashlib
import json
from typing import Any

import msgspec
from msgspec.structs import replace

from bytebridge.domain.memory import Memory
from bytebridge.domain.model import Document, Instant, Invoice, Order, Source, Ticket, TicketState

_encoder = msgspec.json.Encoder()
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    Source.SHOP: msgspec.json.Decoder(Order),
    Source.ERP: msgspec.json.Decoder(Invoice),
    Source.HELPDESK: msgspec.json.Decoder(Ticket),
}
_memories = msgspec.json.Decoder(Memory)


def encode(value: Any) -> str:
    """The one text of a frozen value; equal texts mean equal values."""
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError:  # half a character, which no database takes
        return storable(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, separators=(",", ":")))


def document(source: str, text: str) -> Document:
    found: Document = _decoders[source].decode(text)
    return found


def memory(text: str) -> Memory:
    return _memories.decode(text)


def basis(found: Document) -> str:
    """Sixteen digits of what a decision on a document is made on.

    Of a ticket without its dates, its agent and whether it takes a reply: our own letters move those, and work
    that is noted anew shows elsewhere. A resolved ticket that the desk closes is the same work done.
    """
    if isinstance(found, Ticket):
        state = TicketState.RESOLVED if found.state == TicketState.CLOSED else found.state
        found = replace(found, state=state, changed_at=Instant(0), resolved_at=None, agent=None, replyable=False)
    return digest(encode(found))


def digest(text: str) -> str:
    """Sixteen digits that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def storable(text: str) -> str:
    """Text that every database takes: half characters become question marks, NUL is dropped.

    JSON of ours holds no NUL itself, only its escape, which stays.
    """
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return whole.replace("\x00", "")


def fit(text: str, length: int) -> str:
    """Text for a column of that length."""
    if not text.isascii() or "\x00" in text:
        text = storable(text)
    return text[:length]
