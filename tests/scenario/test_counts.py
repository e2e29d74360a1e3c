"""What a pass costs the help desk, counted in requests; and what a ticket that loses its tag costs the customer."""

import pytest

from bytebridge import service
from bytebridge.domain.model import Source

ANA = "ana@example.com"
TICKETS = "/api/v3/tickets"


def costs(world):
    """Lists, and tickets asked for by id, since the last time."""
    asked = [request.path for request in world.desk.requests if request.method == "GET"]
    world.desk.requests.clear()
    lists = asked.count(TICKETS)
    single = [
        path
        for path in asked
        if path.startswith(f"{TICKETS}/") and path.removeprefix(f"{TICKETS}/") in world.desk.tickets
    ]
    return lists, len(single)


def read(world):
    """One pass over the desk without the letters, which look at their tickets, too."""
    world.clock.tick(60)
    return service.one_pass(world.context(), [Source.HELPDESK], deliver=False).results[Source.HELPDESK]


def quiet(world, minutes=30):
    for _ in range(minutes):
        world.clock.tick(60)
        world.poll(Source.HELPDESK)


def test_going_live_asks_for_no_single_ticket(open_world):
    world = open_world()
    for number in range(130):
        ticket = world.asks(f"c{number}@example.com")
        world.clock.tick(60)
        world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.desk.requests.clear()
    assert read(world).posted == 130
    lists, single = costs(world)
    assert single == 0
    assert lists <= 2 + 4 + 3  # where it begins, the pages and an empty one, and what lists may leave out


@pytest.mark.parametrize(("before", "changed", "most"), [(0, 150, 2), (0, 100, 1), (80, 100, 1), (120, 200, 2)])
def test_a_poll_costs_a_page_a_hundred_and_one_confirmation_for_each_ticket_that_moves(world, before, changed, most):
    """before: other tickets changed in the last minutes, which the overlap shows again."""
    world.asks(ANA)  # a desk has older tickets: without one below, the end of the list would be looked for
    world.clock.tick(3600)
    tickets = [world.asks(f"c{number}@example.com") for number in range(before + changed)]
    world.clock.tick(3600)
    world.poll()
    quiet(world)
    for ticket in tickets[changed:]:
        world.desk.add_note(ticket, "visto")
    read(world)
    for ticket in tickets[:changed]:
        world.desk.add_note(ticket, "visto")
    for ticket in tickets[:40]:
        world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.desk.requests.clear()
    assert read(world).posted == 40
    lists, single = costs(world)
    assert single == 40
    assert lists <= most


def test_what_the_list_told_in_the_same_poll_is_not_asked_for_again_by_the_second_witness(world):
    for number in range(130):
        ticket = world.asks(f"c{number}@example.com")
        world.clock.tick(60)
        world.desk.resolve(ticket, kind="consulta", minutes=10)
    world.desk.requests.clear()
    assert read(world).posted == 130
    assert [request for request in world.desk.requests if request.path == f"{TICKETS}/history"]
    assert costs(world)[1] == 130


def test_a_charged_ticket_that_loses_its_tag_for_a_while_keeps_its_charge(world):
    world.buys(ANA, SERVDOLIA60=1)
    ticket = world.asks(ANA, tags=["consulta"])
    world.desk.resolve(ticket, minutes=10)
    world.poll()
    assert world.balances() == {ANA: 45}
    tags = world.desk.tickets[ticket].fields["tags"]
    world.desk.change(world.desk.ticket(ticket), tags=[])
    world.clock.tick(60)
    world.poll()
    assert world.balances() == {ANA: 45}
    assert world.reviews("waiting") != set()
    world.desk.change(world.desk.ticket(ticket), tags=tags)
    world.clock.tick(60)
    world.poll()
    assert (world.balances(), world.reviews("waiting")) == ({ANA: 45}, set())
