"""The shapes of a derivation: why a document moved what it moved, stored with each entry as JSON.

Enough to compute the credits again (`recompute`) and to explain them in a sentence (`notices/wording`).

| rule | meaning | fields |
| --- | --- | --- |
| packs | an order or invoice grants its packs | lines: [{reference, units, taken_back, credits}], standing |
| credit_note | a credit note takes back, at most what is left of its source's grant | lines, source, claim, left |
| blocks | a ticket's minutes in blocks | kind, minutes, block, minimum |
| flat | a kind with a flat rate | kind, flat |
| noted | the technician noted the credits | kind (or null), noted |
| free | free work | kind |
| module | support of a module within its year | module, until |
| void | worth nothing (spam, deleted, cancelled, unpaid …) | why |
| decided | a person's decision | credits, reason, by |
| opening | an opening balance | credits, reason |
| adjustment | a correction by a person | credits, reason, by, for: the account whose address was named |
| merge | balance moved between merged accounts | credits, by, with, joined: {account, seq, hash} |
"""

from collections.abc import Mapping
from typing import Any

from bytebridge.domain.model import Credits


def recompute(derivation: Mapping[str, Any]) -> Credits:
    """What a document is worth by its stored derivation alone [credits, signed as an entry]."""
    match derivation["rule"]:
        case "packs":
            return Credits(sum(line["credits"] * (line["units"] - line["taken_back"]) for line in derivation["lines"]))
        case "credit_note":
            return Credits(-min(derivation["claim"], derivation["left"]))
        case "blocks":
            block = int(derivation["block"])
            return Credits(-max(int(derivation["minimum"]), -(-int(derivation["minutes"]) // block) * block))
        case "flat":
            return Credits(-int(derivation["flat"]))
        case "noted":
            return Credits(-int(derivation["noted"]))
        case "free" | "module" | "void":
            return Credits(0)
        case _:
            return Credits(int(derivation["credits"]))
