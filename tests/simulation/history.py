"""Histories drawn from a seed: epochs of busy hours in bad weather, a quiet point after each, days in between."""

import random

from simulation.people import DAY, PEOPLE, Step

ADMINISTRATORS = {"adjust": 4, "merge_accounts": 2, "split_account": 2, "add_address": 2}
EPOCHS = (3, 4)
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
    return {
        "shop_version": chance.choice(("9.1.4", "8.2.4")),
        "reply_as": chance.choice(REPLIES),
        "customers": chance.choice((2, 3, 4)),
        "desk": desk,
    }


def history(seed):
    """Steps of one firm's months."""
    chance = random.Random(seed)
    steps = [_act(chance, 3600) for _ in range(chance.randint(0, 6))]
    steps.append(_step(chance, "live", 60))
    for _ in range(chance.choice(EPOCHS)):
        for _ in range(chance.randint(3, 6)):
            steps += [_act(chance, chance.choice((1, 20, 300))) for _ in range(chance.randint(0, 4))]
            steps.append(_pass(chance))
        steps.append(_step(chance, "quiet", chance.choice((1, 3, 9, 40, 80)) * DAY))
        steps += [_administer(chance) for _ in range(chance.choice((0, 0, 1, 2)))]
    return steps


def _step(chance, verb, seconds):
    return Step(verb, chance.randrange(1000), chance.randrange(1000), chance.randrange(1000), seconds)


def _act(chance, seconds):
    verbs = list(PEOPLE)
    return _step(chance, chance.choices(verbs, PEOPLE.values())[0].__name__, seconds)


def _pass(chance):
    verb = chance.choices(("poll", "busy_poll", "night"), (8, 1, 1))[0]
    rate = chance.choice((0, 20, 60, 150)) if verb != "busy_poll" else chance.randrange(1000)
    dies = chance.randint(1, 30) if chance.random() < 0.5 or verb == "busy_poll" else 0
    return Step(verb, chance.randrange(1000), rate, dies, chance.choice((30, 60, 300, 900)))


def _administer(chance):
    return _step(chance, chance.choices(list(ADMINISTRATORS), ADMINISTRATORS.values())[0], 60)
