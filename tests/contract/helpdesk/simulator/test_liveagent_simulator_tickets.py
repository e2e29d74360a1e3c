"""The simulated LiveAgent's tickets: their changes by PUT, their lives, their history, their people."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests


def values(row):
    return {field["code"]: field["value"] for field in row["custom_fields"]}


# PUT


def test_put_answers_with_the_ticket_and_leaves_the_rest(desk, put, look, ticket):
    before = look(ticket)
    after = put(ticket, subject="Otro asunto")
    assert after == look(ticket) == {**before, "subject": "Otro asunto", "date_changed": "2026-02-03 12:01:00"}


def test_put_replaces_tags(put, ticket):
    assert put(ticket, tags=["p7d2"])["tags"] == ["p7d2"]
    assert put(ticket, tags=[])["tags"] == []


@pytest.mark.parametrize(
    ("mode", "expected"), [("replace", {"minutos": "30"}), ("upsert", {"tipotrabajo": "consulta", "minutos": "30"})]
)
def test_put_of_custom_fields(desk, put, ticket, mode, expected):
    desk.put_fields = mode
    assert values(put(ticket, custom_fields=[{"code": "minutos", "value": "30"}])) == expected


@pytest.mark.parametrize(
    "body", [{"tags": ["nope"]}, {"departmentid": "nope"}, {"agentid": "nope"}, {"owner_contactid": "nope"}]
)
def test_put_of_something_unknown(put, look, ticket, body):
    before = look(ticket)
    put(ticket, 400, **body)
    assert look(ticket) == before


def test_put_of_an_unknown_ticket(put):
    put("nosuch11", 404, status="R")


def test_put_refuses_closed_and_deleted(desk, put, ticket):
    desk.resolve(ticket)
    desk.close(ticket)
    put(ticket, 400, status="C")
    other = desk.open("ana@example.com", "Otro")
    desk.delete(other)
    put(other, 400, status="C")


def test_put_without_the_assignee(desk, put, ticket):
    desk.put_without_assignee = "transfer"
    assert "agentid" not in put(ticket, status="C")
    put(ticket, status="C", departmentid="default", agentid="a1b2c3d4")
    desk.put_without_assignee = "refuse"
    put(ticket, 400, status="A")
    assert put(ticket, status="A", departmentid="default", agentid="a1b2c3d4")["agentid"] == "a1b2c3d4"


def test_resolving_by_put_may_mail_the_customer(desk, put, ticket):
    put(ticket, status="R")
    assert desk.mails == []
    put(ticket, status="C")
    desk.put_resolved_mails = True
    put(ticket, status="R")
    put(ticket, status="R")
    assert [(mail.kind, mail.to) for mail in desk.mails] == [("resolved", "ana@example.com")]


def test_that_mail_may_reopen_the_ticket(desk, put, look, statuses, ticket):
    desk.put_resolved_mails = "reopens"
    put(ticket, status="R")
    assert look(ticket)["status"] == "C"
    assert statuses(ticket) == ["N", "R", "C"]


def test_deleting_by_put(put, ticket):
    assert put(ticket, status="X")["date_deleted"] == "2026-02-03 12:01:00"


# lives


def test_resolved_reopened_and_resolved_again(desk, ask, look, clock, ticket):
    desk.resolve(ticket, minutes=40)
    assert look(ticket)["date_resolved"] == "2026-02-03 12:01:00"
    clock.now += 60
    assert desk.answer_as_customer(ticket, "Sigue fallando") == ticket
    assert (look(ticket)["status"], "date_resolved" in look(ticket)) == ("C", False)
    clock.now += 60
    desk.resolve(ticket, minutes=70)
    assert (look(ticket)["date_resolved"], values(look(ticket))["minutos"]) == ("2026-02-03 12:03:00", "70")
    rows = ask(f"/tickets/{ticket}/history")
    assert [(row["status"], row["date_from"][11:], row.get("date_to", "")[11:]) for row in rows] == [
        ("N", "12:00:00", "12:01:00"), ("R", "12:01:00", "12:02:00"), ("C", "12:02:00", "12:03:00"), ("R", "12:03:00", ""),
    ]  # fmt: skip
    assert [int(row["id"]) for row in rows] == sorted({int(row["id"]) for row in rows})
    assert [row["elapsed_time"] for row in rows] == ["60", "60", "60", "0"]


def test_date_resolved_may_outlive_a_reopening(desk, look, ticket):
    desk.reopen_clears_resolved = False
    desk.resolve(ticket)
    desk.reopen(ticket)
    assert (look(ticket)["status"], look(ticket)["date_resolved"]) == ("C", "2026-02-03 12:01:00")


def test_an_answer_to_a_resolved_ticket_may_open_a_new_one(desk, look, ticket):
    desk.reopens = False
    desk.resolve(ticket)
    new = desk.answer_as_customer(ticket, "Sigue fallando")
    assert (look(ticket)["status"], look(new)["status"]) == ("R", "N")
    assert look(new)["owner_email"] == "ana@example.com"
    assert look(new)["custom_fields"] == []


def test_an_answer_to_a_closed_ticket_always_opens_a_new_one(desk, look, ticket):
    desk.resolve(ticket)
    desk.close(ticket)
    assert desk.answer_as_customer(ticket, "Sigue fallando") != ticket
    assert look(ticket)["status"] == "L"


def test_closing(desk, look, statuses, clock, ticket):
    desk.resolve(ticket)
    clock.now += 60
    desk.close(ticket)
    row = look(ticket)
    assert (row["status"], row["date_resolved"]) == ("L", "2026-02-03 12:01:00")
    assert row["date_changed"] == "2026-02-03 12:02:00"
    assert statuses(ticket) == ["N", "R", "L"]
    with pytest.raises(ValueError, match="not R"):
        desk.close(ticket)


def test_closing_may_lose_the_resolution_and_stay_unnoticed(desk, look, clock, ticket):
    desk.closing_loses_resolved, desk.closing_moves_changed = True, False
    desk.resolve(ticket)
    clock.now += 60
    desk.close(ticket)
    assert "date_resolved" not in look(ticket)
    assert look(ticket)["date_changed"] == "2026-02-03 12:01:00"


def test_spam_deleted_and_back(desk, look, statuses, ticket):
    desk.resolve(ticket)
    desk.spam(ticket)
    assert look(ticket)["status"] == "B"
    desk.delete(ticket)
    assert (look(ticket)["status"], look(ticket)["date_deleted"]) == ("X", "2026-02-03 12:01:00")
    desk.undelete(ticket)
    assert (look(ticket)["status"], "date_deleted" in look(ticket)) == ("R", False)
    assert look(ticket)["date_resolved"] == "2026-02-03 12:01:00"
    assert statuses(ticket) == ["N", "R", "B", "X", "R"]


def test_a_purged_ticket_is_gone_but_listed_for_a_while(desk, ask, clock, ticket):
    with pytest.raises(ValueError, match="not B or X"):
        desk.purge(ticket)
    desk.delete(ticket)
    desk.purge(ticket)
    for path in ("", "/history", "/messages"):
        ask(f"/tickets/{ticket}{path}", 404)
    assert ask("/tickets/history") == []
    assert [row["id"] for row in ask("/tickets")] == [ticket]
    clock.now += desk.purge_delay
    assert ask("/tickets") == []


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("keep", [("minutos", "25")]), ("fill", [("minutos", "25"), ("creditos", "60")]),
        ("append", [("minutos", "25"), ("minutos", "40"), ("creditos", "60")]),
    ],
)  # fmt: skip
def test_merging_deletes_the_source_and_moves_what_it_held(desk, look, groups, clock, mode, expected):
    into = desk.open("ana@example.com", "Error", minutes=25, tags=["consulta"])
    clock.now += 60
    source = desk.open("ana@example.com", "Otra vez", minutes=40, credits=60, tags=["intervencion"])
    desk.merge_fields = mode
    desk.merge(source, into)
    assert (look(source)["status"], "date_deleted" in look(source)) == ("X", True)
    assert into not in str(look(source))
    assert [(field["code"], field["value"]) for field in look(into)["custom_fields"]] == expected
    assert look(into)["tags"] == ["k3f9", "p7d2"]
    assert [(group["type"], group["status"]) for group in groups(into)] == [("3", "V"), ("3", "M"), ("2", "V")]
    assert [group["type"] for group in groups(source)] == ["X"]
    assert look(into)["date_changed"] == "2026-02-03 12:01:00"


@pytest.mark.parametrize("copied", [False, True])
def test_splitting_makes_a_ticket_of_the_last_message(desk, look, groups, ticket, copied):
    desk.split_copies_fields = copied
    desk.answer_as_customer(ticket, "Y otra cosa")
    new = desk.split(ticket)
    assert look(new)["owner_email"] == "ana@example.com"
    assert bool(look(new)["custom_fields"]) == copied
    assert "otra cosa" in groups(new)[0]["messages"][0]["message"]
    assert [(group["type"], group["status"]) for group in groups(ticket)] == [("3", "V"), ("7", "S"), ("L", "V")]


def test_other_work_on_a_ticket(desk, look, clock, ticket):
    sales = desk.department("Ventas")
    for action in (
        lambda: desk.transfer(ticket, sales), lambda: desk.assign(ticket, "sat@example.com"),
        lambda: desk.tag(ticket, "nuevo"), lambda: desk.untag(ticket, "consulta"),
        lambda: desk.change_owner(ticket, "luc@example.com"), lambda: desk.add_note(ticket, "llamar mañana"),
    ):  # fmt: skip
        clock.now += 60
        before = look(ticket)["date_changed"]
        action()
        assert look(ticket)["date_changed"] > before
    row = look(ticket)
    assert (row["departmentid"], row["agentid"], row["owner_email"]) == (sales, "a1b2c3d4", "luc@example.com")
    assert [desk.tags[number]["name"] for number in row["tags"]] == ["nuevo"]


@pytest.mark.parametrize("moves", [True, False])
def test_editing_a_field_alone_moves_date_changed_or_not(desk, ask, put, clock, ticket, moves):
    desk.field_edit_moves_changed = moves
    before = ask("/tickets")[0]["date_changed"]
    clock.now += 60
    desk.note_work(ticket, minutes=50)
    put(ticket, custom_fields=[{"code": "minutos", "value": "50"}])
    [row] = ask("/tickets")
    assert values(row)["minutos"] == "50"
    assert (row["date_changed"] > before) == moves


# history


def test_the_feed_is_read_with_a_cursor(desk, ask, clock, ticket):
    for _ in range(6):
        clock.now += 60
        desk.resolve(ticket)
        clock.now += 60
        desk.reopen(ticket)
    for direction in ("ASC", "DESC"):
        read, cursor = [], {}
        while True:
            answer = requests.get(
                f"{desk.url}/api/v3/tickets/history", params={"_perPage": 5, "_sortDir": direction, **cursor},
                headers={"apikey": "v3-key"}, timeout=5,
            )  # fmt: skip
            read += [int(row["id"]) for row in answer.json()]
            if "next_page_cursor" not in answer.headers:
                break
            cursor = {"_cursor": answer.headers["next_page_cursor"]}
        assert len(read) == len(set(read)) == 13
        assert read == sorted(read, reverse=direction == "DESC")
    ask("/tickets/history", 400, _cursor="nonsense")
    assert ask("/tickets/history/count") == {"count": 13}


def test_the_feeds_filter_takes_sql_operators(desk, ask, ticket):
    desk.resolve(ticket)
    asked = '[["date_from",">=","2026-02-03 12:00:30"],["date_from","<=","2026-02-03 12:01:00"]]'
    assert [row["status"] for row in ask("/tickets/history", _filters=asked)] == ["R"]
    assert ask("/tickets/history/count", _filters=asked) == {"count": 1}
    ask("/tickets/history", 400, _filters='[["date_from","D>=","2026-02-03 12:00:30"]]')
    ask("/tickets/history", 400, _filters='{"status":"R"}')


def test_the_feed_may_be_late_double_or_stuck(desk, ask, clock, open_some):
    open_some(3)
    desk.history_duplicates = True
    assert len({row["id"] for row in ask("/tickets/history")}) == 3
    assert len(ask("/tickets/history")) == 6
    desk.history_duplicates = False
    desk.history_delay = 90
    assert len(ask("/tickets/history")) == 2
    desk.history_delay = 0
    desk.cursor_stuck = True
    url, headers = f"{desk.url}/api/v3/tickets/history", {"apikey": "v3-key"}
    first = requests.get(url, params={"_perPage": 1}, headers=headers, timeout=5).headers["next_page_cursor"]
    asked = {"_perPage": 1, "_cursor": first}
    assert requests.get(url, params=asked, headers=headers, timeout=5).headers["next_page_cursor"] == first


def test_reported_time(desk, ask, ticket):
    desk.report_time(ticket, 1500)
    [row] = ask("/grid/reports/time", _filters='[["reportdate",">=","2026-02-03 12:00:00"]]')
    assert (row["conversationid"], row["reportedtime_hhmmss"], row["reportdate"]) == (
        ticket, "00:25:00", "2026-02-03 12:01:00",
    )  # fmt: skip


# people


def test_a_contact_and_its_company(desk, ask):
    bakery = desk.company("Panadería Ejemplo S.L.", "hola@example.com")
    contact = desk.contact("ana@example.com", "Ana Pérez", language="es", company=bakery, emails=["ana@example.org"])
    ticket = desk.open("ANA@example.com", "Error")
    assert ask(f"/tickets/{ticket}")["owner_contactid"] == contact
    row = ask(f"/contacts/{contact}")
    assert (row["firstname"], row["lastname"], row["language"], row["company_id"]) == ("Ana", "Pérez", "es", bakery)
    assert "ana@example.org" in row["emails"]
    assert ask(f"/companies/{bakery}")["name"] == "Panadería Ejemplo S.L."
    desk.edit_contact(contact, language=None)
    assert "language" not in ask(f"/contacts/{contact}")
    ask("/contacts/nosuch11", 404)
    ask("/companies/nosuch11", 404)


def test_contacts_are_found_by_address_under_a_key_that_varies(desk, ask):
    desk.contact("luc@example.com", "Luc Martin")
    ana = desk.contact("ana@example.com", "Ana Pérez")
    assert [row["id"] for row in ask("/contacts", _filters='{"email":"ana@example.com"}')] == [ana]
    assert [row["id"] for row in ask("/contacts", _page=2, _perPage=1)] == [ana]
    desk.contact_filter_key = "emails"
    ask("/contacts", 400, _filters='{"email":"ana@example.com"}')


def test_agents_departments_and_tags(desk, ask):
    second = desk.agent("sat2@example.com")
    assert desk.agent("creditos@example.com") == "b0t0b0t0"
    desk.dismiss_agent("sat2@example.com")
    assert [(row["email"], row["status"]) for row in ask("/agents")] == [
        ("sat@example.com", "A"), ("creditos@example.com", "A"), ("sat2@example.com", "X"),
    ]  # fmt: skip
    assert ask(f"/agents/{second}")["status"] == "X"
    assert ask("/departments", _perPage=1)[0] == {
        "department_id": "default", "name": "Soporte", "online_status": "F", "agent_count": 2,
        "agent_ids": ["a1b2c3d4", "b0t0b0t0"],
    }  # fmt: skip
    assert {row["name"]: row["id"] for row in ask("/tags")}["consulta"] == "k3f9"
    assert ask("/tags/k3f9")[0]["name"] == "consulta"


def test_people_and_programs_work_at_the_same_time(desk, ask, post):
    desk.rate_limit = None
    made = [desk.open(f"c{number}@example.com", "Error") for number in range(4)]

    def work(ticket):
        for _ in range(5):
            assert post(ticket).status_code == 200
            desk.resolve(ticket)
            assert ticket in {row["id"] for row in ask("/tickets", _sortField="date_changed")}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, made))
    assert [len(desk.replies(ticket)) for ticket in made] == [5] * 4
    rows = ask("/tickets/history", _perPage=100)
    assert len(rows) == len({row["id"] for row in rows}) == 4 * (1 + 2 * 5)


def test_a_mistake_of_the_simulator_is_loud(desk, capsys):
    desk.between_pages = lambda _request: 1 / 0
    answer = requests.get(f"{desk.url}/api/v3/tickets", headers={"apikey": "v3-key"}, timeout=5)
    assert answer.status_code == 599
    assert "ZeroDivisionError" in desk.outside.pop()
    assert "ZeroDivisionError" in capsys.readouterr().err
