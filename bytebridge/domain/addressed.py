"""By which addresses an invoice is somebody's when some are shown no more: absence is not evidence, an edit is."""

from collections.abc import Mapping

from msgspec.structs import replace

from bytebridge.domain.accounts import normalise
from bytebridge.domain.memory import Memory, key_of
from bytebridge.domain.model import Document, Invoice
from bytebridge.domain.worth import NOTHING, Known


def mindful(memory: Memory, seen: Document, now: Document) -> Memory:
    """What is remembered of a document, last seen as `seen`, that says something else now.

    Of an invoice that moved credits, the addresses it had, while it shows fewer of them, or others as its own, and none
    that is new. Documents with one address need no memory: without it they stay whose they were.
    """
    if not isinstance(seen, Invoice) or not isinstance(now, Invoice) or not memory.charged:
        return memory
    had = memory.emails or seen.emails
    known = _plain(had) | _plain(seen.emails) | _plain(seen.elsewhere)
    told = now.customer != seen.customer or not known >= _plain(now.emails) | _plain(now.elsewhere)
    return replace(memory, emails=() if told or _plain(now.emails) == _plain(had) else had)


def addressed(invoice: Invoice, known: Mapping[str, Known]) -> Invoice:
    """The invoice with the addresses it is judged by; its credit notes go by their own memory, else as it does."""
    had = known.get(key_of(invoice), NOTHING).memory.emails
    return _with(invoice, had, known)


def _with(invoice: Invoice, had: tuple[str, ...], known: Mapping[str, Known]) -> Invoice:
    notes = tuple(
        _with(note, known.get(key_of(note), NOTHING).memory.emails or had, known) for note in invoice.credit_notes
    )
    if not had:
        return replace(invoice, credit_notes=notes) if notes != invoice.credit_notes else invoice
    elsewhere = tuple(one for one in (*invoice.emails, *invoice.elsewhere) if one not in had)
    return replace(invoice, emails=had, elsewhere=elsewhere, credit_notes=notes)


def _plain(emails: tuple[str, ...]) -> frozenset[str]:
    return frozenset(normalise(email) or email for email in emails)
