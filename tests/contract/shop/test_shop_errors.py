"""Which answers are answers: every way the shop says no, over real HTTP."""

import json

import pytest

from bytebridge.errors import RemoteRefused, RemoteSurprise, RemoteUnavailable
from bytebridge.sandbox.prestashop import INACTIVE, KEY, NO_PERMISSION, ORDERS_ONLY

PACK = "SERVDOLIA60"
UNKNOWN = "WRONGWRONGWRONGWRONGWRONGWRONG12"
NOISE = [{"code": 3, "message": "[PHP Warning #2] /var/www/shop/classes/Secret.php"}] * 4


def errors(*codes):
    listed = [{"code": code, "message": "told in /var/www/shop/classes"} for code in codes]
    return json.dumps({"errors": listed + NOISE}).encode()


def once(shop):
    return shop.by_ids(["1"])


@pytest.mark.parametrize(
    ("key", "code"),
    [
        pytest.param("TOOSHORT", 18, id="not 32 characters"),
        pytest.param(UNKNOWN, 20, id="unknown"),
        pytest.param(INACTIVE, 20, id="switched off"),
        pytest.param(NO_PERMISSION, 21, id="without any permission"),
    ],
)
def test_a_key_that_does_not_open_the_shop(simulator, join, key, code):
    with pytest.raises(RemoteRefused, match=rf"code {code}\)") as caught:
        once(join(simulator, key=key))
    assert key not in str(caught.value)
    assert len(simulator.requests) == 1


def test_a_resource_that_is_not_granted(simulator, join):
    simulator.buy("ana@example.com", {PACK: 1})
    with pytest.raises(RemoteRefused, match="may not read this resource"):
        once(join(simulator, key=ORDERS_ONLY))


def test_a_shop_that_is_not_granted(simulator, shop):
    simulator.shops[KEY] = {9}
    with pytest.raises(RemoteRefused, match="no right on this shop"):
        once(shop)


def test_a_host_that_eats_the_header(simulator, join):
    simulator.drops_authorization = True
    simulator.buy("ana@example.com", {PACK: 1})
    with pytest.raises(RemoteRefused, match="key_in_query"):
        once(join(simulator))
    assert len(once(join(simulator, key_in_query=True))) == 1
    assert "authorization" not in simulator.requests[-1].headers


def test_the_key_travels_in_the_header_alone(simulator, shop):
    once(shop)
    assert KEY not in simulator.requests[0].raw_query
    assert simulator.requests[0].headers["authorization"].startswith("Basic ")


def test_a_key_in_the_query_is_in_no_error(simulator, join):
    shop = join(simulator, key_in_query=True)
    simulator.fail_next(503, times=4)
    with pytest.raises(RemoteUnavailable) as caught:
        once(shop)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value.__dict__)


def test_a_redirect_is_a_wrong_address_and_never_followed(simulator, shop):
    simulator.missing_shop = True
    with pytest.raises(RemoteRefused, match="redirect"):
        once(shop)
    assert [request.path for request in simulator.requests] == ["/api/orders"]


def test_no_cookie_is_kept(simulator, shop):
    simulator.buy("ana@example.com", {PACK: 1})
    once(shop)
    assert len(simulator.requests) > 1
    assert all("cookie" not in request.headers for request in simulator.requests)


@pytest.mark.parametrize("debug", [False, True])
def test_our_own_mistakes_are_told_once_and_not_retried(simulator, shop, debug):
    simulator.debug = debug
    for query in ({"filter[nofield]": "1"}, {"filter[date_upd]": ">[2026-01-01]"}, {"sort": "[id]"}):
        simulator.requests.clear()
        with pytest.raises(RemoteRefused, match="did not accept our request"):
            shop.client.rows("orders", "id", query)
        assert len(simulator.requests) == 1
        shop.client.rows("orders", "id")
    with pytest.raises(RemoteRefused, match="code 35"):
        shop.client.rows("orders", "id,nofield")
    shop.client.rows("orders", "id")
    with pytest.raises(RemoteRefused, match="code 27"):
        shop.client.rows("ordersx", "id")


def test_a_method_that_is_not_granted(simulator, shop):
    simulator.fail_next(405, body=errors(25), content_type="application/json")
    with pytest.raises(RemoteRefused, match="code 25"):
        once(shop)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(503, errors(22), "application/json", id="webservice switched off"),
        pytest.param(500, b"<html>database</html>", "text/html", id="page with 500"),
        pytest.param(500, b"", "text/html", id="nothing with 500"),
        pytest.param(502, b"Bad Gateway", "text/plain", id="gateway"),
        pytest.param(429, b"slow down", "text/plain", id="too many requests"),
        pytest.param(200, b"<html>We are back soon</html>", "text/html", id="page with 200"),
        pytest.param(200, b"", "application/json", id="nothing with 200"),
        pytest.param(200, b'{"orders":[{"id":1}', "application/json", id="cut off"),
        pytest.param(200, b"<prestashop><orders/></prestashop>", "text/xml", id="xml"),
        pytest.param(200, b"Notice: {oops", "application/javascript", id="printed into and broken"),
        pytest.param(200, b"Notice", "application/javascript", id="printed and nothing else"),
        pytest.param(500, errors(), "application/json", id="PHP noise alone"),
        pytest.param(200, b'{"errors":[]}', "application/json", id="errors without one"),
    ],
)
def test_trouble_that_may_pass_is_retried_and_moves_nothing(simulator, ledger, status, body, kind):
    order = simulator.buy("ana@example.com", {PACK: 1})
    simulator.fail_next(status, 4, body=body, content_type=kind, match=lambda r: r.path == "/api/orders")
    with pytest.raises(RemoteUnavailable) as caught:
        ledger.poll()
    assert "/var/www" not in str(caught.value)
    assert ledger.cursor is None
    assert len([request for request in simulator.requests if request.path == "/api/orders"]) == 4
    assert ledger.poll().ids == [str(order)]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(200, errors(26), "application/json", id="errors with 200"),
        pytest.param(200, b'{"errors":[{"code":"26","message":"x"}]}', "application/json", id="code as text"),
        pytest.param(404, b"<h1>Not Found</h1>", "text/html", id="no webservice here"),
        pytest.param(403, b"<h1>Forbidden</h1>", "text/html", id="firewall"),
        pytest.param(414, b"", "text/html", id="address too long"),
    ],
)
def test_what_a_person_must_mend_is_refused(simulator, shop, status, body, kind):
    simulator.fail_next(status, body=body, content_type=kind)
    with pytest.raises(RemoteRefused) as caught:
        once(shop)
    assert "/var/www" not in str(caught.value)
    assert len(simulator.requests) == 1


@pytest.mark.parametrize(
    "body",
    [b'{"order":{"id":1}}', b"{}", b'{"orders":{"id":1}}', b'{"orders":[1]}', b"[1]", b'{"orders":null}'],
)
def test_a_shape_the_notes_do_not_allow_is_no_empty_list(simulator, shop, body):
    simulator.fail_next(200, body=body, content_type="application/json")
    with pytest.raises(RemoteSurprise):
        once(shop)


def test_an_empty_list_is_an_array(simulator, shop):
    assert shop.client.rows("orders", "id") == []


def test_json_that_a_module_printed_into_is_read_from_its_first_brace(simulator, ledger):
    simulator.prints = b"\nNotice: undefined index in module.php\n"
    order = simulator.buy("ana@example.com", {PACK: 1})
    assert ledger.poll().ids == [str(order)]
    assert ledger.poll().ids == []


@pytest.mark.parametrize("ignored", ["filter", "sort"])
def test_a_list_that_ignores_filter_or_sort_is_not_followed(simulator, join, ignored):
    for _ in range(4):
        simulator.buy("ana@example.com", {PACK: 1})
    simulator.multishop = True  # without a sort the rows come in another order
    simulator.ignored = {ignored}
    with pytest.raises(RemoteSurprise, match="do not rise"):
        list(join(simulator, page=2).everything(None, None))
