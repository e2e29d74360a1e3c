"""Every numbered note on LiveAgent has its tests, and every test that is named exists."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import bytebridge.helpdesk
from bytebridge.sandbox.liveagent_switches import Switches

HERE = Path(__file__).parent
NOTES = Path(bytebridge.helpdesk.__file__).with_name("NOTES.md")
TRAPS = tomllib.loads((HERE / "traps.toml").read_text())


def numbered():
    return re.findall(r"^- \*\*(\d+\.\d+)\*\*", NOTES.read_text(), re.MULTILINE)


@cache
def existing(file):
    """file: of this suite by its short name, of another by its path below tests/."""
    path = HERE.parents[1] / file if "/" in file else HERE / f"test_helpdesk_{file}.py"
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_note_has_a_test():
    assert len(numbered()) == len(set(numbered())) > 50
    assert set(TRAPS) == set(numbered())
    assert all(TRAPS.values())


def test_every_named_test_exists():
    named = {tuple(test.split("::")) for tests in TRAPS.values() for test in tests}
    missing = [(file, test) for file, test in named if test not in existing(file)]
    assert missing == []


def test_every_section_that_the_code_cites_exists():
    sections = set(re.findall(r"^## §(\d+)", NOTES.read_text(), re.MULTILINE))
    code = "".join(path.read_text() for path in NOTES.parent.glob("*.py"))
    cited = set(re.findall(r"LiveAgent notes §(\d+)", code))
    assert cited
    assert cited <= sections


def test_every_switch_of_the_simulator_is_survived_in_a_test():
    """Set by a test of the client or of a whole firm, not only by the simulator's own."""
    switches = {name for name in vars(Switches) if not name.startswith("_")}
    trees = [
        ast.parse(path.read_text())
        for folder in (HERE, HERE.parents[1] / "scenario")
        for path in folder.glob("test_*.py")
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    named |= {node.arg for node in nodes if isinstance(node, ast.keyword)}
    named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert switches
    assert switches - named == set()
