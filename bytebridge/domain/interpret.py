"""What a document should have moved by now: a pure function of what it says, what is remembered, and the rules."""

from collections.abc import Mapping

from msgspec.structs import replace

from bytebridge.domain.derivation import recompute
from bytebridge.domain.invoices import credit_note_worth, invoice_worth, named_as_before, shop_mark
from bytebridge.domain.memory import Decision, born, key_of, source_of
from bytebridge.domain.model import Credits, Document, Invoice, InvoiceKind, Order, Source, Ticket
from bytebridge.domain.orders import order_worth
from bytebridge.domain.rules import FOREVER_AGO, Rules
from bytebridge.domain.tariff import Lack
from bytebridge.domain.tickets import ticket_worth
from bytebridge.domain.worth import NOTHING, Facts, Known, Worth

__all__ = ["Facts", "Known", "Worth", "interpret", "shop_mark"]


def interpret(document: Document, known: Mapping[str, Known], rules: Rules, facts: Facts) -> list[Worth]:
    """One Worth for each document in `document`: an invoice brings its credit notes along.

    known: by key, for every document in it; absent ones are new.
    """
    own = known.get(key_of(document), NOTHING)
    match document:
        case Order():
            worth = order_worth(document, own, rules, facts)
        case Ticket():
            worth = ticket_worth(document, own, rules, facts)
        case Invoice() if document.kind == InvoiceKind.CREDIT_NOTE:
            worth = credit_note_worth(document, own, rules, facts, source=None, left=None)
        case Invoice():
            return _family(document, known, rules, facts)
    return [_finish(worth, document, own, rules)]


def _family(invoice: Invoice, known: Mapping[str, Known], rules: Rules, facts: Facts) -> list[Worth]:
    """An invoice, then its credit notes: each may take back what those before it left of the grant.

    A list may pass over a row in silence: what is posted for a note that is not shown was taken all the same, and
    until it is shown, what the invoice itself moved is not changed. A module that it gave back stays so, too.
    """
    own = known.get(key_of(invoice), NOTHING)
    invoice = named_as_before(invoice, own.memory)
    said = invoice_worth(invoice, own, rules, facts)
    modules = said.modules
    if own.hidden and not (own.decision is not None and own.decision.choice == "accept"):
        whole = replace(invoice, credit_notes=(*invoice.credit_notes, *own.hidden))
        modules = invoice_worth(named_as_before(whole, own.memory), own, rules, facts).modules
    notes = tuple(sorted({*own.memory.notes, *(note.id for note in invoice.credit_notes)}))
    if notes != own.memory.notes:
        said = replace(said, memory=replace(said.memory, notes=notes))
    falls = own.unseen and said.credits not in (None, own.posted)
    if said.lack is None and (falls or said.modules != modules):
        said = replace(said, lack=Lack("note_not_shown"), flags=())
    said = replace(said, modules=modules)
    source = _finish(said, invoice, own, rules)
    worths = [source]
    left = Credits(max(0, _granted(said, source, own, rules, facts) + own.unseen))
    for note in invoice.credit_notes:
        kept = known.get(key_of(note), NOTHING)
        worth = credit_note_worth(note, kept, rules, facts, source=source, left=left)
        worth = _finish(worth, note, kept, rules)
        worths.append(worth)
        left = Credits(max(0, left + (kept.posted if worth.credits is None else worth.credits)))
    return worths


def _granted(said: Worth, source: Worth, own: Known, rules: Rules, facts: Facts) -> Credits:
    """What the credit notes of an invoice have to take from; of one from before `since`, what it once granted."""
    if source.credits is not None and not facts.withheld:
        return Credits(max(0, source.credits))
    if said.dated < rules.since.get(Source.ERP, FOREVER_AGO):
        return Credits(max(0, said.credits or 0))
    return Credits(max(0, own.posted))


def _finish(worth: Worth, document: Document, known: Known, rules: Rules) -> Worth:
    memory, origin = known.memory, born(document)
    if memory.born and memory.born != origin:
        # what is posted belongs to the document that was: nothing said of this one may touch it
        lack = None if known.decision is not None else Lack("another_document")
        return replace(worth, credits=None, lack=lack, cost=worth.credits, memory=memory, flags=(), recheck=None)
    if worth.dated < rules.since.get(source_of(document), FOREVER_AGO):
        worth = _too_old(worth, known)
    if worth.lack is not None:
        worth = replace(worth, credits=None, cost=worth.credits if worth.cost is None else worth.cost)
    if known.decision is not None:
        worth = _decided(worth, known, known.decision)
    kept = worth.memory
    moved = bool(worth.credits or known.posted)
    dated = worth.dated if worth.credits is not None and kept.dated is None and moved else kept.dated
    kept = replace(kept, born=origin, dated=dated, charged=kept.charged or moved, missing=None)
    return replace(worth, memory=kept)


def _too_old(worth: Worth, known: Known) -> Worth:
    """A document from before `since` moves nothing; a later change of it is a person's matter (domain, dates)."""
    would = worth.cost if worth.credits is None else worth.credits
    quiet = replace(worth, credits=None, lack=None, flags=(), cost=None)
    if would is None:
        return quiet
    kept = worth.memory
    if kept.assumed is None:
        # what never was anything has no date of its own yet: an order may still be paid after `since`
        dated = worth.dated if would else kept.dated
        kept = replace(kept, assumed=Credits(would - known.posted), dated=dated)
    change = Credits(would - (kept.assumed or 0) - known.posted)
    quiet = replace(quiet, memory=kept, recheck=None)
    if not change:
        return quiet
    return replace(quiet, lack=Lack("older_than_since"), cost=change)


def _decided(worth: Worth, known: Known, decision: Decision) -> Worth:
    by = {"reason": decision.reason, "by": decision.by}
    if decision.email:
        worth = replace(worth, emails=(decision.email,))
    match decision.choice:
        case "charge":
            derivation = {"rule": "decided", "credits": decision.credits, **by}
            return replace(worth, credits=decision.credits, derivation=derivation, lack=None, flags=())
        case "accept" if worth.lack is not None and worth.cost is not None:
            late = worth.lack.code == "older_than_since"
            accepted = Credits(worth.cost + known.posted) if late else worth.cost
            derivation = dict(worth.derivation)
            if not derivation or recompute(derivation) != accepted:
                derivation = {"rule": "decided", "credits": accepted}
            return replace(worth, credits=accepted, derivation={**derivation, **by}, lack=None, flags=())
        case "account":
            return replace(worth, flags=())
        case "dismiss":
            return replace(worth, credits=None, lack=None, flags=())
        case _:
            return replace(worth, lack=None, flags=())
