"""The table from facts to tests is complete, both ways."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

import bytebridge.erp

HERE = Path(__file__).parent
OTHERS = [HERE.parents[1] / "scenario", HERE.parents[1] / "unit"]
NOTES = (Path(bytebridge.erp.__file__).parent / "NOTES.md").read_text(encoding="utf-8")
TRAPS = tomllib.loads((HERE / "traps.toml").read_text(encoding="utf-8"))


@cache
def names_in(path):
    module = ast.parse(path.read_text(encoding="utf-8"))
    file = path.name if path.parent == HERE else f"{path.parent.name}/{path.name}"
    return {
        f"{file}::{node.name}"
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_numbered_fact_has_an_entry():
    numbered = re.findall(r"^- \*\*(\d+\.\d+)\*\* ", NOTES, re.MULTILINE)
    assert len(numbered) == len(set(numbered))
    assert set(numbered) == set(TRAPS)


@pytest.mark.parametrize("fact", TRAPS)
def test_every_entry_names_tests_that_exist(fact):
    existing = set().union(*(names_in(path) for folder in (HERE, *OTHERS) for path in folder.glob("test_*.py")))
    assert TRAPS[fact]
    assert set(TRAPS[fact]) <= existing


def test_sections_that_docstrings_cite_exist():
    sections = set(re.findall(r"^## §(\d+)", NOTES, re.MULTILINE))
    code = [path.read_text(encoding="utf-8") for path in Path(bytebridge.erp.__file__).parent.glob("*.py")]
    cited = {
        number
        for text in code
        for group in re.findall(r"Dolibarr notes ([^)]*)\)", text)
        for number in re.findall(r"§(\d+)", group)
    }
    assert cited
    assert cited <= sections
