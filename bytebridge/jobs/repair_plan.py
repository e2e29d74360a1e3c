"""A reconciliation's repairs written to a file, and exactly those carried out later."""

import json
from pathlib import Path
from typing import Any

from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Document, Source
from bytebridge.domain.settlement import members
from bytebridge.errors import Refused
from bytebridge.jobs.book import Run, book
from bytebridge.jobs.context import Context
from bytebridge.jobs.reconcile import Reconciled
from bytebridge.ledger import codec, entries, facts

FORM = 1


def write(path: str, found: Reconciled, context: Context) -> None:
    """Every repair with its evidence: what the source says (as a digest) and how far the ledger is."""
    with context.store.read() as connection:
        store = facts.get(connection, "store")
    plan = {
        "form": FORM,
        "store": store,
        "made_at": context.now(),
        "by": context.by,
        "repairs": [row for row in found.drift if row["delta"] or row["reason"] == "wrong account"],
    }
    Path(path).write_text(json.dumps(plan, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read(path: str, context: Context) -> list[dict[str, Any]]:
    """The repairs of a plan made for this store; Refused when it is another's or no plan."""
    try:
        plan = json.loads(Path(path).read_text(encoding="utf-8"))
        repairs = plan["repairs"]
        form, store = plan["form"], plan["store"]
        found = [{name: row[name] for name in ("key", "document", "state", "revision", "delta")} for row in repairs]
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path}: no plan written by `reconcile --plan`") from error
    with context.store.read() as connection:
        ours = facts.get(connection, "store")
    if form != FORM or store != ours:
        raise Refused(f"{path}: made for another store")
    return found


def apply(repairs: list[dict[str, Any]], context: Context, run: Run, *, dry_run: bool) -> Reconciled:
    """Does exactly what the plan says, or refuses item by item where source or ledger has moved since."""
    found = Reconciled()
    for source, connector in context.connectors.items():
        mine = {row["key"]: row for row in repairs if row["key"].startswith(f"{source}:")}
        if not mine:
            continue
        read_now = connector.by_ids([key.partition(":")[2] for key in mine])
        found.examined[source.value] = len(read_now)
        by_key = {key_of(member): (member, whole) for whole in read_now for member in members(whole)}
        ready: dict[str, Document] = {}
        for key, row in mine.items():
            why = _moved(key, row, by_key.get(key, (None, None))[0], context)
            if why:
                found.refused.append(f"{row['document']}: {why}")
            else:
                found.drift.append(row)
                whole = by_key[key][1]
                ready[key_of(whole)] = whole
        if ready and not dry_run:
            found.applied += len(book(list(ready.values()), context, run, source=Source(source)).entries)
    return found


def _moved(key: str, row: dict[str, Any], present: Document | None, context: Context) -> str | None:
    if present is None:
        return "the source does not have it any more"
    if codec.digest(codec.encode(present)) != row["state"]:
        return "the source says something else since the plan was made"
    with context.store.read() as connection:
        if entries.last_revision(connection, key) + 1 != row["revision"]:
            return "the ledger has moved since the plan was made"
    return None
