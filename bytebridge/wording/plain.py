"""Text that came from elsewhere, made fit to be shown: names, references, reasons, links."""

import re
import unicodedata
from urllib.parse import urlsplit

ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:@]+@[^\s<>()\[\]\"',;:@]+")
UNNAMELIKE = re.compile(r"[@/\\<>{}]|www\.|\w{3,}\.\w{2,}", re.IGNORECASE)
UNLINKLIKE = re.compile(r"[\s\"'<>\\^`{|}]")
LONGEST_NAME, LONGEST_TEXT, LONGEST_LINE, LONGEST_LINK = 60, 200, 500, 2000
UNSEEN = 8  # of so many characters one at least is worth showing; the rest of a huge text is not even looked at


def _shown(char: str) -> str:
    """The character itself, a space for what separates, nothing for what cannot be seen or turns the line round."""
    category = unicodedata.category(char)
    if category in ("Zs", "Zl", "Zp") or char in "\t\n\r\v\f\x85":
        return " "
    return "" if category in ("Cc", "Cf", "Cs", "Co") else char


def one_line(text: str, longest: int = LONGEST_TEXT) -> str:
    """`text` on one line, cut to `longest`, without what cannot be seen and without e-mail addresses."""
    shown = "".join(map(_shown, text[: longest * UNSEEN]))
    plain = " ".join(without_addresses(shown).split())
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def lines(text: str) -> str:
    """Several lines, each without what cannot be seen; their spaces stay, since they may be a table."""
    kept = (without_addresses("".join(map(_shown, line[:LONGEST_LINE]))).rstrip() for line in text.splitlines())
    return "\n".join(kept).strip("\n")


def without_addresses(text: str) -> str:
    """Nobody's e-mail address is printed: an administrator's reason may name a colleague."""
    return ADDRESS.sub("…", text)


def person(name: str) -> str:
    """A name to greet somebody by; "" for what is none.

    An address would be shown, and a link in the name field is how shops are made to send other people's spam.
    """
    beginning = name[: LONGEST_NAME * UNSEEN]
    return "" if UNNAMELIKE.search(beginning) else one_line(beginning, LONGEST_NAME)


def link(url: str) -> str:
    """The address if it is one of the web, "" for any other scheme and for what hides a name before its host."""
    if len(url) > LONGEST_LINK or UNLINKLIKE.search(url) or not url.isprintable():
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else ""
