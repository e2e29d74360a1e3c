"""The books of a simulated Dolibarr filled from recorded answers of a real one."""

import json
from decimal import Decimal


def fill(server, folder):
    """Puts the recorded invoices, third parties, contacts and products into the books, under their own ids."""
    server.vat = Decimal(20)
    server.extra_fields["helpdesk_email"] = "varchar"
    whole = {row["id"]: row for row in _read(folder, "invoices-special-cases.json")}
    rows = [whole[row["id"]] | row for row in _read(folder, "invoices-special-cases-reading.json")]
    for row in _read(folder, "products-packs.json"):
        server.products[int(row["id"])] = _product(row["id"], row["ref"], row["label"], row["price"])
    for row in rows:
        server.invoices[int(row["id"])] = _invoice(row)
        for line in row["lines"]:
            if line["fk_product"] is not None and int(line["fk_product"]) not in server.products:
                server.products[int(line["fk_product"])] = _product(
                    line["fk_product"], line["product_ref"], line["product_label"], line["subprice"]
                )
    for name in ("thirdparties-by-ids.json", "thirdparties-special-cases.json", "thirdparties-list-full.json"):
        for row in _read(folder, name):
            server.parties[int(row["id"])] = _party(row)
    for row in _read(folder, "contacts-special-cases.json"):
        server.contacts[int(row["id"])] = {
            "rowid": int(row["id"]), "fk_soc": int(row["socid"]), "email": row["email"],
            "firstname": row["firstname"], "lastname": row["lastname"], "statut": int(row["statut"]),
        }  # fmt: skip


def _read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _product(rowid, ref, label, price):
    return {
        "rowid": int(rowid), "ref": ref, "label": label, "fk_product_type": 1, "tosell": 1, "price": Decimal(price),
    }  # fmt: skip


def _party(row):
    options = {name.removeprefix("options_"): value for name, value in row["array_options"].items()}
    if options.get("credit_balance") is not None:
        options["credit_balance"] = Decimal(options["credit_balance"])
    return {
        "rowid": int(row["id"]), "nom": row["name"], "email": row["email"], "status": int(row["status"]),
        "client": int(row["client"]), "ref_ext": row["ref_ext"], "code_client": row["code_client"],
        "default_lang": row["default_lang"], "datec": row.get("date_creation", 1795469425),
        "tms": row.get("date_modification", 1795469425),
        "options": options if any(value not in (None, "") for value in options.values()) else {}, "rep": None,
    }  # fmt: skip


def _invoice(row):
    return {
        "rowid": int(row["id"]), "type": int(row["type"]), "fk_statut": int(row["status"]), "paye": int(row["paye"]),
        "fk_soc": int(row["socid"]), "datef": row["date"], "datec": row["date_creation"],
        "tms": row["date_modification"], "date_valid": row["date_validation"] or None, "date_closing": None,
        "fk_facture_source": None if row["fk_facture_source"] is None else int(row["fk_facture_source"]),
        "paid": Decimal(str(row["totalpaid"])), "total_ttc": Decimal(row["total_ttc"]),
        "total_ht": Decimal(row["total_ht"]), "remaintopay": row["remaintopay"], "has_pdf": False,
        "notes_used": None if row["totalcreditnotes"] is None else Decimal(row["totalcreditnotes"]),
        "deposits_used": None if row["totaldeposits"] is None else Decimal(row["totaldeposits"]),
        "billing_contacts": row["contacts_ids"], "lines": [_line(line) for line in row["lines"]],
    } | {name: row[name] for name in ("ref", "ref_ext", "ref_client", "close_code", "close_note", "module_source")}  # fmt: skip


def _line(line):
    kept = ("desc", "remise_percent", "fk_remise_except", "info_bits", "rang", "product_type")
    return {name: line[name] for name in kept} | {
        "rowid": int(line["rowid"]),
        "qty": Decimal(line["qty"]),
        "fk_product": None if line["fk_product"] is None else int(line["fk_product"]),
        "subprice": Decimal(line["subprice"]),
    }
