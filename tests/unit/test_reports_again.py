"""Each figure of the firm's report, computed a second time by other means from random histories.

Credits are counted here one by one, each with the purchase it came from; documents are kept as what they say now.
"""

import json
import random
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

import pytest

from bytebridge.domain.entry import Entry, EntryKind
from bytebridge.reports import overview_page
from bytebridge.reports.fold import overview
from bytebridge.reports.health import SourceHealth
from bytebridge.reports.overview import Firm, NoticeCount, ReviewItem

ZONE = "Europe/Madrid"
NOW = int(datetime(2026, 4, 1, 0, 30, tzinfo=ZoneInfo(ZONE)).timestamp())  # still March in UTC
DAY = 86_400
OLD, NEW = Decimal("60.00"), Decimal("72.60")  # of a P60, before and since 2025
CHANGED = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
MINIMUM = {"consultation": 15, "intervention": 45}


def price(reference, at):
    if reference == "P60":
        return OLD if at < CHANGED else NEW
    return Decimal("145.20") if reference == "P120" else None


class History:
    """Books a random history and keeps, apart from it, what every document says now."""

    def __init__(self, seed):
        self.random, self.entries, self.moves = random.Random(seed), [], []
        self.bought = {}  # (root, key) -> [when, reference, credits of a unit, units, units given back]
        self.notes = {}  # key -> (root, source key, credits)
        self.tickets = {}  # key -> [root, first charged, kind, cost, minutes, at the minimum, without minutes]
        self.gifts = []  # (root, when, credits)
        self.balance = {}
        for root in range(1, 9):
            for _ in range(self.random.randrange(0, 40)):
                self.step(root)
        self.merged = {root: root for root in range(1, 9)} | {8: 7}

    def post(self, root, key, kind, credits, when, why, column):
        revision = 1 + sum(entry.document == key for _, entry in self.entries)
        number = len(self.entries) + 1
        one = Entry(number, root, number, key, revision, EntryKind(kind), credits, 0, 0, when, when, 1, why, "")
        self.entries.append((root, one))
        self.moves.append((when, column, credits))
        self.balance[root] = self.balance.get(root, 0) + credits

    def step(self, root):
        when = NOW - self.random.randrange(1, 1000 * DAY)
        number = len(self.entries) + 1
        deed = self.random.choice(["buy", "buy", "work", "work", "work", "work", "note", "back", "again", "gift"])
        getattr(self, deed)(root, when, number)

    def packs(self, reference, each, units, back):
        line = {"reference": reference, "units": units, "taken_back": back, "credits": each}
        return {"rule": "packs", "lines": [line]}

    def buy(self, root, when, number):
        reference, each = self.random.choice([("P60", 60), ("P120", 120), ("GONE90", 90)])
        units = self.random.randrange(1, 4)
        key = self.random.choice([f"shop:{number}", f"erp:{number}"])
        self.bought[root, key] = [when, reference, each, units, 0]
        self.post(root, key, "grant", each * units, when, self.packs(reference, each, units, 0), "sold")

    def mine(self, root, found):
        return self.random.choice(found) if (found := sorted(found)) else None

    def back(self, root, when, _number):
        key = self.mine(root, [key for owner, key in self.bought if owner == root and key.startswith("shop")])
        if key is None or self.bought[root, key][3] == self.bought[root, key][4]:
            return
        self.bought[root, key][4] += 1
        bought, reference, each, units, back = self.bought[root, key]
        self.post(root, key, "refund", -each, max(when, bought), self.packs(reference, each, units, back), "taken_back")

    def note(self, root, when, number):
        noted = {source for _, source, _ in self.notes.values()}
        free = [key for owner, key in self.bought if owner == root and key.startswith("erp") and key not in noted]
        key = self.mine(root, free)
        if key is None:
            return
        bought, reference, each, units, _ = self.bought[root, key]
        line = {"reference": reference, "units": 1, "taken_back": 0, "credits": each}
        why = {"rule": "credit_note", "lines": [line], "source": int(key[4:]), "claim": each, "left": each * units}
        self.notes[f"erp:{number}"] = (root, key, each)
        self.post(root, f"erp:{number}", "refund", -each, max(when, bought), why, "taken_back")

    def priced(self):
        """(why, kind, cost, minutes, at the minimum, without minutes) of some ticket."""
        if self.random.random() < 0.25:
            noted = self.random.choice([0, 30, 200])
            minutes = self.random.choice([None, 50])
            why = {"rule": "noted", "kind": "quote", "noted": noted, "minutes": minutes}
            return why, "quote", noted, minutes, False, minutes is None
        kind = self.random.choice(sorted(MINIMUM))
        minutes = self.random.randrange(1, 100)
        cost = MINIMUM[kind]
        while cost < minutes:
            cost += 15
        why = {"rule": "blocks", "kind": kind, "minutes": minutes, "block": 15, "minimum": MINIMUM[kind]}
        return why, kind, cost, minutes, minutes <= MINIMUM[kind], False

    def work(self, root, when, number):
        why, kind, cost, minutes, least, without = self.priced()
        key = f"helpdesk:{number}"
        self.tickets[key] = [root, when, kind, cost, minutes, least, without]
        self.post(root, key, "debit", -cost, when, why, "used")

    def again(self, root, when, _number):
        key = self.mine(root, [key for key, ticket in self.tickets.items() if ticket[0] == root])
        if key is None:
            return
        before = self.tickets[key]
        why, kind, cost, minutes, least, without = self.priced()
        self.tickets[key] = [root, before[1], kind, cost, minutes, least, without]
        self.post(root, key, "correction", before[3] - cost, max(when, before[1]), why, "used")

    def gift(self, root, when, number):
        credits = self.random.choice([-20, 10, 75])
        self.gifts.append((root, when, credits))
        why = {"rule": "adjustment", "credits": credits, "reason": "", "by": "root"}
        self.post(root, f"adjustment:{number}", "adjustment", credits, when, why, "other")

    def roots(self):
        return sorted({self.merged[root] for root, _ in self.entries})

    def stream(self):
        """As the ledger gives it: one root after the other, the entries of a merged account under the kept one."""
        return sorted(((self.merged[root], entry) for root, entry in self.entries), key=lambda pair: pair[0])

    def credits_left(self, root):
        """Every credit not used yet, as (bought when, reference or "", its share of the price or None)."""
        purse = []
        for (owner, key), (when, reference, each, units, back) in self.bought.items():
            if self.merged[owner] != root:
                continue
            credits = each * (units - back) - sum(taken for _, source, taken in self.notes.values() if source == key)
            cost = price(reference, when)
            purse += [(when, key, None if cost is None else cost / each)] * credits
        for number, (owner, when, credits) in enumerate(self.gifts):
            if self.merged[owner] == root:
                purse += [(when, f"adjustment:{number}", None)] * max(0, credits)
        purse.sort(key=lambda credit: credit[:2])
        balance = sum(self.balance.get(owner, 0) for owner, kept in self.merged.items() if kept == root)
        return purse[len(purse) - balance :] if balance > 0 else []


REVIEWS = (
    ReviewItem(1, "ticket A", "resolved without minutes", -15, "waiting", NOW - DAY, lacks_minutes=True),
    ReviewItem(2, "order 9", "in a state nobody knows", 120, "waiting", NOW - DAY),
    ReviewItem(3, "order 8", "a goodwill refund", -60, "flagged", NOW - DAY),
    ReviewItem(4, "order 7", "a fraction of a pack", None, "waiting", NOW - DAY),
)
FIRM = Firm(
    {1: "Ana"},
    REVIEWS,
    (NoticeCount("balance", 12, 3, 4),),
    (SourceHealth("shop", NOW - 60, 60, 300), SourceHealth("erp", None, 9000, 300, "erp: no answer")),
)


@pytest.mark.parametrize("seed", range(40))
def test_every_figure_comes_out_the_same(seed):
    history = History(seed)
    found = json.loads(overview_page.as_json(overview(history.stream(), FIRM, price, NOW, ZONE)))
    left = {root: history.credits_left(root) for root in history.roots()}
    balances = {
        root: sum(history.balance.get(one, 0) for one, kept in history.merged.items() if kept == root) for root in left
    }
    assert found["accounts"] == len(left)
    assert found["outstanding"] == sum(balance for balance in balances.values() if balance > 0)
    assert found["owed"] == -sum(balance for balance in balances.values() if balance < 0)
    assert found["negative"] == sorted((root for root in left if balances[root] < 0), key=lambda r: (balances[r],))
    check_months(found, history)
    check_ages(found, [credit for some in left.values() for credit in some])
    check_work(found, history)
    check_standings(found, history, balances)
    assert found["notices"] == {"balance": {"sent": 12, "failed": 3, "waiting": 4}}
    assert [(source["source"], source["state"]) for source in found["sources"]] == [("shop", "well"), ("erp", "wrong")]
    assert [item["cost"] for item in found["review"]] == [-15, 120, -60, None]
    assert "+105" in found["definitions"]["reviews"]  # what waits, flagged and unknown ones left out


def check_months(found, history):
    shown = {}
    for when, column, credits in history.moves:
        month = datetime.fromtimestamp(when, ZoneInfo(ZONE)).strftime("%Y-%m")
        sums = shown.setdefault(month, {"sold": 0, "used": 0, "taken_back": 0, "other": 0})
        sums[column] += credits if column in ("sold", "other") else -credits
    assert found["months"][-1]["month"] == "2026-04"
    balance = 0
    for month in found["months"]:
        sums = shown.pop(month["month"], {"sold": 0, "used": 0, "taken_back": 0, "other": 0})
        balance += sums["sold"] + sums["other"] - sums["used"] - sums["taken_back"]
        assert month == {"month": month["month"], **sums, "balance": balance}
    assert shown == {}
    assert balance == found["outstanding"] - found["owed"]


def check_ages(found, credits):
    total = Decimal(0)
    for band in found["by_age"]:
        top = band["to_days"] if band["to_days"] is not None else 10_000
        inside = [credit for credit in credits if band["from_days"] * DAY <= NOW - credit[0] < top * DAY]
        priced = [share for *_, share in inside if share is not None]
        worth = sum(priced, Decimal(0)).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        assert (band["credits"], band["unpriced"]) == (len(inside), len(inside) - len(priced))
        assert abs(Decimal(band["value"]) - worth) <= Decimal("0.01")  # thirds of a cent are rounded once, not each
        total += Decimal(band["value"])
    assert sum(band["credits"] for band in found["by_age"]) == found["outstanding"] == len(credits)
    assert Decimal(found["value"]) == total


def check_work(found, history):
    tickets = history.tickets.values()
    assert found["tickets"] == {
        "charged": sum(cost > 0 for _, _, _, cost, *_ in tickets),
        "at_minimum": sum(least for *_, least, _ in tickets),
        "without_minutes": sum(without for *_, without in tickets) + 1,  # and the one that waits for them
    }
    by_kind = {work["kind"]: (work["tickets"], work["credits"], work["minutes"]) for work in found["by_kind"]}
    kinds = {kind for _, _, kind, *_ in tickets}
    assert by_kind == {
        kind: (
            sum(one[2] == kind for one in tickets),
            sum(one[3] for one in tickets if one[2] == kind),
            sum(one[4] or 0 for one in tickets if one[2] == kind),
        )
        for kind in kinds
    }


def check_standings(found, history, balances):
    assert {one["account"]: one["balance"] for one in found["by_days_left"]} == balances
    lasts = [one["lasts_days"] for one in found["by_days_left"]]
    known = [one for one in lasts if one is not None]
    assert lasts == sorted(known) + [None] * (len(lasts) - len(known))
    idle = {}
    for root in balances:
        mine = [one for one in history.tickets.values() if history.merged[one[0]] == root and one[3] > 0]
        every = [entry.happened for owner, entry in history.entries if history.merged[owner] == root]
        idle[root] = (NOW - (max(one[1] for one in mine) if mine else min(every))) // DAY
    assert {one["account"]: one["idle_days"] for one in found["by_days_left"]} == idle
    assert sorted(found["dormant"]) == [root for root in balances if balances[root] > 0 and idle[root] >= 365]
