"""One line and one full sentence for each rule by which a document moves credits."""

from collections.abc import Mapping, Sequence
from typing import Any

from bytebridge.domain.derivation import recompute
from bytebridge.domain.model import Credits
from bytebridge.wording.language import TABLES, counted, day, kind, known, say, signed
from bytebridge.wording.plain import one_line

LONGEST_REFERENCE = 40
TICKET_RULES = ("blocks", "flat", "noted", "free", "module")

Derivation = Mapping[str, Any]


def reason(derivation: Derivation, credits: Credits, language: str) -> str:
    """The one-line reason of an entry that moved `credits` [signed], without its final stop.

    An entry holds a difference while its derivation says what the whole document is worth: where the two
    are not the same the line says that it is a correction.
    """
    language = known(language)
    rule = derivation.get("rule")
    if rule == "packs":
        return _packs_line(derivation, credits, language)
    line = _line(derivation, language)
    if rule in TICKET_RULES and recompute(derivation) != credits:
        return say(language, "corrected", what=line[:1].lower() + line[1:])
    return line


def _line(derivation: Derivation, language: str) -> str:
    match derivation.get("rule"):
        case "blocks":
            return _said(derivation, language, "blocks.short", minutes=int(derivation["minutes"]))
        case "flat" | "noted" | "free" | "module":
            return kind(derivation.get("kind"), language)
        case "credit_note":
            return say(language, "credit_note.short", lines=units(derivation["lines"]))
        case "adjustment" if derivation.get("reason"):
            return one_line(str(derivation["reason"]))
        case "decided" | "opening" | "adjustment" | "merge" as rule:
            return _because(say(language, f"{rule}.short"), derivation, language)
        case _:
            return explain(derivation, language).removesuffix(".")


def _because(what: str, derivation: Derivation, language: str) -> str:
    why = one_line(str(derivation.get("reason") or ""))
    return say(language, "with_reason", what=what, reason=why) if why else what


def _packs_line(derivation: Derivation, credits: Credits, language: str) -> str:
    lines = derivation["lines"]
    if credits >= 0:
        return units(_moved(lines, credits, back=False) or lines)
    moved = _moved(lines, Credits(-credits), back=True)
    if moved is None and any(_counted(line, back=True) for line in lines):
        return say(language, "packs.so_far", lines=units(lines, back=True))
    if moved is None:
        return say(language, "packs.edited", lines=units(lines))
    standing = "back" if derivation.get("standing") == "back" else "refund"
    return say(language, f"packs.{standing}", lines=units(moved))


def _moved(lines: Sequence[Mapping[str, Any]], credits: Credits, *, back: bool) -> list[dict[str, Any]] | None:
    """The units that make up exactly these credits, None when the lines leave more than one answer.

    A second refund's entry holds only its own difference, while the lines count what all of them took back.
    """
    found = [{**line, "units": _counted(line, back=back), "taken_back": 0} for line in lines]
    found = [line for line in found if line["units"]]
    if sum(line["units"] * line["credits"] for line in found) == credits:
        return found
    if len(found) == 1 and found[0]["credits"] and credits % found[0]["credits"] == 0:
        return [{**found[0], "units": credits // found[0]["credits"]}]
    return None


def _counted(line: Mapping[str, Any], *, back: bool) -> int:
    return int(line["taken_back"] if back else line["units"] - line["taken_back"])


def units(lines: Sequence[Mapping[str, Any]], *, back: bool = False) -> str:
    """`2 × SERVDOLIA60 + 1 × SERVDOLIA120`: what is kept of each line, or with `back` what was taken back."""
    shown = [
        f"{abs(count)} × {one_line(str(line['reference']), LONGEST_REFERENCE)}"
        for line in lines
        if (count := _counted(line, back=back))
    ]
    return " + ".join(shown) or "0"


def explain(derivation: Derivation, language: str, *, zone: str = "UTC") -> str:
    """Why a document is worth what it is worth, in one full sentence; "" for a rule without words.

    zone: in which a day is named.
    """
    language = known(language)
    match derivation.get("rule"):
        case "blocks":
            return _blocks(derivation, language)
        case "noted":
            return _noted(derivation, language)
        case "flat" | "free" | "module":
            return _by_kind(derivation, language, zone)
        case "packs" | "credit_note":
            return _by_packs(derivation, language)
        case "void":
            key = f"void.{derivation.get('why')}"
            return say(language, key if key in TABLES[language] else "void")
        case "decided" | "opening" | "adjustment" | "merge" as rule:
            return _by_a_person(derivation, language, rule)
        case _:
            return ""


def tell(derivation: Derivation, credits: Credits, language: str, *, zone: str = "UTC") -> str:
    """What a movement of `credits` [signed] did, in one full sentence: for units taken back those, else `explain`."""
    language = known(language)
    if derivation.get("rule") == "packs" and credits < 0:
        what = _packs_line(derivation, credits, language)
        return say(language, "packs.taken", what=what, credits=counted(-credits, language))
    return explain(derivation, language, zone=zone)


def _said(derivation: Derivation, language: str, key: str, **values: object) -> str:
    return say(language, key, kind=kind(derivation.get("kind"), language), **values)


def _blocks(derivation: Derivation, language: str) -> str:
    minutes, block = int(derivation["minutes"]), int(derivation["block"])
    count = -(-minutes // block)
    charged = -recompute(derivation)
    key = "blocks.minimum" if charged > count * block else "blocks.minute" if block == 1 else "blocks"
    return _said(
        derivation,
        language,
        key,
        minutes=minutes,
        blocks=counted(count, language, "block"),
        block=block,
        credits=counted(charged, language),
    )


def _noted(derivation: Derivation, language: str) -> str:
    noted = int(derivation["noted"])
    key = "noted" if derivation.get("kind") != "quote" else "noted.quote"
    return _said(derivation, language, key if noted else "noted.nothing", credits=counted(noted, language))


def _by_kind(derivation: Derivation, language: str, zone: str) -> str:
    match derivation["rule"]:
        case "flat":
            return _said(derivation, language, "flat", credits=counted(int(derivation["flat"]), language))
        case "module" if derivation.get("until") is not None:
            return _said(derivation, language, "module.until", day=day(derivation["until"], language, zone))
        case rule:
            return _said(derivation, language, rule)


def _by_packs(derivation: Derivation, language: str) -> str:
    moved = recompute(derivation)
    key = "packs"
    if derivation["rule"] == "credit_note":
        moved = Credits(-moved)
        key = "credit_note.left" if derivation["claim"] > derivation["left"] else "credit_note"
    return say(language, key, lines=units(derivation["lines"]), credits=counted(moved, language))


def _by_a_person(derivation: Derivation, language: str, rule: str) -> str:
    why = one_line(str(derivation.get("reason") or ""))
    moved = recompute(derivation)
    # a price has no sign for the customer and an opening is a balance; the others add to one or take from it
    price = {"decided": abs(moved), "opening": moved}.get(rule)
    shown = signed(moved, language) if price is None else counted(price, language)
    key = f"{rule}.reason" if why and f"{rule}.reason" in TABLES[language] else rule
    return say(language, key, credits=shown, reason=why.removesuffix("."))
