"""What it costs to fetch the product's pages again, decode them and, but for `decode`, store the rows: no rules, no ledger.

`python floor.py msgspec|json|decode PORT URL`; the addresses come as JSON on standard input.
"""

import json
import sys
from collections import defaultdict
from urllib.parse import urlsplit

import msgspec
import requests
import sqlalchemy as sa
from measured import measured

# the fields that the product reads of each resource, what is nested whole
COLUMNS = {
    "orders": (
        "id reference id_customer id_lang current_state total_paid total_paid_real invoice_date date_add date_upd"
        " associations"
    ),
    "order_details": (
        "id id_order product_reference product_quantity product_quantity_refunded product_quantity_return"
        " unit_price_tax_incl total_refunded_tax_incl"
    ),
    "order_slip": "id id_order associations",
    "order_histories": "id id_order id_order_state date_add",
    "order_states": "id name paid",
    "languages": "id iso_code",
    "customers": "id email firstname lastname id_lang",
    "tickets": (
        "id code status departmentid date_created date_changed tags custom_fields channel_type agentid subject"
        " owner_contactid owner_email owner_name date_resolved"
    ),
}
LOOSE = str | int | None
FIELD = msgspec.defstruct("Field", [("code", str), ("value", str | None)])
NESTED = {"custom_fields": list[FIELD], "tags": list[str], "associations": dict[str, list[dict[str, LOOSE]]]}
KEYS = {"order_slip": "order_slips"}
BATCH = 1000


def decoders():
    """Per resource what turns a body into rows, checked by type."""
    found = {}
    for resource, names in COLUMNS.items():
        row = msgspec.defstruct("Row", [(name, NESTED.get(name, LOOSE)) for name in names.split()])
        shape = list[row]
        if resource != "tickets":
            body = msgspec.defstruct("Body", [("rows", shape)], rename={"rows": KEYS.get(resource, resource)})
            shape = body | list[row]
        found[resource] = msgspec.json.Decoder(shape)
    return found


def as_structs(found, resource, body):
    value = found[resource].decode(body)
    return value if isinstance(value, list) else value.rows


def as_dicts(_found, resource, body):
    value = json.loads(body)
    return value if isinstance(value, list) else value[KEYS.get(resource, resource)]


def values_of(rows, names, text):
    """Rows as Core takes them; what is nested as JSON. text: makes that."""
    nested = NESTED.keys() & names
    for row in rows:
        get = row.get if isinstance(row, dict) else row.__getattribute__
        values = {name: get(name) for name in names}
        for name in nested:
            values[name] = text(values[name])
        yield values


def tables(url):
    metadata = sa.MetaData()
    for resource, names in COLUMNS.items():
        sa.Table(resource, metadata, *(sa.Column(name, sa.Text) for name in names.split()))
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    return engine, metadata.tables


def main(kind, port, url):
    addresses = json.load(sys.stdin)
    engine, stored = tables(url)
    found = decoders()
    decode = as_dicts if kind == "json" else as_structs
    text = json.dumps if kind == "json" else lambda value: msgspec.json.encode(value).decode()
    names = {resource: columns.split() for resource, columns in COLUMNS.items()}
    session = requests.Session()
    waiting, documents = defaultdict(list), 0
    with measured() as figures:
        for address in addresses:
            resource = urlsplit(address).path.split("/")[-1]
            body = session.get(f"http://127.0.0.1:{port}{address}", headers={"Accept": "application/json"}).content
            if resource not in COLUMNS:
                continue
            rows = decode(found, resource, body)
            documents += len(rows) if resource in ("orders", "tickets") else 0
            if kind != "decode" and rows:
                waiting[resource] += values_of(rows, names[resource], text)
            if len(waiting[resource]) >= BATCH:
                store(engine, stored, waiting, resource)
        for resource in list(waiting):
            store(engine, stored, waiting, resource)
    print(json.dumps({**figures, "documents": documents, "requests": len(addresses)}))


def store(engine, stored, waiting, resource):
    rows = waiting.pop(resource)
    if rows:
        with engine.begin() as connection:
            connection.execute(sa.insert(stored[resource]), rows)


if __name__ == "__main__":
    main(*sys.argv[1:4])
