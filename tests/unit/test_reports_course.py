from bytebridge.domain.entry import Entry, EntryKind
from bytebridge.domain.statement import make
from bytebridge.reports.shown import extremes, points

DAY = 86_400


def statement(*movements, since=None, until=None):
    """movements: (day, credits)."""
    entries = [
        Entry(number, 1, number, f"shop:{number}", 1, EntryKind.GRANT, credits, 0, 0, int(day * DAY), 0, 1, {}, "")
        for number, (day, credits) in enumerate(movements, 1)
    ]
    return make(1, (), "", entries, {}, since, until)


def course(*movements, made=None, **window):
    return [(point.at / DAY, point.balance) for point in points(statement(*movements, **window), made)]


def test_course_begins_with_the_opening():
    assert course((1, 60), (1.5, -15), (2, -15)) == [(1, 0), (1, 60), (1.5, 45), (2, 30)]


def test_long_course_is_thinned_and_keeps_every_dip():
    movements = [(1 + number / 10, 60 if number % 2 else -60) for number in range(9_000)]
    movements[5_000:5_000] = [(501.0, -500), (501.0, 500)]
    found = course(*movements)
    assert len(found) < 800
    assert found[0] == (1, 0)
    assert found[-1] == (900.9, 0)
    assert min(balance for _, balance in found) == -500
    assert found == sorted(found, key=lambda point: point[0])


def test_course_fills_its_window():
    assert course((1, 60), (5, -15), since=2 * DAY, until=9 * DAY) == [(2, 60), (5, 45), (9, 45)]


def test_course_of_an_open_period_ends_when_it_was_drawn_up():
    assert course((1, 60), made=4 * DAY) == [(1, 0), (1, 60), (4, 60)]


def test_course_of_a_closed_period_does_not_go_on():
    assert course((1, 60), until=3 * DAY, made=9 * DAY)[-1] == (3, 60)


def test_extremes_count_the_opening():
    assert extremes(statement((1, 60), (5, -15), since=2 * DAY)) == (45, 60)
