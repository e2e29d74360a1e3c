"""Each command's `--help` ends with an example, and each example is one that the command takes."""

import shlex

import click
import pytest

from bytebridge.cli import cli
from bytebridge.cli.examples import EXAMPLES


def commands(group=cli, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_has_an_example_and_no_other():
    assert {" ".join(path) for path, _ in commands()} == set(EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES)
def test_examples_are_taken(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (command,) = [command for words, command in commands() if " ".join(words) == path]
    assert f"  bytebridge {EXAMPLES[path][0]}" in command.get_help(click.Context(command))
    for example in EXAMPLES[path]:
        words = shlex.split(example)
        for file in words:
            if file.endswith((".csv", ".db")) and not file.startswith("/"):
                (tmp_path / file).touch()
        while words[0] not in path.split():
            words = words[1:]  # options of the program itself
        given = [str(tmp_path / "x.db") if word.startswith("/var/") else word for word in words[len(path.split()) :]]
        (tmp_path / "x.db").touch()
        command.make_context(path, given)
