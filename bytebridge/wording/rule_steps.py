"""The rule of a derivation step by step, for the one who checks a figure."""

from collections.abc import Iterator, Mapping
from typing import Any

from bytebridge.domain.derivation import recompute
from bytebridge.wording.language import counted, kind, known, say, signed
from bytebridge.wording.plain import one_line
from bytebridge.wording.sentences import LONGEST_REFERENCE, explain


def steps(derivation: Mapping[str, Any], language: str = "en") -> list[str]:
    """Each step from what was noted to the credits expected, one sentence each; none for a rule without words."""
    language = known(language)
    match derivation.get("rule"):
        case "blocks":
            found = list(_blocks(derivation, language))
        case "flat":
            found = [_kind(derivation, language), say(language, "step.flat", credits=derivation["flat"])]
        case "noted":
            noted = counted(int(derivation["noted"]), language)
            found = [_kind(derivation, language), say(language, "step.noted", credits=noted)]
        case "packs":
            found = list(_packs(derivation, language))
        case "credit_note":
            found = list(_credit_note(derivation, language))
        case "decided" | "opening" | "adjustment" | "merge":
            found = []
        case _ if said := explain(derivation, language):
            found = [said]
        case _:
            return []
    return [*found, *_person(derivation, language), _total(derivation, language)]


def _kind(derivation: Mapping[str, Any], language: str) -> str:
    name = kind(derivation.get("kind"), language)
    return say(language, "step.kind", kind=name[:1].lower() + name[1:])


def _blocks(derivation: Mapping[str, Any], language: str) -> Iterator[str]:
    minutes, block, minimum = (int(derivation[key]) for key in ("minutes", "block", "minimum"))
    count = -(-minutes // block)
    yield _kind(derivation, language)
    yield say(language, "step.minutes", minutes=minutes)
    yield say(language, "step.blocks", block=block, count=count, total=count * block)
    yield say(language, "step.minimum" if minimum > count * block else "step.reached", minimum=minimum)


def _packs(derivation: Mapping[str, Any], language: str) -> Iterator[str]:
    for line in derivation["lines"]:
        reference = one_line(str(line["reference"]), LONGEST_REFERENCE)
        bought, back, each = line["units"], line["taken_back"], line["credits"]
        yield say(language, "step.pack", units=bought, reference=reference, credits=each, total=bought * each)
        if back:
            yield say(language, "step.taken_back", units=back, reference=reference, left=(bought - back) * each)


def _credit_note(derivation: Mapping[str, Any], language: str) -> Iterator[str]:
    yield from _packs(derivation, language)
    yield say(language, "step.claim", credits=counted(derivation["claim"], language))
    yield say(language, "step.left", credits=counted(derivation["left"], language))


def _person(derivation: Mapping[str, Any], language: str) -> Iterator[str]:
    if why := one_line(str(derivation.get("reason") or "")):
        yield say(language, "step.reason", reason=why.removesuffix("."))
    if by := one_line(str(derivation.get("by") or "")):
        yield say(language, "step.by", by=by)


def _total(derivation: Mapping[str, Any], language: str) -> str:
    return say(language, "step.total", credits=signed(recompute(derivation), language))
