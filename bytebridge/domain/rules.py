"""The firm's rules as values: packs, tariff, kinds of work, modules, dates from which documents count."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct, field

from bytebridge.domain.model import Credits, Instant, Kind, Source

PATTERN_SIGNS = frozenset(".^$*+?{}[]\\|()")
FOREVER_AGO = Instant(-(2**62))


class Pack(Struct, frozen=True, gc=False):
    """reference: literal text when `literal`, else a pattern whose one group is the credits, or with `credits`."""

    reference: str
    credits: Credits | None
    literal: bool
    url: str = ""
    price: str | None = None
    valid_from: Instant = FOREVER_AGO


class Rate(Struct, frozen=True, gc=False):
    """flat, or minimum and block [credits]."""

    kind: Kind
    minimum: Credits = Credits(0)
    block: Credits = Credits(1)
    flat: Credits | None = None
    valid_from: Instant = FOREVER_AGO


class ModuleRule(Struct, frozen=True, gc=False):
    reference: str
    support_days: int


class Rules(Struct, frozen=True, gc=False, eq=False):
    """Everything interpretation depends on besides the document and what the ledger remembers of it.

    kinds: folded word to kind; statement_tags: folded. since: per source, what is dated before it never moved
    anything here. take_back_after_s: how long a reopened invoice keeps its grant. shop_read: a shop is
    configured, so that purchases seen twice can be told. Told apart by identity: what is worked out once from the
    rules is looked up for each line of each document.
    """

    packs: tuple[Pack, ...] = ()
    rates: tuple[Rate, ...] = ()
    modules: tuple[ModuleRule, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    default_kind: Kind | None = None
    departments: frozenset[str] = frozenset()
    since: Mapping[Source, Instant] = field(default_factory=dict)
    take_back_after_s: int = 86_400
    shop_reference: str = ""
    shop_read: bool = False


@lru_cache(maxsize=4096)  # kinds and tags are few words, met on every ticket
def fold(text: str) -> str:
    """Text for comparing words: no case, no accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(plain.casefold().split())


def is_literal(reference: str) -> bool:
    """Whether a pack's reference is a plain text and no pattern."""
    return not any(char in PATTERN_SIGNS for char in reference)
