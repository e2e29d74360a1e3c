"""Values in all their spellings, and those that are none."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bytebridge.errors import RemoteSurprise
from bytebridge.shop import wire
from bytebridge.shop.position import MARKS, Position, decode, encode, marks_of

MADRID = ZoneInfo("Europe/Madrid")
ORDER = {
    "id": 7,
    "reference": "ABCDEFGHI",
    "id_customer": 3,
    "id_lang": 2,
    "current_state": 2,
    "total_paid": "193.600000",
    "total_paid_real": "193.600000",
    "invoice_date": "2026-11-01 10:00:00",
    "date_add": "2026-11-01 09:00:00",
    "date_upd": "2026-11-01 10:00:00",
    "associations": {"order_rows": [{"id": 18, "product_reference": "SERVDOLIA30", "product_quantity": 2}]},
}


@pytest.mark.parametrize(("value", "expected"), [(2, 2), ("2", 2), ("0", 0), ("", 0), (None, 0), ("-1", -1)])
def test_whole_numbers(value, expected):
    assert wire.whole(value) == expected


@pytest.mark.parametrize("value", [True, "two", 1.5, Decimal("2.0"), [2], "2.0"])
def test_what_is_no_whole_number(value):
    with pytest.raises(ValueError, match=r"number|invalid"):
        wire.whole(value)


@pytest.mark.parametrize(
    ("value", "expected"), [("193.600000", "193.6"), (0, "0"), (Decimal("0.1"), "0.1"), ("-1.50", "-1.5")]
)
def test_money_is_exact(value, expected):
    assert wire.money(value) == Decimal(expected)


@pytest.mark.parametrize("value", ["", None, "much", "NaN", "Infinity", True, 0.1])
def test_what_is_no_money(value):
    with pytest.raises(ValueError, match="not an amount"):
        wire.money(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-07-01 12:00:00", 1782900000, id="summer"),
        pytest.param("2026-12-01 12:00:00", 1796122800, id="winter"),
        pytest.param("2026-10-25 02:30:00", 1792888200, id="the first of two"),
        pytest.param("0000-00-00 00:00:00", None, id="zero"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="null"),
    ],
)
def test_moments(text, expected):
    assert wire.moment(text, MADRID) == expected


def test_moving_the_shops_text_back_needs_no_zone():
    assert wire.earlier("2026-03-29 03:30:00", 7200) == "2026-03-29 01:30:00"
    assert wire.local(1782900000, MADRID) == "2026-07-01 12:00:00"


@pytest.mark.parametrize("spell", [int, str])
def test_numbers_and_their_texts_are_one_order(spell):
    numbers = {"id_customer", "id_lang", "current_state"}
    row = {name: spell(value) if name in numbers else value for name, value in ORDER.items()}
    row["associations"] = {"order_rows": [{"id": spell(18)}]}
    assert wire.order_row(row) == wire.order_row(ORDER)


def test_fields_of_other_versions_do_not_matter():
    assert wire.order_row({**ORDER, "note": None, "id_shop": "1"}) == wire.order_row(ORDER)


@pytest.mark.parametrize("field", [name for name in ORDER if name != "associations"])
def test_a_missing_field_is_never_taken_for_zero(field):
    row = {name: value for name, value in ORDER.items() if name != field}
    with pytest.raises(RemoteSurprise) as caught:
        wire.order_row(row)
    assert caught.value.document == (None if field == "id" else "7")


def test_an_order_without_rows_has_no_associations():
    row = {name: value for name, value in ORDER.items() if name != "associations"}
    assert wire.order_row(row).lines == []


LINE = {
    "id": 39,
    "id_order": "33",
    "product_reference": "SERVDOLIA60",
    "product_quantity": "3",
    "product_quantity_refunded": 1,
    "product_quantity_return": "",
    "unit_price_tax_incl": "100.000000",
    "total_refunded_tax_incl": "0.000000",
}


def a_slip(units, money, line=39):
    detail = {"id": 5, "id_order_detail": line, "product_quantity": units, "amount_tax_incl": money}
    return wire.slip({"id": 5, "id_order": 33, "associations": {"order_slip_details": [detail]}})


@pytest.mark.parametrize(
    ("refunded", "returned", "money", "slips", "taken_back", "goodwill"),
    [
        pytest.param(0, 0, "0", [], 0, False, id="nothing"),
        pytest.param(1, 0, "100", [(1, "100")], 1, False, id="both count the same unit"),
        pytest.param(2, 0, "200", [], 2, False, id="voucher"),
        pytest.param(0, 0, "0", [(2, "200")], 2, False, id="slip of another program"),
        pytest.param(1, 1, "200", [(1, "100")], 2, False, id="refunded and returned"),
        pytest.param(1, 0, "100", [(1, "100"), (2, "200")], 3, False, id="slips say more"),
        pytest.param(1, 0, "20", [(1, "20")], 1, True, id="goodwill"),
        pytest.param(1, 0, "24.2", [(1, "20")], 1, True, id="goodwill, tax added twice"),
        pytest.param(0, 0, "0", [(1, "20")], 1, True, id="goodwill by another program"),
        pytest.param(0, 1, "0", [], 1, False, id="returned, money not yet back"),
        pytest.param(1, 0, "50", [], 1, False, id="half the price"),
        pytest.param(9, 0, "900", [], 9, False, id="more than was bought is passed on as it is"),
    ],
)
def test_what_was_taken_back_of_a_line(refunded, returned, money, slips, taken_back, goodwill):
    row = {
        **LINE,
        "product_quantity_refunded": refunded,
        "product_quantity_return": returned,
        "total_refunded_tax_incl": money,
    }
    made = wire.order_line(wire.line(row), [a_slip(units, amount) for units, amount in slips])
    assert (made.taken_back, made.goodwill, made.quantity) == (taken_back, goodwill, 3)


def test_a_slip_of_another_line_takes_nothing_back():
    assert wire.order_line(wire.line(LINE), [a_slip(1, "100", line=5)]).taken_back == 1


def test_a_slip_may_have_no_lines():
    assert wire.slip({"id": "9", "id_order": "56"}).units == {}


@pytest.mark.parametrize("name", ["Pago aceptado", [{"id": "2", "value": "Pago aceptado"}, {"id": "3", "value": "x"}]])
@pytest.mark.parametrize("flag", [1, "1"])
def test_states_with_plain_and_translated_names(name, flag):
    state = wire.state({"id": 2, "name": name, "paid": flag, "logable": "0", "deleted": "0"})
    assert (state.name, state.flags, state.deleted) == ("Pago aceptado", {"paid"}, False)


def test_a_cursor_survives_its_text():
    position = Position("2026-12-01 12:00:00", 41, (40, 41), {"7": "abc"}, ("9",))
    assert decode(encode(position)) == position
    assert position.window["filter[date_upd]"] == ">[2026-12-01 10:00:00]"
    assert position.slips_after == 21
    assert Position().window == {}


def test_marks_are_kept_of_the_coming_window_and_no_more():
    updated = "2026-12-01 12:00:00"
    seen = {"1": ("2026-12-01 10:00:00", "old"), "2": ("2026-12-01 10:00:01", "new")}
    assert marks_of(seen, updated) == {"2": "new"}
    many = {str(number): (updated, "same") for number in range(MARKS + 50)}
    assert len(marks_of(many, updated)) == MARKS
    assert marks_of(seen, "") == {}
