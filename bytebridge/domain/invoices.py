"""What an invoice of the ERP, or a credit note, should have moved by now."""

import re
from collections import defaultdict
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from bytebridge.domain import packs
from bytebridge.domain.memory import Memory, key_of
from bytebridge.domain.model import Credits, Instant, Invoice, InvoiceKind, InvoiceState, Source
from bytebridge.domain.rules import FOREVER_AGO, Rules
from bytebridge.domain.tariff import Lack
from bytebridge.domain.worth import ZERO, Facts, Known, Worth

VALID = (InvoiceState.OPEN, InvoiceState.PAID)  # states in which a credit note takes back


def invoice_worth(invoice: Invoice, known: Known, rules: Rules, facts: Facts) -> Worth:
    """An invoice by itself; of its credit notes only what they say about modules given back counts here."""
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
        news=max(dated, invoice.created_at),  # its date is a day: it was not paid before it was made
    )
    if invoice.kind != InvoiceKind.STANDARD:
        return replace(worth, derivation={"rule": "void", "why": invoice.kind.value})
    match invoice.state:
        case InvoiceState.PAID:
            return _paid(invoice, worth, rules, facts)
        case InvoiceState.OPEN | InvoiceState.DRAFT:
            return _unpaid(worth, memory, known.posted, rules, facts)
        case InvoiceState.GIVEN_UP:
            return _given_up(invoice, worth, rules, facts)
        case InvoiceState.ABANDONED:
            grant = _paid(invoice, worth, rules, facts)
            money = invoice.received and (grant.credits or grant.lack is not None)
            return replace(worth, flags=(Lack("abandoned_with_money"),)) if money else worth
        case _:
            return replace(worth, credits=None, lack=Lack("unknown_state"))


def named_as_before(invoice: Invoice, memory: Memory) -> Invoice:
    """With the references that its products had when they counted, for itself and its credit notes.

    The ERP shows each product's present reference: renaming a pack would take back what was sold of it.
    """
    names = dict(memory.references)
    if not names:
        return invoice
    lines = tuple(replace(line, reference=names.get(line.product, line.reference)) for line in invoice.lines)
    return replace(invoice, lines=lines, credit_notes=tuple(named_as_before(n, memory) for n in invoice.credit_notes))


def _unpaid(worth: Worth, memory: Memory, posted: Credits, rules: Rules, facts: Facts) -> Worth:
    """A grant outlives a reopening for a while: such invoices are often closed again within minutes (ERP notes §7)."""
    if posted <= 0:
        return worth
    reopened = memory.reopened if memory.reopened is not None else facts.now
    until = Instant(reopened + rules.take_back_after_s)
    worth = replace(worth, memory=replace(worth.memory, reopened=reopened), news=reopened)
    if facts.now < until:
        return replace(worth, credits=None, recheck=until)
    return worth


def _given_up(invoice: Invoice, worth: Worth, rules: Rules, facts: Facts) -> Worth:
    grant = _paid(invoice, worth, rules, facts)
    if not invoice.received or (not grant.credits and grant.lack is None):
        return worth
    cost = grant.cost if grant.credits is None else grant.credits
    return replace(grant, credits=None, cost=cost, lack=Lack("given_up", invoice.close_code or ""))


def _paid(invoice: Invoice, worth: Worth, rules: Rules, facts: Facts) -> Worth:
    marked = shop_mark(invoice, rules)
    if marked and facts.shop_order is not None:
        return replace(worth, derivation={"rule": "void", "why": "shop_order", "order": facts.shop_order})
    lines, lack = _lines(invoice, rules, worth.dated)
    credits = Credits(sum(line["credits"] * line["units"] for line in lines))
    worth = replace(worth, credits=credits, derivation={"rule": "packs", "standing": "paid", "lines": lines})
    memory = replace(worth.memory, references=_references(invoice, worth, rules))
    worth = replace(worth, modules=_modules(invoice, rules, worth.dated), memory=memory)
    if lack is not None:
        return replace(worth, credits=None, lack=lack)
    if credits < 0:
        return replace(worth, credits=None, cost=credits, lack=Lack("negative_grant"))
    if marked and credits:
        # the order may come at any time, without the invoice changing
        return replace(worth, lack=Lack("unknown_shop_order", marked), recheck=Instant(facts.now + 1))
    return replace(worth, flags=_flags(invoice, credits, rules, worth.dated))


def _references(invoice: Invoice, worth: Worth, rules: Rules) -> tuple[tuple[str, str], ...]:
    """By product, what counted on this invoice: a wrong reference that is corrected may still count."""
    found = dict(worth.memory.references)
    for line in invoice.lines:
        reference = line.reference
        if (
            line.product
            and reference
            and (
                packs.grants(rules, reference, worth.dated) is not None
                or packs.support_ends([reference], rules, worth.dated)
            )
        ):
            found[line.product] = reference
    return tuple(sorted(found.items()))


def _flags(invoice: Invoice, credits: Credits, rules: Rules, dated: Instant) -> tuple[Lack, ...]:
    unknown = {
        line.reference: Lack("looks_like_pack", line.reference)
        for line in invoice.lines
        if line.reference
        and packs.grants(rules, line.reference, dated) is None
        and packs.looks_like_pack(rules.packs, line.reference)
    }
    by_hand = [Lack("paid_by_hand")] if credits and not invoice.received else []
    return (*by_hand, *unknown.values())


def shop_mark(invoice: Invoice, rules: Rules) -> str | None:
    """The shop order that an invoice's marks name: the pattern's first group, else all it matched."""
    if not rules.shop_reference:
        return None
    for mark in invoice.marks:
        match = re.search(rules.shop_reference, mark)
        if match:
            return match.group(1) if match.re.groups else match.group()
    return None


def _lines(invoice: Invoice, rules: Rules, dated: Instant) -> tuple[list[dict[str, Any]], Lack | None]:
    lines: list[dict[str, Any]] = []
    for line in invoice.lines:
        credits = packs.grants(rules, line.reference, dated) if line.reference else None
        if credits is None:
            continue
        if not re.fullmatch(r"-?[0-9]{1,9}", line.units):
            return [], Lack("fraction", f"{line.units} × {line.reference}")
        lines.append({"reference": line.reference, "units": int(line.units), "taken_back": 0, "credits": credits})
    return lines, None


def _modules(invoice: Invoice, rules: Rules, dated: Instant) -> tuple[tuple[str, Instant], ...]:
    """Modules bought on the invoice, less what its credit notes give back."""
    if not rules.modules:
        return ()
    units: dict[str, Decimal] = defaultdict(Decimal)
    for line in invoice.lines:
        units[line.reference or ""] += Decimal(line.units)
    for note in invoice.credit_notes:
        for line in note.lines if note.state in VALID else ():
            units[line.reference or ""] -= abs(Decimal(line.units))
    return packs.support_ends([reference for reference, count in units.items() if count > 0], rules, dated)


def credit_note_worth(
    note: Invoice, known: Known, rules: Rules, facts: Facts, *, source: Worth | None, left: Credits | None
) -> Worth:
    """A credit note: at most what is left of its source's grant; without a source, a person decides.

    source, left: None when there is no source to read.
    """
    worth = _blank_note(note, known, rules, facts, source)
    match note.state:
        case InvoiceState.OPEN | InvoiceState.PAID:
            pass
        case InvoiceState.DRAFT | InvoiceState.ABANDONED:
            return worth
        case _:
            return replace(worth, credits=None, lack=Lack("unknown_state"))
    lines, lack = _lines(note, rules, worth.dated)
    if lack is not None:
        return replace(worth, credits=None, lack=lack)
    claim = Credits(sum(line["credits"] * abs(line["units"]) for line in lines))
    if not claim:
        return replace(worth, flags=(Lack("amount_only"),)) if left is None or left else worth
    if left is None:
        code = "source_missing" if note.source_missing else "no_source"
        return replace(worth, credits=None, cost=Credits(-claim), lack=Lack(code))
    derivation = {"rule": "credit_note", "lines": lines, "source": note.source, "claim": claim, "left": left}
    return replace(worth, credits=Credits(-min(claim, left)), derivation=derivation)


def _blank_note(note: Invoice, known: Known, rules: Rules, facts: Facts, source: Worth | None) -> Worth:
    memory = known.memory
    dated = source.dated if source is not None else note.date
    since = rules.since.get(Source.ERP, FOREVER_AGO)
    if dated < since <= note.date and memory.assumed is None:
        memory = replace(memory, assumed=ZERO)  # the refund itself came later: no opening balance counted it
    came = max(dated, note.date, note.created_at)
    if source is not None and source.news is not None:
        came = max(came, source.news)  # it falls, and rises, with its source
    return Worth(
        key=key_of(note),
        credits=ZERO,
        derivation={"rule": "void", "why": note.state.value},
        dated=dated,
        happened=facts.now if memory.charged else max(dated, note.date),
        emails=source.emails if source is not None else note.emails,
        memory=memory,
        news=came,
    )
