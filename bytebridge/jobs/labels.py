"""How commands show documents: `order 1042`, `ticket KXB-QWERT-482`, `invoice FA2610-0040 (41)`."""

from collections.abc import Sequence

from bytebridge.domain.model import Source
from bytebridge.errors import NotFound
from bytebridge.ledger import documents
from bytebridge.ledger.documents import Stored
from bytebridge.ledger.engine import Connection

WORDS = {"order": Source.SHOP, "invoice": Source.ERP, "ticket": Source.HELPDESK}


def label_of(key: str, code: str) -> str:
    source, _, number = key.partition(":")
    match source:
        case Source.SHOP:
            return f"order {number}"
        case Source.ERP:
            return f"invoice {code or number} ({number})"
        case Source.HELPDESK:
            return f"ticket {code or number}"
        case _:
            return f"{source} {number}"


def labels(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    codes = documents.codes(connection, list(set(keys)))
    return {key: label_of(key, codes.get(key, "")) for key in keys}


def get(connection: Connection, words: Sequence[str]) -> Stored:
    """The document that `order 1042`, `ticket KXB-…` or `invoice FA…` names; NotFound when none or several do."""
    text = " ".join(words).strip()
    kind, _, name = text.partition(" ")
    if kind not in WORDS or not name:
        raise NotFound(f"{text}: name a document as `order 1042`, `ticket KXB-QWERT-482` or `invoice FA2610-0040`")
    name = name.strip()
    if kind == "invoice" and name.endswith(")") and "(" in name:
        name = name[name.rindex("(") + 1 : -1]
    found = documents.named(connection, WORDS[kind], name)
    if not found:
        raise NotFound(f"no {kind} {name} in the ledger")
    exact = [stored for stored in found if stored.document.id == name]
    if len(found) > 1 and not exact:
        several = ", ".join(stored.document.id for stored in found)
        raise NotFound(f"{kind} {name} names several: give one of the numbers {several}")
    return exact[0] if exact else found[0]
