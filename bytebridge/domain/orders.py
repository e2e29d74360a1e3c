"""What an order of the shop should have moved by now."""

from typing import Any

from msgspec.structs import replace

from bytebridge.domain import packs
from bytebridge.domain.memory import Memory, key_of
from bytebridge.domain.model import Credits, Instant, Order, OrderState
from bytebridge.domain.rules import Rules
from bytebridge.domain.tariff import Lack
from bytebridge.domain.worth import Facts, Known, Worth


def order_worth(order: Order, known: Known, rules: Rules, facts: Facts) -> Worth:
    """As it reads, unless refunds that stood on its credit slips alone are no longer shown and would be undone.

    A list of slips may come shorter because some were deleted as well as because they cannot be seen: a person knows.
    """
    accepted = known.decision is not None and known.decision.choice == "accept"
    slipped = {} if accepted else dict(known.memory.slipped)
    for line in order.lines:
        if line.slipped > slipped.get(line.id, 0):
            slipped[line.id] = line.slipped
    lines = tuple(
        [
            replace(line, taken_back=units) if (units := slipped.get(line.id, 0)) > line.taken_back else line
            for line in order.lines
        ]
    )
    read = _worth(order, known, rules, facts, tuple(slipped.items()))
    if lines == order.lines:
        return read
    kept = _worth(replace(order, lines=lines), known, rules, facts, read.memory.slipped)
    if (kept.credits, kept.modules) == (read.credits, read.modules):
        return read
    return replace(read, modules=kept.modules, lack=Lack("refund_not_shown"), flags=())


def _worth(order: Order, known: Known, rules: Rules, facts: Facts, slipped: tuple[tuple[str, int], ...]) -> Worth:
    memory = known.memory if slipped == known.memory.slipped else replace(known.memory, slipped=slipped)
    own = order.paid_at if order.paid_at is not None else order.created_at
    dated = memory.dated if memory.dated is not None else own
    standing = _standing(order, memory)
    kept = standing in ("paid", "hold")
    lines, flags = _lines(order, rules, dated, kept=kept)
    if standing == "hold" and lines:
        flags.append(Lack("hold", order.state_name))
    if kept and order.underpaid and lines:
        flags.append(Lack("underpaid"))
    return Worth(
        key=key_of(order),
        credits=Credits(sum(line["credits"] * (line["units"] - line["taken_back"]) for line in lines)),
        derivation={"rule": "packs", "standing": standing, "lines": lines},
        dated=dated,
        happened=facts.now if memory.charged else dated,
        emails=(order.email,) if order.email else (),
        memory=memory,
        flags=tuple(flags),
        modules=_modules(order, rules, dated) if kept else (),
    )


def _standing(order: Order, memory: Memory) -> str:
    """The class of an order (shop notes §6): an order once paid in a state without meaning is held at its worth."""
    match order.state:
        case OrderState.PAID:
            return "paid"
        case OrderState.BACK:
            return "back"
        case _:
            return "hold" if order.once_paid or memory.charged else "unpaid"


def _lines(order: Order, rules: Rules, dated: Instant, *, kept: bool) -> tuple[list[dict[str, Any]], list[Lack]]:
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
    kept = [line.reference for line in order.lines if line.quantity - line.taken_back > 0]
    return packs.support_ends(kept, rules, dated)
