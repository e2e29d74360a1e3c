"""The simulated Dolibarr answers as the recorded one: status, shape, types, quirks."""

import json
from decimal import Decimal

import pytest
import requests

READING = (
    "id,ref,ref_ext,ref_client,type,status,paye,close_code,socid,date,date_creation,date_validation,"
    "date_modification,total_ttc,totalpaid,totalcreditnotes,fk_facture_source,module_source,lines"
)
WHOLE = (
    "id,ref,ref_ext,ref_client,type,status,paye,close_code,close_note,socid,date,date_creation,date_validation,"
    "date_modification,total_ht,total_ttc,totalpaid,totalcreditnotes,totaldeposits,remaintopay,fk_facture_source,"
    "contacts_ids"
)
SPECIAL = (
    "37,38,39,40,41,42,43,44,45,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,75,76,78,79,80,85,86"
)
SOCIDS = "1,2,3,4,5,6,9,11,12,13,14,15,16,17,18,19,20,32"
PARTY = "id,name,email,status,client,ref_ext,code_client,default_lang,array_options"
PACK = [("SERVDOLIA60", 1, 60)]
EVENT = {
    "type_code": "AC_OTH",
    "label": "Support credits: balance 62",
    "note_private": "Ticket LA-1001 closed, 3 credits used. Balance 62.",
    "datep": 1795470000,
    "datef": 1795470000,
    "percentage": 100,
    "userownerid": 2,
    "socid": 27,
    "ref_ext": "bytebridge:ledger:2001",
}


def call(server, path, method="GET", *, key=None, body=None, headers=None, **params):
    sent = {"DOLAPIKEY": key or server.key, "Accept": "application/json", **(headers or {})}
    return requests.request(
        method, f"{server.url}/api/index.php{path}", params=params, data=body, headers=sent, timeout=10
    )


def shape(value):
    """Names and types, all the way down; of a list the shapes that occur."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


SAME = {
    "status.json": ("/status", {}),
    "invoices-special-cases-reading.json": (
        "/invoices",
        {
            "sortfield": "t.rowid",
            "sortorder": "ASC",
            "limit": "0",
            "sqlfilters": f"(t.rowid:IN:{SPECIAL})",
            "properties": READING,
        },
    ),
    "invoices-special-cases.json": (
        "/invoices",
        {"limit": "0", "sqlfilters": f"(t.rowid:IN:{SPECIAL})", "properties": WHOLE},
    ),
    "invoices-list-by-ids.json": (
        "/invoices",
        {"sqlfilters": "(t.rowid:IN:41,44,99999)", "properties": WHOLE},
    ),
    "thirdparties-special-cases.json": (
        "/thirdparties",
        {"limit": "0", "sqlfilters": f"(t.rowid:IN:{SOCIDS})", "properties": PARTY},
    ),
    "thirdparties-by-emails.json": (
        "/thirdparties",
        {
            "sqlfilters": "(t.email:=:'contact@alder.example.com') or (t.email:=:'SHARED@holding.example.com')",
            "properties": "id,name,email",
        },
    ),
    "contacts-special-cases.json": (
        "/contacts",
        {"limit": "0", "thirdparty_ids": SOCIDS, "properties": "id,socid,email,firstname,lastname,statut"},
    ),
    "products-packs.json": (
        "/products",
        {
            "sqlfilters": "(t.ref:like:'SERVDOLIA%')",
            "properties": "id,ref,label,type,status,price,price_ttc,tva_tx",
        },
    ),
    "empty-list-invoices.json": ("/invoices", {"sqlfilters": "(t.ref:=:'NOPE')"}),
    "empty-list-invoices-pagination.json": (
        "/invoices",
        {"sqlfilters": "(t.ref:=:'NOPE')", "limit": "5", "pagination_data": "true"},
    ),
    "agendaevents-by-ref-ext-none.json": (
        "/agendaevents",
        {"sqlfilters": "(t.ref_ext:=:'bytebridge:ledger:9999')", "properties": "id"},
    ),
}


TRIMMED = "invoices-special-cases-reading.json"  # its lines were recorded without what no credit depends on


@pytest.mark.parametrize("name", SAME, ids=str)
def test_the_same_request_gets_the_recorded_answer(name, recorded, recordings):
    path, params = SAME[name]
    answer = call(recorded, path, **params)
    expected = json.loads((recordings / name).read_text())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    rows = answer.json()
    if name == TRIMMED:
        kept = set(expected[0]["lines"][0])
        for row in rows:
            row["lines"] = [{field: line[field] for field in kept} for line in row["lines"]]
    assert shape(rows) == shape(expected)
    assert rows == expected


WHOLE_RECORDS = {
    "invoice-paid.json": ("/invoices/41", {}),
    "invoice-draft.json": ("/invoices/37", {}),
    "invoice-credit-note-refunded.json": ("/invoices/43", {}),
    "invoices-list-full.json": ("/invoices", {"limit": "2", "sqlfilters": "(t.rowid:IN:40,41)"}),
    "thirdparty.json": ("/thirdparties/21", {}),
    "thirdparties-list-full.json": ("/thirdparties", {"limit": "2", "sqlfilters": "(t.rowid:IN:7,21)"}),
    "contacts-list-full.json": ("/contacts", {"limit": "1"}),
}
MADE_UP = {
    "phone",
    "address",
    "zip",
    "town",
    "date_lim_reglement",
    "online_payment_url",
    "poste",
    "user_modification_id",
}


def differing(answer, expected, where=""):
    """Where two answers differ: every name and type, and every value but those the simulator makes up."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        missing = [f"{where}.{name}" for name in set(answer) ^ set(expected)]
        return missing + [
            found
            for name in set(answer) & set(expected)
            for found in differing(answer[name], expected[name], f"{where}.{name}")
            if name not in MADE_UP or type(answer[name]) is not type(expected[name])
        ]
    if isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        pairs = enumerate(zip(answer, expected, strict=True))
        return [found for index, both in pairs for found in differing(*both, f"{where}[{index}]")]
    return [] if shape(answer) == shape(expected) and answer == expected else [f"{where}: {answer!r} {expected!r}"]


@pytest.mark.parametrize("name", WHOLE_RECORDS, ids=str)
def test_a_whole_record_has_every_recorded_name_type_and_value(name, recorded, recordings):
    path, params = WHOLE_RECORDS[name]
    answer = call(recorded, path, **params)
    assert answer.status_code == 200
    assert differing(answer.json(), json.loads((recordings / name).read_text())) == []


def test_an_event_that_was_posted_is_shown_as_recorded(recorded, recordings):
    recorded.next_ids["events"] = 544
    call(recorded, "/agendaevents", "POST", body=json.dumps(EVENT))
    expected = json.loads((recordings / "agendaevent.json").read_text())
    answer = call(recorded, "/agendaevents/545").json()
    made = {"datec": recorded.now(), "datem": recorded.now()}
    assert differing(answer, expected | made) == []


def test_own_user_has_the_recorded_form(server, recordings):
    expected = json.loads((recordings / "users-info.json").read_text())
    server.user.rights |= {"commande/lire"}
    answer = call(server, "/users/info", includepermissions="1").json()
    granted = {name: rights for name, rights in expected["rights"].items() if name != "user"}
    assert {name: rights for name, rights in answer["rights"].items() if name != "user"} == granted
    assert (answer["id"], answer["admin"]) == (expected["id"], expected["admin"])


REFUSED = {
    "error-401-no-key.json": ("/status", {}, {"headers": {"DOLAPIKEY": None}}),
    "error-401-wrong-key.json": ("/status", {}, {"key": "wrong"}),
    "error-403-waf.txt": ("/invoices", {"sqlfilters": "(t.ref:=:'union select')"}, {}),
    "error-404-not-found.json": ("/invoices/99999", {}, {}),
    "error-404-unknown-subroute.json": ("/invoices/41/nosuch", {}, {}),
    "error-404-empty-list-thirdparties.json": ("/thirdparties", {"sqlfilters": "(t.nom:=:'Nobody')"}, {}),
    "error-400-sqlfilters-parenthesis.json": ("/invoices", {"sqlfilters": "(t.type:=:2"}, {}),
    "error-400-sqlfilters-syntax.json": ("/invoices", {"sqlfilters": "t.type=2"}, {}),
    "error-400-limit-not-integer.json": ("/invoices", {"limit": "abc"}, {}),
    "error-400-thirdparty-ids.json": ("/invoices", {"thirdparty_ids": "1;2"}, {}),
    "error-400-id-not-integer.json": ("/invoices/abc", {}, {}),
    "error-503-unknown-column.json": ("/invoices", {"sqlfilters": "(t.nope:=:1)"}, {}),
    "error-503-sql-syntax.json": ("/invoices", {"sqlfilters": "(t.type:==:2)"}, {}),
    "error-501-unknown-endpoint.txt": ("/nosuch", {}, {}),
    "error-405-method.json": ("/invoices", {}, {"method": "PUT", "body": "{}"}),
    "error-406-accept.json": ("/invoices/41", {}, {"headers": {"Accept": "text/html"}}),
    "error-403-extrafields-not-admin.json": ("/setup/extrafields", {}, {}),
    "error-404-thirdparty-put.json": (
        "/thirdparties/99999",
        {},
        {"method": "PUT", "body": '{"array_options": {"options_credit_balance": 1}}'},
    ),
    "error-400-agendaevent-no-type.json": (
        "/agendaevents",
        {},
        {"method": "POST", "body": '{"label": "x", "datep": 1795470000, "userownerid": 2}'},
    ),
    "error-403-agendaevent-no-owner.json": (
        "/agendaevents",
        {},
        {"method": "POST", "body": '{"type_code": "AC_OTH", "label": "x", "datep": 1795470000}'},
    ),
    "error-403-agendaevent-other-owner.json": (
        "/agendaevents",
        {},
        {"method": "POST", "body": '{"type_code": "AC_OTH", "label": "x", "userownerid": 1}'},
    ),
    "error-500-agendaevent-bad-type.json": (
        "/agendaevents",
        {},
        {"method": "POST", "body": '{"type_code": "AC_NOPE", "label": "x", "userownerid": 2}'},
    ),
    "error-400-bad-json.json": ("/agendaevents", {}, {"method": "POST", "body": '{"name": '}),
}
SHORTENED = {"error-503-sql-syntax.json", "error-401-no-key.json", "error-403-extrafields-not-admin.json"}


@pytest.mark.parametrize("name", REFUSED, ids=str)
def test_the_same_mistake_gets_the_recorded_refusal(name, recorded, recordings):
    path, params, more = REFUSED[name]
    answer = call(recorded, path, **more, **params)
    assert answer.status_code == int(name.split("-")[1])
    text = (recordings / name).read_text()
    if name.endswith(".txt"):
        assert answer.headers["content-type"] == "text/html; charset=UTF-8"
        assert answer.text.split(" main.inc")[0] == text.strip().split(" main.inc")[0]
        return
    expected = json.loads(text)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json()["debug"]["stages"] == expected["debug"]["stages"]
    if name in SHORTENED:
        start = answer.json()["error"]["message"][:40]
        assert expected["error"]["message"].startswith(start)
    else:
        assert answer.json()["error"] == expected["error"]


@pytest.mark.parametrize(
    ("switch", "value", "name", "status"),
    [
        ("maintenance", True, "http200-maintenance.txt", 200),
        ("api_off", True, "http200-api-module-off.txt", 200),
        ("database_down", True, "http202-database-down.txt", 202),
        ("ip_refused", True, "error-503-ip-not-allowed.txt", 503),
        ("endpoints_off", {"invoices"}, "error-501-endpoint-forbidden.txt", 501),
        ("production", True, "error-404-production-mode.json", 404),
    ],
)
def test_switches_answer_as_recorded(switch, value, name, status, *, recorded, recordings):
    setattr(recorded, switch, value)
    answer = call(recorded, "/invoices/99999" if switch == "production" else "/invoices")
    text = (recordings / name).read_text().strip()
    assert answer.status_code == status
    assert answer.text[:120] == text[:120]


def test_a_right_that_lacks_is_told_as_recorded(recorded, recordings):
    recorded.user.rights = set()
    answer = call(recorded, "/invoices")
    expected = json.loads((recordings / "error-403-no-right.json").read_text())
    assert (answer.status_code, answer.json()["error"]) == (403, expected["error"])
    one = call(recorded, "/thirdparties/1")
    text = (recordings / "error-403-no-right-thirdparty.json").read_text().replace("norights", recorded.user.login)
    expected = json.loads(text)
    assert (one.status_code, one.json()["error"]) == (403, expected["error"])
    put = call(recorded, "/thirdparties/1", "PUT", body='{"array_options": {"options_credit_balance": 1}}')
    expected = json.loads((recordings / "error-403-thirdparty-put.json").read_text())
    assert (put.status_code, put.json()) == (403, expected)
    expected = json.loads((recordings / "error-403-users-info.json").read_text())
    assert call(recorded, "/users/info").json()["error"] == expected["error"]


def test_a_user_that_sees_no_customer_gets_empty_success(recorded):
    recorded.hide_customers()
    assert call(recorded, "/invoices").json() == []
    assert call(recorded, "/thirdparties").status_code == 404
    assert call(recorded, "/invoices/41").status_code == 403
    recorded.parties[5]["rep"] = "bytebridge"
    assert [row["id"] for row in call(recorded, "/invoices").json()] == ["41"]


def found(server, condition):
    answer = call(server, "/invoices", sqlfilters=condition, properties="id")
    return [row["id"] for row in answer.json()] if answer.status_code == 200 else answer.status_code


def test_the_filter_language(recorded):
    every = found(recorded, "(t.rowid:>:0)")
    assert len(every) == 37
    assert found(recorded, "(t.rowid:>:79)") == ["80", "85", "86"]
    assert found(recorded, "(t.type:=:2) and (t.rowid:<:50)") == ["43", "45"]
    assert found(recorded, "((t.fk_statut:=:3) or (t.type:=:2)) and (t.rowid:>:60)") == [
        "63",
        "64",
        "75",
        "86",
    ]
    assert found(recorded, "(t.rowid:=:37) or (t.type:=:2) and (t.rowid:>:60)") == ["37", "86"]
    assert found(recorded, "(t.fk_facture_source:isnot:NULL) and (t.type:!=:2)") == ["76"]
    assert found(recorded, "(t.close_code:is:NULL) and (t.fk_statut:=:3)") == []
    assert found(recorded, "(t.ref:like:'AC2610%')") == ["70", "71"]
    assert found(recorded, "(t.ref:=:'fa2610-0040')") == ["41"]
    assert found(recorded, "(t.rowid:IN:41,44,99999)") == ["41", "44"]


def test_the_silent_traps_of_the_filter(recorded):
    every = found(recorded, "(t.rowid:>:0)")
    assert found(recorded, "(t.tms:>=:1795469790)") == every
    assert found(recorded, "(t.tms:>=:'garbage')") == every
    late = found(recorded, "(t.tms:>=:'2026-11-23 22:36:30')")
    assert 0 < len(late) < 37
    assert found(recorded, "(t.tms:>=:'2026-11-23 22:36:30+09:00')") == late
    assert found(recorded, "(t.tms:>=:'2026-11-23 22:36:30Z')") == late
    assert found(recorded, "(t.rowid:IN:(41,44))") == 400
    assert found(recorded, "(t.ref:=:NOPE)") == 503
    assert found(recorded, "(t.ref:=:'a(b)')") == 400
    emails = call(recorded, "/thirdparties", sqlfilters="(t.email:IN:contact@alder.example.com)")
    assert emails.status_code == 404


def test_extra_fields_can_be_searched(recorded):
    recorded.parties[5]["options"] = {"credit_balance": Decimal(60)}
    answer = call(
        recorded,
        "/thirdparties",
        sqlfilters="(ef.credit_balance:>:1) and (t.rowid:<:6)",
        properties="id,array_options",
    )
    assert [row["array_options"]["options_credit_balance"] for row in answer.json()] == ["60.00"]


def test_pages_orders_and_states(recorded):
    def ids(**params):
        return [row["id"] for row in call(recorded, "/invoices", properties="id", **params).json()]

    assert ids(limit="2") == ["37", "38"]
    assert ids(limit="2", page="1") == ["39", "40"]
    assert ids(limit="2", page="99") == []
    assert ids(limit="1", sortfield="t.rowid", sortorder="DESC") == ["86"]
    assert ids(limit="1", sortfield="t.rowid", sortorder="sideways") == ["37"]
    assert len(ids(limit="0")) == 37
    assert ids(status="cancelled") == ["63", "64", "75"]
    assert "60" in ids(status="paid")  # closed, not paid
    assert len(ids(status="nonsense")) == 37
    assert ids(thirdparty_ids="6") == ["42", "43"]
    assert call(recorded, "/invoices", sortfield="t.nope").status_code == 503
    assert call(recorded, "/thirdparties", page="9").status_code == 404


def test_pagination_data(recorded):
    answer = call(recorded, "/invoices", limit="5", page="7", pagination_data="true", properties="id").json()
    assert answer == {
        "data": [{"id": "85"}, {"id": "86"}],
        "pagination": {"total": 37, "page": 7, "page_count": 8, "limit": 5},
    }
    broken = call(recorded, "/invoices", limit="0", pagination_data="true")
    assert (broken.status_code, broken.content) == (500, b"")


PUTS = {
    "thirdparty-put-balance.json": {"options_credit_balance": 87.5, "options_credit_synced_at": 1795470000},
    "thirdparty-put-comma.json": {"options_credit_balance": "12,5"},
    "thirdparty-put-text.json": {"options_credit_balance": "abc"},
    "thirdparty-put-unknown-extrafield.json": {"options_nosuch": 55},
}


@pytest.mark.parametrize("name", PUTS, ids=str)
def test_extra_fields_are_stored_as_recorded(name, recorded, recordings):
    text = "x & 'q' d"
    recorded.parties[5]["options"] = {
        "credit_balance": Decimal("87.50"),
        "credit_synced_at": 1795470000,
        "helpdesk_email": text,
    }
    answer = call(recorded, "/thirdparties/5", "PUT", body=json.dumps({"array_options": PUTS[name]}))
    expected = json.loads((recordings / name).read_text())
    assert answer.status_code == 200
    assert answer.json()["array_options"] == expected["array_options"]
    unlike = [found for found in differing(answer.json(), expected) if ": " not in found]
    assert unlike == []


def test_a_whole_number_field_rounds(recorded):
    recorded.extra_fields["whole"] = "int"
    answer = call(recorded, "/thirdparties/5", "PUT", body='{"array_options": {"options_whole": 60.7}}')
    assert answer.json()["array_options"]["options_whole"] == 61


def test_put_failures_answer_as_recorded(recorded, recordings):
    recorded.put_collisions = 1
    body = '{"array_options": {"options_credit_balance": 5}}'
    expected = json.loads((recordings / "error-500-thirdparty-put-race.json").read_text())
    answer = call(recorded, "/thirdparties/15", "PUT", body=body)
    assert (answer.status_code, answer.json()["error"]) == (500, expected["error"])
    recorded.email_mandatory = True
    expected = json.loads((recordings / "error-500-thirdparty-put-refused-record.json").read_text())
    answer = call(recorded, "/thirdparties/7", "PUT", body=body)
    assert (answer.status_code, answer.json()["error"]) == (500, expected["error"])


def test_events_are_doubled_cut_searchable_and_keep_their_reference_to_themselves(recorded, recordings):
    expected = json.loads((recordings / "agendaevents-by-ref-ext.json").read_text())
    recorded.next_ids["events"] = 544
    first = call(recorded, "/agendaevents", "POST", body=json.dumps(EVENT))
    assert first.text == (recordings / "agendaevent-post.json").read_text().strip()
    search = {"sqlfilters": "(t.ref_ext:=:'bytebridge:ledger:2001')"}
    answer = call(recorded, "/agendaevents", properties="id,label,socid,datep", **search).json()
    assert answer == expected
    assert "ref_ext" not in call(recorded, "/agendaevents/545").json()
    second = call(recorded, "/agendaevents", "POST", body=json.dumps(EVENT | {"label": "x" * 200}))
    assert second.json() == 546
    assert [len(row["label"]) for row in call(recorded, "/agendaevents", **search).json()] == [27, 128]


def test_a_put_leaves_an_event_and_the_last_change_alone(server, clock):
    ana = server.customer("Ana")
    before = server.parties[int(ana)]["tms"]
    clock.pass_hours(1)
    call(server, f"/thirdparties/{ana}", "PUT", body='{"array_options": {"options_credit_balance": 5}}')
    assert server.parties[int(ana)]["tms"] == before
    assert [event["code"] for event in server.events.values()] == ["AC_COMPANY_MODIFY"]


def test_id_zero_is_invented(recorded):
    assert call(recorded, "/thirdparties/0").json()["name"] == "THIRDPARTY SPECIMEN"
    assert call(recorded, "/invoices/0").json()["id"] is None


MOVES = {
    "edit": lambda server, invoice: server.edit(invoice, PACK),
    "pay": lambda server, invoice: server.pay(invoice),
    "close by hand": lambda server, invoice: server.close_by_hand(invoice),
    "give up": lambda server, invoice: server.classify(invoice, "discount_vat"),
    "abandon": lambda server, invoice: server.abandon(invoice),
    "replace": lambda server, invoice: server.replace(invoice, PACK),
    "back to draft": lambda server, invoice: server.back_to_draft(invoice),
    "merge its customer": lambda server, _invoice: server.merge_customers(server.customer("B"), "1"),
    "first PDF": lambda server, invoice: server.draw_pdf(invoice),
}
STAYS = {
    "part payment": lambda server, invoice: server.pay_part(invoice, 10),
    "full payment without closing": lambda server, invoice: server.pay_part(invoice, "72.60"),
    "credit note made and validated": lambda server, invoice: server.validate(server.credit_note(invoice, PACK)),
    "only read": lambda server, invoice: call(server, f"/invoices/{invoice}"),
}


@pytest.mark.parametrize("name", [*MOVES, *STAYS])
def test_what_moves_the_last_change(name, server, clock):
    invoice = server.invoice(server.customer("Ana"), PACK)
    server.validate(invoice)
    before = call(server, f"/invoices/{invoice}").json()["date_modification"]
    clock.pass_hours(1)
    (MOVES | STAYS)[name](server, invoice)
    after = call(server, f"/invoices/{invoice}").json()["date_modification"]
    assert after - before == (3600 if name in MOVES else 0)


def test_reopening_moves_and_a_second_pdf_does_not(server, clock):
    invoice = server.sell(server.customer("Ana"), PACK)
    server.draw_pdf(invoice)
    clock.pass_hours(1)
    server.draw_pdf(invoice)
    assert server.invoices[1]["tms"] == clock() - 3600
    server.reopen(invoice)
    assert server.invoices[1]["tms"] == clock()


def test_a_discount_used_moves_nothing_and_lowers_the_rest(server, clock):
    ana = server.customer("Ana")
    note = server.credit_note(server.sell(ana, PACK), PACK)
    server.validate(note)
    server.to_discount(note)
    target = server.invoice(ana, [("SERVDOLIA120", 1, 120)])
    server.validate(target)
    clock.pass_hours(1)
    before = server.invoices[int(target)]["tms"]
    server.use_discount(note, target)
    row = call(server, f"/invoices/{target}").json()
    assert server.invoices[int(target)]["tms"] == before
    assert (row["totalcreditnotes"], row["remaintopay"]) == ("72.60000000", "72.6")


def test_only_drafts_and_the_last_unpaid_one_can_be_deleted(server):
    ana = server.customer("Ana")
    paid = server.sell(ana, PACK)
    first, last = server.invoice(ana, PACK), server.invoice(ana, PACK)
    server.validate(first)
    server.validate(last)
    for refused in (paid, first):
        with pytest.raises(ValueError, match="refuses"):
            server.delete(refused)
    server.delete(last)
    assert call(server, f"/invoices/{last}").status_code == 404


def test_a_request_outside_the_notes_is_loud(clock):
    from bytebridge.sandbox.dolibarr import Dolibarr

    with Dolibarr(now=clock) as server:
        assert call(server, "/invoices", nonsense="1").status_code == 599
        assert call(server, "/invoices/1/lines").status_code == 599
        assert call(server, "/thirdparties/email/ana@example.com").status_code == 599
        assert len(server.outside) == 3


def test_old_versions_differ_where_the_notes_know(open_server):
    old = open_server(version="15.0.3")
    ana = old.customer("Ana")
    assert call(old, "/invoices").status_code == 404
    assert call(old, "/invoices", sqlfilters="t.type=2").status_code == 503
    old.invoice(ana, PACK)
    assert len(call(old, "/invoices", properties="id").json()[0]) > 20
    old.user.rights = set()
    assert call(old, "/invoices").status_code == 401
