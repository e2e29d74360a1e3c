"""A first load, whose next page is fetched while this one is booked."""

from dataclasses import replace
from threading import Event

from bytebridge import service
from bytebridge.domain.model import Source
from bytebridge.jobs import poll as polling
from bytebridge.ledger import runs
from bytebridge.shop import connector as shop

PAGE = 2
PATIENCE_S = 30


def loading(world, orders):
    """A firm with orders, whose shop is read two at a time; never polled."""
    for number in range(orders):
        world.clock.tick(60)
        world.buys(f"c{number}@example.com", SERVDOLIA60=1)
    tools = {"observe": lambda *_: None, "sleep": lambda _: None, "monotonic": world.clock, "now": world.clock}
    context = world.context()
    connectors = {Source.SHOP: shop.connect(world.settings.shop, page=PAGE, **tools)}
    return replace(context, connectors=connectors, turns={Source.SHOP: context.turns[Source.SHOP]})


def lists_after(request, order):
    """Whether this asks for the orders that come after this one."""
    return request.path == "/api/orders" and request.arg("filter[id]") == f">[{order}]"


def test_the_next_page_is_asked_for_before_this_one_is_booked(open_world, monkeypatch):
    world = open_world()
    context = loading(world, orders=5)
    asked, booked = {2: Event(), 4: Event()}, []

    def hear(request):
        for order, event in asked.items():
            if lists_after(request, order):
                event.set()
        return False

    real = polling.book

    def waits(documents, *args, **more):
        if documents and (last := int(documents[-1].id)) in asked:
            assert asked[last].wait(PATIENCE_S), "the next page waits for this one"
        booked.append([one.id for one in documents])
        return real(documents, *args, **more)

    world.shop.fail_next(500, match=hear)
    monkeypatch.setattr(polling, "book", waits)
    done = service.one_pass(context, [Source.SHOP])
    assert done.errors == []
    assert booked == [["1", "2"], ["3", "4"], ["5"], []]
    assert set(world.balances().values()) == {60}


def test_what_came_before_a_page_that_fails_is_booked(open_world):
    world = open_world()
    context = loading(world, orders=5)
    world.shop.fail_next(500, times=100, match=lambda request: lists_after(request, 2))
    done = service.one_pass(context, [Source.SHOP])
    assert len(done.errors) == 1
    assert world.balances() == {"c0@example.com": 60, "c1@example.com": 60}
    with world.store.read() as connection:
        assert runs.reading(connection, Source.SHOP).cursor is None
    world.shop.faults.clear()
    world.clock.tick(3600)
    assert service.one_pass(loading(world, orders=0), [Source.SHOP]).errors == []
    assert len(world.balances()) == 5


def test_who_stops_fetches_no_further(open_world):
    world = open_world()
    context = replace(loading(world, orders=9), stopping=lambda: bool(world.balances()))
    service.one_pass(context, [Source.SHOP])
    assert len(world.balances()) == PAGE
    assert sum(request.path == "/api/orders" for request in world.shop.requests) <= 3  # where to begin, two pages


def test_who_bought_in_past_years_is_not_kept_in_memory(open_world):
    world = open_world()
    context = loading(world, orders=5)
    service.one_pass(context, [Source.SHOP])
    world.shop.requests.clear()
    world.clock.tick(60)
    world.shop.buy(1, {"SERVDOLIA60": 1})
    service.one_pass(context, [Source.SHOP])
    asked = [request.arg("filter[id]") for request in world.shop.requests if request.path == "/api/customers"]
    assert asked == ["[1]"]
    assert world.balances()["c0@example.com"] == 120
