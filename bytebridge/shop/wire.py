"""The webservice's rows and our values.

Whether a figure comes as a number, as text or as nothing depends on version, column and row (shop notes 17),
so every field is converted on its way in; what cannot be is a RemoteSurprise that names its order.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.connector import clock_face
from bytebridge.domain.model import Instant, OrderLine
from bytebridge.errors import RemoteSurprise
from bytebridge.shop.client import SYSTEM, Row

ORDER_FIELDS = (
    "id,reference,id_customer,id_lang,id_shop,current_state,total_paid,total_paid_real,invoice_date,date_add,"
    "date_upd,order_rows[id,product_reference,product_quantity]"
)
LINE_FIELDS = (
    "id,id_order,product_reference,product_quantity,product_quantity_refunded,product_quantity_return,"
    "unit_price_tax_incl,total_refunded_tax_incl"
)
COUNTER_FIELDS = "id,id_order,product_quantity_refunded,product_quantity_return"
SLIP_FIELDS = "id,id_order,order_slip_details[id_order_detail,product_quantity,amount_tax_incl]"
STATE_FIELDS = "id,name,paid,logable,invoice,shipped,delivery,deleted,module_name"
HISTORY_FIELDS = "id,id_order,id_order_state,date_add"
CUSTOMER_FIELDS = "id,email,firstname,lastname,id_lang"  # never all: it shows password hashes (notes 33)
LANGUAGE_FIELDS = "id,iso_code"

FORMAT = "%Y-%m-%d %H:%M:%S"
GOODWILL = Decimal("0.5")  # of the units' price: less money than this for units taken back is a gesture

Loose = Any  # a number, its text, empty text or null, by version, column and row
Made = TypeVar("Made")


class _Part(msgspec.Struct, frozen=True):
    id: Loose


class _Associations(msgspec.Struct, frozen=True):
    order_rows: tuple[_Part, ...] = ()


class _Order(msgspec.Struct, frozen=True):
    id: Loose
    reference: str
    id_customer: Loose
    id_lang: Loose
    current_state: Loose
    total_paid: Loose
    total_paid_real: Loose
    invoice_date: str | None
    date_add: str
    date_upd: str
    associations: _Associations = _Associations()


class _Line(msgspec.Struct, frozen=True):
    id: Loose
    id_order: Loose
    product_reference: str | None
    product_quantity: Loose
    product_quantity_refunded: Loose
    product_quantity_return: Loose
    unit_price_tax_incl: Loose
    total_refunded_tax_incl: Loose


class _SlipDetail(msgspec.Struct, frozen=True):
    id_order_detail: Loose
    product_quantity: Loose
    amount_tax_incl: Loose


class _SlipAssociations(msgspec.Struct, frozen=True):
    order_slip_details: tuple[_SlipDetail, ...] = ()


class _Slip(msgspec.Struct, frozen=True):
    id: Loose
    id_order: Loose
    associations: _SlipAssociations = _SlipAssociations()


class OrderRow(msgspec.Struct, frozen=True):
    """An order as its list shows it. invoiced: None before an invoice; lines: ids of its rows."""

    id: str
    reference: str
    customer: str
    language: int
    state: int
    total: Decimal
    received: Decimal
    invoiced: Instant | None
    added: Instant
    lines: frozenset[str]


class Line(msgspec.Struct, frozen=True):
    """A line as order_details shows it: units counted as refunded and returned, price and money with tax."""

    id: str
    order: str
    reference: str
    quantity: int
    counted: int
    price: Decimal
    money: Decimal


class Slip(msgspec.Struct, frozen=True):
    """A credit slip: units and money with tax for each line; nothing for one that pays back postage alone."""

    id: int
    order: str
    units: Mapping[str, int]
    money: Mapping[str, Decimal]


class State(msgspec.Struct, frozen=True):
    """flags: those that are set among paid, logable, invoice, shipped, delivery."""

    id: int
    name: str
    flags: frozenset[str]
    deleted: bool


class Customer(msgspec.Struct, frozen=True):
    id: str
    email: str | None
    name: str
    language: int


class History(msgspec.Struct, frozen=True):
    order: str
    state: int
    at: Instant | None


def whole(value: Any) -> int:
    """An integer in any of its spellings; empty and null are 0. ValueError otherwise."""
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("not a whole number")  # noqa: TRY004  (what came is at fault, not a caller)
    return int(value)


def money(value: Any) -> Decimal:
    """An amount, exact. ValueError unless it is a finite decimal."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("not an amount")  # noqa: TRY004  (what came is at fault, not a caller)
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise ValueError("not an amount") from error
    if not amount.is_finite():
        raise ValueError("not an amount")
    return amount


def identity(value: Any) -> str:
    """A record's id as decimal text. ValueError unless positive."""
    number = whole(value)
    if number <= 0:
        raise ValueError("no id")
    return str(number)


def moment(text: str | None, zone: ZoneInfo) -> Instant | None:
    """A date in the shop's local time as an instant; None for the zero date (shop notes 18).

    Of the hour that autumn repeats it is the first. ValueError when unreadable.
    """
    if not text or text.startswith("0000-00-00"):
        return None
    return Instant(int(clock_face(text).replace(tzinfo=zone).timestamp()))


def local(at: float, zone: ZoneInfo) -> str:
    """An instant as the shop writes it."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime(FORMAT)


def earlier(text: str, seconds: int) -> str:
    """The shop's own text moved back by the wall clock, which needs no zone and covers a repeated hour."""
    return (clock_face(text) - timedelta(seconds=seconds)).strftime(FORMAT)


def order_row(row: Row, zone: ZoneInfo) -> OrderRow:
    def make() -> OrderRow:
        wire = msgspec.convert(row, _Order)
        clock_face(wire.date_upd)  # only its text counts, for where the next window begins
        added = moment(wire.date_add, zone)
        if added is None:
            raise ValueError("no date")
        return OrderRow(
            id=identity(wire.id),
            reference=wire.reference,
            customer=str(whole(wire.id_customer)),
            language=whole(wire.id_lang),
            state=whole(wire.current_state),
            total=money(wire.total_paid),
            received=money(wire.total_paid_real),
            invoiced=moment(wire.invoice_date, zone),
            added=added,
            lines=frozenset(identity(part.id) for part in wire.associations.order_rows),
        )

    return _made(make, "orders", row.get("id"))


def line(row: Row) -> Line:
    def make() -> Line:
        wire = msgspec.convert(row, _Line)
        quantity = whole(wire.product_quantity)
        refunded, returned = whole(wire.product_quantity_refunded), whole(wire.product_quantity_return)
        if min(quantity, refunded, returned) < 0:
            raise ValueError("fewer than no units")
        return Line(
            id=identity(wire.id),
            order=identity(wire.id_order),
            reference=wire.product_reference or "",
            quantity=quantity,
            counted=refunded + returned,
            price=money(wire.unit_price_tax_incl),
            money=money(wire.total_refunded_tax_incl),
        )

    return _made(make, "order_details", row.get("id_order"))


def slip(row: Row) -> Slip:
    def make() -> Slip:
        wire = msgspec.convert(row, _Slip)
        units: dict[str, int] = {}
        amounts: dict[str, Decimal] = {}
        for detail in wire.associations.order_slip_details:
            # a detail's own id is the slip's, not the line's (shop notes 30)
            of = identity(detail.id_order_detail)
            units[of] = units.get(of, 0) + whole(detail.product_quantity)
            amounts[of] = amounts.get(of, Decimal(0)) + money(detail.amount_tax_incl)
        if min(units.values(), default=0) < 0:
            raise ValueError("fewer than no units")
        return Slip(int(identity(wire.id)), identity(wire.id_order), units, amounts)

    return _made(make, "order_slip", row.get("id_order"))


def state(row: Row) -> State:
    def make() -> State:
        flags = ("paid", "logable", "invoice", "shipped", "delivery")
        return State(
            id=int(identity(row.get("id"))),
            name=_one_text(row.get("name")),
            flags=frozenset(flag for flag in flags if whole(row.get(flag))),
            deleted=bool(whole(row.get("deleted"))),
        )

    return _made(make, "order_states", None)


def history(row: Row, zone: ZoneInfo) -> History:
    def make() -> History:
        date = row.get("date_add")
        return History(
            order=identity(row.get("id_order")),
            state=whole(row.get("id_order_state")),
            at=moment(date if isinstance(date, str) else None, zone),
        )

    return _made(make, "order_histories", row.get("id_order"))


def customer(row: Row) -> Customer:
    def make() -> Customer:
        email = _one_text(row.get("email")).strip()
        names = (_one_text(row.get("firstname")), _one_text(row.get("lastname")))
        return Customer(
            identity(row.get("id")), email or None, " ".join(filter(None, names)), whole(row.get("id_lang"))
        )

    return _made(make, "customers", None)


def language(row: Row) -> tuple[int, str]:
    """A language's id and two-letter code."""
    return _made(lambda: (whole(row.get("id")), _one_text(row.get("iso_code")).lower()), "languages", None)


def order_line(read: Line, slips: Iterable[Slip]) -> OrderLine:
    """A line with what was taken back: by counters or slips, whichever say more, not both (notes 27)."""
    slipped = sum(one.units.get(read.id, 0) for one in slips)
    taken_back = max(read.counted, slipped)
    paid_out = max(read.money, sum((one.money.get(read.id, Decimal(0)) for one in slips), Decimal(0)))
    return OrderLine(
        id=read.id,
        reference=read.reference,
        quantity=read.quantity,
        taken_back=taken_back,
        goodwill=0 < paid_out < GOODWILL * taken_back * read.price,
    )


def _one_text(value: Any) -> str:
    """Text, or the first of a translated field's texts (shop notes 16)."""
    if isinstance(value, list):
        value = value[0].get("value") if value and isinstance(value[0], dict) else ""
    if value is not None and not isinstance(value, str):
        raise ValueError("not a text")
    return (value or "").strip()


def _made(make: Callable[[], Made], resource: str, document: Any) -> Made:
    try:
        return make()
    except (ValueError, msgspec.ValidationError) as error:
        message = f"a row that cannot be read: {error}"
        known = str(document) if isinstance(document, int | str) and str(document).isdecimal() else None
        raise RemoteSurprise(SYSTEM, f"GET /{resource}", message, document=known) from error
