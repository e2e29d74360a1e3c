"""What the templates of a letter may speak of: each value cleaned, counted and in the words of its language."""

from functools import partial
from typing import Any

from bytebridge.domain.letter import Letter, Movement, NoticeKind, PackOffer, StatementRow
from bytebridge.domain.model import Source
from bytebridge.wording import language as words
from bytebridge.wording.plain import lines, link, one_line, person
from bytebridge.wording.sentences import LONGEST_REFERENCE, tell

LONGEST_CODE = 60


def values_of(letter: Letter, zone: str) -> dict[str, Any]:
    """Every name a template may use; one that says nothing in this letter is empty, zero or False, never missing.

    `credits` and `signed` are functions of a number; everything else is text, a number or a list.
    """
    language = words.known(letter.language)
    credits = partial(words.counted, language=language)
    estimate = letter.estimate or 0
    movement = letter.movement
    return {
        "language": language,
        "colon": " : " if language == "fr" else ": ",
        "credits": credits,
        "signed": partial(words.signed, language=language),
        "name": person(letter.name),
        "code": letter.code,
        "document": _document(letter, language),
        "sentence": tell(movement.derivation, movement.credits, language, zone=zone) if movement else "",
        "movement": _movement(movement),
        "corrected": movement is not None and movement.was != 0,
        "balance_after": letter.balance_after,
        "balance_now": letter.balance_now,
        "threshold": letter.threshold,
        "low": letter.low or (letter.kind == NoticeKind.LOW_BALANCE and not letter.owed),
        "owed": letter.owed,
        "tone": "owed" if letter.balance_now < 0 else "low" if letter.balance_now < letter.threshold else "well",
        "offer": [_offer(offer, language) for offer in letter.offer],
        "one_pack": len(letter.offer) == 1 and letter.offer[0].quantity == 1,
        "lasts": _lasts(letter, language),
        "estimate": estimate,
        "estimate_kind": words.kind(letter.estimate_kind, language) if letter.estimate_kind else "",
        "quoted": letter.estimate_kind == "quote",
        "charged_already": letter.charged_already,
        "shortfall": max(0, estimate - letter.charged_already - letter.balance_now),
        "credentials_reminder": letter.credentials_reminder,
        "stranger": letter.stranger,
        "module": one_line(letter.module, LONGEST_CODE),
        "module_ends": "" if letter.module_ends is None else words.day(letter.module_ends, language, zone),
        "statement_text": lines(letter.statement_text),
        "statement_rows": [_row(row) for row in letter.statement_rows],
        "more_rows": letter.more_rows,
    }


def _document(letter: Letter, language: str) -> str:
    """`pedido 1042`: what it is and how the customer knows it; the account itself for what belongs to no document."""
    if letter.source == Source.ADMIN:
        return words.say(language, "document.admin")
    rule = letter.movement.derivation.get("rule") if letter.movement else None
    what = "credit_note" if rule == "credit_note" else letter.source.value
    return f"{words.say(language, f'document.{what}')} {one_line(letter.document, LONGEST_CODE)}".strip()


def _lasts(letter: Letter, language: str) -> str:
    if letter.lasts_days is None or letter.balance_now <= 0:
        return ""
    return words.span(letter.lasts_days, language)


def _movement(movement: Movement | None) -> dict[str, int]:
    """charge: what the document costs now, positive; the others signed as in the ledger. Empty for none."""
    if movement is None:
        return {}
    return {
        "credits": movement.credits,
        "was": movement.was,
        "now": movement.now,
        "charge": -movement.now,
    }


def _offer(offer: PackOffer, language: str) -> dict[str, str]:
    """said: the pack, what it brings and what it costs, on one line."""
    reference = one_line(offer.reference, LONGEST_REFERENCE)
    named = reference if offer.quantity == 1 else f"{offer.quantity} × {reference}"
    price = words.money(offer.price, offer.quantity, language)
    brings = words.counted(offer.credits * offer.quantity, language)
    said = f"{named} = {brings}" + (f" ({price})" if price else "")
    return {"reference": reference, "said": said, "url": link(offer.url)}


def _row(row: StatementRow) -> dict[str, str]:
    return {name: one_line(getattr(row, name)) for name in ("day", "document", "reason", "credits", "balance")}


def first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
