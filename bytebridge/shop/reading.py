"""From rows of the order list to whole orders: lines, slips, states, histories and buyers, all in batches."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bytebridge.domain.model import Order, OrderState
from bytebridge.errors import RemoteSurprise
from bytebridge.settings import ShopSettings
from bytebridge.shop import wire
from bytebridge.shop.client import SYSTEM, Client, Row
from bytebridge.shop.wire import Customer, History, Line, OrderRow, Slip, State

CENT = Decimal("0.01")
BEING_WRITTEN = 0  # the state of an order whose checkout is not done (shop notes 20)

Part = TypeVar("Part", Line, Slip, History)


class Reader:
    """Makes orders. States, languages and customers are remembered until `forget`."""

    def __init__(self, client: Client, settings: ShopSettings, zone: ZoneInfo) -> None:
        self._client = client
        self._settings = settings
        self._zone = zone
        self._states: dict[int, State] = {}
        self._languages: dict[int, str] = {}
        self._customers: dict[str, Customer] = {}

    def forget(self) -> None:
        """Everything remembered is read again when next needed: people correct addresses and flags."""
        self._states.clear()
        self._languages.clear()
        self._customers.clear()

    def orders(self, rows: Sequence[Row], surprises: list[RemoteSurprise]) -> list[Order]:
        """The orders of these rows, in their order; what cannot be read goes to `surprises` instead."""
        bad: dict[str, RemoteSurprise] = {}
        heads = [head for row in rows if (head := self._head(row, surprises)) is not None]
        if not heads:
            return []
        ids = [head.id for head in heads]
        lines = self._parts("order_details", wire.LINE_FIELDS, wire.line, ids, bad)
        slips = self._parts("order_slip", wire.SLIP_FIELDS, wire.slip, ids, bad)
        self._learn_states({head.state for head in heads})
        histories = self._histories(heads, bad)
        self._learn_customers(heads, bad)
        self._learn_languages(heads)
        underpaid = self._underpaid(heads)
        made = []
        for head in heads:
            try:
                if head.id in bad:
                    raise bad[head.id]
                order = self._order(head, lines[head.id], slips[head.id], histories[head.id])
            except RemoteSurprise as error:
                surprises.append(error)
            else:
                owes = order.state == OrderState.PAID and head.reference in underpaid
                made.append(replace(order, underpaid=True) if owes else order)
        return made

    def state_of(self, id_: int) -> OrderState:
        """The class of a state: what the operator configured, else the shop's own flag (shop notes 24)."""
        if id_ in self._settings.paid_states:
            return OrderState.PAID
        if id_ in self._settings.taken_back_states:
            return OrderState.BACK
        known = self._states.get(id_)
        return OrderState.PAID if known is not None and "paid" in known.flags else OrderState.OTHER

    def _head(self, row: Row, surprises: list[RemoteSurprise]) -> OrderRow | None:
        try:
            return wire.order_row(row, self._zone)
        except RemoteSurprise as error:
            surprises.append(error)
            return None

    def _parts(
        self,
        resource: str,
        fields: str,
        make: Callable[[Row], Part],
        ids: Sequence[str],
        bad: dict[str, RemoteSurprise],
    ) -> dict[str, list[Part]]:
        """Rows that belong to these orders, by order. One that cannot be read spoils its own order alone."""
        found: dict[str, list[Part]] = defaultdict(list)
        for row in self._client.batched(resource, fields, "id_order", ids):
            try:
                part = make(row)
            except RemoteSurprise as error:
                if error.document is None:
                    raise
                bad[error.document] = error
            else:
                found[part.order].append(part)
        return found

    def _histories(self, heads: Iterable[OrderRow], bad: dict[str, RemoteSurprise]) -> dict[str, list[History]]:
        """Histories where the state does not tell whether, or no invoice when, an order was paid."""
        unclear = [
            head.id
            for head in heads
            if (state := self.state_of(head.state)) == OrderState.OTHER
            or (state == OrderState.PAID and head.invoiced is None)
        ]
        if not unclear:
            return defaultdict(list)
        found = self._parts(
            "order_histories", wire.HISTORY_FIELDS, lambda row: wire.history(row, self._zone), unclear, bad
        )
        self._learn_states({row.state for rows in found.values() for row in rows})
        return found

    def _learn_states(self, ids: Collection[int]) -> None:
        if any(id_ not in self._states for id_ in ids if id_ != BEING_WRITTEN):
            rows = self._client.rows("order_states", wire.STATE_FIELDS)
            self._states = {state.id: state for state in map(wire.state, rows)}

    def _learn_languages(self, heads: Iterable[OrderRow]) -> None:
        wanted = {head.language for head in heads}
        wanted |= {found.language for head in heads if (found := self._customers.get(head.customer))}
        if wanted - self._languages.keys() - {0}:
            rows = self._client.rows("languages", wire.LANGUAGE_FIELDS)
            # one that was deleted since keeps its place, so that it is not asked for at each poll
            self._languages = dict.fromkeys(wanted, "") | dict(map(wire.language, rows))

    def _learn_customers(self, heads: Iterable[OrderRow], bad: dict[str, RemoteSurprise]) -> None:
        """Customers not met before. One that cannot be read spoils its own orders, no more."""
        wanted = {head.customer for head in heads} - self._customers.keys() - {"0"}
        unreadable: dict[str, RemoteSurprise] = {}
        ordered = sorted(wanted, key=int)
        for row in self._client.batched("customers", wire.CUSTOMER_FIELDS, "id", ordered):
            try:
                found = wire.customer(row)
            except RemoteSurprise as error:
                unreadable[str(row.get("id"))] = error
            else:
                self._customers[found.id] = found
        for head in heads:
            if head.customer in unreadable:
                of = unreadable[head.customer]
                bad[head.id] = RemoteSurprise(SYSTEM, of.operation, of.message, document=head.id)

    def _underpaid(self, heads: Iterable[OrderRow]) -> set[str]:
        """References of paid orders whose total exceeds all payments of their reference (shop notes 22).

        Orders split from one cart share reference and payment, and one of them shows the whole of it.
        """
        doubtful = {
            head.reference
            for head in heads
            if self.state_of(head.state) == OrderState.PAID and head.total - head.received >= CENT
        }
        if not doubtful:
            return set()
        fields = "id,reference,current_state,total_paid,total_paid_real"
        owing: dict[str, Decimal] = defaultdict(Decimal)
        for row in self._client.batched("orders", fields, "reference", sorted(doubtful)):
            try:
                back = self.state_of(wire.whole(row.get("current_state"))) == OrderState.BACK
                due = Decimal(0) if back else wire.money(row.get("total_paid"))
                owing[str(row.get("reference"))] += due - wire.money(row.get("total_paid_real"))
            except ValueError as error:
                message = f"a row that cannot be read: {error}"
                raise RemoteSurprise(SYSTEM, "GET /orders", message) from error
        return {reference for reference in doubtful if owing[reference] >= CENT}

    def _order(
        self, head: OrderRow, lines: Sequence[Line], slips: Sequence[Slip], histories: Sequence[History]
    ) -> Order:
        if head.lines != {line.id for line in lines}:
            raise _surprise(head, "its lines in orders and in order_details are not the same")
        state = self._states.get(head.state)
        if state is None and head.state != BEING_WRITTEN:
            raise _surprise(head, f"its state {head.state} is not among the shop's states")
        buyer = self._customers.get(head.customer)
        meaning = self.state_of(head.state)
        paid = [row for row in histories if self.state_of(row.state) == OrderState.PAID]
        first_paid = min((row.at for row in paid if row.at is not None), default=None)
        language = self._languages.get(head.language) or self._languages.get(buyer.language if buyer else 0)
        return Order(
            id=head.id,
            code=head.reference,
            customer=head.customer,
            email=buyer.email if buyer else None,
            name=buyer.name if buyer else "",
            language=language or None,
            state=meaning,
            state_name=state.name if state else "",
            once_paid=meaning == OrderState.OTHER and bool(paid),
            created_at=head.added,
            paid_at=head.invoiced if head.invoiced is not None else first_paid,
            lines=tuple(wire.order_line(line, slips) for line in sorted(lines, key=lambda line: int(line.id))),
        )


def _surprise(head: OrderRow, message: str) -> RemoteSurprise:
    return RemoteSurprise(SYSTEM, "GET /orders", message, document=head.id)
