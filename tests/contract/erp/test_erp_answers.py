"""Which answers are answers: every row of the table in the notes, through the real client."""

import json
import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bytebridge.erp import wire
from bytebridge.erp.filters import is_id
from bytebridge.erp.position import is_touched
from bytebridge.erp.write_back import Writer
from bytebridge.errors import (
    OutcomeUnknown,
    RemoteRefused,
    RemoteRejected,
    RemoteSurprise,
    RemoteUnavailable,
)

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"


def sweep(erp):
    return list(erp.changed(None, lambda _ids: {}, None))


READS = {
    "maintenance page with 200": ("http200-maintenance.txt", 200, RemoteUnavailable),
    "API module off with 200": ("http200-api-module-off.txt", 200, RemoteUnavailable),
    "data base down with 202": ("http202-database-down.txt", 202, RemoteUnavailable),
    "wrong filter, limit": ("error-400-limit-not-integer.json", 400, RemoteRefused),
    "wrong filter, parenthesis": ("error-400-sqlfilters-parenthesis.json", 400, RemoteRefused),
    "wrong filter, syntax": ("error-400-sqlfilters-syntax.json", 400, RemoteRefused),
    "no key": ("error-401-no-key.json", 401, RemoteRefused),
    "wrong key": ("error-401-wrong-key.json", 401, RemoteRefused),
    "right missing or module off": ("error-403-no-right.json", 403, RemoteRefused),
    "firewall": ("error-403-waf.txt", 403, RemoteRefused),
    "unknown route": ("error-404-unknown-subroute.json", 404, RemoteRefused),
    "method": ("error-405-method.json", 405, RemoteRefused),
    "not acceptable": ("error-406-accept.json", 406, RemoteRefused),
    "unknown endpoint": ("error-501-unknown-endpoint.txt", 501, RemoteRefused),
    "endpoint switched off": ("error-501-endpoint-forbidden.txt", 501, RemoteRefused),
    "SQL error in the filter": ("error-503-sql-syntax.json", 503, RemoteRefused),
    "unknown column": ("error-503-unknown-column.json", 503, RemoteRefused),
    "address not allowed": ("error-503-ip-not-allowed.txt", 503, RemoteRefused),
}


@pytest.mark.parametrize("case", READS, ids=str)
def test_recorded_failures_of_a_read(case, erp, server, recordings):
    name, status, error = READS[case]
    kind = JSON if name.endswith(".json") else HTML
    server.fail_next(
        status,
        4,
        body=(recordings / name).read_bytes(),
        content_type=kind,
        match=lambda request: request.path.endswith("/invoices"),
    )
    with pytest.raises(error):
        sweep(erp)


@pytest.mark.parametrize(
    ("status", "body", "kind", "error"),
    [
        (500, b"", JSON, RemoteUnavailable),
        (500, b"", HTML, RemoteUnavailable),
        (502, b"<html>Bad gateway</html>", HTML, RemoteUnavailable),
        (503, b"<html>busy</html>", HTML, RemoteUnavailable),
        (429, b"", HTML, RemoteUnavailable),
        (404, b"<html>no such page</html>", HTML, RemoteRefused),
        (301, b"", HTML, RemoteRefused),
        (304, b"", JSON, RemoteSurprise),
        (204, b"", HTML, RemoteSurprise),
        (201, b"[]", JSON, RemoteSurprise),
        (200, b"[]", HTML, RemoteUnavailable),
        (200, b'{"data": []}', JSON, RemoteSurprise),
        (200, b'["text"]', JSON, RemoteSurprise),
        (200, b"<b>Warning</b>[]", JSON, RemoteSurprise),
        (200, b"", JSON, RemoteSurprise),
        (200, b"null", JSON, RemoteSurprise),
        (200, b"7", JSON, RemoteSurprise),
        (200, b"[\xff]", JSON, RemoteSurprise),
    ],
)
def test_other_answers_that_are_none(status, body, kind, error, *, erp, server):
    server.fail_next(status, 4, body=body, content_type=kind)
    with pytest.raises(error):
        sweep(erp)


@pytest.mark.parametrize(
    ("status", "body", "kind", "error"),
    [
        (200, b"your application is offline", HTML, RemoteUnavailable),
        (202, b"technical error", HTML, OutcomeUnknown),
        (400, b'{"error": {"code": 400}}', JSON, RemoteRejected),
        (401, b'{"error": {"code": 401}}', JSON, RemoteRefused),
        (403, b'{"error": {"code": 403}}', JSON, RemoteRefused),
        (403, b"injection protection", HTML, RemoteRefused),
        (404, b'{"error": {"code": 404}}', JSON, RemoteRejected),
        (409, b'{"error": {"code": 409}}', JSON, RemoteRejected),
        (500, b'{"error": {"code": 500}}', JSON, RemoteRejected),
        (500, b"", JSON, OutcomeUnknown),
        (500, b"", HTML, OutcomeUnknown),
        (503, b"busy", HTML, OutcomeUnknown),
        (304, b"", JSON, OutcomeUnknown),
        (201, b"7", JSON, OutcomeUnknown),
        (200, b"[]", JSON, OutcomeUnknown),
        (200, b"oops", JSON, OutcomeUnknown),
    ],
)
def test_failures_of_a_write(status, body, kind, error, *, erp, server):
    socid = server.customer("Ana")
    server.fail_next(status, body=body, content_type=kind)
    with pytest.raises(error):
        erp.client.put(f"/thirdparties/{socid}", {"array_options": {"options_credit_balance": 1}})


def test_a_post_that_answers_no_id_has_an_unknown_outcome(erp, server):
    server.fail_next(200, body=b"true", content_type=JSON)
    with pytest.raises(OutcomeUnknown):
        erp.client.post("/agendaevents", {})


def test_a_passing_outage_is_retried_within_one_read(erp, server):
    server.sell(server.customer("Ana"), [("SERVDOLIA60", 1, 60)])
    server.fail_next(500, 2, content_type=HTML)
    assert [len(page.documents) for page in sweep(erp)] == [1, 0]


@pytest.mark.parametrize("switch", ["maintenance", "api_off", "database_down"])
def test_a_closed_erp_is_never_an_empty_one(switch, erp, server, clock):
    server.sell(server.customer("Ana"), [("SERVDOLIA60", 1, 60)])
    setattr(server, switch, True)
    with pytest.raises(RemoteUnavailable):
        sweep(erp)
    setattr(server, switch, False)
    clock.pass_hours(1)
    assert len(sweep(erp)) == 2


@pytest.mark.parametrize("switch", ["ip_refused", "endpoints_off"])
def test_a_switch_that_needs_a_person_refuses(switch, erp, server):
    setattr(server, switch, {"invoices"})
    with pytest.raises(RemoteRefused):
        sweep(erp)


def test_a_wrong_key_is_asked_once_and_named_nowhere(open_erp, server):
    with pytest.raises(RemoteRefused) as refused:
        sweep(open_erp(server, key="wrong-secret-key"))
    assert len(server.requests) == 1
    assert "wrong-secret-key" not in str(refused.value)


def test_a_wrong_key_costs_a_pause_on_the_server(open_erp, server):
    server.wrong_key_pause_s = 0.2
    began = time.monotonic()
    with pytest.raises(RemoteRefused):
        sweep(open_erp(server, key="wrong"))
    assert time.monotonic() - began >= 0.2


def test_the_key_travels_in_its_header_alone(erp, server):
    server.sell(server.customer("Ana"), [("SERVDOLIA60", 1, 60)])
    sweep(erp)
    assert {request.headers["dolapikey"] for request in server.requests} == {server.key}
    assert not [request for request in server.requests if server.key in request.raw_query]


def test_answers_are_asked_for_compressed(erp, server):
    server.sell(server.customer("Ana"), [("SERVDOLIA60", 1, 60)])
    sweep(erp)
    assert all("gzip" in request.headers["accept-encoding"] for request in server.requests)


def test_production_mode_without_debug_part_is_understood(erp, server):
    server.production = True
    server.sell(server.customer("Ana"), [("SERVDOLIA60", 1, 60)])
    assert erp.by_ids(["999"]) == []
    assert len(sweep(erp)) == 2


def test_an_empty_list_of_third_parties_is_a_404(erp, server):
    assert erp.client.rows("/thirdparties", {"sqlfilters": "(t.nom:=:'Nobody')"}) == []


@pytest.mark.parametrize("path", ["/products", "/contacts"])
def test_a_404_of_another_list_is_no_empty_list(path, erp, server):
    body = b'{"error": {"code": 404, "message": "Not Found"}}'
    server.fail_next(404, body=body, content_type=JSON)
    with pytest.raises(RemoteRefused, match="does not exist"):
        erp.client.rows(path, {})


def test_in_version_20_an_empty_list_of_contacts_is_a_404_and_the_other_lists_are_not(open_server, open_erp):
    server = open_server(version="20.0.0")
    server.sell(server.customer("Ana", "ana@example.com"), [("SERVDOLIA60", 1, 60)])
    erp = open_erp(server)
    assert [document.emails for page in sweep(erp) for document in page.documents] == [("ana@example.com",)]
    assert Writer(erp.client, "credit_balance").find_customer(["ana@example.com"]) == ["1"]
    assert erp.client.rows("/products", {"sqlfilters": "(t.ref:=:'NOPE')"}) == []
    contacts = [request for request in server.requests if request.path.endswith("/contacts")]
    assert len(contacts) == 3


@pytest.mark.parametrize("version", ["15.0.3", "16.0.5", "17.0.4", "18.0.9"])
def test_up_to_version_18_every_empty_list_is_a_404(version, open_server, open_erp):
    server = open_server(version=version)
    server.sell(server.customer("Ana"), [("SERVDOLIA60", 1, 60)])
    assert [len(page.documents) for page in sweep(open_erp(server))] == [1, 0]


def test_a_refusal_of_the_firewall_does_not_repeat_the_query(erp, server):
    with pytest.raises(RemoteRefused) as refused:
        erp.client.rows("/invoices", {"sqlfilters": "(t.ref:=:'union select')"})
    assert "union" not in str(refused.value)


def test_a_record_without_an_id_is_none(erp, server, recordings):
    assert erp.client.record("/invoices/0") is None


def test_every_form_of_unset_and_of_numbers_is_read():
    for unset in (None, "", " ", [], {}, False):
        assert (wire.text(unset), wire.number(unset), wire.reference_id(unset)) == ("", None, None)
    for two in (2, "2", "2.00000000", Decimal("2.0")):
        assert wire.number(two) == 2
    for wrong in ("abc", "12,5", "NaN", "Infinity", True, "1e999999", "-1e-999999", "9" * 400):
        with pytest.raises(ValueError, match="number"):
            wire.number(wrong)
    assert wire.reference_id("0") is None


def answer(server, path, *rows):
    body = json.dumps(rows).encode()
    server.fail_next(200, body=body, content_type=JSON, match=lambda request: request.path.endswith(path))


@pytest.mark.parametrize("odd", ["one", "0.5", "2026-02-30 10:00:00", "9" * 5000], ids=len)
def test_a_customer_whose_id_is_none_is_a_surprise(odd, server, writer):
    party = server.customer("Ana", "ana@example.com")
    for path in ("/thirdparties", "/contacts"):
        answer(server, path, {"id": odd, "socid": odd, "email": "ana@example.com", "statut": "1"})
        with pytest.raises(RemoteSurprise):
            writer.find_customer(["ana@example.com"])
    assert writer.find_customer(["ana@example.com"]) == [party]


@pytest.mark.parametrize(("field", "odd"), [("id", "one"), ("date", "9" * 12), ("date_creation", "1e17")])
def test_an_invoice_of_no_id_or_no_day_of_any_calendar_is_a_surprise(field, odd):
    row = {"id": "1", "type": "0", "status": "1", "paye": "0", "socid": "1", "date": 1, "date_creation": 1, "lines": []}
    assert wire.invoice(row, {}, ZoneInfo("Europe/Madrid")).id == "1"
    with pytest.raises(RemoteSurprise):
        wire.invoice({**row, field: odd}, {}, ZoneInfo("Europe/Madrid"))


def test_what_no_calendar_or_counter_holds_was_not_touched_and_is_no_id():
    assert not is_touched({"date_modification": "9" * 5000}, 1)
    assert not is_id("9" * 5000)


def test_a_version_of_very_many_digits_is_still_one(erp, server):
    server.fail_next(200, body=b'{"success": {"dolibarr_version": "%s"}}' % (b"9" * 5000), content_type=JSON)
    assert erp.client.version() > (22,)
