"""A statement drawn by a process of its own: what draws would double a daemon's memory, and stay in it."""

import importlib
import os
import signal
import subprocess  # nosec B404  (our own program alone)
import sys

import msgspec

from bytebridge.domain.model import Instant
from bytebridge.domain.statement import Statement
from bytebridge.errors import Refused

WITHIN_S = 120.0
REFUSED = 3  # exit code


class Order(msgspec.Struct, frozen=True):
    """form: the module that draws; the rest is what its `render` is given."""

    form: str
    statement: Statement
    language: str
    zone: str
    code: str
    lasts: tuple[int, int] | None
    made: Instant | None


def render(
    form: str,
    statement: Statement,
    *,
    language: str,
    zone: str,
    code: str,
    lasts: tuple[int, int] | None,
    made: Instant | None,
) -> bytes:
    """As that module's own `render`; Refused also when no process can be had for it or it takes too long.

    RuntimeError with the other process's last line when that has a bug.
    """
    order = msgspec.json.encode(Order(form, statement, language, zone, code, lasts, made))
    command = [sys.executable, "-P", "-m", __name__]
    # the keys of the systems may stand in ours
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BYTEBRIDGE_")}
    try:
        done = subprocess.run(  # nosec B603  # noqa: S603  (our own program)
            command, input=order, capture_output=True, timeout=WITHIN_S, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"nothing was drawn: {error}") from error
    if done.returncode == 0:
        return done.stdout
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    raise Refused(last) if done.returncode == REFUSED else RuntimeError(f"exit code {done.returncode}: {last}")


def main() -> int:
    """Draws the order that stands on standard input."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # told to every process of the service: the letter is not given up
    values = msgspec.structs.asdict(msgspec.json.decode(sys.stdin.buffer.read(), type=Order))
    module = importlib.import_module(f"bytebridge.reports.{values.pop('form')}")
    try:
        drawn = module.render(values.pop("statement"), **values)
    except Refused as error:
        sys.stderr.write(str(error))
        return REFUSED
    sys.stdout.buffer.write(drawn if isinstance(drawn, bytes) else drawn.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
