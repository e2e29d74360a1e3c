"""The last entry of each account: where its chain goes on."""

from collections.abc import Sequence

from sqlalchemy import Connection, literal_column, select

from bytebridge.domain.entry import GENESIS
from bytebridge.ledger import many
from bytebridge.ledger.schema import accounts, entries

Head = tuple[int, int, str]
"""The last entry of an account: its seq, balance and hash."""
NO_HEAD: Head = (0, 0, GENESIS)
_later = entries.alias()
_mine = select(_later.c.id).where(_later.c.account == accounts.c.id).order_by(_later.c.seq.desc())
IS_HEAD = entries.c.id == _mine.limit(literal_column("1")).offset(literal_column("0")).scalar_subquery()
HEADS = select(entries.c.account, entries.c.seq, entries.c.balance, entries.c.hash).select_from(
    accounts.join(entries, IS_HEAD)
)


def heads(connection: Connection, ids: Sequence[int]) -> dict[int, Head]:
    """Last entry of each account; accounts without entries are absent."""
    rows = many.among(connection, HEADS, accounts.c.id, ids)
    return {account: (seq, balance, digest) for account, seq, balance, digest in rows}
