"""Progress of long work on a terminal."""

import sys
from types import TracebackType
from typing import Self


class Progress:
    """A counter on a terminal while it is entered, nothing in a pipe; what is printed after it finds an empty line."""

    def __init__(self, *, quiet: bool, verb: str = "read") -> None:
        self._verb = verb
        self._shown = sys.stderr.isatty() and not quiet
        self._counts: dict[str, int] = {}
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __call__(self, what: str, count: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + count
        text = ", ".join(f"{name} {total}" for name, total in self._counts.items())
        self._write(f"{self._verb}: {text} ")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        if self._shown and (text or self._width):
            blank = "\r" + " " * self._width + "\r" if len(text) < self._width else "\r"
            sys.stderr.write(blank + text)
            sys.stderr.flush()
            self._width = len(text)
