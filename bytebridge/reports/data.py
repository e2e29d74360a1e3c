"""A statement as JSON, for scripts: names and shapes are promised to users, figures are plain."""

import json
from datetime import UTC, datetime
from typing import Any

from bytebridge.domain.entry import EntryKind
from bytebridge.domain.model import Instant, Source
from bytebridge.domain.statement import Line, Statement, totals
from bytebridge.reports.shown import Range, why

OFFSET = len("+00:00")


def render(
    statement: Statement,
    *,
    language: str,
    zone: str,
    code: str,
    lasts: Range | None,
    made: Instant | None = None,
) -> str:
    """One JSON document. language: of the reasons. Times are UTC whatever the zone."""
    del zone
    return json.dumps(shape(statement, language, code, lasts, made), ensure_ascii=False)


def shape(statement: Statement, language: str, code: str, lasts: Range | None, made: Instant | None) -> dict[str, Any]:
    return {
        "account": statement.account,
        "emails": list(statement.emails),
        "name": statement.name,
        "language": language,
        "since": instant(statement.since),
        "until": instant(statement.until),
        "made_at": instant(made),
        "opening": statement.opening,
        "closing": statement.closing,
        "entries": [_entry(line, language) for line in statement.lines],
        "totals": totals(statement),
        "lasts_days": list(lasts) if lasts is not None else None,
        "receipt": code,
    }


def instant(at: Instant | None) -> str | None:
    return f"{datetime.fromtimestamp(at, UTC).isoformat()[:-OFFSET]}Z" if at is not None else None


def _entry(line: Line, language: str) -> dict[str, Any]:
    work = line.derivation.get("kind") if line.source == Source.HELPDESK else None
    return {
        "id": line.id,
        "at": instant(line.at),
        "kind": line.kind.value,
        "credits": line.credits,
        "balance": line.balance,
        "source": line.source,
        "document": label(line),
        "reason": why(line, language),
        "work": work,
        "minutes": line.minutes,
        "recorded_at": instant(line.recorded),
    }


def label(line: Line) -> str:
    """As commands show and accept documents: `order 1042`, `ticket KXB-QWERT-482`, `invoice FA2610-0040 (41)`."""
    number = line.document.partition(":")[2]
    match line.source:
        case Source.SHOP:
            return f"order {number}"
        case Source.ERP:
            return f"invoice {line.code} ({number})" if line.code else f"invoice {number}"
        case Source.HELPDESK:
            return f"ticket {line.code or number}"
        case _:
            # the key of an opening balance is an address, and may be a colleague's
            return EntryKind(line.kind).value
