"""A few deaths on each database; `make torture` does hundreds."""

import os

import pytest

from torture.firm import Firm, sent_again
from torture.run import SERVER, Report, bustle, database, sleep_and_wake, torture

KINDS = ["sqlite", *(["postgresql"] if os.environ.get(SERVER) else [])]


@pytest.fixture
def firm(request, tmp_path):
    with database(request.param, tmp_path) as url, Firm(tmp_path, url, seed=5) as found:
        yield found


def test_a_second_copy_is_excused_only_where_nobody_could_know_of_the_first():
    def again(*kept, doubts=1, disturbed=()):
        copies = [(moment, identity, "creditos@example.com", lost) for moment, identity, lost in kept]
        return sent_again(copies, {"bb-1-1-0": doubts, "bb-2-1-0": 0}, disturbed)

    one, other = "<bb-1-1-0.purchase@example.com>", "<bb-1-1-0.refund@example.com>"
    assert again((10, one, False), (20, "<bb-2-1-0.purchase@example.com>", False), doubts=0) == (2, 0)
    assert again((10, one, True), (20, one, False)) == (1, 1)
    assert again((10, one, False), (20, one, False), disturbed=[11]) == (1, 1)
    for wrong in (
        lambda: again((10, one, True), (20, one, False), doubts=0, disturbed=[10, 20]),
        lambda: again((10, one, False), (20, one, True), disturbed=[8, 12, 20]),
        lambda: again((10, one, True), (20, one, True), (30, one, False), doubts=2),
        lambda: again((10, one, True), (20, other, False)),
    ):
        with pytest.raises(AssertionError, match=r"sent again|arrived 3 times|several Message-IDs"):
            wrong()


@pytest.mark.parametrize("firm", KINDS, indirect=True)
def test_killed_again_and_again_nothing_is_lost_and_nothing_double(firm):
    report = torture(firm, 3)
    assert report.kills == 3
    assert report.counts["steps of people"] > 3


@pytest.mark.parametrize("firm", KINDS[1:], indirect=True)
def test_a_daemon_that_slept_in_the_middle_of_a_letter_does_not_hand_it_over(firm):
    """Another took over meanwhile."""
    firm.run("db", "upgrade")
    with bustle(firm, weather=False):
        sleep_and_wake(firm, 0, Report(), in_a_letter=True)
    firm.judge()
