import itertools
import random
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bytebridge.domain.entry import Entry, EntryKind
from bytebridge.reports.fold import overview
from bytebridge.reports.health import SourceHealth, State, state_of
from bytebridge.reports.overview import Firm, ReviewItem

DAY = 86_400
NOW = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp())
NOBODY = Firm({})
PRICES = {"P60": Decimal("72.60"), "P120": Decimal("132.00")}

numbers = itertools.count(1)


def entry(document, kind, credits, days_ago, why=None, revision=1):
    number, when = next(numbers), NOW - days_ago * DAY
    return Entry(number, 1, number, document, revision, EntryKind(kind), credits, 0, 0, when, when, 1, why or {}, "")


def bought(number, days_ago, units=1, reference="P120", credits=120, back=0):
    line = {"reference": reference, "units": units, "taken_back": back, "credits": credits}
    return entry(f"shop:{number}", "grant", credits * units, days_ago, {"rule": "packs", "lines": [line]})


def worked(number, days_ago, credits, minutes=16, minimum=15):
    why = {"rule": "blocks", "kind": "consultation", "minutes": minutes, "block": 15, "minimum": minimum}
    return entry(f"helpdesk:{number}", "debit", -credits, days_ago, why)


def report(entries, firm=NOBODY):
    pairs = [(1, one) for one in entries]
    return overview(pairs, firm, lambda reference, _: PRICES.get(reference), NOW, "UTC")


def by_age(found):
    return {age.from_days: (age.credits, age.value, age.unpriced) for age in found.ages if age.credits}


def test_oldest_purchases_are_used_first():
    found = report([bought(1, 800), bought(2, 200), bought(3, 10), worked(1, 5, 150)])
    assert by_age(found) == {180: (90, Decimal("99.00"), 0), 0: (120, Decimal("132.00"), 0)}
    assert (found.outstanding, found.value) == (210, Decimal("231.00"))


def test_debt_is_covered_by_what_is_bought_next():
    found = report([worked(1, 300, 150), bought(1, 20, units=2)])
    assert by_age(found) == {0: (90, Decimal("99.00"), 0)}


def test_purchase_taken_back_is_not_outstanding():
    first = bought(1, 100, units=2)
    line = {"reference": "P120", "units": 2, "taken_back": 1, "credits": 120}
    back = entry("shop:1", "refund", -120, 50, {"rule": "packs", "lines": [line]}, revision=2)
    found = report([first, back, bought(2, 40, reference="P60", credits=60)])
    assert by_age(found) == {90: (120, Decimal("132.00"), 0), 0: (60, Decimal("72.60"), 0)}
    assert sum(month.taken_back for month in found.months) == 120


def test_credit_note_takes_from_its_own_invoice():
    line = {"reference": "P120", "units": 1, "taken_back": 0, "credits": 120}
    old = entry("erp:41", "grant", 120, 800, {"rule": "packs", "lines": [line]})
    new = entry("erp:42", "grant", 120, 10, {"rule": "packs", "lines": [line]})
    note = entry(
        "erp:43", "refund", -120, 5, {"rule": "credit_note", "lines": [line], "source": 42, "claim": 120, "left": 120}
    )
    assert by_age(report([old, new, note])) == {730: (120, Decimal("132.00"), 0)}


def test_value_is_that_of_the_packs_that_were_kept():
    lines = [
        {"reference": "P60", "units": 2, "taken_back": 2, "credits": 60},
        {"reference": "P120", "units": 1, "taken_back": 0, "credits": 120},
    ]
    kept = entry("shop:1", "grant", 120, 30, {"rule": "packs", "lines": lines})
    assert by_age(report([kept])) == {0: (120, Decimal("132.00"), 0)}


def test_purchase_that_moved_to_another_account_is_sold_once():
    moved = entry("shop:1", "refund", -120, 40, {"rule": "void", "why": "moved", "to": 2}, revision=2)
    again = entry("shop:1", "grant", 120, 40, bought(1, 90).derivation, revision=2)
    found = overview([(1, bought(1, 90)), (1, moved), (2, again)], NOBODY, lambda *_: None, NOW, "UTC")
    assert sum(month.sold for month in found.months) == 120
    assert sum(month.taken_back for month in found.months) == 0
    assert found.months[-1].balance == 120


@pytest.mark.parametrize(
    "one",
    [
        entry("opening:a", "opening", 50, 30, {"rule": "opening", "credits": 50}),
        entry("adjustment:1", "adjustment", 50, 30, {"rule": "adjustment", "credits": 50}),
        bought(9, 30, reference="UNKNOWN", credits=50),
    ],
    ids=["opening", "gesture", "pack without a price"],
)
def test_credits_without_a_price_are_told_apart(one):
    found = report([one, bought(2, 10)])
    assert by_age(found) == {0: (170, Decimal("132.00"), 50)}


def test_balance_below_zero_is_owed_and_not_set_against_others():
    pairs = [(1, bought(1, 10)), (2, worked(2, 5, 45))]
    found = overview(pairs, NOBODY, lambda *_: None, NOW, "UTC")
    assert (found.outstanding, found.owed) == (120, 45)
    assert [one.account for one in found.negative()] == [2]


def test_months_have_no_gaps_and_go_on_to_the_present_one():
    found = report([bought(1, 120, units=2), worked(1, 61, 30), entry("adjustment:1", "adjustment", 5, 1)])
    assert [month.month for month in found.months] == ["2025-12", "2026-01", "2026-02", "2026-03", "2026-04"]
    assert [(month.sold, month.used, month.other, month.balance) for month in found.months] == [
        (240, 0, 0, 240),
        (0, 30, 0, 210),
        (0, 0, 0, 210),
        (0, 0, 5, 215),
        (0, 0, 0, 215),
    ]


def test_month_is_that_of_the_firms_zone():
    new_year = int(datetime(2025, 12, 31, 23, 30, tzinfo=UTC).timestamp())
    one = bought(1, (NOW - new_year) / DAY)
    found = overview([(1, one)], NOBODY, lambda *_: None, NOW, "Europe/Madrid")
    assert [month.month for month in found.months if month.sold] == ["2026-01"]


def test_correction_counts_with_its_ticket():
    why = {"rule": "blocks", "kind": "intervention", "minutes": 61, "block": 15, "minimum": 45}
    charged = [worked(1, 9, 15, minutes=5), entry("helpdesk:1", "correction", -60, 8, why, revision=2)]
    (work,) = report(charged).works
    assert (work.kind, work.tickets, work.credits, work.minutes) == ("intervention", 1, 75, 61)


def test_share_at_the_minimum_and_tickets_without_minutes():
    noted = entry("helpdesk:4", "debit", -90, 3, {"rule": "noted", "kind": "quote", "noted": 90, "minutes": None})
    waiting = ReviewItem(1, "ticket X", "minutes are missing", -15, "waiting", NOW, lacks_minutes=True)
    found = report(
        [worked(1, 9, 15, minutes=15), worked(2, 8, 30), worked(3, 7, 45, 10, 45), noted],
        Firm({}, (waiting,)),
    )
    assert (found.tickets, found.at_minimum, found.without_minutes) == (4, 2, 2)


def test_voided_ticket_is_no_work():
    void = entry("helpdesk:1", "correction", 30, 2, {"rule": "void", "why": "spam"}, revision=2)
    assert report([worked(1, 9, 30), void]).works == ()


def test_who_runs_out_first_stands_in_front():
    def account(root, used):
        yield root, bought(root, 170, units=10)
        for number in range(6):
            yield root, worked(f"{root}-{number}", 160 - number * 30, used)

    pairs = [pair for root, used in ((1, 30), (2, 150), (3, 90)) for pair in account(root, used)]
    found = overview([*pairs, (4, bought(4, 500))], NOBODY, lambda *_: None, NOW, "UTC")
    assert [one.account for one in found.running_out()] == [2, 3, 1]
    assert [one.account for one in found.dormant()] == [4]


def test_merged_accounts_are_one_and_order_within_it_is_free():
    moved = {"rule": "void", "why": "moved", "to": 1}
    why = bought(1, 90).derivation
    entries = [
        bought(1, 90),
        entry("shop:1", "refund", -120, 40, moved, revision=2),
        entry("shop:1", "grant", 120, 40, why, revision=2),
        worked(1, 30, 45),
    ]
    expected = report(entries)
    for seed in range(20):
        shuffled = random.Random(seed).sample(entries, len(entries))
        assert by_age(report(shuffled)) == by_age(expected) == {90: (75, Decimal("82.50"), 0)}


def test_nothing_at_all():
    found = report([])
    assert (found.outstanding, found.owed, found.value, found.months, found.standings) == (0, 0, 0, (), ())


def test_only_the_account_at_hand_is_held():
    def stream():
        for root in range(400):
            yield root, bought(root, 100, units=9)
            for number in range(50):
                yield root, worked(f"{root}-{number}", 90 - number, 15, minutes=3)

    tracemalloc.start()
    try:
        found = overview(stream(), NOBODY, lambda *_: None, NOW, "UTC")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.tickets == 20_000
    assert peak < 2_000_000  # bytes; the entries themselves are some twelve million


@pytest.mark.parametrize(
    ("health", "state"),
    [
        (SourceHealth("shop", NOW, 60, 300), State.WELL),
        (SourceHealth("shop", NOW, 60, 300, "shop: status 503"), State.DOUBTFUL),
        (SourceHealth("shop", NOW, 901, 300), State.WRONG),
        (SourceHealth("shop", None, 1, 300), State.WRONG),
    ],
)
def test_state_of_a_source(health, state):
    assert state_of(health) == state


def test_work_that_a_clock_ahead_of_ours_dates_tomorrow_leaves_no_account_idle_for_less_than_nothing():
    assert report([bought(1, 10), worked(1, -1, 15)]).standings[0].idle_days == 0
