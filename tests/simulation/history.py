"""Histories drawn from a seed: epochs of busy hours in bad weather, a quiet point after each, days in between."""

import random

from simulation.people import DAY, PEOPLE, Step
from simulation.world import BEGIN, NIGHTS

ADMINISTRATORS = {"adjust": 4, "merge_accounts": 2, "split_account": 2, "add_address": 2}
EPOCHS = (1, 1, 1, 1, 2, 3)  # many short histories, some long ones
# one day in which everything happens once: it is played again and again, dying at another boundary each time
FIXED = (
    Step("live", 0, 0, 0, 60),
    Step("buy", 0, 0, 0, 20),
    Step("sell", 1, 1, 0, 20),
    Step("ask", 0, 1, 0, 20),
    Step("ask", 5, 1, 0, 20),
    Step("poll", 3, 0, 0, 60),
    Step("resolve", 0, 0, 3, 20),
    Step("refund", 0, 0, 0, 20),
    Step("poll", 5, 0, 0, 60),
    Step("correct", 0, 5, 0, 20),
    Step("resolve", 0, 2, 6, 20),
    Step("night", 1, 0, 0, 60),
    Step("buy", 3, 0, 2, 20),
    Step("buy", 4, 1, 2, 20),
    Step("ask_statement", 0, 0, 0, 20),
    Step("poll", 2, 0, 0, 60),
    Step("cancel", 1, 0, 0, 20),
    Step("credit_note", 0, 0, 1, 20),
    Step("reopen", 0, 0, 0, 20),
    Step("adjust", 3, 30, 0, 20),
    Step("poll", 5, 0, 0, 60),
    Step("quiet", 0, 0, 0, 60),  # whoever looks after accounts were merged looks less closely
    Step("merge_accounts", 0, 3, 0, 20),
    Step("poll", 2, 0, 0, 60),
)
FIXED_SWITCHES = {"customers": 2, "desk": {"reply_assigns": True}}
SMALL_PAGES = 0.33  # of the firms: a page of two or three costs many requests
ENDING_DAYS = 330  # a year's end is told so long before, for few histories last a year
REPLIES = ("reply", "reply", "reply", "note", "email")


def switches(seed):
    """How this firm's systems behave, where releases and installations differ."""
    chance = random.Random(f"switches {seed}")
    desk = {
        "index_delay": chance.choice((0, 0, 5, 50)),
        "reply_status": chance.choice(("A", "A", None)),
        "put_fields": chance.choice(("replace", "upsert")),
        "reply_assigns": chance.random() < 0.2,
        "v1_error_status": chance.choice((200, 400)),
    }
    begins = chance.choice((BEGIN, BEGIN, BEGIN, *NIGHTS))
    firm = {
        "begins": begins,
        "changes_at": begins + chance.randint(1, 60) * DAY // 2 if chance.random() < 0.3 else None,
        "skew": tuple(chance.choice((0, 0, -75, 40, 90)) for _ in range(3)),
        "shop_version": chance.choice(("9.1.4", "8.2.4")),
        "reply_as": chance.choice(REPLIES),
        "customers": chance.choice((2, 3, 4)),
        "desk": desk,
        "draws": seed % 16 == 0,
    }
    small = chance.random() < SMALL_PAGES
    firm["pages"] = tuple(chance.choice((2, 3, 7)) for _ in range(3)) if small else (100, 100, 100)
    firm["shifts"] = chance.random() < 0.5
    desk["per_page_cap"] = chance.choice((500, 500, 500, 500, 2, 5, 20))
    desk["history_delay"] = chance.choice((0, 0, 0, 5, 50))
    desk["sort_ignored"] = chance.random() < 0.05
    firm["staff"] = chance.random() < 0.5
    firm["ending_days"] = chance.choice((0, ENDING_DAYS))
    return firm


def history(seed, epochs=EPOCHS):
    """Steps of one firm's months. epochs: how many stretches of work there may be."""
    chance = random.Random(seed)
    steps = [_act(chance, 3600) for _ in range(chance.randint(0, 10))]
    steps.append(_step(chance, "live", 60))
    for _ in range(chance.choice(epochs)):
        for _ in range(chance.randint(3, 5)):
            steps += [_act(chance, chance.choice((1, 20, 300))) for _ in range(chance.randint(1, 7))]
            steps.append(_pass(chance))
        steps.append(_step(chance, "quiet", chance.choice((1, 3, 9, 40, 80, 200)) * DAY))
        steps += [_administer(chance) for _ in range(chance.choice((0, 0, 1, 2)))]
    return steps


def _step(chance, verb, seconds):
    return Step(verb, chance.randrange(1000), chance.randrange(1000), chance.randrange(1000), seconds)


def _act(chance, seconds):
    verbs = list(PEOPLE)
    return _step(chance, chance.choices(verbs, PEOPLE.values())[0].__name__, seconds)


def _pass(chance):
    verb = chance.choices(("poll", "busy_poll", "administer", "night", "lose_right"), (8, 1, 1, 1, 1))[0]
    busy = verb in ("busy_poll", "administer")
    rate = chance.randrange(1000) if busy else chance.choice((0, 40, 100, 200))
    dies = chance.randint(1, 30) if chance.random() < 0.5 or busy else 0
    return Step(verb, chance.randrange(1000), rate, dies, chance.choice((30, 60, 300, 900)))


def _administer(chance):
    return _step(chance, chance.choices(list(ADMINISTRATORS), ADMINISTRATORS.values())[0], 60)
