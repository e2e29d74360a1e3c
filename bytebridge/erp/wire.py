"""Dolibarr's JSON as our values: tolerant of types, strict about what decides (Dolibarr notes §4, §5)."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bytebridge.domain.model import Instant, Invoice, InvoiceKind, InvoiceLine, InvoiceState
from bytebridge.erp.client import SYSTEM
from bytebridge.erp.filters import is_id, is_moment, midnight
from bytebridge.errors import RemoteSurprise

PROPERTIES = (
    "id,ref,ref_ext,ref_client,type,status,paye,close_code,socid,date,date_creation,date_modification,"
    "totalpaid,fk_facture_source,module_source,lines"
)
MAGNITUDE = 18  # powers of ten: whole digits of more make a text that no memory holds
T = TypeVar("T")

KINDS = {
    "0": InvoiceKind.STANDARD,
    "1": InvoiceKind.STANDARD,  # replacement
    "2": InvoiceKind.CREDIT_NOTE,
    "3": InvoiceKind.DEPOSIT,
    "4": InvoiceKind.OTHER,  # pro forma of old versions
    "5": InvoiceKind.STANDARD,  # progress billing
}


def text(value: object) -> str:
    """A field as trimmed text; every form of "unset" (null, "", [], false) is ""."""
    if value is None or value is False or isinstance(value, list | dict):
        return ""
    return str(value).strip()


def number(value: object) -> Decimal | None:
    """A number that may come as a number or as text; None when unset. ValueError when it is neither."""
    stated = text(value)
    if not stated:
        return None
    try:
        read = Decimal(stated)
    except InvalidOperation as error:
        raise ValueError("not a number") from error
    if not read.is_finite() or abs(read.adjusted()) > MAGNITUDE:
        raise ValueError("not a number")
    return read


def reference_id(value: object) -> str | None:
    """The id of another record, None when unset; 0 is one of the forms of "unset"."""
    stated = text(value)
    return None if stated in ("", "0") else stated


def product_ids(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Products that the lines of these invoices name."""
    lines = (line for row in rows for line in _lines(row))
    return {product for line in lines if (product := reference_id(line.get("fk_product")))}


def _lines(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    lines = row.get("lines")
    if not isinstance(lines, list):
        return ()
    return [line for line in lines if isinstance(line, dict)]


def invoice(row: Mapping[str, Any], references: Mapping[str, str], zone: ZoneInfo) -> Invoice:
    """An invoice by itself: without its customer's name and addresses, without its credit notes.

    references: product id to reference as this process first saw it; a line's own `product_ref` is the
    present one and stands in where there is none. RemoteSurprise when a field that decides is unreadable.
    """
    identity = text(row.get("id"))
    try:
        return _invoice(row, identity, references, zone)
    except ValueError as error:
        message = f"invoice {identity or '?'}: {error}"
        raise RemoteSurprise(SYSTEM, "GET /invoices", message, document=identity or None) from error


def _invoice(row: Mapping[str, Any], identity: str, references: Mapping[str, str], zone: ZoneInfo) -> Invoice:
    kind = _required(KINDS.get(text(row.get("type"))), "known type")
    created = _instant(row, "date_creation")
    day = _instant(row, "date") if text(row.get("date")) else midnight(created, zone)
    credit_note = kind is InvoiceKind.CREDIT_NOTE
    return Invoice(
        id=_required(identity if is_id(identity) else None, "id"),
        code=text(row.get("ref")),
        customer=_required(reference_id(row.get("socid")), "socid"),
        emails=(),
        shared=False,
        name="",
        language=None,
        kind=kind,
        state=state(text(row.get("status")), text(row.get("paye")), text(row.get("close_code"))),
        close_code=text(row.get("close_code")) or None,
        created_at=created,
        date=day,
        received=bool(_readable(row, "totalpaid")),
        lines=tuple(_line(line, references, credit_note=credit_note) for line in _all_lines(row)),
        marks=tuple(mark for name in ("ref_client", "ref_ext", "module_source") if (mark := text(row.get(name)))),
        # a replacement names the invoice it replaces in the same field: that is no credit note of it
        source=reference_id(row.get("fk_facture_source")) if credit_note else None,
    )


def state(status: str, paid: str, close_code: str) -> InvoiceState:
    """Where an invoice stands. Only the flag `paye` says "paid": status 2 alone may have been given up."""
    match status, paid, close_code:
        case "0", "0", _:
            return InvoiceState.DRAFT
        case "1", "0", _:
            return InvoiceState.OPEN
        case "2", "1", "":
            return InvoiceState.PAID
        case "2", "0", _:
            return InvoiceState.GIVEN_UP
        case "3", "0", _:
            return InvoiceState.ABANDONED
        case _:
            return InvoiceState.UNKNOWN


def _line(line: Mapping[str, Any], references: Mapping[str, str], *, credit_note: bool) -> InvoiceLine:
    product = reference_id(line.get("fk_product"))
    reference = (references.get(product) or text(line.get("product_ref"))) if product else None
    if reference == "":
        raise ValueError(f"no reference for product {product}")
    quantity = _required(_readable(line, "qty"), "qty")
    units = abs(quantity)
    if not credit_note and (quantity < 0 or (_readable(line, "subprice") or 0) < 0):
        units = -units
    return InvoiceLine(reference=reference, units=f"{units.normalize() + 0:f}", product=product or "")


def _all_lines(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    lines = _lines(row)
    if not isinstance(row.get("lines"), list) or len(lines) != len(row["lines"]):
        raise ValueError("no readable lines")
    return lines


def _readable(row: Mapping[str, Any], name: str) -> Decimal | None:
    try:
        return number(row.get(name))
    except ValueError as error:
        raise ValueError(f"{name} is not a number") from error


def _instant(row: Mapping[str, Any], name: str) -> Instant:
    stated = int(_required(_readable(row, name), name))
    if not is_moment(str(stated)):
        raise ValueError(f"{name} is no time")
    return Instant(stated)


def _required(value: T | None, name: str) -> T:
    if value is None or value == "":
        raise ValueError(f"no {name}")
    return value


def addresses(field: object) -> tuple[str, ...]:
    """The addresses of an e-mail field, which may hold several (`a@example.com;b@example.com`)."""
    parts = text(field).replace(",", ";").split(";")
    return distinct(part.strip() for part in parts if "@" in part)


def distinct(found: Iterable[str]) -> tuple[str, ...]:
    """Each address once, in order, compared without case."""
    seen: dict[str, str] = {}
    for address in found:
        seen.setdefault(address.casefold(), address)
    return tuple(seen.values())


def language(field: object) -> str | None:
    """The language of a locale such as "fr_FR"; None when unset."""
    return text(field)[:2].lower() or None
