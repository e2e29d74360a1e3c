"""What the lists of a simulated Dolibarr may be asked for: columns of the data base, rights, how rows are shown."""

from dataclasses import dataclass

from bytebridge.sandbox import dolibarr_answers as answers


def _columns(alias, **kinds):
    return {f"{alias}.{name}": (name, kind) for name, kind in kinds.items()}


@dataclass(frozen=True)
class Table:
    """rows: attribute of the books. title: as its errors call it. key: of a row and of the default order."""

    rows: str
    right: tuple
    columns: dict
    show: object
    title: str
    source: str
    key: str = "rowid"
    order: str = "t.rowid"


TABLES = {
    "invoices": Table(
        "invoices", ("facture/lire",),
        _columns("t", rowid="number", ref="text", ref_ext="text", ref_client="text", type="number",
                 fk_statut="number", paye="number", close_code="text", fk_soc="number", datef="day", datec="time",
                 tms="time", date_closing="time", fk_facture_source="number", module_source="text"),
        answers.invoice, "invoice", "api_invoices.class.php"),
    "thirdparties": Table(
        "parties", ("societe/lire",),
        _columns("t", rowid="number", nom="text", email="text", status="number", client="number", ref_ext="text",
                 code_client="text", datec="time", tms="time"),
        answers.party, "third parties", "api_thirdparties.class.php"),
    "contacts": Table(
        "contacts", ("societe/contact/lire",),
        _columns("t", rowid="number", email="text", fk_soc="number", statut="number"),
        answers.contact, "contacts", "api_contacts.class.php"),
    "products": Table(
        "products", ("produit/lire", "service/lire"),
        _columns("t", rowid="number", ref="text", label="text", tosell="number", fk_product_type="number"),
        answers.product, "product", "api_products.class.php", order="t.ref"),
    "agendaevents": Table(
        "events", ("agenda/myactions/read",),
        _columns("t", id="number", ref_ext="text", code="text", label="text", fk_soc="number", datep="time"),
        answers.event, "agenda events", "api_agendaevents.class.php", key="id", order="t.id"),
}  # fmt: skip
