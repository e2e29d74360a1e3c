"""Firms' months in fractions of a second: random ones, and one day that dies at every moment it can."""

import ast
from pathlib import Path

import pytest

from simulation import shrink
from simulation.history import FIXED, FIXED_SWITCHES, history, switches
from simulation.mutants import MUTANTS
from simulation.people import Step
from simulation.stories import STORIES

SEEDS, CHUNK = 300, 10
PARTS = 9
EVERY = 13  # of the boundaries are tried here, all of them by `make simulate`
PAIRS = 2  # of each part's boundaries are followed by a second death


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_everything_agrees_at_every_quiet_point(first):
    for seed in range(first, first + CHUNK):
        found = shrink.attempt(history(seed), switches(seed))
        shrunk = f"python tests/simulation/run.py --seed {seed}"
        assert not found.error, f"{shrunk}:\n" + "\n".join(found.story)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_process_that_dies_at_any_boundary_loses_and_doubles_nothing(part):
    last = shrink.attempt(FIXED, FIXED_SWITCHES).ends_at
    moments = range(1 + part * EVERY, last + 1, PARTS * EVERY)
    assert len(moments) > 3
    again = {moment + 7 + part for moment in list(moments)[:PAIRS]}
    for moment in moments:
        deaths = sorted({moment} | {n for n in again if moment < n <= last})
        found = shrink.attempt(FIXED, FIXED_SWITCHES, deaths)
        replayed = f"python tests/simulation/run.py --deaths {' '.join(map(str, deaths))}"
        assert not found.error, f"{replayed}:\n" + "\n".join(found.story)


@pytest.mark.parametrize("story", STORIES)
def test_a_fixed_story_agrees(story):
    found = shrink.attempt(STORIES[story], FIXED_SWITCHES)
    assert not found.error, "\n".join(found.story)


def test_the_oracle_knows_the_product_by_its_rows_alone():
    """Not even an import is shared: what judges is the simulated world, the customers' mail and a file."""
    for module in ("oracle", "letters", "copies", "truth", "people", "world"):
        tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text())
        named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        named += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        ours = [name for name in named if name.startswith("bytebridge") and not name.startswith("bytebridge.sandbox")]
        assert not ours, module


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.breaks for mutant in MUTANTS])
def test_a_planted_mistake_still_has_its_place(mutant):
    """`make mutate` plants them; here only that the list does not rot."""
    source = mutant.file.read_text()
    assert source.count(mutant.old) == 1
    planted = source.replace(mutant.old, mutant.new)
    assert planted != source
    ast.parse(planted)
    assert set(mutant.first) <= {*STORIES, "deaths"}


def test_a_seed_replays_step_by_step():
    first, second = (shrink.attempt(history(4), switches(4)) for _ in range(2))
    assert first.story == second.story
    assert first.counts == second.counts


def test_the_oracle_sees_a_ledger_that_lacks_an_entry(monkeypatch):
    """One credit more in the world than the shop ever told."""
    buys = [Step("live", 0, 0, 0), Step("buy", 0, 0, 2), Step("poll", 3, 0, 0)]
    assert not shrink.attempt(buys, FIXED_SWITCHES).error
    monkeypatch.setattr("simulation.truth.pack", lambda reference, new=False: 61 if reference == "SERVDOLIA60" else 0)
    found = shrink.attempt(buys, FIXED_SWITCHES)
    assert "is worth" in found.error
    shorter = shrink.shrunk([*buys, Step("ask", 0, 0, 0)], FIXED_SWITCHES, found.kind)
    assert [step.verb for step in shorter] == ["buy"]
