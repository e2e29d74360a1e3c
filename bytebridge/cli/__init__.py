"""The `bytebridge` command: one module per group, imported when it is asked for."""

import contextlib
import importlib
import json
import sys
from typing import Any

import click

from bytebridge import __version__
from bytebridge.cli.examples import epilog
from bytebridge.errors import BytebridgeError, SettingsError
from bytebridge.terminal import Plain, printable

COMMANDS = {
    "run": "service",
    "poll": "service",
    "reconcile": "reconcile",
    "runs": "runs",
    "balance": "balance",
    "explain": "explain",
    "statement": "balance",
    "accounts": "accounts",
    "adjust": "adjust",
    "import": "adjust",
    "review": "review",
    "notices": "notices",
    "report": "report",
    "doctor": "doctor",
    "db": "db",
    "config": "config",
    "sandbox": "sandbox",
}


class LazyGroup(click.Group):
    """A group whose commands are imported one by one, so that each starts at once."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"bytebridge.cli.{COMMANDS[name]}")
        found: click.Command = getattr(module, f"{name}_command")
        found.epilog = epilog(name)
        for part, command in found.commands.items() if isinstance(found, click.Group) else ():
            command.epilog = epilog(f"{name} {part}")
        return found


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config", type=click.Path(readable=False), metavar="FILE", help="The TOML file to read [$BYTEBRIDGE_CONFIG]."
)
@click.version_option(__version__, prog_name="bytebridge")
@click.pass_context
def cli(ctx: click.Context, config: str | None) -> None:
    """Prepaid support credits between help desk, shop and ERP.

    \b
    See it run:       bytebridge sandbox
    Check a setup:    bytebridge doctor
    Try without harm: bytebridge poll --dry-run
    Ask for one:      bytebridge balance ana@example.com

    Exit codes: 0 done; 1 it failed; 2 wrong usage or configuration; 3 done, and something was found.
    """
    ctx.obj = config


def main(arguments: list[str] | None = None) -> None:
    """The command's entry: errors become one sentence on standard error and an exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    with contextlib.redirect_stdout(Plain(sys.stdout)):
        _run(given)


def _run(given: list[str]) -> None:
    try:
        code: Any = cli.main(args=given, standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SettingsError as error:
        _say(error.problems, given)
        sys.exit(2)
    except BytebridgeError as error:
        _say([str(error)], given)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    sys.exit(code if isinstance(code, int) else 0)


def _say(sentences: list[str], given: list[str]) -> None:
    """On standard error for people; who asked for JSON gets a document too."""
    if "--json" in given or "--format json" in " ".join(given).replace("=", " "):
        click.echo(json.dumps({"error": "; ".join(sentences)}, ensure_ascii=False, indent=2))
    for sentence in sentences:
        click.echo(f"bytebridge: {printable(sentence)}", err=True)
