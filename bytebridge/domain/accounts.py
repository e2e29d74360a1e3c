"""E-mail normal form, and which account a document belongs to."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from bytebridge.domain.model import Instant
from bytebridge.domain.tariff import Lack

Owners = dict[str, list[tuple[Instant, int | None]]]
"""Normalised address to its owners' history: (from when, account or None), oldest first."""

NAMED = re.compile(r"[^<>]*<([^<>]*)>")
LONGEST = 254  # characters of an address
ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\.]+(?:\.[^@\s<>,;:\"()\[\]\\.]+)+")


@lru_cache(maxsize=4096)  # a page's few addresses are asked for again at every step
def normalise(text: str | None) -> str | None:
    """An address in the one form that accounts go by: trimmed, NFKC, case folded. None when it is no address.

    `Ana <ana@example.com>` is the address between its brackets.
    """
    if text is None:
        return None
    plain = _folded(text).strip()
    if named := NAMED.fullmatch(plain) if "<" in plain else None:
        plain = named.group(1).strip()
    plain = plain.removeprefix("mailto:").strip()
    if len(plain) > LONGEST or not ADDRESS.fullmatch(plain) or not plain.isprintable():
        return None
    return plain


def _folded(text: str) -> str:
    """Folding can undo the normal form, and the normal form can bring capitals back: twice settles both."""
    if text.isascii():
        return text.lower()
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", text)


def owner(owners: Owners, email: str, at: Instant) -> int | None:
    """Account that owned `email` at that time; None when nobody did.

    The first owner owned it from the beginning, later ones from the day of the change. A time between two owners
    when nobody had it counts to the later one.
    """
    history = owners.get(email)
    if history is None:
        return None
    if len(history) == 1:
        return history[0][1]
    current: int | None = None
    for number, (since, account) in enumerate(history):
        if number == 0 or since <= at or current is None:
            current = account
    return current


def account_of(
    owners: Owners,
    root: Callable[[int], int],
    emails: Sequence[str],
    at: Instant,
    *,
    share: bool,
    elsewhere: Sequence[str] = (),
) -> int | Lack | None:
    """The root account that a document with these addresses belongs to; None: nobody's yet. root: an account's.

    The first address decides if it has an owner; else the others must agree. With `share` (a company's contacts
    share one balance) all must agree. Two accounts that fit are a person's matter, never a guess.
    elsewhere: addresses that are others' as well. They speak for nobody, but against what the others alone say.
    """
    rooted: list[int | None] = []
    for email in emails:
        account = owner(owners, email, at)
        rooted.append(root(account) if account is not None else None)
        if rooted[0] is not None and not share:
            return rooted[0]
    distinct = {found for found in rooted if found is not None}
    if distinct and rooted[0] is None:
        distinct |= {root(account) for email in elsewhere if (account := owner(owners, email, at)) is not None}
    if len(distinct) > 1:
        return Lack("two_accounts", ", ".join(map(str, sorted(distinct))))
    return distinct.pop() if distinct else None
