"""Output and logs in which nobody's text can command a terminal.

Subjects, names and notes are strangers' words: an escape sequence in one would clear the screen, rename the window
or type for the administrator. Control characters and those that turn a line round are written as `\\u001b`, which is
what JSON calls them too, so that a document of JSON keeps its meaning.
"""

import re
from typing import Any, TextIO

COMMANDING = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\u2028\u2029"  # separators that some take for a newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\ud800-\udfff"  # half characters
    "]"
)


def printable(text: str) -> str:
    return COMMANDING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Plain:
    """A stream whose text is made printable; its bytes (`buffer`) and all else are the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
