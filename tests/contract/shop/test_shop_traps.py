"""Every numbered fact of the shop notes, and every trap, has a test that would fail without it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NOTES = HERE.parents[2] / "bytebridge" / "shop" / "NOTES.md"

FACTS = {  # number in the notes -> tests
    1: [
        "test_the_key_counts_as_user_name_or_in_the_query_whatever_its_case",
        "test_the_key_travels_in_the_header_alone",
        "test_a_key_that_does_not_open_the_shop",
    ],
    2: ["test_a_host_that_eats_the_header", "test_a_key_in_the_query_is_in_no_error"],
    3: [
        "test_json_in_lower_case_is_xml_and_a_header_beats_the_query",
        "test_every_list_is_json_sorted_and_shows_named_fields",
    ],
    4: ["test_a_shop_that_does_not_exist_redirects", "test_a_redirect_is_a_wrong_address_and_never_followed"],
    5: ["test_no_cookie_is_kept"],
    6: ["test_an_authenticated_answer_names_version_and_clock_and_sets_a_cookie", "test_versions"],
    7: ["test_each_missing_right", "test_head_needs_a_right_of_its_own"],
    8: [
        "test_a_right_to_read_the_shops_secrets_is_too_much",
        "test_a_right_to_read_what_is_never_asked_for_is_too_much",
        "test_a_right_to_write_is_too_much_and_is_not_tried_out",
    ],
    9: ["test_a_resource_that_is_not_granted"],
    10: ["test_an_empty_list_is_an_array", "test_a_shape_the_notes_do_not_allow_is_no_empty_list"],
    11: ["test_without_a_sort_several_shops_come_out_of_order_and_we_always_sort"],
    12: ["test_a_row_that_changes_between_two_pages_is_not_skipped"],
    13: [
        "test_the_filter_grammar",
        "test_no_more_than_a_hundred_ids_stand_in_one_address",
        "test_every_list_is_json_sorted_and_shows_named_fields",
    ],
    14: [
        "test_a_recorded_read_is_answered_to_the_letter",
        "test_mistakes_are_named_by_the_first_code",
        "test_every_list_is_json_sorted_and_shows_named_fields",
    ],
    15: ["test_the_filter_grammar"],
    16: ["test_states_with_plain_and_translated_names"],
    17: ["test_whole_numbers", "test_money_is_exact", "test_numbers_and_their_texts_are_one_order"],
    18: ["test_moments", "test_dates_are_the_shops_local_time", "test_the_hour_that_autumn_repeats"],
    19: ["test_a_recorded_read_is_answered_to_the_letter", "test_each_action_is_seen_by_the_next_poll"],
    20: ["test_an_order_that_checkout_is_still_writing_is_unpaid"],
    21: ["test_both_halves_of_a_split_cart_are_orders_of_their_own"],
    22: [
        "test_split_orders_are_not_underpaid_even_when_one_was_cancelled",
        "test_what_a_person_should_see_is_flagged_and_nothing_else",
    ],
    23: [
        "test_module_and_staff_states_hold_an_order_once_paid",
        "test_a_deleted_state_keeps_its_meaning",
        "test_valid_is_not_paid",
        "test_a_state_made_later_is_read_when_first_met",
    ],
    24: ["test_configured_states_beat_the_flags", "test_an_order_is_worth_what_was_kept_of_it"],
    25: ["test_paid_at_is_the_invoices_date_else_the_first_paid_row"],
    26: ["test_each_action_is_seen_by_the_next_poll"],
    27: [
        "test_counters_and_slips_of_the_same_units_are_not_added",
        "test_refunds_before_and_after_delivery_add_up",
        "test_what_was_taken_back_of_a_line",
    ],
    28: [
        "test_each_action_is_seen_by_the_next_poll",
        "test_a_slip_may_have_no_lines",
        "test_a_shop_that_shows_no_slip_any_more_is_read_all_the_same",
        "test_a_slip_that_its_order_does_not_show_yet_is_waited_for",
    ],
    29: ["test_lines_missing_from_one_of_two_lists_are_not_lines_that_vanished"],
    30: [
        "test_a_slip_of_another_line_takes_nothing_back",
        "test_a_slip_counts_for_the_line_it_names_and_not_for_the_one_with_its_own_number",
    ],
    31: [
        "test_a_full_refund_leaves_the_order_paid_and_valid",
        "test_the_shop_never_refunds_more_than_was_bought",
        "test_little_money_for_a_unit_is_a_hint_of_goodwill",
    ],
    32: [
        "test_lines_added_and_deleted_after_payment",
        "test_an_order_whose_lines_have_all_vanished_grants_nothing",
    ],
    33: [
        "test_customers_in_full_show_password_hashes",
        "test_every_list_is_json_sorted_and_shows_named_fields",
    ],
    34: [
        "test_guests_are_customers_of_their_own_with_one_address",
        "test_guests_and_a_registered_customer_share_an_address",
    ],
    35: [
        "test_the_window_reaches_two_hours_back_in_the_shops_own_text",
        "test_an_order_committed_late_is_found",
        "test_an_order_changed_in_the_second_of_the_last_poll_is_found",
        "test_a_date_in_the_future_does_not_blind_later_polls",
    ],
    36: [
        "test_an_idle_poll_is_four_requests_even_in_a_new_process",
        "test_an_idle_poll_is_four_requests_whatever_the_overlap_holds",
        "test_many_changed_orders_are_read_in_batches",
        "test_marks_are_kept_of_the_coming_window_and_no_more",
    ],
    37: [
        "test_a_slip_that_was_committed_late_is_found",
        "test_refunds_of_modules_count_whatever_their_reference",
        "test_an_order_the_ledger_lost_is_read_again_when_it_carries_refunds",
        "test_a_slip_made_while_its_order_is_being_read_is_found_by_the_next_poll",
        "test_what_changes_during_the_first_load_is_found_after_it",
        "test_the_first_load_takes_what_was_touched_since",
    ],
    38: [
        "test_one_order_that_cannot_be_read_does_not_stop_the_others",
        "test_an_unreadable_part_spoils_its_own_order_alone",
    ],
    39: [
        "test_our_own_mistakes_are_told_once_and_not_retried",
        "test_in_debug_mode_a_mistake_is_a_400_without_noise",
    ],
    40: [
        "test_trouble_that_may_pass_is_retried_and_moves_nothing",
        "test_what_a_person_must_mend_is_refused",
        "test_a_shop_that_is_not_granted",
    ],
    41: ["test_json_that_a_module_printed_into_is_read_from_its_first_brace"],
    42: ["test_what_a_person_must_mend_is_refused"],
    43: [
        "test_the_list_of_rights_crashes_as_json_and_answers_as_xml",
        "test_a_right_to_write_is_too_much_and_is_not_tried_out",
    ],
    44: ["test_a_time_zone_that_puts_changes_into_the_future", "test_clocks"],
    45: [
        "test_a_firewall_that_removes_parameters",
        "test_what_belongs_to_an_order_must_be_shown_with_it",
        "test_a_list_that_ignores_filter_or_sort_is_not_followed",
        "test_orders_that_were_not_asked_for_are_no_answer",
    ],
    46: ["test_references_by_prefix_include_combinations", "test_packs_that_no_rule_knows"],
    47: ["test_gifts_and_vouchers_change_money_and_not_units"],
    48: ["test_orders_of_another_shop_are_asked_for_once"],
    49: ["test_the_language_is_the_orders_else_the_customers"],
    50: ["test_a_slips_amount_and_whether_it_is_partial_are_not_asked_for"],
}

TRAPS = {  # what goes wrong without it -> number in the notes
    "an empty list is an array": 10,
    "a single record drops its zeros": 10,
    "greater or equal brings everything": 13,
    "a T in a date brings nothing": 14,
    "no date=1, no filter on dates": 14,
    "no sort, no order": 11,
    "paging by position skips a row": 12,
    "refunds do not move date_upd": 26,
    "a full refund leaves the order paid and valid": 31,
    "a voucher has no slip": 28,
    "another program's slip has no counters": 28,
    "a postage slip has no lines": 28,
    "the rows of an order do not show refunds": 29,
    "a slip line's id is the slip's": 30,
    "order_slip answers as order_slips": 19,
    "types differ by version and row": 17,
    "local times without a zone": 18,
    "a reference is not unique": 21,
    "total_paid_real never falls": 22,
    "a module's states have no flags": 23,
    "one address, many customers": 34,
    "a redirect instead of an error": 4,
    "a wrong filter is a 500": 39,
    "customers in full show hashes": 33,
    "lines can vanish": 32,
    "errors may come with 200": 42,
    "modules print into the JSON": 41,
    "a switched-off webservice is passing trouble": 40,
    "a resource not granted is a 401": 9,
    "a host may drop the header": 2,
    "slips are committed late": 37,
    "the window must overlap": 35,
    "gifts count": 47,
}


@cache
def names_here():
    """Names of all test functions beside this file."""
    return {
        node.name
        for path in HERE.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def facts_in_notes():
    return [int(number) for number in re.findall(r"^(\d+)\. ", NOTES.read_text(encoding="utf-8"), re.MULTILINE)]


def test_every_fact_of_the_notes_has_a_test():
    numbers = facts_in_notes()
    assert numbers == list(range(1, len(numbers) + 1))
    assert sorted(FACTS) == numbers
    assert all(FACTS.values())


@pytest.mark.parametrize("number", FACTS)
def test_every_test_named_exists(number):
    assert set(FACTS[number]) <= names_here()


def test_every_trap_is_a_fact_of_the_notes():
    assert set(TRAPS.values()) <= FACTS.keys()


def test_the_code_cites_facts_that_exist():
    cited = re.compile(r"notes (\d+)")
    for path in (NOTES.parent).glob("*.py"):
        for number in cited.findall(path.read_text(encoding="utf-8")):
            assert int(number) in FACTS, f"{path.name} cites {number}"
