"""Documents and memories as JSON text, the form in which they are stored and compared."""

import hashlib
from typing import Any

import msgspec

from bytebridge.domain.memory import Memory
from bytebridge.domain.model import Document, Invoice, Order, Source, Ticket

_encoder = msgspec.json.Encoder()
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    Source.SHOP: msgspec.json.Decoder(Order),
    Source.ERP: msgspec.json.Decoder(Invoice),
    Source.HELPDESK: msgspec.json.Decoder(Ticket),
}
_memories = msgspec.json.Decoder(Memory)


def encode(value: Any) -> str:
    """The one text of a frozen value; equal texts mean equal values."""
    return _encoder.encode(value).decode()


def document(source: str, text: str) -> Document:
    found: Document = _decoders[source].decode(text)
    return found


def memory(text: str) -> Memory:
    return _memories.decode(text)


def digest(text: str) -> str:
    """Sixteen digits that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fit(text: str, length: int) -> str:
    """Text for a column of that length; NUL, which PostgreSQL refuses, is dropped."""
    return text.replace("\x00", "")[:length]
