"""E-mail normal form, and which account a document belongs to."""

import re
import unicodedata
from collections.abc import Sequence

from bytebridge.domain.model import Instant
from bytebridge.domain.tariff import Lack

Owners = dict[str, list[tuple[Instant, int | None]]]
"""Normalised address to its owners' history: (from when, account or None), oldest first."""

ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\.]+(?:\.[^@\s<>,;:\"()\[\]\\.]+)+")


def normalise(text: str | None) -> str | None:
    """An address in the one form that accounts go by: trimmed, NFKC, case folded. None when it is no address."""
    if text is None:
        return None
    plain = unicodedata.normalize("NFKC", text).strip().removeprefix("mailto:").strip("<>").casefold()
    plain = unicodedata.normalize("NFC", plain)
    if len(plain) > 254 or not ADDRESS.fullmatch(plain) or not plain.isprintable():
        return None
    return plain


def owner(owners: Owners, email: str, at: Instant) -> int | None:
    """Account that owned `email` at that time; None when nobody did.

    The first owner owned it from the beginning, later ones from the day of the change.
    """
    history = owners.get(email)
    if not history:
        return None
    current = history[0][1]
    for since, account in history[1:]:
        if since <= at:
            current = account
    return current


def account_of(
    owners: Owners, roots: dict[int, int], emails: Sequence[str], at: Instant, *, share: bool
) -> int | Lack | None:
    """The root account that a document with these addresses belongs to; None: nobody's yet.

    The first address decides if it has an owner; else the others must agree. With `share` (a company's contacts
    share one balance) all must agree. Two accounts that fit are a person's matter, never a guess.
    """
    found = [owner(owners, email, at) for email in emails]
    rooted = [roots.get(account, account) if account is not None else None for account in found]
    if rooted and rooted[0] is not None and not share:
        return rooted[0]
    distinct = {root for root in rooted if root is not None}
    if len(distinct) > 1:
        return Lack("two_accounts", ", ".join(str(root) for root in sorted(distinct)))
    return distinct.pop() if distinct else None
