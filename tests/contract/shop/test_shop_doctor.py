"""What doctor finds in the shop, each fault switched on by itself."""

import pytest

from bytebridge.connector import Level
from bytebridge.errors import RemoteRefused
from bytebridge.sandbox.prestashop import KEY, ORDERS_ONLY, PrestaShop
from bytebridge.shop.checks import NEEDED

PACK = "SERVDOLIA60"


def findings(shop):
    return list(shop.check())


def one(found, words):
    matching = [finding for finding in found if words in finding.what]
    assert len(matching) == 1, [finding.what for finding in found]
    return matching[0]


def unwell(found):
    return [finding for finding in found if finding.level != Level.WELL]


@pytest.fixture
def busy(simulator):
    for _ in range(3):
        simulator.buy("ana@example.com", {PACK: 1})
    return simulator


def test_a_good_shop(busy, shop, version):
    found = findings(shop)
    assert unwell(found) == []
    assert all(not finding.cure for finding in found)
    assert version in found[0].what


def test_an_empty_shop_is_well(simulator, shop):
    assert unwell(findings(shop)) == []


@pytest.mark.parametrize("resource", ["order_details", "order_slip"])
@pytest.mark.parametrize(
    "shown", [b"[]", b'{"order_slips": [{"id": 1, "id_order": 1}], "order_details": [{"id": 1, "id_order": 1}]}']
)
def test_what_belongs_to_an_order_must_be_shown_with_it(busy, shop, resource, shown):
    busy.refund(2, {PACK: 1}, "webservice_slip")
    asked = lambda request: request.path == f"/api/{resource}" and request.arg("filter[id_order]")  # noqa: E731
    busy.fail_next(200, body=shown, content_type="application/json", match=asked)
    assert one(findings(shop), f"asked for the {resource} of an order").level == Level.WRONG


def test_a_single_order_tells_nothing_of_the_sort(simulator, shop):
    simulator.buy("ana@example.com", {PACK: 1})
    simulator.ignored = {"sort"}
    found = findings(shop)
    assert unwell(found) == []
    assert one(found, "sort could not be tried")


def test_a_wrong_key_is_the_callers_finding(busy, join):
    with pytest.raises(RemoteRefused, match="code 20"):
        findings(join(busy, key="WRONGWRONGWRONGWRONGWRONGWRONG12"))


@pytest.mark.parametrize("resource", NEEDED)
def test_each_missing_right(busy, shop, resource):
    busy.revoke(KEY, resource)
    finding = one(findings(shop), "may not read")
    assert (finding.level, finding.what) == (Level.WRONG, f"the key may not read {resource}")
    assert finding.cure


def test_a_key_with_hardly_any_right_is_told_all_of_them(busy, join):
    finding = one(findings(join(busy, key=ORDERS_ONLY)), "may not read")
    assert all(resource in finding.what for resource in NEEDED if resource != "orders")


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_a_right_to_write_is_too_much_and_is_not_tried_out(busy, shop, method):
    busy.grant(KEY, "customers", "GET", method)
    finding = one(findings(shop), "may write")
    assert finding.level == Level.DOUBTFUL
    assert f"customers ({method})" in finding.what
    assert {request.method for request in busy.requests} == {"GET"}


def test_a_right_to_read_what_is_never_asked_for_is_too_much(busy, shop):
    busy.grant(KEY, "employees", "GET")
    busy.grant(KEY, "addresses", "GET")
    [finding] = unwell(findings(shop))
    assert (finding.level, finding.what) == (
        Level.DOUBTFUL,
        "the key may read more than it needs: addresses, employees",
    )


def test_a_right_to_read_the_shops_secrets_is_too_much(busy, shop):
    busy.grant(KEY, "configurations", "GET")
    assert one(findings(shop), "configurations").level == Level.DOUBTFUL
    assert not any(request.path.endswith("configurations") for request in busy.requests)


@pytest.mark.parametrize(
    ("named", "level"),
    [("1.6.1.24", "doubtful"), ("1.7.5.0", "well"), ("8.2.4", "well"), ("9.1.4", "well"), ("10.0.0", "doubtful")],
)
def test_versions(start, clock, join, named, level):
    shop = join(start(PrestaShop(named, now=clock)))
    finding = one(findings(shop), "PrestaShop")
    assert finding.level == level
    assert named in finding.what


@pytest.mark.parametrize(("skew", "level"), [(-400, "doubtful"), (400, "doubtful"), (7200, "wrong"), (60, "well")])
def test_clocks(busy, join, clock, skew, level):
    shop = join(busy)
    busy.now = lambda: clock() + skew
    assert one(findings(shop), "clock").level == level


@pytest.mark.parametrize(("zone", "level"), [("America/New_York", "wrong"), ("Europe/Madrid", "well")])
def test_a_time_zone_that_puts_changes_into_the_future(busy, join, zone, level):
    finding = one(findings(join(busy, time_zone=zone)), zone)
    assert finding.level == level


@pytest.mark.parametrize(("ignored", "words"), [("sort", "ignores our sort"), ("filter", "ignores our filter on id")])
def test_a_firewall_that_removes_parameters(busy, shop, ignored, words):
    busy.ignored = {ignored}
    finding = one(findings(shop), words)
    assert finding.level == Level.WRONG
    assert "firewall" in finding.cure


def test_configured_states_that_do_not_exist(busy, join):
    found = findings(join(busy, paid_states=[2, 41], taken_back_states=[6, 7, 8, 40]))
    assert one(found, "no order states 40, 41").level == Level.WRONG


def test_a_state_configured_twice(busy, join):
    assert one(findings(join(busy, paid_states=[6])), "as paid and as taken back").level == Level.WRONG


def test_a_paid_state_that_takes_back(busy, join):
    found = findings(join(busy, taken_back_states=[6, 7, 8, 9]))
    assert one(found, "states 9 take back although").level == Level.DOUBTFUL


def test_states_without_a_meaning(busy, join):
    partly = busy.new_state("Reembolso parcial", module="ps_checkout")
    busy.new_state("Paid in the office", "paid")
    finding = one(findings(join(busy)), "neither paid nor taken back")
    assert finding.level == Level.DOUBTFUL
    assert f"{partly} “Reembolso parcial”" in finding.what
    assert "Paid in the office" not in finding.what
    assert unwell(findings(join(busy, taken_back_states=[6, 7, 8, partly]))) == []


def test_packs_that_no_rule_knows(busy, join):
    busy.product("SERVDOLIA60")
    busy.product("SERVDOLIA-XL")
    busy.product("SERVDOLIA-OLD", active=False)
    busy.put("combinations", id_product=1, reference="SERVDOLIA500")
    known = {"SERVDOLIA60"}
    finding = one(findings(join(busy, knows=known.__contains__)), "no rule knows")
    assert finding.level == Level.DOUBTFUL
    assert finding.what.endswith(": SERVDOLIA-XL, SERVDOLIA500")


def test_references_by_prefix_include_combinations(recorded, join):
    shop = join(recorded)
    assert shop.pack_references(["SERVDOLIA"]) == ["SERVDOLIA30", "SERVDOLIA60", "SERVDOLIA120", "SERVDOLIA"]
    assert shop.pack_references(["PACK-"]) == ["PACK-2X60"]


def test_without_the_catalogue_nothing_is_said_about_packs(busy, join):
    busy.revoke(KEY, "products")
    found = findings(join(busy, knows=lambda _: False))
    assert unwell(found) == []
    assert not any("pack" in finding.what for finding in found)


def test_a_refusal_half_way_is_a_finding(busy, shop):
    busy.fail_next(403, match=lambda request: request.path == "/api/order_states")
    found = findings(shop)
    assert one(found, "firewall").level == Level.WRONG
    assert one(found, "honours sort and filters").level == Level.WELL


def test_a_question_that_the_shop_fails_on_hides_no_other(busy, shop):
    busy.fail_next(500, times=9, match=lambda request: request.path == "/api/order_states")
    found = findings(shop)
    assert one(found, "order_states").level == Level.WRONG
    assert one(found, "honours sort and filters").level == Level.WELL
