"""A few deaths on each database; `make torture` does hundreds."""

import os

import pytest

from torture.firm import Firm
from torture.run import SERVER, Report, bustle, database, sleep_and_wake, torture

KINDS = ["sqlite", *(["postgresql"] if os.environ.get(SERVER) else [])]


@pytest.fixture
def firm(request, tmp_path):
    with database(request.param, tmp_path) as url, Firm(tmp_path, url, seed=5) as found:
        yield found


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
