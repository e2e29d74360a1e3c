"""Fixed histories: each once showed a mistake, or is the shortest in which a certain mistake would show."""

from simulation.people import DAY, Step

LIVE = Step("live", 0, 0, 0)
POLL = Step("poll", 3, 0, 0)  # all jobs, no faults
READ = Step("poll", 2, 0, 0)
AT_ONCE = Step("poll", 3, 0, 0, 0)  # all jobs, and what comes next happens in the same second

STORIES = {
    "a credit note after going live, of an invoice from before": (
        Step("sell", 0, 1, 0), LIVE, READ, Step("credit_note", 0, 0, 1), READ,
    ),
    "a module, and support for it": (
        LIVE, Step("buy", 0, 0, 4), READ, Step("ask", 0, 1, 0), Step("resolve", 0, 6, 1), READ,
    ),
    "support for a module that nobody bought": (LIVE, Step("ask", 0, 1, 0), Step("resolve", 0, 6, 1), READ),
    "a module bought after its support was read, and given back": (
        LIVE, Step("ask", 0, 1, 0), Step("resolve", 0, 6, 1), READ, Step("buy", 0, 0, 4), READ, Step("quiet", 0, 0, 0),
        Step("refund", 0, 0, 1), READ,
    ),
    "support after the module's year": (
        LIVE, Step("buy", 0, 0, 4, 400 * DAY), Step("ask", 0, 1, 0), Step("resolve", 0, 6, 1), READ,
    ),
    "refunds of each kind": (
        LIVE, Step("buy", 0, 0, 2), Step("buy", 0, 1, 2), Step("buy", 0, 2, 2), READ, Step("refund", 0, 1, 0),
        Step("refund", 1, 4, 0), Step("refund", 2, 0, 0), READ, Step("buy", 0, 0, 2), READ, Step("refund", 3, 2, 0), READ,
    ),
    "orders in the second of the last poll": (
        LIVE, Step("buy", 0, 0, 0, 0), AT_ONCE, Step("buy", 1, 0, 0, 0), READ,
    ),
    "passes that die sooner or later, an order before each": (
        LIVE, Step("buy", 0, 0, 0), READ, *(step for n in range(2, 34) for step in (Step("buy", n, 0, 2), READ._replace(c=n))),
    ),
    "low, bought, and low again": (
        LIVE, *2 * (Step("buy", 0, 0, 3), READ, Step("ask", 0, 1, 0), Step("resolve", 0, 0, 4), READ, Step("quiet", 0, 0, 0)),
    ),
    "two customers merged": (
        LIVE, Step("buy", 0, 0, 2), Step("buy", 3, 1, 2), READ, Step("merge_accounts", 0, 3, 0), READ, Step("buy", 3, 0, 2), READ,
    ),
    "spam, and housekeeping long after": (
        LIVE, Step("buy", 0, 0, 0), Step("ask", 0, 1, 0), Step("resolve", 0, 0, 1), READ,
        Step("ask", 0, 1, 0), Step("resolve", 0, 0, 2), READ, Step("bury", 1, 1, 0), READ,
        Step("quiet", 0, 0, 0, 90 * DAY), Step("bury", 0, 0, 0), READ,
    ),
}  # fmt: skip
