"""`doctor` finds each fault switched on in the ERP, and nothing in a good one."""

import json

import pytest

from bytebridge.connector import Level
from bytebridge.erp import checks
from bytebridge.errors import RemoteRefused, RemoteUnavailable

PACK = [("SERVDOLIA60", 1, 60)]


@pytest.fixture
def sold(server):
    server.sell(server.customer("Eva", "eva@example.com"), PACK)
    return server.sell(server.customer("Ana", "ana@example.com"), PACK)


def bad(erp):
    return [(finding.level, finding.what) for finding in erp.check() if finding.level is not Level.WELL]


def the_one(erp):
    [finding] = [finding for finding in erp.check() if finding.level is not Level.WELL]
    return finding


def test_a_good_erp_has_nothing_wrong(erp, sold):
    findings = list(erp.check())
    assert {finding.level for finding in findings} == {Level.WELL}
    assert {finding.cure for finding in findings} == {""}
    assert len(findings) == 8


def test_a_wrong_key_ends_the_check(open_erp, server, sold):
    with pytest.raises(RemoteRefused, match="key"):
        list(open_erp(server, key="wrong").check())


def test_a_closed_erp_ends_the_check(erp, server, sold):
    server.maintenance = True
    with pytest.raises(RemoteUnavailable):
        list(erp.check())


@pytest.mark.parametrize(
    ("version", "tested"),
    [
        ("15.0.3", False),
        ("17.0.4", False),
        ("18.0.7", True),
        ("22.0.4", True),
        ("23.0.0", True),
        ("24.0.0", False),
    ],
)
def test_versions_outside_the_tested_ones_are_doubtful(version, tested, erp, server, sold):
    server.version = version
    found = [what for level, what in bad(erp) if level is Level.DOUBTFUL]
    assert found == ([] if tested else [f"Dolibarr {version} is not a tested version"])


@pytest.mark.parametrize("version", ["18.0.6", "19.0.1", "20.0.3"])
def test_versions_that_empty_extra_fields_are_doubtful(version, erp, server, sold):
    server.version = version
    assert "empty" in the_one(erp).what


@pytest.mark.parametrize(
    "right",
    [
        "facture/lire", "societe/client/voir", "societe/contact/lire", "societe/creer", "agenda/myactions/create",
        "agenda/myactions/read", "societe/lire", "service/lire",
    ],
)  # fmt: skip
def test_a_missing_right_is_named(right, erp, server, sold):
    server.user.rights.discard(right)
    assert (Level.WRONG, f"the key lacks the right {right}") in bad(erp)


def test_rights_it_does_not_need_are_named(erp, server, sold):
    server.user.rights |= {"facture/supprimer", "user/user/creer"}
    finding = the_one(erp)
    assert finding.level is Level.DOUBTFUL
    assert "facture/supprimer, user/user/creer" in finding.what


@pytest.mark.parametrize(
    ("off", "idle"),
    [
        ("write_back", "agenda/myactions/create, agenda/myactions/read, societe/creer"),
        ("read_invoices", "facture/lire, produit/lire, service/lire"),
    ],
)
def test_rights_for_what_is_switched_off_are_named(off, idle, open_erp, server, sold):
    assert idle in the_one(open_erp(server, **{off: False})).what


@pytest.mark.parametrize("right", ["societe/client/voir", "societe/contact/lire"])
def test_who_only_writes_balances_must_see_whose(right, open_erp, server, sold):
    server.user.rights.discard(right)
    assert (Level.WRONG, f"the key lacks the right {right}") in bad(open_erp(server, read_invoices=False))


def test_rights_of_the_manual_are_not_too_many(erp, server, sold):
    server.user.rights |= {"commande/lire"}
    assert bad(erp) == []


def test_an_administrators_key_is_doubtful(erp, server, sold):
    server.user.admin = True
    assert "administrator" in the_one(erp).what


def test_a_key_that_may_not_know_itself_is_told_what_to_grant(open_erp, server, sold):
    server.user.rights.discard("user/self/creer")
    assert "user/self/creer" in the_one(open_erp(server)).cure
    assert the_one(open_erp(server)).level is Level.WRONG
    assert the_one(open_erp(server, write_back=False)).level is Level.DOUBTFUL


def test_the_invisible_erp_is_found(erp, server, sold):
    server.hide_customers()
    wrong = [what for level, what in bad(erp) if level is Level.WRONG]
    assert any("no invoice at all is visible" in what for what in wrong)
    assert any("societe/client/voir" in what for what in wrong)


@pytest.mark.parametrize(
    ("parameter", "what"), [("sortorder", "order"), ("limit", "limit"), ("sqlfilters", "filter on the id")]
)
def test_an_order_a_limit_or_a_filter_that_does_not_arrive_is_found(parameter, what, erp, server, sold):
    server.ignored.add(parameter)
    assert (Level.WRONG, f"the ERP ignores our {what}") in bad(erp)


@pytest.mark.parametrize("ignored", ["sortorder", "limit"])
def test_one_invoice_alone_proves_neither_order_nor_limit(ignored, erp, server):
    server.sell(server.customer("Ana", "ana@example.com"), PACK)
    server.ignored.add(ignored)
    finding = the_one(erp)
    assert (finding.level, "order and limit" in finding.what) == (Level.DOUBTFUL, True)


@pytest.mark.parametrize(
    ("parameter", "value", "row"),
    [
        ("sortorder", "ASC", {"id": ""}),
        ("sortorder", "ASC", {"id": "9" * 5000}),
        ("properties", "id,date", {"id": "1", "date": "9" * 12}),
        ("properties", "id,date", {"id": "1", "date": "9" * 5000}),
    ],
    ids=["no id", "a long id", "a late day", "a long day"],
)
def test_an_answer_that_makes_no_sense_does_not_end_the_check(parameter, value, row, erp, server, sold):
    server.fail_next(
        200,
        body=json.dumps([row]).encode(),
        content_type="application/json",
        match=lambda request: request.arg(parameter) == value,
    )
    assert len(list(erp.check())) > 5


def test_a_filter_on_time_that_matches_everything_is_found(erp, server, sold, monkeypatch):
    monkeypatch.setattr(checks, "FAR_FUTURE", "garbage")  # what the real one does with a time it cannot read
    assert the_one(erp).what == "the ERP ignores our filter on the time of the last change"


def test_several_refusals_do_not_hide_the_findings_after_them(erp, server, sold):
    server.endpoints_off |= {"invoices", "products", "users"}
    wrong = [what for level, what in bad(erp) if level is Level.WRONG]
    assert len(wrong) >= 5
    assert not any("paused" in what for what in wrong)
    assert (Level.WELL, "third parties have the extra field credit_balance") in [
        (finding.level, finding.what) for finding in erp.check()
    ]


def test_a_missing_balance_field_is_found(open_erp, server, sold):
    finding = the_one(open_erp(server, balance_field="saldo"))
    assert (finding.level, finding.what) == (Level.WRONG, "third parties have no extra field saldo")
    assert not any("saldo" in what for _, what in bad(open_erp(server, balance_field="saldo", write_back=False)))


def test_without_any_third_party_the_field_cannot_be_checked(open_erp, server):
    server.user.rights -= {"facture/lire", "produit/lire", "service/lire"}
    assert "not checked" in the_one(open_erp(server, read_invoices=False)).what


@pytest.mark.parametrize(
    ("skew_s", "level"), [(-200, None), (400, Level.DOUBTFUL), (-4000, Level.DOUBTFUL), (90_000, Level.WRONG)]
)
def test_a_clock_that_differs_is_found(skew_s, level, *, erp, server, sold, clock):
    server.now = lambda: clock() + skew_s
    assert [found for found, what in bad(erp) if "clock" in what] == ([level] if level else [])


def test_a_missing_date_header_is_doubtful(erp, clock):
    finding = checks.clock(erp.client, clock)
    assert (finding.level, "no date" in finding.what) == (Level.DOUBTFUL, True)


@pytest.mark.parametrize("zone", ["UTC", "America/Bogota", "Asia/Tokyo"])
def test_a_wrong_time_zone_is_found(zone, open_erp, server, sold):
    finding = the_one(open_erp(server, time_zone=zone))
    assert (finding.level, zone in finding.what) == (Level.WRONG, True)
    assert "erp.time_zone" in finding.cure


def test_packs_that_no_rule_knows_are_found(open_erp, server, sold):
    server.product("SERVDOLIA-NEW")
    server.product("TRAINING-DAY")
    finding = the_one(open_erp(server, knows={"SERVDOLIA60"}.__contains__))
    assert (finding.level, finding.what.endswith(": SERVDOLIA-NEW")) == (Level.DOUBTFUL, True)


def test_a_long_catalogue_is_read_in_pages(open_erp, server, sold):
    for number in range(520):
        server.product(f"PART-{number}")
    server.product("SERVDOLIA-LAST")
    finding = the_one(open_erp(server, knows={"SERVDOLIA60"}.__contains__))
    assert finding.what.endswith(": SERVDOLIA-LAST")


def test_a_question_that_the_erp_fails_on_hides_no_other(erp, server, sold):
    server.fail_next(500, times=9, match=lambda request: request.path.endswith("/products"))
    assert any(level is Level.WRONG and "/products" in what for level, what in bad(erp))
    assert "third parties have the extra field credit_balance" in [finding.what for finding in erp.check()]
