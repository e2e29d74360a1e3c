"""Balance and operations written into the ERP: once, only on change, each customer for itself."""

import json
from decimal import Decimal

import pytest

from bytebridge.erp.write_back import Writer
from bytebridge.errors import OutcomeUnknown, RemoteRefused, RemoteRejected, RemoteSurprise

AT = 1_795_600_000
JSON = "application/json; charset=utf-8"


@pytest.fixture
def ana(server):
    return server.customer("Ana", "ana@example.com")


def puts(server):
    return [request for request in server.requests if request.method == "PUT"]


def test_a_key_that_sees_nobody_does_not_take_a_customer_for_absent(writer, server, ana):
    """The lists are empty then, and nothing says so."""
    writer.prove_visible()
    server.hide_customers()
    assert writer.find_customer(["ana@example.com"]) == []
    with pytest.raises(RemoteRefused, match="societe/client/voir"):
        writer.prove_visible()


def test_a_balance_is_stored_and_echoed(writer, server, ana):
    assert writer.balance(ana) is None
    assert writer.put_balance(ana, 105, AT)
    assert (server.balance_of(ana), writer.balance(ana)) == (105, Decimal(105))


def test_numbers_travel_as_numbers(writer, server, ana):
    writer.put_balance(ana, -45, AT)
    [request] = puts(server)
    sent = json.loads(request.body)
    assert sent == {"array_options": {"options_credit_balance": -45, "options_credit_synced_at": AT}}


def test_the_time_goes_only_where_there_is_a_field_for_it(writer, server, ana):
    del server.extra_fields["credit_synced_at"]
    writer.put_balance(ana, 5, AT)
    [request] = puts(server)
    assert json.loads(request.body) == {"array_options": {"options_credit_balance": 5}}


def test_an_unchanged_balance_is_not_written(writer, server, ana):
    writer.put_balance(ana, 105, AT)
    assert not writer.put_balance(ana, 105, AT + 60)
    assert len(puts(server)) == 1
    assert len(server.events) == 1  # the ERP's own note of the change


def test_a_difference_made_by_a_person_is_overwritten(writer, server, ana):
    writer.put_balance(ana, 105, AT)
    server.parties[int(ana)]["options"]["credit_balance"] = Decimal(999)
    assert writer.put_balance(ana, 105, AT)
    assert server.balance_of(ana) == 105


def test_a_balance_does_not_move_the_customers_last_change(writer, server, ana, clock):
    before = server.parties[int(ana)]["tms"]
    clock.pass_hours(1)
    writer.put_balance(ana, 105, AT)
    assert server.parties[int(ana)]["tms"] == before


def test_a_field_that_does_not_exist_is_noticed_by_the_echo(erp, ana):
    with pytest.raises(RemoteRejected, match="options_nosuch"):
        Writer(erp.client, "nosuch").put_balance(ana, 5, AT)


def test_a_text_somebody_typed_into_the_field_counts_as_empty(writer, server, ana):
    server.parties[int(ana)]["options"]["credit_balance"] = "many"
    assert writer.balance(ana) is None
    assert writer.put_balance(ana, 5, AT)


def test_a_customer_refused_for_ever_is_rejected_and_the_next_one_written(writer, server, ana):
    silent = server.customer("Silent")
    server.email_mandatory = True
    with pytest.raises(RemoteRejected):
        writer.put_balance(silent, 5, AT)
    assert writer.put_balance(ana, 5, AT)


def test_in_version_15_a_refused_balance_answers_200_with_the_old_one(open_server, open_erp):
    server = open_server(version="15.0.3")
    silent = server.customer("Silent")
    server.email_mandatory = True
    with pytest.raises(RemoteRejected, match="not stored"):
        Writer(open_erp(server).client, "credit_balance").put_balance(silent, 5, AT)


def test_a_collision_is_tried_once_more(writer, server, ana):
    server.put_collisions = 1
    assert writer.put_balance(ana, 5, AT)
    assert len(puts(server)) == 2
    server.put_collisions = 2
    with pytest.raises(RemoteRejected):
        writer.put_balance(ana, 6, AT)


@pytest.mark.parametrize("version", ["17.0.4", "18.0.6", "19.0.3", "20.0.3"])
def test_versions_that_empty_other_fields_get_them_all_back(version, open_server, open_erp):
    server = open_server(version=version)
    server.extra_fields["helpdesk_email"] = "varchar"
    ana = server.customer("Ana", "ana@example.com")
    server.parties[int(ana)]["options"] = {"helpdesk_email": "help@example.com"}
    Writer(open_erp(server).client, "credit_balance").put_balance(ana, 5, AT)
    assert server.parties[int(ana)]["options"] == {
        "credit_balance": 5,
        "credit_synced_at": AT,
        "helpdesk_email": "help@example.com",
    }


@pytest.mark.parametrize("version", ["18.0.7", "20.0.4", "22.0.4", "23.0.0"])
def test_other_versions_get_only_what_is_ours(version, open_server, open_erp):
    server = open_server(version=version)
    server.extra_fields["helpdesk_email"] = "varchar"
    ana = server.customer("Ana", "ana@example.com")
    server.parties[int(ana)]["options"] = {"helpdesk_email": "help@example.com"}
    Writer(open_erp(server).client, "credit_balance").put_balance(ana, 5, AT)
    [request] = puts(server)
    assert "helpdesk_email" not in request.body.decode()
    assert server.parties[int(ana)]["options"]["helpdesk_email"] == "help@example.com"


@pytest.mark.parametrize("socid", ["0", "999", "", "x"])
def test_a_third_party_that_is_gone_is_rejected(socid, writer, server, ana):
    with pytest.raises(RemoteRejected, match="gone"):
        writer.put_balance(socid, 5, AT)
    assert not puts(server)


@pytest.mark.parametrize(("status", "body"), [(200, b"[]"), (404, b'{"error": {"code": 404}}')])
def test_a_list_that_skips_a_third_party_does_not_leave_it_without_an_address(status, body, writer, server, ana):
    server.fail_next(
        status, times=9, match=lambda asked: asked.path.endswith("/thirdparties"), body=body, content_type=JSON
    )
    assert writer.emails_of(ana) == ("ana@example.com",)


def test_a_third_party_that_is_gone_has_no_addresses_to_tell(writer, server, ana):
    server.merge_customers(server.customer("Other"), ana)
    with pytest.raises(RemoteRejected, match="gone"):
        writer.emails_of(ana)


def test_a_merged_third_party_loses_its_balance_and_its_id(writer, server, ana):
    other = server.customer("Other")
    writer.put_balance(other, 7, AT)
    server.merge_customers(ana, other)
    assert writer.balance(ana) is None
    with pytest.raises(RemoteRejected):
        writer.balance(other)


def test_without_the_right_to_write_it_is_refused(writer, server, ana):
    server.user.rights.discard("societe/creer")
    with pytest.raises(RemoteRefused):
        writer.put_balance(ana, 5, AT)


def test_a_write_whose_answer_is_lost_has_an_unknown_outcome(writer, server, ana):
    server.cut_next(match=lambda request: request.method == "PUT")
    with pytest.raises(OutcomeUnknown):
        writer.put_balance(ana, 5, AT)
    assert not writer.put_balance(ana, 5, AT)


def test_an_event_is_posted_with_all_it_needs(writer, server, ana):
    writer.post_event(ana, "bytebridge:ledger:7", "Balance 105", "Ticket closed, 15 credits.", AT)
    [event] = server.events_of(ana)
    assert (event["label"], event["note"], event["datep"], event["datef"]) == (
        "Balance 105",
        "Ticket closed, 15 credits.",
        AT,
        AT,
    )
    assert (event["fk_user_action"], event["percentage"], event["code"]) == (2, 100, "AC_OTH")


def test_an_event_is_looked_for_before_it_is_posted(writer, server, ana):
    for _ in range(3):
        writer.post_event(ana, "bytebridge:ledger:7", "Balance 105", "", AT)
    assert len(server.events_of(ana)) == 1
    assert writer.find_event("bytebridge:ledger:7")
    assert not writer.find_event("bytebridge:ledger:70")


def test_an_event_of_any_reference_is_not_ours(writer, server, ana):
    writer.post_event(ana, "bytebridge:ledger:7", "Balance 105", "", AT)
    server.ignored.add("sqlfilters")
    with pytest.raises(RemoteSurprise, match="ignored"):
        writer.post_event(ana, "bytebridge:ledger:8", "Balance 90", "", AT)
    server.ignored.clear()
    writer.post_event(ana, "bytebridge:ledger:8", "Balance 90", "", AT)
    assert len(server.events_of(ana)) == 2


def test_an_event_whose_answer_was_lost_is_found_and_not_doubled(writer, server, ana):
    server.cut_next(match=lambda request: request.method == "POST")
    with pytest.raises(OutcomeUnknown):
        writer.post_event(ana, "bytebridge:ledger:7", "Balance 105", "", AT)
    writer.post_event(ana, "bytebridge:ledger:7", "Balance 105", "", AT)
    assert len(server.events_of(ana)) == 1


def test_a_label_is_cut_by_us_where_the_erp_would_cut_it(writer, server, ana):
    writer.post_event(ana, "r:1", "x" * 200, "", AT)
    assert server.events_of(ana)[0]["label"] == "x" * 128
    [post] = [request for request in server.requests if request.method == "POST"]
    assert len(json.loads(post.body)["label"]) == 128


def test_own_id_is_asked_for_once(writer, server, ana):
    for number in range(3):
        writer.post_event(ana, f"r:{number}", "x", "", AT)
    assert len([request for request in server.requests if request.path.endswith("/users/info")]) == 1


def test_without_the_right_to_know_itself_it_says_which_to_grant(writer, server, ana):
    server.user.rights.discard("user/self/creer")
    with pytest.raises(RemoteRefused, match="user/self/creer"):
        writer.post_event(ana, "r:1", "x", "", AT)


def test_without_the_right_to_write_events_it_is_refused(writer, server, ana):
    server.user.rights.discard("agenda/myactions/create")
    with pytest.raises(RemoteRefused):
        writer.post_event(ana, "r:1", "x", "", AT)
