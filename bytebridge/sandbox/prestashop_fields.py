"""What a PrestaShop's webservice knows of each resource: its fields in their order, and how a value is spelt.

From answers recorded on 9.1.4 and 8.2.4. Values are kept as version 9 would say them; version 8 says every
integer but a record's own id as text.
"""

ZERO_DATE = "0000-00-00 00:00:00"
ZERO_KEY = "0" * 32

_FIELDS = {
    "orders": (
        "id id_address_delivery id_address_invoice id_cart id_currency id_lang id_customer id_carrier current_state"
        " module invoice_number invoice_date delivery_number delivery_date valid date_add date_upd shipping_number"
        " note id_shop_group id_shop secure_key payment recyclable gift gift_message mobile_theme total_discounts"
        " total_discounts_tax_incl total_discounts_tax_excl total_paid total_paid_tax_incl total_paid_tax_excl"
        " total_paid_real total_products total_products_wt total_shipping total_shipping_tax_incl"
        " total_shipping_tax_excl carrier_tax_rate total_wrapping total_wrapping_tax_incl total_wrapping_tax_excl"
        " round_mode round_type conversion_rate reference"
    ),
    "order_details": (
        "id id_order product_id product_attribute_id product_quantity_reinjected group_reduction"
        " discount_quantity_applied download_hash download_deadline id_order_invoice id_warehouse id_shop"
        " id_customization product_name product_quantity product_quantity_in_stock product_quantity_return"
        " product_quantity_refunded product_price reduction_percent reduction_amount reduction_amount_tax_incl"
        " reduction_amount_tax_excl product_quantity_discount product_ean13 product_isbn product_upc product_mpn"
        " product_reference product_supplier_reference product_weight tax_computation_method id_tax_rules_group"
        " ecotax ecotax_tax_rate download_nb unit_price_tax_incl unit_price_tax_excl total_price_tax_incl"
        " total_price_tax_excl total_shipping_price_tax_excl total_shipping_price_tax_incl purchase_supplier_price"
        " original_product_price original_wholesale_price total_refunded_tax_excl total_refunded_tax_incl"
    ),
    "order_slip": (
        "id id_customer id_order conversion_rate total_products_tax_excl total_products_tax_incl"
        " total_shipping_tax_excl total_shipping_tax_incl amount shipping_cost shipping_cost_amount partial date_add"
        " date_upd order_slip_type"
    ),
    "order_histories": "id id_employee id_order_state id_order date_add",
    "order_states": "id delivery hidden module_name invoice logable shipped paid deleted name",
    "order_payments": (
        "id order_reference id_currency amount payment_method conversion_rate transaction_id card_number card_brand"
        " card_expiration card_holder date_add id_employee"
    ),
    "order_invoices": "id id_order number total_paid_tax_incl date_add",
    "order_cart_rules": ("id id_order id_cart_rule id_order_invoice name value value_tax_excl free_shipping deleted"),
    "customers": (
        "id id_lang passwd secure_key reset_password_token deleted lastname firstname email active is_guest id_shop"
    ),
    "languages": "id iso_code locale language_code active",
    "products": "id type reference active name",
    "combinations": "id id_product reference",
    "shops": "id id_shop_group id_category active deleted name color theme_name",
    "configurations": "id name value",
}
FIELDS = {resource: tuple(names.split()) for resource, names in _FIELDS.items()}

ROW_FIELDS = (
    "id product_id product_attribute_id product_quantity product_name product_reference product_ean13 product_isbn"
    " product_upc product_price id_customization unit_price_tax_incl unit_price_tax_excl"
)
ASSOCIATIONS = {
    ("orders", "order_rows"): tuple(ROW_FIELDS.split()),
    ("order_slip", "order_slip_details"): (
        "id",
        "id_order_detail",
        "product_quantity",
        "amount_tax_excl",
        "amount_tax_incl",
    ),
    ("order_details", "taxes"): ("id",),
    ("products", "product_bundle"): ("id", "id_product_attribute", "quantity"),
}


def _names(text):
    return set(text.split())


INTEGERS = {
    "orders": _names(
        "id_address_delivery id_address_invoice id_cart id_currency id_lang id_customer id_carrier current_state"
        " invoice_number delivery_number id_shop_group id_shop round_mode round_type"
    ),
    "order_details": _names(
        "id_order product_id product_attribute_id product_quantity_reinjected discount_quantity_applied"
        " id_order_invoice id_warehouse id_shop id_customization product_quantity product_quantity_in_stock"
        " product_quantity_return product_quantity_refunded tax_computation_method id_tax_rules_group"
        " download_nb"
    ),
    "order_slip": {"id_customer", "id_order", "partial", "order_slip_type"},
    "order_histories": {"id_employee", "id_order_state", "id_order"},
    "order_payments": {"id_currency"},
    "order_invoices": {"id_order", "number"},
    "order_cart_rules": {"id_order", "id_cart_rule", "id_order_invoice"},
    "customers": {"id_lang", "id_shop"},
    "combinations": {"id_product"},
    "shops": {"id_shop_group", "id_category", "active", "deleted"},
}
PART_INTEGERS = {
    "id",
    "product_id",
    "product_attribute_id",
    "product_quantity",
    "id_customization",
    "id_order_detail",
    "id_product_attribute",
    "quantity",
}
DATES = {"date_add", "date_upd"}  # filterable and sortable with date=1 alone; invoice_date always is
TRANSLATED = {("order_states", "name"), ("products", "name")}
PLURALS = {"order_slip": "order_slips"}
SINGULARS = {
    "order_slip": "order_slip",
    "order_histories": "order_history",
    "order_invoices": "order_invoice",
}

MONEY_ZERO = "0.000000"
DEFAULTS = {
    "orders": {
        "id_currency": 1,
        "id_lang": 2,
        "id_carrier": 0,
        "module": "ps_wirepayment",
        "invoice_number": 0,
        "invoice_date": ZERO_DATE,
        "delivery_number": 0,
        "delivery_date": ZERO_DATE,
        "valid": "0",
        "shipping_number": None,
        "id_shop_group": 1,
        "id_shop": 1,
        "secure_key": ZERO_KEY,
        "payment": "Pagos por transferencia bancaria",
        "recyclable": "0",
        "gift": "0",
        "mobile_theme": "0",
        "carrier_tax_rate": "0.000",
        "round_mode": 2,
        "round_type": 2,
        "conversion_rate": "1.000000",
    },
    "order_details": {
        "download_deadline": ZERO_DATE,
        "id_shop": 1,
        "id_tax_rules_group": 1,
        "group_reduction": "0.00",
        "reduction_percent": "0.00",
        "ecotax_tax_rate": "0.000",
    },
    "order_slip": {"conversion_rate": "1.000000", "shipping_cost": "0", "partial": 0},
    "customers": {
        "passwd": "$2y$10$" + "0" * 53,
        "secure_key": ZERO_KEY,
        "deleted": "0",
        "active": "1",
        "is_guest": "0",
        "id_lang": 2,
        "id_shop": 1,
    },
    "order_payments": {"id_currency": 1, "conversion_rate": "1.000000"},
}


def is_money(field):
    return field.startswith(("total_", "unit_price", "reduction_amount", "amount")) or field in (
        "product_price",
        "shipping_cost_amount",
        "product_quantity_discount",
        "product_weight",
        "ecotax",
        "purchase_supplier_price",
        "original_product_price",
        "original_wholesale_price",
    )


def filled(resource, values):
    """A whole record: these values, and what a shop has where nothing was said."""
    record = {}
    integers = INTEGERS.get(resource, ())
    for field in FIELDS[resource]:
        if field in values:
            record[field] = values[field]
        elif field in DEFAULTS.get(resource, {}):
            record[field] = DEFAULTS[resource][field]
        elif field in integers:
            record[field] = 0
        elif is_money(field):
            record[field] = MONEY_ZERO
        else:
            record[field] = ""
    return record


def spelt(resource, field, value, *, old, row=0, part=False):
    """A value as the answer says it. old: version 8 or before. row: its place in the list, from 0."""
    integers = PART_INTEGERS if part else INTEGERS.get(resource, ())
    if resource == "languages" and field == "active" and not old and row == 0:
        return int(value)  # one list of 9.1.4 had 1 and "1"
    if value is None or field not in integers:
        return value
    if old:
        return str(value)
    return int(value) if str(value).lstrip("-").isdecimal() else value


def canonical(resource, record):
    """A recorded record as it is kept: integers as numbers."""
    integers = INTEGERS.get(resource, ())
    return {
        field: int(value) if (field in integers or field == "id") and str(value).lstrip("-").isdecimal() else value
        for field, value in record.items()
    }
