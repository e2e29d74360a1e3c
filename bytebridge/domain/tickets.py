"""What a ticket of the help desk should have moved by now."""

from msgspec.structs import replace

from bytebridge.domain.memory import Memory, key_of
from bytebridge.domain.model import Credits, Instant, Kind, Source, Ticket, TicketState
from bytebridge.domain.rules import FOREVER_AGO, Rules
from bytebridge.domain.tariff import Lack, charge, least
from bytebridge.domain.worth import ZERO, Facts, Known, Worth

HOUSEKEEPING_S = 60 * 86_400  # the nightly sweep's window: a ticket deleted later was tidied away, not undone
DONE = (TicketState.RESOLVED, TicketState.CLOSED)
VOID = (TicketState.SPAM, TicketState.DELETED)


def ticket_date(ticket: Ticket, memory: Memory) -> Instant:
    """A ticket's own date: its first resolution that the ledger saw, else what the desk says of it."""
    return memory.dated if memory.dated is not None else _resolved(ticket)


def estimate(ticket: Ticket, memory: Memory, rules: Rules, now: Instant) -> tuple[Credits, Kind | None] | None:
    """What the ticket will cost at least in all, by the prices of its own date once it has one; see `tariff.least`."""
    return least(ticket, rules, memory.dated if memory.dated is not None else now)


def _resolved(ticket: Ticket) -> Instant:
    return ticket.resolved_at if ticket.resolved_at is not None else ticket.changed_at


def ticket_worth(ticket: Ticket, known: Known, rules: Rules, facts: Facts) -> Worth:
    memory, void = known.memory, ticket.state in VOID
    if memory.voided is not None and not void:
        memory = replace(memory, voided=None)
    dated = ticket_date(ticket, memory)
    worth = Worth(
        key=key_of(ticket),
        credits=None,
        derivation={},
        dated=dated,
        happened=max(dated, _resolved(ticket)),
        emails=(ticket.email,) if ticket.email else (),
        memory=memory,
    )
    if void:
        return _void(ticket, worth, known, facts)
    if ticket.state not in DONE:
        return _unresolved(ticket, worth, rules)
    if rules.departments and ticket.department not in rules.departments and not memory.charged:
        return worth
    if memory.dated is None:
        memory = replace(memory, dated=dated)
    price = charge(ticket, rules, dated, facts.module_until)
    if isinstance(price, Lack):
        cheapest = least(ticket, rules, dated)
        return replace(worth, memory=memory, lack=price, cost=Credits(-cheapest[0]) if cheapest else None)
    return replace(worth, memory=memory, credits=Credits(-price[0]), derivation=price[1])


def _unresolved(ticket: Ticket, worth: Worth, rules: Rules) -> Worth:
    """No opinion: a ticket that is merely reopened keeps its charge."""
    memory = worth.memory
    if ticket.state == TicketState.UNKNOWN and memory.charged:
        return replace(worth, lack=Lack("unknown_state"))
    before = ticket.resolved_at is not None and ticket.resolved_at < rules.since.get(Source.HELPDESK, FOREVER_AGO)
    if before and memory.dated is None:
        # resolved before `since` and at work again: its second resolution is a later change of something old
        return replace(worth, memory=replace(memory, dated=ticket.resolved_at, assumed=ZERO))
    return worth


def _void(ticket: Ticket, worth: Worth, known: Known, facts: Facts) -> Worth:
    memory = worth.memory
    voided = memory.voided if memory.voided is not None else facts.now
    done = max(worth.dated, ticket.resolved_at or worth.dated)
    worth = replace(
        worth,
        memory=replace(memory, voided=voided),
        happened=max(worth.dated, ticket.changed_at),
        derivation={"rule": "void", "why": ticket.state.value},
    )
    if known.posted and ticket.state == TicketState.DELETED and voided - done > HOUSEKEEPING_S:
        return replace(worth, lack=Lack("deleted_late"), cost=ZERO)
    return replace(worth, credits=ZERO)
