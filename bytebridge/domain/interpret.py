"""What a document should have moved by now: a pure function of what it says, what is remembered, and the rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bytebridge.domain import packs
from bytebridge.domain.derivation import recompute
from bytebridge.domain.memory import Decision, Memory, born, key_of, source_of
from bytebridge.domain.model import (
    Credits,
    Document,
    Instant,
    Invoice,
    InvoiceKind,
    InvoiceState,
    Order,
    OrderState,
    Ticket,
    TicketState,
)
from bytebridge.domain.rules import FOREVER_AGO, Rules
from bytebridge.domain.tariff import Lack, charge, least

HOUSEKEEPING_S = 60 * 86_400  # the nightly sweep's window: a ticket deleted later was tidied away, not undone
ZERO = Credits(0)


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of one document: its memory, posted credits in all, and a decision that holds."""

    memory: Memory = Memory()
    posted: Credits = ZERO
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """What one document should have moved by now [credits, signed as an entry]; None: no opinion, keep what is posted.

    dated: the date whose rules apply; happened: when the present state came about. lack: why it waits for a
    person, with `cost`, what it would move; flags: booked, but worth a look. recheck: when to look again
    though nothing changed. modules: (reference, end of support) of modules bought and kept.
    """

    key: str
    credits: Credits | None
    derivation: Mapping[str, Any]
    dated: Instant
    happened: Instant
    emails: tuple[str, ...]
    memory: Memory
    lack: Lack | None = None
    cost: Credits | None = None
    flags: tuple[Lack, ...] = ()
    recheck: Instant | None = None
    modules: tuple[tuple[str, Instant], ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What interpretation needs to be told from outside the document.

    now: the pass's clock. module_until: end of the ticket's account's module support. shop_order: key of the
    shop order that an invoice's marks name; None when no such order is in the ledger.
    """

    now: Instant
    module_until: Instant | None = None
    shop_order: str | None = None


def interpret(document: Document, known: Mapping[str, Known], rules: Rules, facts: Facts) -> list[Worth]:
    """One Worth for each document in `document`: an invoice brings its credit notes along.

    known: by key, for every document in it; absent ones are new.
    """
    match document:
        case Order():
            worths = [_order(document, known.get(key_of(document), Known()), rules, facts)]
        case Ticket():
            worths = [_ticket(document, known.get(key_of(document), Known()), rules, facts)]
        case Invoice():
            return _invoices(document, known, rules, facts)
    return [_finish(worths[0], document, known.get(key_of(document), Known()), rules)]


def _finish(worth: Worth, document: Document, known: Known, rules: Rules) -> Worth:
    memory = known.memory
    if memory.born and memory.born != born(document):
        return replace(worth, credits=None, lack=Lack("another_document"), cost=worth.credits, memory=memory, flags=())
    worth = _too_old(worth, memory, rules.since.get(source_of(document), FOREVER_AGO))
    if worth.lack is not None and worth.cost is None and worth.credits is not None:
        worth = replace(worth, cost=worth.credits, credits=None)
    worth = _decided(worth, known)
    kept = replace(worth.memory, born=born(document), missing=None)
    if worth.credits is not None and kept.dated is None and (worth.credits or known.posted):
        kept = replace(kept, dated=worth.dated)
    return replace(worth, memory=replace(kept, charged=kept.charged or bool(worth.credits or known.posted)))


def _too_old(worth: Worth, memory: Memory, since: Instant) -> Worth:
    """A document from before `since` moves nothing; a later change of it is a person's matter (domain, dates)."""
    if worth.dated >= since:
        return worth
    would = worth.cost if worth.credits is None else worth.credits
    assumed = memory.assumed
    if would is None:
        return replace(worth, credits=None, lack=None, flags=(), cost=None, modules=worth.modules)
    if assumed is None or would == assumed:
        kept = replace(worth.memory, assumed=would if assumed is None else assumed, dated=worth.dated)
        return replace(worth, credits=None, lack=None, flags=(), cost=None, memory=kept)
    return replace(worth, credits=None, lack=Lack("older_than_since"), flags=(), cost=Credits(would - assumed))


def _decided(worth: Worth, known: Known) -> Worth:
    decision = known.decision
    if decision is None:
        return worth
    by = {"reason": decision.reason, "by": decision.by}
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
            return replace(worth, emails=(decision.email,), flags=())
        case _:
            return replace(worth, lack=None, flags=())


# --- tickets -------------------------------------------------------------------------------------------------


def _ticket(ticket: Ticket, known: Known, rules: Rules, facts: Facts) -> Worth:
    memory = known.memory
    resolved = ticket.resolved_at if ticket.resolved_at is not None else ticket.changed_at
    dated = memory.dated if memory.dated is not None else resolved
    worth = Worth(
        key=key_of(ticket),
        credits=None,
        derivation={},
        dated=dated,
        happened=max(dated, resolved),
        emails=(ticket.email,) if ticket.email else (),
        memory=memory,
    )
    if ticket.state in (TicketState.SPAM, TicketState.DELETED):
        return _void_ticket(ticket, worth, facts)
    worth = replace(worth, memory=replace(memory, voided=None))
    if ticket.state not in (TicketState.RESOLVED, TicketState.CLOSED):
        unknown = ticket.state == TicketState.UNKNOWN and memory.charged
        return replace(worth, lack=Lack("unknown_state") if unknown else None)
    if rules.departments and ticket.department not in rules.departments and not memory.charged:
        return worth
    price = charge(ticket, rules, dated, facts.module_until)
    if isinstance(price, Lack):
        cheapest = least(ticket, rules, dated)
        return replace(worth, lack=price, cost=Credits(-cheapest[0]) if cheapest else None)
    credits = Credits(-price[0])
    if not ticket.email and credits:
        return replace(worth, lack=Lack("no_address"), cost=credits, derivation=price[1])
    return replace(worth, credits=credits, derivation=price[1])


def _void_ticket(ticket: Ticket, worth: Worth, facts: Facts) -> Worth:
    memory = worth.memory
    voided = memory.voided if memory.voided is not None else facts.now
    worth = replace(worth, memory=replace(memory, voided=voided), happened=max(worth.dated, ticket.changed_at))
    derivation = {"rule": "void", "why": ticket.state.value}
    late = ticket.state == TicketState.DELETED and voided - worth.dated > HOUSEKEEPING_S
    if memory.charged and late:
        return replace(worth, lack=Lack("deleted_late"), cost=ZERO, derivation=derivation)
    return replace(worth, credits=ZERO, derivation=derivation)


# --- orders --------------------------------------------------------------------------------------------------


def _order(order: Order, known: Known, rules: Rules, facts: Facts) -> Worth:
    memory = known.memory
    own = order.paid_at if order.paid_at is not None else order.created_at
    dated = memory.dated if memory.dated is not None else own
    standing = _standing(order, memory)
    kept = standing in ("paid", "hold")
    lines, flags = _order_lines(order, rules, dated, kept=kept)
    credits = Credits(sum(line["credits"] * (line["units"] - line["taken_back"]) for line in lines))
    if standing == "hold" and lines:
        flags.append(Lack("hold", order.state_name))
    if kept and order.underpaid and lines:
        flags.append(Lack("underpaid"))
    worth = Worth(
        key=key_of(order),
        credits=credits,
        derivation={"rule": "packs", "standing": standing, "lines": lines},
        dated=dated,
        happened=facts.now if memory.charged else dated,
        emails=(order.email,) if order.email else (),
        memory=memory,
        flags=tuple(flags),
        modules=_modules(order, rules, dated) if kept else (),
    )
    if credits and not order.email:
        return replace(worth, lack=Lack("no_address"))
    return worth


def _standing(order: Order, memory: Memory) -> str:
    """The class of an order (shop notes §6): an order once paid in a state without meaning is held at its worth."""
    match order.state:
        case OrderState.PAID:
            return "paid"
        case OrderState.BACK:
            return "back"
        case _:
            return "hold" if order.once_paid or memory.charged else "unpaid"


def _order_lines(order: Order, rules: Rules, dated: Instant, *, kept: bool) -> tuple[list[dict[str, Any]], list[Lack]]:
    lines: list[dict[str, Any]] = []
    flags: list[Lack] = []
    for line in order.lines:
        credits = packs.grants(rules, line.reference, dated)
        if credits is None:
            if kept and packs.looks_like_pack(rules.packs, line.reference):
                flags.append(Lack("looks_like_pack", line.reference))
            continue
        units = max(0, line.quantity)
        back = min(units, max(0, line.taken_back)) if kept else units
        lines.append({"reference": line.reference, "units": units, "taken_back": back, "credits": credits})
        if kept and line.goodwill:
            flags.append(Lack("goodwill", line.reference))
    return lines, flags


def _modules(order: Order, rules: Rules, dated: Instant) -> tuple[tuple[str, Instant], ...]:
    found = []
    for line in order.lines:
        if line.quantity - line.taken_back <= 0:
            continue
        found += [
            (line.reference, Instant(dated + rule.support_days * 86_400))
            for rule in rules.modules
            if re.fullmatch(rule.reference, line.reference)
        ]
    return tuple(found)


# --- invoices ------------------------------------------------------------------------------------------------


def _invoices(invoice: Invoice, known: Mapping[str, Known], rules: Rules, facts: Facts) -> list[Worth]:
    own = known.get(key_of(invoice), Known())
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        orphan = _credit_note(invoice, own, rules, facts, source=None, left=None)
        return [_finish(orphan, invoice, own, rules)]
    source = _finish(_source_invoice(invoice, own, rules, facts), invoice, own, rules)
    worths = [source]
    left = max(ZERO, own.posted if source.credits is None else source.credits)
    for note in invoice.credit_notes:
        kept = known.get(key_of(note), Known())
        worth = _credit_note(note, kept, rules, facts, source=source, left=Credits(left))
        worth = _finish(worth, note, kept, rules)
        worths.append(worth)
        left = Credits(max(0, left + (kept.posted if worth.credits is None else worth.credits)))
    return worths


def _source_invoice(invoice: Invoice, known: Known, rules: Rules, facts: Facts) -> Worth:
    memory = known.memory
    dated = memory.dated if memory.dated is not None else invoice.date
    worth = Worth(
        key=key_of(invoice),
        credits=ZERO,
        derivation={"rule": "void", "why": invoice.state.value},
        dated=dated,
        happened=facts.now if memory.charged else dated,
        emails=invoice.emails,
        memory=replace(memory, reopened=None),
    )
    if invoice.kind != InvoiceKind.STANDARD:
        return replace(worth, derivation={"rule": "void", "why": invoice.kind.value})
    match invoice.state:
        case InvoiceState.PAID:
            return _paid_invoice(invoice, worth, rules, facts)
        case InvoiceState.OPEN | InvoiceState.DRAFT:
            return _reopened(worth, memory, known.posted, rules, facts)
        case InvoiceState.GIVEN_UP if invoice.received:
            grant = _paid_invoice(invoice, worth, rules, facts)
            return replace(grant, credits=None, cost=grant.credits, lack=Lack("given_up", invoice.close_code or ""))
        case InvoiceState.ABANDONED if invoice.received:
            return replace(worth, flags=(Lack("abandoned_with_money"),))
        case InvoiceState.GIVEN_UP | InvoiceState.ABANDONED:
            return worth
        case _:
            return replace(worth, credits=None, lack=Lack("unknown_state"))


def _reopened(worth: Worth, memory: Memory, posted: Credits, rules: Rules, facts: Facts) -> Worth:
    """A grant outlives a reopening for a while: such invoices are often closed again within minutes (ERP notes §7)."""
    if posted <= 0:
        return worth
    reopened = memory.reopened if memory.reopened is not None else facts.now
    until = Instant(reopened + rules.take_back_after_s)
    worth = replace(worth, memory=replace(memory, reopened=reopened))
    if rules.take_back_after_s and facts.now < until:
        return replace(worth, credits=None, recheck=until)
    return worth


def _paid_invoice(invoice: Invoice, worth: Worth, rules: Rules, facts: Facts) -> Worth:
    lines, lack = _invoice_lines(invoice, rules, worth.dated)
    credits = Credits(sum(line["credits"] * line["units"] for line in lines))
    worth = replace(worth, credits=credits, derivation={"rule": "packs", "standing": "paid", "lines": lines})
    if lack is not None:
        return replace(worth, credits=None, lack=lack)
    if credits < 0:
        return replace(worth, credits=None, cost=credits, lack=Lack("negative_grant"))
    if marked := shop_mark(invoice, rules):
        if facts.shop_order is None:
            return replace(worth, lack=Lack("unknown_shop_order", marked))
        return replace(worth, credits=ZERO, derivation={"rule": "void", "why": "shop_order", "order": facts.shop_order})
    if credits and not invoice.emails:
        return replace(worth, lack=Lack("no_address"))
    flags = [] if invoice.received or not credits else [Lack("paid_by_hand")]
    for line in invoice.lines:
        reference = line.reference or ""
        if (
            reference
            and packs.grants(rules, reference, worth.dated) is None
            and packs.looks_like_pack(rules.packs, reference)
        ):
            flags.append(Lack("looks_like_pack", reference))
    return replace(worth, flags=tuple(flags))


def shop_mark(invoice: Invoice, rules: Rules) -> str | None:
    """The shop order that an invoice's marks name: the pattern's first group, else all it matched."""
    if not rules.shop_reference:
        return None
    for mark in invoice.marks:
        match = re.search(rules.shop_reference, mark)
        if match:
            return match.group(1) if match.re.groups else match.group()
    return None


def _invoice_lines(invoice: Invoice, rules: Rules, dated: Instant) -> tuple[list[dict[str, Any]], Lack | None]:
    lines: list[dict[str, Any]] = []
    for line in invoice.lines:
        credits = packs.grants(rules, line.reference, dated) if line.reference else None
        if credits is None:
            continue
        if not re.fullmatch(r"-?[0-9]{1,9}", line.units):
            return [], Lack("fraction", f"{line.units} × {line.reference}")
        lines.append({"reference": line.reference, "units": int(line.units), "taken_back": 0, "credits": credits})
    return lines, None


def _credit_note(
    note: Invoice, known: Known, rules: Rules, facts: Facts, *, source: Worth | None, left: Credits | None
) -> Worth:
    dated = source.dated if source is not None else note.date
    worth = Worth(
        key=key_of(note),
        credits=ZERO,
        derivation={"rule": "void", "why": note.state.value},
        dated=dated,
        happened=facts.now if known.memory.charged else max(dated, note.date),
        emails=source.emails if source is not None else note.emails,
        memory=known.memory,
    )
    if note.state not in (InvoiceState.OPEN, InvoiceState.PAID):
        return worth
    lines, lack = _invoice_lines(note, rules, dated)
    if lack is not None:
        return replace(worth, credits=None, lack=lack)
    claim = Credits(sum(line["credits"] * abs(line["units"]) for line in lines))
    if left is None:
        code = "source_missing" if note.source_missing else "no_source"
        return replace(worth, credits=None, cost=Credits(-claim), lack=Lack(code)) if claim else _amount_only(worth)
    if not claim:
        return _amount_only(worth)
    derivation = {
        "rule": "credit_note",
        "lines": lines,
        "source": note.source,
        "claim": claim,
        "left": left,
    }
    return replace(worth, credits=Credits(-min(claim, left)), derivation=derivation)


def _amount_only(worth: Worth) -> Worth:
    return replace(worth, flags=(Lack("amount_only"),))
