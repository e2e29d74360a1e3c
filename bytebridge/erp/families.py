"""Rows of the invoice table gathered into families: an invoice with every credit note that names it.

What a note takes back depends on what its source granted, and neither row moves when the other does (Dolibarr
notes §6), so the two are always read together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bytebridge.connector import Known
from bytebridge.domain.model import Document, Invoice, InvoiceKind
from bytebridge.erp.client import Client, batches
from bytebridge.erp.customers import UNSEEN, Customer, Customers
from bytebridge.erp.filters import ids_in, is_id
from bytebridge.erp.wire import PROPERTIES, invoice, product_ids, text
from bytebridge.errors import RemoteSurprise

Row = Mapping[str, Any]
CREDIT_NOTE = "2"
IDS_A_QUERY = 100
SOURCES_A_QUERY = 300  # twice that fits the 8 KB of address line that web servers take


@dataclass(frozen=True, slots=True)
class Gathered:
    """documents: in the order of their rows.

    surprises: what was unreadable; its families were left out. broken: ids of all their rows, not only the bad one.
    """

    documents: tuple[Invoice, ...] = ()
    surprises: tuple[RemoteSurprise, ...] = ()
    broken: frozenset[str] = frozenset()


class Families:
    """Completes rows into documents. Customers and product references live as long as this object."""

    def __init__(self, client: Client, zone: ZoneInfo) -> None:
        self._client = client
        self._zone = zone
        self._references: dict[str, str] = {}
        self.customers = Customers(client)

    def gather(self, rows: Sequence[Row], known: Known | None) -> Gathered:
        """The families of these rows, each once, for one call more; new products and customers cost theirs.

        known: documents as the ledger has them: customers of those that differ are read afresh. None is
        content with customers as remembered.
        """
        rows = [*rows, *self._relatives(rows)]
        self._learn_references(rows)
        read: dict[str, Invoice] = {}
        surprises: list[RemoteSurprise] = []
        broken: set[str] = set()
        for row in rows:
            try:
                one = invoice(row, self._references, self._zone)
            except RemoteSurprise as error:
                surprises.append(error)
                broken |= {text(row.get("id")), text(row.get("fk_facture_source"))}
            else:
                read[one.id] = one
        families = grouped(read.values())
        found = [family for family in families if not {family.id, family.source} & broken]
        left_out = {one.id for family in families if family not in found for one in (family, *family.credit_notes)}
        customers = self.customers.find(
            {one.customer for family in found for one in (family, *family.credit_notes)},
            changed=() if known is None else _changed(found, known),
        )
        documents = tuple(_addressed(family, customers) for family in found)
        return Gathered(documents, tuple(surprises), frozenset(broken | left_out))

    def _relatives(self, rows: Sequence[Row]) -> list[Row]:
        """All credit notes of every source concerned, and the sources not among the rows.

        A source that the list leaves out is asked for by itself: only a 404 there says that it is gone.
        """
        notes = [row for row in rows if text(row.get("type")) == CREDIT_NOTE]
        here = {text(row.get("id")) for row in rows}
        named = {source for row in notes if is_id(source := text(row.get("fk_facture_source")))}
        sources = (here - {text(row.get("id")) for row in notes}) | named
        found: list[Row] = []
        for batch in batches(sorted(filter(is_id, sources), key=int), SOURCES_A_QUERY):
            wanted = f"((t.type:=:{CREDIT_NOTE}) and {ids_in('t.fk_facture_source', batch)})"
            if missing := [source for source in batch if source not in here]:
                wanted = f"{wanted} or {ids_in('t.rowid', missing)}"
            params = {"limit": "0", "sqlfilters": wanted, "properties": PROPERTIES}
            rows_of = self._client.rows("/invoices", params)
            found += [row for row in rows_of if text(row.get("id")) not in here]
            left_out = set(missing) - {text(row.get("id")) for row in rows_of}
            alone = [self._client.record(f"/invoices/{source}") for source in sorted(left_out, key=int)]
            found += [row for row in alone if row is not None]
        return found

    def _learn_references(self, rows: Sequence[Row]) -> None:
        """References of products not met before; one renamed later keeps its first for this process."""
        unknown = sorted(filter(is_id, product_ids(rows) - self._references.keys()), key=int)
        for batch in batches(unknown, IDS_A_QUERY):
            params = {"limit": "0", "sqlfilters": ids_in("t.rowid", batch), "properties": "id,ref"}
            for row in self._client.rows("/products", params):
                if reference := text(row.get("ref")):
                    self._references.setdefault(text(row.get("id")), reference)


def grouped(read: Iterable[Invoice]) -> list[Invoice]:
    """Sources with their notes, oldest first; a note without a readable source stays alone."""
    members = list(read)
    sources = {one.id for one in members if one.kind is not InvoiceKind.CREDIT_NOTE}
    notes = sorted((one for one in members if one.id not in sources), key=lambda note: int(note.id))
    families: list[Invoice] = []
    for one in members:
        if one.id in sources:
            families.append(replace(one, credit_notes=tuple(note for note in notes if note.source == one.id)))
        elif one.source not in sources:
            families.append(replace(one, source_missing=one.source is not None))
    return families


def _addressed(family: Invoice, customers: Mapping[str, Customer]) -> Invoice:
    customer = customers.get(family.customer, UNSEEN)
    return replace(
        family,
        emails=customer.emails,
        elsewhere=customer.elsewhere,
        shared=customer.shared,
        name=customer.name,
        language=customer.language,
        credit_notes=tuple(_addressed(note, customers) for note in family.credit_notes),
    )


def _changed(families: Sequence[Invoice], known: Known) -> set[str]:
    """Customers of the families that are not as the ledger last saw them."""
    seen = known([family.id for family in families])
    return {
        one.customer
        for family in families
        if _bare(seen.get(family.id)) != _bare(family)
        for one in (family, *family.credit_notes)
    }


def _bare(document: Document | None) -> Invoice | None:
    """The document without what comes from its customer's record."""
    if not isinstance(document, Invoice):
        return None
    plain = partial(replace, emails=(), elsewhere=(), shared=False, name="", language=None)
    return plain(document, credit_notes=tuple(plain(note) for note in document.credit_notes))
