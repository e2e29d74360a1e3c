"""How a simulated Dolibarr shows its records and its refusals: names, types and texts of the real 22.0.4."""

import gzip
import json
from datetime import datetime
from decimal import Decimal

from bytebridge.sandbox.dolibarr_fields import beside
from bytebridge.sandbox.web import Reply

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"
STAGES = ["get", "route", "negotiate", "authenticate", "validate", "call"]
MAINTENANCE = (
    "Sorry, your application is offline. Only administrator users (admin) is allowed to connect for the moment.\n"
    'Please try later or <a href="/">click here to change login user</a>...'
)
API_OFF = "Module <b>Api</b> must be enabled.<br><br>To activate modules, go on setup Area (Home->Setup->Modules)."
DATABASE_DOWN = (
    "This website or feature is currently temporarily not available or failed after a technical error.<br><br>"
    "This may be due to a maintenance operation."
)
IP_REFUSED = "APIs are not allowed from the IP 192.0.2.10"
ENDPOINT_OFF = "The API with endpoint /{} is forbidden by config API_ENDPOINT_RULES"
NO_ENDPOINT = "API not found (failed to include API file)"
FIREWALL = "Access refused to 192.0.2.10 by SQL or Script injection protection in main.inc.php type=1<br>"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def html(status, page):
    return Reply(status, page.encode(), HTML)


def text(value, *, compact):
    spaced = {"separators": (",", ":")} if compact else {"indent": 4}
    return json.dumps(value, ensure_ascii=False, **spaced)


def data(value, *, compact=False, zipped=False):
    body = text(value, compact=compact).encode()
    if zipped:
        return Reply(200, gzip.compress(body), JSON, {"Content-Encoding": "gzip"})
    return Reply(200, body, JSON)


def refusal(status, message="", *, source="api.class.php:1", stage="call", reason=None, production=False):
    """An error as data. stage: where the real server's pipeline stopped. reason: its numbered key."""
    error = {"code": status, "message": f"{TITLES[status]}: {message}" if message else TITLES[status]}
    if reason is not None:
        error["0"] = reason
    body = {"error": error}
    if not production:
        passed = [] if stage == "setup" else STAGES[: STAGES.index(stage)]
        failed = ["get", "route", "negotiate"] if stage == "setup" else [stage]
        if stage == "route":
            failed = ["route", "negotiate"]
        body["debug"] = {
            "source": f"{source} at {stage} stage",
            "stages": {"success": passed, "failure": [*failed, "message"]},
        }
    return Reply(status, text(body, compact=production).encode(), JSON)


def money(amount):
    return f"{amount:.8f}"


def plain(amount):
    """A computed amount: a number, whole where it can be."""
    return int(amount) if amount == int(amount) else float(amount)


def text_or_none(value):
    return None if value is None else str(value)


def invoice(row, books, *, listed):
    """listed: in a list; alone, the record does not show its billing contacts."""
    total, net = books.total(row), sum((books.net(line) for line in row["lines"]), Decimal(0))
    rest = total - row["paid"] - (row["notes_used"] or 0) - (row["deposits_used"] or 0)
    changed = int(datetime.fromtimestamp(row["tms"], books.database_zone).replace(tzinfo=books.zone).timestamp())
    by = None if row["date_valid"] is None else "1"
    return beside(
        "invoice",
        multicurrency_total_ht=money(row.get("total_ht", net)),
        total_tva=money(total - row.get("total_ht", net)),
        multicurrency_total_tva=money(total - row.get("total_ht", net)),
        multicurrency_total_ttc=money(total),
        sumpayed=money(row["paid"]) if row["paid"] else None,
        last_main_doc=None if by is None else f"facture/{row['ref']}/{row['ref']}.pdf",
        user_validation_id=by,
        fk_user_valid=by,
        date_lim_reglement=row["datef"] + 24 * 3600,
        datem=changed,
        online_payment_url=f"https://erp.example.com/public/payment/newpayment.php?source=invoice&ref={row['ref']}",
    ) | {
        "module": None,
        "id": str(row["rowid"]),
        "entity": "1",
        "array_options": [],
        "contacts_ids": [str(person) for person in row["billing_contacts"]] if listed else [],
        "linkedObjectsIds": None if listed else [],
        "ref": row["ref"],
        "ref_ext": row["ref_ext"],
        "statut": str(row["fk_statut"]),
        "status": str(row["fk_statut"]),
        "total_ht": money(row.get("total_ht", net)),
        "total_ttc": money(total),
        "lines": [line(item, books, row["rowid"]) for item in row["lines"]],
        "date_creation": row["datec"],
        "date_validation": row["date_valid"] if row["date_valid"] is not None else "",
        "date_modification": changed,
        "tms": None,
        "totalpaid": plain(row["paid"]),
        "type": str(row["type"]),
        "socid": str(row["fk_soc"]),
        "paye": str(row["paye"]),
        "date": row["datef"],
        "totaldeposits": None if row["deposits_used"] is None else money(row["deposits_used"]),
        "totalcreditnotes": None if row["notes_used"] is None else money(row["notes_used"]),
        "remaintopay": str(row.get("remaintopay", plain(rest))),
        "ref_client": row["ref_client"],
        "close_code": row["close_code"],
        "close_note": row["close_note"],
        "module_source": row["module_source"],
        "fk_facture_source": text_or_none(row["fk_facture_source"]),
        "date_closing": None,
    }


def line(item, books, invoice):
    """`product_ref` is the product's present reference, whatever it was when the line was made."""
    product = books.products.get(item["fk_product"], {})
    net, vat = books.net(item), books.net(item) * books.vat / 100
    return beside(
        "line",
        ref=product.get("ref"),
        multicurrency_total_ht=money(net),
        total_tva=money(vat),
        multicurrency_total_tva=money(vat),
        multicurrency_total_ttc=money(net + vat),
        description=item["desc"],
        libelle=product.get("label"),
        product_desc="" if product else None,
        fk_product_type=text_or_none(product.get("fk_product_type")),
        marque_tx="100" if net else "",
        tva_tx=f"{books.vat:.4f}",
        multicurrency_subprice=money(item["subprice"]),
        fk_facture=str(invoice),
    ) | {
        "id": str(item["rowid"]),
        "total_ht": money(net),
        "total_ttc": money(net + vat),
        "rowid": str(item["rowid"]),
        "product_type": item.get("product_type", "1"),
        "fk_product": text_or_none(item["fk_product"]),
        "desc": item["desc"],
        "product_ref": product.get("ref"),
        "product_label": product.get("label"),
        "qty": f"{item['qty'].normalize() + 0:f}",
        "remise_percent": str(item["remise_percent"]),
        "info_bits": item.get("info_bits", "0"),
        "special_code": "0",
        "subprice": money(item["subprice"]),
        "fk_remise_except": item.get("fk_remise_except"),
        "rang": item.get("rang", "0"),
    }


def party(row, books, *, listed):
    return (
        beside(
            "party",
            date_creation=row["datec"],
            user_modification_id="2",
            phone="+33400000000",
            address="1 Rue des Essais",
            zip="69001",
            town="Lyon",
        )
        | {
            "module": "societe",
            "id": str(row["rowid"]),
            "entity": "1",
            "array_options": options(row, books),
            "ref": row["nom"],
            "ref_ext": row["ref_ext"],
            "status": str(row["status"]),
            "name": row["nom"],
            "date_modification": row["tms"],
            "name_alias": "",
            "email": row["email"],
            "client": str(row["client"]),
            "code_client": row["code_client"],
            "default_lang": row["default_lang"],
        }
        | ({} if listed else {"absolute_discount": "0", "absolute_creditnote": "0"})
    )


def changed_party(row, books):
    """The answer to a change: not quite the record as it is read."""
    shown = party(row, books, listed=False) | {"socid": row["rowid"], "trackid": f"thi{row['rowid']}"}
    return {name: value for name, value in shown.items() if name != "actiontypecode"}


def options(row, books):
    """Extra fields under `options_…`: [] where none is defined; a date never set is "" once any field was."""
    shown = {}
    for name, kind in books.extra_fields.items():
        value = row["options"].get(name)
        if value is None and kind == "datetime" and row["options"]:
            value = ""
        shown[f"options_{name}"] = f"{value:.2f}" if isinstance(value, Decimal) else value
    return shown or []


def contact(row, books, *, listed):  # noqa: ARG001
    return beside(
        "contact",
        ref=str(row["rowid"]),
        fk_soc=str(row["fk_soc"]),
        socname=books.parties[row["fk_soc"]]["nom"],
        mail=row["email"],
        civility_code="MR",
        civility="Mr.",
        gender="man",
        phone_pro="+33 1 00 00 00 01",
        date_creation=1795469591,
        date_modification=1795469591,
    ) | {
        "id": str(row["rowid"]),
        "statut": str(row["statut"]),
        "lastname": row["lastname"],
        "firstname": row["firstname"],
        "poste": "",
        "socid": str(row["fk_soc"]),
        "email": row["email"],
    }


def product(row, books, *, listed):  # noqa: ARG001
    return beside("product") | {
        "id": str(row["rowid"]),
        "ref": row["ref"],
        "status": str(row["tosell"]),
        "label": row["label"],
        "type": str(row["fk_product_type"]),
        "price": money(row["price"]),
        "price_ttc": money(row["price"] * (100 + books.vat) / 100),
        "tva_tx": f"{books.vat:.4f}",
    }


def event(row, _books, *, listed):
    """Without `ref_ext`: it can be searched for but is not shown."""
    owner = str(row["fk_user_action"])
    assigned = {"id": owner, "mandatory": "0", "answer_status": "0", "transparency": "0"}
    own = {"linkedObjectsIds": None} if listed else {}
    made = row["datec"]
    return beside(
        "event", ref=str(row["id"]), datec=made, datem=made, authorid=owner, userassigned={owner: assigned}, **own
    ) | {
        "id": str(row["id"]),
        "type_code": row["type_code"],
        "code": row["code"],
        "label": row["label"],
        "note_private": row["note"],
        "datep": row["datep"],
        "datef": row["datef"],
        "percentage": str(row["percentage"]),
        "userownerid": str(row["fk_user_action"]),
        "socid": text_or_none(row["fk_soc"]),
    }
