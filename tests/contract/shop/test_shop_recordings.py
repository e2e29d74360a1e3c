"""The simulated shop answers each recorded request as the real ones did."""

import base64
import json
import re
import urllib.error
import urllib.request
from urllib.parse import quote

import pytest

ROW = "id,product_id,product_attribute_id,product_quantity,product_name,product_reference,unit_price_tax_incl"
ORDER = (
    "display=[id,reference,id_customer,id_lang,id_shop,current_state,valid,payment,total_paid,total_paid_real,"
    f"invoice_number,date_add,date_upd,order_rows[{ROW}]]"
)
LINE = (
    "display=[id,id_order,product_id,product_attribute_id,product_reference,product_quantity,"
    "product_quantity_refunded,product_quantity_return,unit_price_tax_incl,total_refunded_tax_incl]"
)
STATE = "display=[id,name,paid,logable,invoice,shipped,delivery,hidden,deleted,module_name]"
BUYER = "display=[id,email,firstname,lastname,id_lang,is_guest,active,deleted,id_shop]"
WEEK = "date=1&filter[date_upd]=[2026-11-10 00:00:00,2026-11-16 00:00:00]"
SORTED = "sort=[id_ASC]"

READS = {
    "orders-minimum": "orders?limit=3",
    "orders-empty": "orders?filter[id]=[99999]&display=full",
    "orders-full-by-id": "orders?filter[id]=[15]&display=full",
    "orders-full-awaiting": "orders?filter[id]=[6]&display=full",
    "orders-window-page": f"orders?{WEEK}&filter[id]=>[0]&{SORTED}&limit=5&{ORDER}",
    "orders-window-page-2": f"orders?{WEEK}&filter[id]=>[35]&{SORTED}&limit=5&{ORDER}",
    "orders-seed-all": f"orders?{SORTED}&{ORDER}",
    "orders-state-id-list": f"orders?filter[current_state]=[6|7]&{SORTED}&display=[id,current_state,valid,total_paid_real]",
    "orders-T-date-silently-empty": (
        "orders?date=1&filter[date_upd]=[2026-11-10T00:00:00,2026-11-16T00:00:00]&display=[id]"
    ),
    "orders-split-same-reference": f"orders?filter[id]=[57|58]&{SORTED}&{ORDER}",
    "orders-module-and-custom-states": f"orders?filter[id]=[52|53|54]&{SORTED}&{ORDER}",
    "order-single-paid": "orders/33?",
    "order-single-awaiting": "orders/6?",
    "order-single-display-full": "orders/33?display=full",
    "order_states": f"order_states?language=1&{SORTED}&{STATE}",
    "order_states-multilang": "order_states?filter[id]=[2|6|7]&display=[id,name,paid]",
    "order_histories-one-order": f"order_histories?filter[id_order]=[40]&{SORTED}&display=full",
    "order_histories-since": (f"order_histories?date=1&filter[date_add]=>[2026-11-22 00:00:00]&{SORTED}&display=full"),
    "order_histories-all": f"order_histories?{SORTED}&display=full",
    "order_slip-all": f"order_slip?{SORTED}&display=full",
    "order_slip-shipping-only-and-webservice-made": f"order_slip?filter[id]=>[8]&{SORTED}&display=full",
    "order_slip-after-id": f"order_slip?filter[id]=>[6]&{SORTED}&limit=100&display=full",
    "order_slip-empty": "order_slip?filter[id]=>[1000]&display=full",
    "order_slip-single": "order_slip/1?",
    "order_details-of-webservice-made-slip": f"order_details?filter[id_order]=[55]&{LINE}",
    "order_details-seed-all": f"order_details?{SORTED}&{LINE}",
    "order_details-full": "order_details?filter[id_order]=[33]&display=full",
    "order_details-refunded": f"order_details?filter[product_quantity_refunded]=>[0]&{SORTED}&{LINE}",
    "order_details-returned": f"order_details?filter[product_quantity_return]=>[0]&{SORTED}&{LINE}",
    "order_details-by-orders": f"order_details?filter[id_order]=[33|34|38|40]&{SORTED}&{LINE}",
    "order_details-by-reference-prefix": (f"order_details?filter[product_reference]=[SERVDOLIA]%&{SORTED}&{LINE}"),
    "order_payments-unsorted": "order_payments?limit=2&display=full",
    "order_invoices": "order_invoices?filter[id_order]=[33]&display=[id,id_order,number,total_paid_tax_incl,date_add]",
    "order_cart_rules": f"order_cart_rules?filter[id_order]=[47|48|49|50]&{SORTED}&display=full",
    "customers-seed-all": f"customers?{SORTED}&{BUYER}",
    "customers-batch": f"customers?filter[id]=[3|4|8|11|12|13]&{SORTED}&{BUYER}",
    "customers-by-email": (
        f"customers?filter[email]=[ana@example.com|guest@example.com]&{SORTED}&display=[id,email,id_lang,is_guest]"
    ),
    "languages": "languages?display=[id,iso_code,locale,language_code,active]",
    "products-by-reference": (
        f"products?language=1&filter[reference]=[SERVDOLIA]%&{SORTED}&display=[id,reference,name,type,active]"
    ),
    "products-bundle": (
        "products?language=1&filter[reference]=[PACK-2X60]"
        "&display=[id,reference,type,product_bundle[id,id_product_attribute,quantity]]"
    ),
    "combinations": f"combinations?filter[reference]=[SERVDOLIA]%&{SORTED}&display=[id,id_product,reference]",
    "shops": "shops?display=full",
}

ALL = "EXAMPLEKEYREADALL000000000000001"
SOME = "EXAMPLEKEYORDERS0000000000000002"
WRONG = "WRONGWRONGWRONGWRONGWRONGWRONG12"
ERRORS = {  # method, request, key, status
    "error-key-format": ("GET", "orders?", "WRONG", 401),
    "error-key-unknown": ("GET", "orders?", WRONG, 401),
    "error-key-inactive": ("GET", "orders?", "EXAMPLEKEYINACTIVE00000000000004", 401),
    "error-key-without-permissions": ("GET", "orders?", "EXAMPLEKEYNOPERM0000000000000005", 401),
    "error-resource-not-permitted": ("GET", "customers?", SOME, 401),
    "error-method-not-permitted": ("DELETE", "orders/1?", SOME, 405),
    "error-unknown-resource": ("GET", "ordersx?", ALL, 400),
    "error-unknown-filter": ("GET", "orders?filter[nofield]=1", ALL, 500),
    "error-date-filter-without-date1": ("GET", "orders?filter[date_upd]=>[2026-11-22]&display=[id]", ALL, 500),
    "error-unknown-display-field": ("GET", "orders?display=[id,nofield]", ALL, 500),
    "error-bad-sort": ("GET", "orders?sort=[id]&display=[id]", ALL, 500),
}


class Unfollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(simulator, request, *, method="GET", key=ALL, form="output_format=JSON", headers=None):
    """Status, body and headers, by a client that shares no code with ours."""
    path, _, query = request.partition("?")
    query = "&".join(part for part in (form, query) if part)
    url = f"{simulator.url}/api/{path}?{quote(query, safe='=&[],')}"
    sent = dict(headers or {})
    if key is not None:
        sent["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    call = urllib.request.Request(url, method=method, headers=sent)
    try:
        with urllib.request.build_opener(Unfollowed).open(call, timeout=5) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read(), answer.headers


def recorded_body(recordings, version, name, suffix="json"):
    return (recordings / f"v{version[0]}-{name}.{suffix}").read_bytes()


@pytest.mark.parametrize("name", READS)
def test_a_recorded_read_is_answered_to_the_letter(recorded, recordings, version, name):
    status, body, headers = ask(recorded, READS[name])
    assert status == 200
    assert headers.get_content_type() == "application/json"
    expected = json.loads(recorded_body(recordings, version, name))
    assert json.loads(body) == expected
    assert json.dumps(json.loads(body)) == json.dumps(expected), "keys in another order, or 1 for true"


@pytest.mark.parametrize("name", ERRORS)
def test_a_recorded_error_has_its_status_and_codes(recorded, recordings, version, name):
    method, request, key, expected = ERRORS[name]
    status, body, headers = ask(recorded, request, method=method, key=key)
    assert status == expected
    assert headers.get_content_type() == "application/json"
    codes = [error["code"] for error in json.loads(recorded_body(recordings, version, name))["errors"]]
    assert [error["code"] for error in json.loads(body)["errors"]] == codes
    assert all(list(error) == ["code", "message"] for error in json.loads(body)["errors"])


def test_payments_are_found_by_reference_alone(recorded, recordings, version):
    expected = json.loads(recorded_body(recordings, version, "order_payments-by-reference"))
    reference = expected["order_payments"][0]["order_reference"]
    _, body, _ = ask(recorded, f"order_payments?filter[order_reference]=[{reference}]&{SORTED}&display=full")
    assert json.loads(body) == expected


def test_no_key_is_answered_in_plain_words(recorded, recordings, version):
    status, body, headers = ask(recorded, "orders?", key=None)
    assert (status, headers.get_content_type()) == (401, "text/html")
    assert body == recorded_body(recordings, version, "error-no-key", "txt").strip()


def test_a_webservice_switched_off(recorded, recordings, version):
    recorded.disabled = True
    status, body, _ = ask(recorded, "orders?")
    assert status == 503
    assert json.loads(body) == json.loads(recorded_body(recordings, version, "error-webservice-disabled"))


def test_a_missing_record_has_no_body(recorded):
    assert ask(recorded, "orders/99999?")[:2] == (404, b"")


def test_the_list_of_rights_crashes_as_json_and_answers_as_xml(recorded, recordings, version):
    assert ask(recorded, "?")[:2] == (500, b"")
    status, body, headers = ask(recorded, "?", key=SOME, form="")
    assert (status, headers.get_content_type()) == (200, "text/xml")
    tags = r"<(\w+) xlink:href=\"[^\"]*/api/\w+\" (get=[^>]*)>"
    expected = re.findall(tags, recorded_body(recordings, version, "resource-list", "xml").decode())
    assert re.findall(tags, body.decode()) == expected


@pytest.mark.parametrize(
    ("name", "request_", "key", "status"),
    [
        ("error-key-unknown", "orders?", WRONG, 401),
        ("error-resource-not-permitted", "customers?", SOME, 401),
        ("orders-minimum", "orders?limit=2", ALL, 200),
        ("orders-empty", "orders?filter[id]=[99999]&display=full", ALL, 200),
    ],
)
def test_without_a_format_the_answer_is_xml(recorded, recordings, version, name, request_, key, status):
    got, body, headers = ask(recorded, request_, key=key, form="")
    assert (got, headers.get_content_type()) == (status, "text/xml")
    expected = recorded_body(recordings, version, name, "xml").decode()
    names = r"<(/?\w+)"
    assert re.findall(names, body.decode()) == re.findall(names, expected)
    assert re.findall(r"<code><!\[CDATA\[(\d+)", body.decode()) == re.findall(r"<code><!\[CDATA\[(\d+)", expected)


def test_a_shop_that_does_not_exist_redirects(recorded):
    status, body, headers = ask(recorded, "orders?id_shop=7&display=[id]")
    assert (status, body) == (302, b"")
    assert headers["Location"]


def test_an_authenticated_answer_names_version_and_clock_and_sets_a_cookie(recorded, version, clock):
    _, _, headers = ask(recorded, "orders?limit=1")
    assert headers["PSWS-Version"] == version
    assert headers["Access-Time"] == str(clock())
    assert headers["Set-Cookie"]
    assert ask(recorded, "orders?", key=WRONG)[2]["PSWS-Version"] == "0"
    assert ask(recorded, "customers?", key=SOME)[2]["PSWS-Version"] == version


def test_an_unchanged_body_is_answered_304(recorded):
    _, _, headers = ask(recorded, "orders?limit=1")
    known = {"Local-Content-Sha1": headers["Content-Sha1"]}
    assert ask(recorded, "orders?limit=1", headers=known)[:2] == (304, b"")


def ids(simulator, request):
    body = json.loads(ask(simulator, request)[1])
    return [row["id"] for row in body["orders"]] if body else body


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param("orders?filter[id]=>=[57]", 58, id="greater or equal is ignored"),
        pytest.param("orders?filter[id]=<=[2]", 58, id="less or equal is ignored"),
        pytest.param("orders?filter[id]=>[57]", 1, id="greater"),
        pytest.param("orders?filter[id]=<[3]", 2, id="less"),
        pytest.param("orders?filter[id]=![3]", 57, id="not"),
        pytest.param("orders?filter[id]=3", 1, id="bare value"),
        pytest.param("orders?filter[id]=[3|5|99999]", 2, id="any of, unknown ones absent"),
        pytest.param("orders?filter[id]=[5,3]", 3, id="between, ends swapped"),
        pytest.param("orders?filter[module]=[PS_WIREPAYMENT]&filter[id]=[3,8]", 6, id="text without case, and"),
        pytest.param("orders?filter[payment]=[Pagos]%&filter[id]=<[9]", 3, id="begins"),
        pytest.param("orders?filter[payment]=%[bancaria]&filter[id]=<[9]", 2, id="ends"),
        pytest.param("orders?filter[payment]=%[por]%&filter[id]=<[9]", 3, id="contains"),
        pytest.param("orders?limit=0", 0, id="limit 0"),
        pytest.param("orders?limit=abc", 0, id="limit no number"),
        pytest.param("orders?limit=56,10", 2, id="limit with start"),
        pytest.param("orders?date=1&filter[date_add]=[2026-11-02,2026-11-03]", 2, id="a bare date is its midnight"),
        pytest.param("orders?filter[invoice_date]=>[2026-11-22 00:00:00]", 10, id="invoice_date without date=1"),
    ],
)
def test_the_filter_grammar(recorded, request_, expected):
    assert len(ids(recorded, request_)) == expected


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ("orders?sort=[date_upd_ASC]", 500, 38),
        ("orders?sort=[nofield_ASC]", 500, 38),
        ("orders?display=[id", 500, 36),
        ("orders?display=[id,order_rows]", 500, 35),
        ("orders?display=[id,associations]", 500, 35),
        ("orders?filter[id]=[1]x", 500, 33),
        ("orders?language=9", 400, 81),
    ],
)
def test_mistakes_are_named_by_the_first_code(recorded, request_, status, code):
    got, body, _ = ask(recorded, request_)
    assert (got, json.loads(body)["errors"][0]["code"]) == (status, code)


def test_in_debug_mode_a_mistake_is_a_400_without_noise(recorded):
    recorded.debug = True
    status, body, _ = ask(recorded, "orders?filter[nofield]=1")
    assert (status, [error["code"] for error in json.loads(body)["errors"]]) == (400, [32])


def test_the_key_counts_as_user_name_or_in_the_query_whatever_its_case(recorded):
    assert ask(recorded, "orders?limit=1", key=ALL.lower())[0] == 200
    assert ask(recorded, f"orders?limit=1&ws_key={ALL}", key=None)[0] == 200
    password = {"Authorization": "Basic " + base64.b64encode(f":{ALL}".encode()).decode()}
    status, body, _ = ask(recorded, "orders?", key=None, headers=password)
    assert (status, json.loads(body)["errors"][0]["code"]) == (401, 17)


def test_json_in_lower_case_is_xml_and_a_header_beats_the_query(recorded):
    assert ask(recorded, "orders?limit=1", form="output_format=json")[2].get_content_type() == "text/xml"
    as_header = ask(recorded, "orders?limit=1", form="output_format=XML", headers={"Io-Format": "JSON"})
    assert as_header[2].get_content_type() == "application/json"


def test_head_needs_a_right_of_its_own(recorded):
    assert ask(recorded, "orders?limit=1", method="HEAD")[0] == 200
    assert ask(recorded, "orders?limit=1", method="HEAD", key=SOME)[0] == 405


def test_a_key_without_right_on_the_shop(recorded):
    recorded.shops[ALL] = {2}
    status, body, _ = ask(recorded, "orders?limit=1")
    assert (status, json.loads(body)["errors"][0]["code"]) == (403, 132)


def test_customers_in_full_show_password_hashes(recorded):
    _, body, _ = ask(recorded, "customers?limit=1&display=full")
    assert {"passwd", "reset_password_token", "secure_key"} <= json.loads(body)["customers"][0].keys()


def test_a_request_outside_the_notes_is_noted_and_refused(recorded):
    assert ask(recorded, "orders?offset=3")[0] == 599
    assert ask(recorded, "carts?")[0] == 599
    assert len(recorded.outside) == 2
    recorded.outside.clear()
