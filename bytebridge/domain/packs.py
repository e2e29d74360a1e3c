"""What one reference grants, and the smallest pack that covers a need."""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from bytebridge.domain.letter import PackOffer
from bytebridge.domain.model import Credits, Instant
from bytebridge.domain.rules import Pack, Rules, fold

LEAST_PREFIX = 4  # letters that a look-alike shares with a pack's reference


@lru_cache(maxsize=4096)
def _grants(rules: Rules, reference: str, at: Instant) -> Credits | None:
    best: tuple[bool, Instant, Credits] | None = None
    for pack in rules.packs:
        if pack.valid_from > at:
            continue
        credits = _credits(pack, reference)
        if credits is None:
            continue
        # a literal reference beats a pattern, then the younger rule beats the older
        if best is None or (pack.literal, pack.valid_from) > best[:2]:
            best = (pack.literal, pack.valid_from, credits)
    return best[2] if best else None


def _credits(pack: Pack, reference: str) -> Credits | None:
    if pack.literal:
        return pack.credits if reference == pack.reference else None
    match = re.fullmatch(pack.reference, reference)
    if match is None:
        return None
    if pack.credits is not None:
        return pack.credits
    group = match.group(1) or ""
    return Credits(int(group)) if re.fullmatch(r"[0-9]{1,9}", group) else None


def grants(rules: Rules, reference: str, at: Instant) -> Credits | None:
    """Credits of one unit of `reference` by the rules in force at `at`; None when it is no pack."""
    # all that matters of `at` is which rules were valid: the cache then has few keys for years of documents
    for valid in _changes(rules):
        if valid <= at:
            return _grants(rules, reference, valid)
    return None


@lru_cache(maxsize=16)
def _changes(rules: Rules) -> list[Instant]:
    """When the list of packs changed, latest first."""
    return sorted({pack.valid_from for pack in rules.packs}, reverse=True)


def price_of(rules: Rules, reference: str, at: Instant) -> str | None:
    """Price of one unit by the literal rule in force at `at`, as decimal text; a pattern's would fit many packs."""
    valid = [pack for pack in rules.packs if pack.literal and pack.reference == reference and pack.valid_from <= at]
    return max(valid, key=lambda pack: pack.valid_from).price if valid else None


@lru_cache(maxsize=4096)
def looks_like_pack(packs: tuple[Pack, ...], reference: str) -> bool:
    """Whether a reference that no rule knows was probably meant to be a pack: worth a person's look."""
    plain = re.sub(r"[\W_]+", "", fold(reference))
    if "pack" in plain or "credit" in plain:
        return True
    for pack in packs:
        prefix = re.match(r"[A-Za-z]*", pack.reference)
        stem = fold(prefix.group()) if prefix else ""
        if len(stem) >= LEAST_PREFIX and plain.startswith(stem):
            return True
    return False


def offered(rules: Rules, now: Instant) -> list[Pack]:
    """Literal packs on sale now, the price list in force per reference, fewest credits first."""
    current: dict[str, Pack] = {}
    for pack in rules.packs:
        if pack.literal and pack.credits and pack.valid_from <= now:
            known = current.get(pack.reference)
            if known is None or pack.valid_from >= known.valid_from:
                current[pack.reference] = pack
    return sorted(current.values(), key=lambda pack: (pack.credits or 0, _price(pack), pack.reference))


def _price(pack: Pack) -> Decimal:
    return Decimal(pack.price) if pack.price else Decimal("Infinity")


def smallest_cover(rules: Rules, need: Credits, now: Instant) -> tuple[PackOffer, ...]:
    """The single pack with the fewest credits that covers `need`, else the fewest packs that do.

    Among equally few packs those with the fewest credits in all. Empty when no pack is offered or nothing is
    needed.
    """
    packs = offered(rules, now)
    if need <= 0 or not packs:
        return ()
    single = next((pack for pack in packs if (pack.credits or 0) >= need), None)
    if single is not None:
        return (_offer(single, 1),)
    count = -(-need // int(packs[-1].credits or 0))
    chosen = _smaller(packs, count, need)
    return tuple(_offer(pack, chosen.count(pack)) for pack in reversed(packs) if pack in chosen)


def _smaller(packs: list[Pack], count: int, need: Credits) -> list[Pack]:
    """Exactly `count` packs, so many of the largest as would do, that cover `need` with the fewest credits."""
    size = int(packs[-1].credits or 0)
    largest = next(pack for pack in packs if pack.credits == size)
    spare = count * size - need
    # what replacing some of them by smaller packs saves, and the fewest replacements that save it
    saved: dict[int, list[Pack]] = {0: []}
    for target in range(1, spare + 1):
        options = [
            [*saved[target - less], pack]
            for pack in packs[:-1]
            if (less := size - int(pack.credits or 0)) > 0 and target - less in saved
        ]
        if options and len(best := min(options, key=len)) <= count:
            saved[target] = best
    replaced = saved[max(saved)]
    return [*replaced, *[largest] * (count - len(replaced))]


def _offer(pack: Pack, quantity: int) -> PackOffer:
    return PackOffer(pack.reference, Credits(int(pack.credits or 0)), quantity, pack.price, pack.url)


def value_of(offers: Iterable[PackOffer]) -> Credits:
    """Credits of these packs together."""
    return Credits(sum(offer.credits * offer.quantity for offer in offers))


def support_ends(references: Iterable[str], rules: Rules, dated: Instant) -> tuple[tuple[str, Instant], ...]:
    """The listed modules among these references, each with the end of the support its purchase brings."""
    if not rules.modules:
        return ()
    return tuple(
        (reference, Instant(dated + rule.support_days * 86_400))
        for reference in references
        for rule in rules.modules
        if re.fullmatch(rule.reference, reference)
    )
