"""A reconciliation's repairs written to a file, and exactly those carried out later."""

import json
from pathlib import Path
from typing import Any

from bytebridge import files
from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Document, Source
from bytebridge.domain.settlement import members
from bytebridge.errors import Refused, RemoteError
from bytebridge.jobs.book import Run, book, plan
from bytebridge.jobs.context import Context
from bytebridge.jobs.labels import label_of
from bytebridge.jobs.reconcile import Reconciled, movements
from bytebridge.ledger import codec, entries, facts
from bytebridge.ledger.engine import Connection

FORM = 2
FIELDS = ("key", "document", "state", "revision", "delta", "postings")  # what an item must have


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
    try:
        files.write(Path(path), (json.dumps(plan, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace"))
    except OSError as error:
        raise Refused(f"{path}: cannot be written ({error.strerror}): name another file") from error


def read(path: str, context: Context) -> list[dict[str, Any]]:
    """The repairs of a plan made for this store; Refused when it is another's or no plan."""
    try:
        plan = json.loads(Path(path).read_text(encoding="utf-8"))
        repairs = plan["repairs"]
        form, store = plan["form"], plan["store"]
        found = [
            {name: row[name] for name in FIELDS} | {"key": str(row["key"]), "email": str(row.get("email") or "")}
            for row in repairs
        ]
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused(f"{path}: no plan written by `reconcile --plan`") from error
    with context.store.read() as connection:
        ours = facts.get(connection, "store")
    if form != FORM:
        raise Refused(f"{path}: a plan of another version: make it anew")
    if store != ours:
        raise Refused(f"{path}: made for another store")
    return found


class _Moved(Exception):
    """Why an item is not carried out; its transaction is undone."""


def apply(repairs: list[dict[str, Any]], context: Context, run: Run, *, dry_run: bool) -> Reconciled:
    """Does exactly what the plan says, or refuses item by item where source, ledger, owner or rules have moved."""
    found = Reconciled()
    opened: set[tuple[int, str]] = set()
    for source, connector in context.connectors.items():
        mine = {row["key"]: row for row in repairs if row["key"].startswith(f"{source}:")}
        if not mine:
            continue
        try:
            read_now = connector.by_ids([key.partition(":")[2] for key in mine])
        except RemoteError as error:
            found.errors.append(str(error))
            continue
        found.examined[source.value] = len(read_now)
        for whole in read_now:
            together = {key_of(member): member for member in members(whole)}
            planned = {key: mine.pop(key) for key in together if key in mine}
            try:
                found.applied += _carry_out(whole, planned, source, opened, context, run, dry_run=dry_run)
                found.drift += planned.values()
            except _Moved as why:
                found.refused += [f"{row['document']}: {why}" for row in planned.values()]
        unread = {f"{source}:{id_}" for id_ in connector.unread}
        for key, row in mine.items():
            missing = "it cannot be read now" if key in unread else "the source does not have it any more"
            found.refused.append(f"{row['document']}: {missing}")
    return found


def _carry_out(
    whole: Document,
    planned: dict[str, dict[str, Any]],
    source: Source,
    opened: set[tuple[int, str]],
    context: Context,
    run: Run,
    *,
    dry_run: bool,
) -> int:
    """Books one document in the transaction that makes sure that it posts what was planned and nothing else.

    opened: accounts that this plan's items opened so far, each with the addresses that they brought; those of this
    document are added.
    """
    fresh: set[tuple[int, str]] = set()

    def same(connection: Connection) -> None:
        fresh.clear()
        outcomes, view = plan(connection, [whole], context)
        for outcome in outcomes:
            row = planned.get(outcome.key)
            if row is None:
                if outcome.postings:
                    raise _Moved(f"{label_of(outcome.key, outcome.document.code)}, not in the plan, would move with it")
                continue
            if codec.digest(codec.encode(outcome.document)) != row["state"]:
                raise _Moved("the source says something else since the plan was made")
            if entries.last_revision(connection, outcome.key) + 1 != row["revision"]:
                raise _Moved("the ledger has moved since the plan was made")
            _compare(movements(outcome, view, opened), row["postings"])
        ours = {account for account, _ in opened} | {number for number, one in view.accounts.items() if one.new}
        fresh.update((to, email) for email, to, _ in view.added if to in ours)

    if dry_run:
        with context.store.read() as connection:
            same(connection)
        return 0
    posted = len(book([whole], context, run, source=source, first=same).entries)
    opened |= fresh
    return posted


def _compare(now: list[dict[str, Any]], planned: list[dict[str, Any]]) -> None:
    if now == planned:
        return
    if [one["account"] for one in now] != [one["account"] for one in planned]:
        raise _Moved("it belongs to another account since the plan was made")
    raise _Moved("the rules, or what a person decided, give something else since the plan was made")
