"""The README against the code: what it lists exists, and what exists is listed."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from prometheus_client import ProcessCollector

import bytebridge
from bytebridge.cli import cli
from bytebridge.jobs import brake
from bytebridge.logs import EVENTS
from bytebridge.metrics import Metrics
from bytebridge.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGE = Path(bytebridge.__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(heading):
    return README.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def block(name):
    return README.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]


def cells(text):
    """Rows of the tables in a text, without their heads."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    heads = {number - 1 for number, row in enumerate(rows) if row[0].startswith("---")}
    return [row for number, row in enumerate(rows) if number not in heads and not row[0].startswith("---")]


def named(text):
    return re.findall(r"`([^`\n]+)`", text)


def events_table():
    rows = [
        f"| `{name}` | {event.level} | {' '.join(sorted(event.fields))} | {event.meaning} |"
        for name, event in EVENTS.items()
    ]
    return "\n".join(["| event | level | fields | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def metrics_table():
    rows = []
    for collector in Metrics("0").registry._collector_to_names:
        if isinstance(collector, ProcessCollector):
            continue
        for family in collector.describe():
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = ", ".join(collector._labelnames)
            rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(["| name | type | labels | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


@pytest.mark.parametrize(("name", "table"), [("events", events_table), ("metrics", metrics_table)])
def test_generated_tables_are_up_to_date(name, table):
    assert block(name) == table(), "put the right side between the marks in README.md"


def commands(group=cli, above=()):
    """Every command by its words; a group is not one."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*above, name))
        else:
            yield (*above, name), found


COMMANDS = dict(commands())


def example(line):
    """Words and options of a command line as the README shows it."""
    words = shlex.split(line.partition("#")[0].partition(">")[0].replace("…", "").replace("±", ""))[1:]
    plain = [word for word in words if not word.startswith("--")]
    options = [word for word in words if word.startswith("--")]
    length = 2 if isinstance(cli.get_command(click.Context(cli), plain[0]), click.Group) else 1
    return tuple(plain[:length]), options


def shown():
    """Command lines in blocks and in running text."""
    lines = list(re.findall(r"(?m)^bytebridge .*", README))
    return [*lines, *(text for text in named(README) if re.match(r"bytebridge [a-z]", text))]


@pytest.mark.parametrize("line", sorted(set(shown())))
def test_commands_shown_exist_with_their_options(line):
    words, options = example(line)
    assert words in COMMANDS
    assert set(options) <= {option for parameter in COMMANDS[words].params for option in parameter.opts}


def test_every_command_is_named():
    text = section("Commands") + section("Go live on an existing firm") + section("Operate") + section("Configure")
    missing = [words for words in COMMANDS if not re.search(rf"`?\b{' '.join(words)}\b", text)]
    # named beside their opposite
    assert {words for words in missing if words[-1] not in ("cancel", "split", "show")} == set()


def test_map_names_each_part_of_the_package():
    found = {name for row in cells(section("The map")) for name in named(" ".join(row)) if "/" not in name.rstrip("/")}
    parts = {path.name + "/" * path.is_dir() for path in PACKAGE.iterdir() if not path.name.startswith("__")}
    assert found - {"NOTES.md"} == parts - {"py.typed"}


def test_map_sends_nobody_to_a_file_that_is_not_there():
    paths = [name for name in named(section("The map")) if "/" in name.rstrip("/")]
    assert paths
    assert [name for name in paths if not (PACKAGE / name).exists()] == []


def test_files_that_are_named_exist():
    installed = re.findall(r"(?<![\w/])(?:config|systemd)/[\w.@-]+\w", README)
    linked = re.findall(r"\]\(([^)]+)\)", README)
    assert installed
    assert [name for name in [*installed, *linked] if not (ROOT / name).exists()] == []


def test_test_folders_are_those_there_are():
    listed = {row[0].strip("`/") for row in cells(section("Quality")) if row[0].endswith("/`")}
    there = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] not in "._"}
    assert listed == there


def test_configuration_table_has_every_section():
    assert [row[0].strip("`") for row in cells(section("Configure"))] == list(Settings.model_fields)


def test_symptoms_that_are_events_are_events():
    symptoms = [name for row in cells(section("Operate").split("**The brake.**")[0]) for name in named(row[0])]
    assert {name for name in symptoms if "_" in name} <= set(EVENTS)


def test_alerts_speak_of_metrics_there_are():
    rules = yaml.safe_load((ROOT / "config" / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    known = set(named(metrics_table()))
    for rule in rules:
        assert set(re.findall(r"bytebridge_\w+", rule["expr"])) <= known, rule["alert"]


def test_brake_is_described_with_its_limits():
    said = " ".join(README.split())
    assert f"more than {brake.FLOOR_CHARGED:,} credits or take back more than {brake.FLOOR_TAKEN_BACK:,}" in said
    assert f"give more than {brake.FLOOR_GIVEN:,} for documents that have moved some already" in said
    assert brake.TIMES == 3


def test_changelog_has_a_place_for_what_comes():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"(?m)^## \[(.+?)\]", text)
    assert heads[0] == "Unreleased"
    kinds = re.findall(r"(?m)^### (.+)", text)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
