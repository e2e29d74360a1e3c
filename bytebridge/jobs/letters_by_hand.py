"""What an administrator does to letters: retry, cancel, hold and release."""

from bytebridge.domain.model import Instant
from bytebridge.errors import NotFound, Refused
from bytebridge.ledger import facts, outbox
from bytebridge.ledger.engine import Connection, Store

FROM = {"retry": ("failed", "cancelled", "held"), "cancel": ("pending", "held", "failed", "unknown")}
TO = {"retry": "pending", "cancel": "cancelled"}


def change(store: Store, number: int, wish: str, now: Instant, *, dry_run: bool) -> str:
    """One sentence about what was done; Refused when the letter's state does not allow it."""
    with store.read() as connection:
        notice = outbox.get(connection, number)
    if notice is None:
        raise NotFound(f"no letter {number}")
    if notice.state not in FROM[wish]:
        raise Refused(f"letter {number} is {notice.state}: only {', '.join(FROM[wish])} can be used with {wish}")
    if dry_run:
        return f"letter {number} would become {TO[wish]}"

    def work(connection: Connection) -> bool:
        # it did not arrive, a person says: it is written anew, since others may have said meanwhile what it said
        anew = {"due": now, "letter": None, "looks": 0, "doubts": 0, "tried_since": None}
        values = anew if wish == "retry" else {}
        return outbox.move(connection, notice, TO[wish], why="", **values)

    if not store.transact(work):
        raise Refused(f"letter {number} has just been taken up by the daemon: look again")
    return f"letter {number} is {TO[wish]}"


def hold(store: Store, by: str, *, held: bool, dry_run: bool) -> str:
    """Stops or resumes all letters."""
    words = "all letters are held until `notices release`" if held else "letters go out again"
    if dry_run:
        return f"would be: {words}"

    store.transact(lambda connection: facts.put(connection, "held", by if held else ""))
    return words
