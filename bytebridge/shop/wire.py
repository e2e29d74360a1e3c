"""The webservice's rows and our values.

Whether a figure comes as a number, as text or as nothing depends on version, column and row (shop notes 17),
so every field is converted on its way in; what cannot be is a RemoteSurprise that names its order.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from bytebridge.connector import clock_face, instant
from bytebridge.domain.model import Instant, OrderLine
from bytebridge.errors import RemoteSurprise
from bytebridge.shop.client import SYSTEM, Row, Shape

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

EARLIEST = 1971
FORMAT = "%Y-%m-%d %H:%M:%S"
GOODWILL = Decimal("0.5")  # of the units' price: less money than this for units taken back is a gesture

Loose = Any  # a number, its text, empty text or null, by version, column and row
Made = TypeVar("Made")


Id = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]

_is_amount = re.compile(r"-?[0-9]+(?:\.[0-9]+)?").fullmatch


class Part(msgspec.Struct, frozen=True, gc=False):
    id: Id


class Parts(msgspec.Struct, frozen=True, gc=False):
    order_rows: tuple[Part, ...] = ()


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """An order as its list shows it, amounts as text, and dates, which nobody has read yet.

    invoice_date: the zero date before an invoice.
    """

    id: Id
    reference: str
    id_customer: int
    id_lang: int
    current_state: int
    total_paid: str
    total_paid_real: str
    invoice_date: str | None
    date_add: str
    date_upd: str
    associations: Parts = Parts()

    @property
    def lines(self) -> list[int]:
        """Ids of its rows."""
        return [part.id for part in self.associations.order_rows]

    def __post_init__(self) -> None:
        _check_amounts(self.total_paid, self.total_paid_real)


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line as order_details shows it: units, those counted as refunded and returned, price and money with tax."""

    id: Id
    order: Id = msgspec.field(name="id_order")
    product_reference: str | None
    product_quantity: Count
    product_quantity_refunded: Count
    product_quantity_return: Count
    unit_price_tax_incl: str
    total_refunded_tax_incl: str

    def __post_init__(self) -> None:
        _check_amounts(self.unit_price_tax_incl, self.total_refunded_tax_incl)


class Counter(msgspec.Struct, frozen=True, gc=False):
    """A line with units that the shop counts back, and how many in all."""

    id: int
    id_order: int
    product_quantity_refunded: int
    product_quantity_return: int

    @property
    def units(self) -> int:
        return self.product_quantity_refunded + self.product_quantity_return


ORDERS = Shape("orders", OrderRow)
LINES = Shape("order_details", Line)
COUNTED = Shape("order_details", Counter)


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


class Slip(msgspec.Struct, frozen=True):
    """A credit slip: units and money with tax for each line; nothing for one that pays back postage alone."""

    id: int
    order: int
    units: Mapping[str, int]
    money: Mapping[str, Decimal]


class State(msgspec.Struct, frozen=True, gc=False):
    """flags: those that are set among paid, logable, invoice, shipped, delivery."""

    id: int
    name: str
    flags: frozenset[str]
    deleted: bool


class Customer(msgspec.Struct, frozen=True, gc=False):
    id: str
    email: str | None
    name: str
    language: int


class History(msgspec.Struct, frozen=True, gc=False):
    order: int
    state: int
    at: Instant | None


def whole(value: Any) -> int:
    """An integer in any of its spellings; empty and null are 0. ValueError otherwise."""
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("not a whole number")  # noqa: TRY004  (what came is at fault, not a caller)
    return int(value)


def number(row: Row, field: str) -> int:
    """An integer of a row of which only this is read. RemoteSurprise when it is none."""
    try:
        return whole(row.get(field))
    except ValueError as error:
        raise RemoteSurprise(SYSTEM, "GET /orders", f"{field} is not a whole number") from error


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
    if text is None or is_zero(text):
        return None
    return instant(text, zone)


def is_zero(text: str | None) -> bool:
    """Whether there is no date (shop notes 18)."""
    return not text or text.startswith("0000-00-00")


def is_date(text: str) -> bool:
    """Whether a window may begin there: the zero date, other text and what lies before computers are none."""
    try:
        return clock_face(text).year >= EARLIEST
    except ValueError:
        return False


def local(at: float, zone: ZoneInfo) -> str:
    """An instant as the shop writes it."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime(FORMAT)


def earlier(text: str, seconds: int) -> str:
    """The shop's own text moved back by the wall clock, which needs no zone and covers a repeated hour."""
    return (clock_face(text) - timedelta(seconds=seconds)).strftime(FORMAT)


def order_row(row: Row) -> OrderRow:
    """A row that `ORDERS` does not take, each field in any of its spellings."""

    def make() -> OrderRow:
        parts = row.get("associations", {}).get("order_rows", [])
        plain = {
            **row,
            **{name: whole(row[name]) for name in ("id", "id_customer", "id_lang", "current_state")},
            **{name: f"{money(row[name]):f}" for name in ("total_paid", "total_paid_real")},
            "associations": {"order_rows": [{"id": whole(part["id"])} for part in parts]},
        }
        return msgspec.convert(plain, OrderRow)

    return _made(make, "orders", row.get("id"))


def line(row: Row) -> Line:
    """A row that `LINES` does not take, each field in any of its spellings."""

    def make() -> Line:
        counts = ("product_quantity", "product_quantity_refunded", "product_quantity_return")
        plain = {
            **row,
            **{name: whole(row[name]) for name in ("id", "id_order", *counts)},
            **{name: f"{money(row[name]):f}" for name in ("unit_price_tax_incl", "total_refunded_tax_incl")},
        }
        return msgspec.convert(plain, Line)

    return _made(make, "order_details", row.get("id_order"))


def counter(row: Row) -> Counter:
    """A row that `COUNTED` does not take."""
    return Counter(*(number(row, field) for field in Counter.__struct_fields__))


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
        return Slip(int(identity(wire.id)), int(identity(wire.id_order)), units, amounts)

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
            order=int(identity(row.get("id_order"))),
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


def order_line(read: Line, slips: Sequence[Slip]) -> OrderLine:
    """A line with what was taken back: by counters or slips, whichever say more, not both (notes 27)."""
    number, reference = str(read.id), read.product_reference or ""
    counted = read.product_quantity_refunded + read.product_quantity_return
    if not counted and not slips:
        return OrderLine(number, reference, read.product_quantity)
    slipped = sum(one.units.get(number, 0) for one in slips)
    taken_back = max(counted, slipped)
    refunded = Decimal(read.total_refunded_tax_incl)
    paid_out = max(refunded, sum((one.money.get(number, Decimal(0)) for one in slips), Decimal(0)))
    return OrderLine(
        id=number,
        reference=reference,
        quantity=read.product_quantity,
        taken_back=taken_back,
        slipped=slipped,
        goodwill=0 < paid_out < GOODWILL * taken_back * Decimal(read.unit_price_tax_incl),
    )


def _check_amounts(one: str, other: str) -> None:
    """ValueError unless both are, which a pattern of their types would take twice as long to tell."""
    if not (_is_amount(one) and (other == one or _is_amount(other))):
        raise ValueError("not an amount")


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
    except (ValueError, LookupError, TypeError, AttributeError, msgspec.ValidationError) as error:
        message = f"a row that cannot be read: {error}"
        known = str(document) if isinstance(document, int | str) and str(document).isdecimal() else None
        raise RemoteSurprise(SYSTEM, f"GET /{resource}", message, document=known) from error
