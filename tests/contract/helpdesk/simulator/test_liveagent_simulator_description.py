"""What the simulated LiveAgent answers, good news and bad, has the shapes of the description of its API."""

from pathlib import Path

import pytest
import requests
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from bytebridge.sandbox.liveagent_switches import PRIVILEGES

DESCRIPTION = Path(__file__).parents[1] / "liveagent.openapi.yaml"


@pytest.fixture(scope="module")
def description():
    return OpenAPI.from_file_path(str(DESCRIPTION))


@pytest.fixture
def checked(desk, description):
    """Sends a request, holds it and its answer to the description, and gives the answer."""

    def call(method, path, *, key="v3-key", **more):
        headers = {"apikey": key} if key else {}
        request = requests.Request(method, desk.url + path, headers=headers, **more).prepare()
        with requests.Session() as session:
            answer = session.send(request, timeout=5)
        # the description names the vendor's servers: only the place differs
        request.url = request.url.replace(desk.url, "https://example.ladesk.com")
        asked = RequestsOpenAPIRequest(request)
        if key:
            description.validate_request(asked)
        description.validate_response(asked, RequestsOpenAPIResponse(answer))
        return answer

    return call


@pytest.fixture
def life(desk, clock, post):
    """A ticket that has been through everything, among others."""
    company = desk.company("Panadería Ejemplo S.L.", "hola@example.com")
    desk.contact("ana@example.com", "Ana Pérez", language="es", company=company)
    ticket = desk.open("ana@example.com", "Error", kind="consulta", minutes=25, tags=["consulta"])
    for action in (
        lambda: desk.answer(ticket, "Pruebe otra vez"), lambda: desk.answer_as_customer(ticket, "No", quoted="Pruebe"),
        lambda: desk.resolve(ticket), lambda: post(ticket), lambda: post(ticket, kind="N"),
        lambda: desk.merge(desk.open("ana@example.com", "Otra vez"), ticket), lambda: desk.split(ticket),
        lambda: desk.report_time(ticket, 1500), lambda: desk.resolve(ticket), lambda: desk.open(None, "Anónimo"),
    ):  # fmt: skip
        clock.now += 60
        action()
    return ticket


PATHS = [
    "/ping", "/tickets", "/tickets?_perPage=100&_sortField=date_changed&_sortDir=DESC", "/tickets?_from=2&_to=4",
    '/tickets?_filters=[["date_changed","D>=","2026-02-03 09:40:00"]]', '/tickets?_filters={"status":"R"}',
    "/tickets/history", '/tickets/history?_perPage=2&_filters=[["date_from",">=","2026-02-03 00:00:00"]]',
    "/tickets/TICKET", "/tickets/TICKET/history", "/tickets/TICKET/messages?_perPage=100",
    "/contacts", "/contacts/CONTACT", "/companies/COMPANY", "/agents", "/departments?_perPage=1", "/tags",
    "/grid/reports/time",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_good_answers(desk, checked, life, path):
    contact = desk.ticket(life).fields["owner_contactid"]
    names = {"TICKET": life, "CONTACT": contact, "COMPANY": desk.contacts[contact]["company_id"]}
    for name, value in names.items():
        path = path.replace(name, value)
    answer = checked("GET", f"/api/v3{path}")
    assert answer.status_code == 200
    assert answer.json() or path == "/ping"


def test_changing_and_posting(checked, life):
    fields = [{"code": "minutos", "value": "30"}]
    assert checked("PUT", f"/api/v3/tickets/{life}", json={"status": "C", "custom_fields": fields}).status_code == 200
    form = {"message": "Saldo: 90", "type": "M", "useridentifier": "creditos@example.com"}
    assert checked("POST", f"/api/conversations/{life}/messages", key="v1-key", data=form).status_code == 200


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_bad_answers(desk, checked, life, status):
    path, key = f"/api/v3/tickets/{life}/messages", "v3-key"
    if status == 401:
        key = "wrong"
    elif status == 403:
        desk.privileges = PRIVILEGES - {"ticket.read"}
    elif status == 404:
        path = "/api/v3/tickets/nosuch11"
    elif status == 429:
        desk.rate_limit, desk.retry_after = 0, 30
    elif status == 500:
        desk.unknown_filter, path = "error500html", '/api/v3/tickets?_filters={"code":"x"}'
    else:
        desk.messages_down = {life}
    assert checked("GET", path, key=key).status_code == status


@pytest.mark.parametrize(("key", "status"), [("v3-key", 403), ("v1-key", 404)])
def test_bad_answers_of_v1(desk, checked, life, key, status):
    desk.v1_error_status = 404
    desk.delete(life)
    form = {"message": "Saldo: 90", "type": "M", "useridentifier": "creditos@example.com"}
    assert checked("POST", f"/api/conversations/{life}/messages", key=key, data=form).status_code == status
