"""Progress of long work on a terminal."""

import sys


class Progress:
    """A counter on a terminal, nothing in a pipe."""

    def __init__(self, *, quiet: bool, verb: str = "read") -> None:
        self._verb = verb
        self._shown = sys.stderr.isatty() and not quiet
        self._counts: dict[str, int] = {}

    def __call__(self, what: str, count: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + count
        if self._shown:
            text = ", ".join(f"{name} {total}" for name, total in self._counts.items())
            sys.stderr.write(f"\r{self._verb}: {text} ")
            sys.stderr.flush()

    def end(self) -> None:
        if self._shown and self._counts:
            sys.stderr.write("\n")
