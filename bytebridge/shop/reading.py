"""From rows of the order list to whole orders: lines, slips, states, histories and buyers, all in batches."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from bytebridge.connector import clock_face
from bytebridge.domain.model import Order, OrderState
from bytebridge.errors import RemoteSurprise
from bytebridge.settings import ShopSettings
from bytebridge.shop import wire
from bytebridge.shop.client import SYSTEM, Client, Row, Shape
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
        self._customers: dict[int, Customer] = {}

    def forget(self) -> None:
        """Everything remembered is read again when next needed: people correct addresses and flags."""
        self._states.clear()
        self._languages.clear()
        self._customers.clear()

    def orders(
        self,
        rows: Sequence[Row | OrderRow],
        surprises: list[RemoteSurprise],
        slips_of: Mapping[str, AbstractSet[int]],
    ) -> list[Order]:
        """The orders of these rows, in their order; what cannot be read goes to `surprises` instead.

        slips_of: by order, slips that the list of all has just shown, so that they must stand under their order.
        """
        bad: dict[str, RemoteSurprise] = {}
        heads = [head for row in rows if (head := self._head(row, surprises)) is not None]
        if not heads:
            return []
        ids = [head.id for head in heads]
        lines = self._parts("order_details", wire.LINE_FIELDS, wire.line, ids, bad, wire.LINES)
        slips = self._parts("order_slip", wire.SLIP_FIELDS, wire.slip, ids, bad)
        states = {head.current_state for head in heads}
        self._learn_states(states)
        meanings = {state: self.state_of(state) for state in states}
        histories = self._histories(heads, meanings, bad)
        self._learn_customers(heads, bad)
        self._learn_languages(heads)
        underpaid = self._underpaid(heads)
        made = []
        for number, head in zip(ids, heads, strict=True):
            id_, owes, own = str(number), head.reference in underpaid, slips.get(number, ())
            try:
                if id_ in bad:
                    raise bad[id_]
                if (listed := slips_of.get(id_)) and not listed <= {slip.id for slip in own}:
                    raise _surprise(head, "a credit slip of it stands in the list of all and not among its own")
                meaning = meanings[head.current_state]
                order = self._order(id_, head, meaning, lines.get(number, ()), own, histories.get(number, ()), owes)
            except RemoteSurprise as error:
                surprises.append(error)
            else:
                made.append(order)
        return made

    def state_of(self, id_: int) -> OrderState:
        """The class of a state: what the operator configured, else the shop's own flag (shop notes 24)."""
        if id_ in self._settings.paid_states:
            return OrderState.PAID
        if id_ in self._settings.taken_back_states:
            return OrderState.BACK
        known = self._states.get(id_)
        return OrderState.PAID if known is not None and "paid" in known.flags else OrderState.OTHER

    def _head(self, row: Row | OrderRow, surprises: list[RemoteSurprise]) -> OrderRow | None:
        if isinstance(row, OrderRow):
            return row
        try:
            return wire.order_row(row)
        except RemoteSurprise as error:
            surprises.append(error)
            return None

    def _parts(
        self,
        resource: str,
        fields: str,
        make: Callable[[Row], Part],
        ids: Sequence[int],
        bad: dict[str, RemoteSurprise],
        shape: Shape | None = None,
    ) -> dict[int, list[Part]]:
        """Rows that belong to these orders, by order. One that cannot be read spoils its own order alone."""
        found: dict[int, list[Part]] = defaultdict(list)
        for row in self._client.batched(resource, fields, "id_order", list(map(str, ids)), shape):
            try:
                part = make(row) if isinstance(row, dict) else row
            except RemoteSurprise as error:
                if error.document is None:
                    raise
                bad[error.document] = error
            else:
                found[part.order].append(part)
        return found

    def _histories(
        self, heads: Iterable[OrderRow], meanings: Mapping[int, OrderState], bad: dict[str, RemoteSurprise]
    ) -> dict[int, list[History]]:
        """Histories where the state does not tell whether, or no invoice when, an order was paid."""
        unclear = [
            head.id
            for head in heads
            if (meaning := meanings[head.current_state]) is OrderState.OTHER
            or (meaning is OrderState.PAID and wire.is_zero(head.invoice_date))
        ]
        if not unclear:
            return {}
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
        wanted = {head.id_lang for head in heads}
        wanted |= {found.language for head in heads if (found := self._customers.get(head.id_customer))}
        if wanted - self._languages.keys() - {0}:
            rows = self._client.rows("languages", wire.LANGUAGE_FIELDS)
            # one that was deleted since keeps its place, so that it is not asked for at each poll
            self._languages = dict.fromkeys(wanted, "") | dict(map(wire.language, rows))

    def _learn_customers(self, heads: Iterable[OrderRow], bad: dict[str, RemoteSurprise]) -> None:
        """Customers not met before. One that cannot be read spoils its own orders, no more."""
        wanted = {head.id_customer for head in heads} - self._customers.keys() - {0}
        unreadable: dict[str, RemoteSurprise] = {}
        ordered = [str(number) for number in sorted(wanted)]
        for row in self._client.batched("customers", wire.CUSTOMER_FIELDS, "id", ordered):
            try:
                found = wire.customer(row)
            except RemoteSurprise as error:
                unreadable[str(row.get("id"))] = error
            else:
                self._customers[int(found.id)] = found
        for head in heads if unreadable else ():
            of = unreadable.get(str(head.id_customer))
            if of is not None:
                bad[str(head.id)] = RemoteSurprise(SYSTEM, of.operation, of.message, document=str(head.id))

    def _underpaid(self, heads: Iterable[OrderRow]) -> set[str]:
        """References of paid orders whose total exceeds all payments of their reference (shop notes 22).

        Orders split from one cart share reference and payment, and one of them shows the whole of it.
        """
        doubtful = {
            head.reference
            for head in heads
            if head.total_paid != head.total_paid_real
            and Decimal(head.total_paid) - Decimal(head.total_paid_real) >= CENT
            and self.state_of(head.current_state) == OrderState.PAID
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
        self,
        id_: str,
        head: OrderRow,
        meaning: OrderState,
        lines: Sequence[Line],
        slips: Sequence[Slip],
        histories: Sequence[History],
        owes: bool,
    ) -> Order:
        if len(lines) > 1:
            lines = sorted(lines, key=_number)
        if (shown := head.lines) != (read := [line.id for line in lines]) and set(shown) != set(read):
            raise _surprise(head, "its lines in orders and in order_details are not the same")
        state = self._states.get(head.current_state)
        if state is None and head.current_state != BEING_WRITTEN:
            raise _surprise(head, f"its state {head.current_state} is not among the shop's states")
        try:
            clock_face(head.date_upd)  # only its text counts, for where the next window begins
            added, invoiced = wire.moment(head.date_add, self._zone), wire.moment(head.invoice_date, self._zone)
        except ValueError as error:
            raise _surprise(head, f"a row that cannot be read: {error}") from error
        if added is None:
            raise _surprise(head, "a row that cannot be read: no date")
        buyer = self._customers.get(head.id_customer)
        paid = [row for row in histories if self.state_of(row.state) is OrderState.PAID]
        if invoiced is None:
            invoiced = min((row.at for row in paid if row.at is not None), default=None)
        language = self._languages.get(head.id_lang) or self._languages.get(buyer.language if buyer else 0)
        return Order(
            id=id_,
            code=head.reference,
            customer=str(head.id_customer),
            email=buyer.email if buyer else None,
            name=buyer.name if buyer else "",
            language=language or None,
            state=meaning,
            state_name=state.name if state else "",
            once_paid=meaning is OrderState.OTHER and bool(paid),
            created_at=added,
            paid_at=invoiced,
            lines=tuple([wire.order_line(line, slips) for line in lines]),
            underpaid=owes and meaning is OrderState.PAID,
        )


def _number(line: Line) -> int:
    return line.id


def _surprise(head: OrderRow, message: str) -> RemoteSurprise:
    return RemoteSurprise(SYSTEM, "GET /orders", message, document=str(head.id))
