"""The tables, once. Times are epoch seconds UTC, credits whole numbers, JSON is text written by us.

`entries` is append-only: triggers, made by the first migration, refuse UPDATE, DELETE and REPLACE on every database.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.ext.compiler import compiles

metadata = MetaData()
Id = BigInteger().with_variant(Integer(), "sqlite")


class LongText(Text):
    """Text of any length: MariaDB's TEXT ends at 64 KiB."""


@compiles(LongText, "mysql", "mariadb")
def _long(_type: LongText, _compiler: Any, **_how: Any) -> str:
    return "LONGTEXT"


meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("root", BigInteger, nullable=False),  # the account that speaks for its family, itself if not merged
    Column("parent", BigInteger, nullable=False),  # the account it was merged into directly, itself if none
    Column("name", String(250), nullable=False),
    Column("language", String(10)),
    Column("threshold", BigInteger),
    Column("muted", String(200), nullable=False, server_default=""),  # kinds of letters it does not want
    Column("created_at", BigInteger, nullable=False),
    Index("accounts_root", "root"),
)

addresses = Table(
    "addresses",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("email", String(254), nullable=False),
    Column("account", BigInteger),  # None: owned by nobody from `since` on
    Column("since", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("by", String(100), nullable=False),
    Index("addresses_email", "email"),
    Index("addresses_account", "account"),
)

merges = Table(  # what `accounts.parent` was at each time
    "merges",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account", BigInteger, nullable=False),
    Column("parent", BigInteger),  # None: it stands for itself again
    Column("at", BigInteger, nullable=False),
    Column("by", String(100), nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("key", String(90), primary_key=True),  # source:id
    Column("source", String(10), nullable=False),
    Column("code", String(90), nullable=False),
    Column("account", BigInteger),
    Column("email", String(254), nullable=False),
    Column("dated", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", LongText, nullable=False),  # what the source said last, as JSON
    Column("rules", String(16), nullable=False),  # digest of the rules it was valued by
    Column("memory", LongText, nullable=False),
    Column("worth", BigInteger),  # None: no opinion
    Column("revision", Integer, nullable=False),
    Column("recheck", BigInteger),
    Column("seen_at", BigInteger, nullable=False),
    Index("documents_code", "code"),
    Index("documents_recheck", "recheck"),
    Index("documents_source", "source", "created_at"),
    Index("documents_account", "account"),
)

entries = Table(
    "entries",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("document", String(90), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("credits", BigInteger, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("was", BigInteger, nullable=False),
    Column("happened", BigInteger, nullable=False),
    Column("recorded", BigInteger, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("derivation", LongText, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("entries_run", "run"),
    UniqueConstraint("account", "seq", name="entries_account_seq"),
    UniqueConstraint("document", "revision", "account", name="entries_document_revision"),
)

modules = Table(
    "modules",
    metadata,
    Column("document", String(90), primary_key=True),
    Column("reference", String(90), primary_key=True),
    Column("account", BigInteger),
    Column("email", String(254), nullable=False),
    Column("ends", BigInteger, nullable=False),
    Index("modules_email", "email"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("document", String(90), nullable=False),
    Column("state", String(10), nullable=False),  # waiting | flagged
    Column("code", String(40), nullable=False),
    Column("found", String(250), nullable=False),
    Column("cost", BigInteger),
    Column("email", String(254), nullable=False),
    Column("basis", String(16), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("choice", String(10), nullable=False, server_default=""),
    Column("credits", BigInteger, nullable=False, server_default="0"),
    Column("target", String(254), nullable=False, server_default=""),
    Column("reason", String(500), nullable=False, server_default=""),
    Column("by", String(100), nullable=False, server_default=""),
    Column("noted", BigInteger),  # when the ticket got its internal note
    Index("reviews_document", "document"),
    Index("reviews_open", "closed_at", "state", "code"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("account", BigInteger),
    Column("document", String(90), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("channel", String(10), nullable=False),
    Column("recipient", String(254), nullable=False),
    Column("ticket", String(90), nullable=False),
    Column("code", String(60), nullable=False),
    Column("seq", BigInteger, nullable=False),  # the account's last entry that the code proves, 0 before any
    Column("state", String(10), nullable=False),
    Column("why", String(250), nullable=False, server_default=""),
    Column("cause", BigInteger, nullable=False),
    Column("needs_shop", Integer, nullable=False),
    Column("facts", LongText, nullable=False),
    Column("letter", LongText),  # subject, text and HTML, frozen at the first attempt
    Column("created_at", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("looks", Integer, nullable=False, server_default="0"),  # looked for and not found
    Column("doubts", Integer, nullable=False, server_default="0"),  # attempts of unknown outcome
    Column("tried_since", BigInteger),  # the first of the attempts that are being made
    Column("sent_at", BigInteger),
    Column("standing", LongText),  # of the ticket, as it was before our reply
    Column("carrier", BigInteger),  # the letter that says this one's text too
    Index("notices_state", "state", "due"),
    Index("notices_account", "account"),
    Index("notices_document", "document"),
    UniqueConstraint("kind", "document", "revision", "channel", "account", name="notices_once"),
)

write_backs = Table(
    "write_backs",
    metadata,
    # the reference is what makes MariaDB refuse TRUNCATE on entries, which fires no trigger there
    Column("entry", Id, ForeignKey("entries.id"), primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("event", Integer, nullable=False),  # 1: an agenda event too; 0: the balance only (quiet past)
    Column("state", String(10), nullable=False),  # pending | done | parked
    Column("why", String(250), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due", BigInteger, nullable=False),
    Index("write_backs_state", "state", "due"),
)

sources = Table(
    "sources",
    metadata,
    Column("source", String(10), primary_key=True),
    Column("cursor", LongText),
    Column("begun", BigInteger),  # start of the last good reading
    Column("finished", BigInteger),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("what", String(40), nullable=False),
    Column("token", String(16), nullable=False),  # what its log lines carry
    Column("by", String(100), nullable=False),
    Column("begun", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("result", String(20), nullable=False),
    Column("figures", LongText, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", BigInteger, nullable=False),
)

# Of one kind of database each. Said beside a table they would have every command load every kind's dialect and drivers.
# without padding, or MariaDB takes "a" and "a " for one key
MARIADB = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_nopad_bin"}
DUE = text("recheck IS NOT NULL")  # few documents are, and every insert writes every index


@event.listens_for(metadata, "before_create")
def _of_its_kind(_metadata: MetaData, connection: Connection, **_how: Any) -> None:
    [recheck] = [index for index in documents.indexes if index.name == "documents_recheck"]
    match connection.dialect.name:
        case "sqlite":
            recheck.dialect_kwargs.update(sqlite_where=DUE)
            runs.dialect_kwargs.update(sqlite_autoincrement=True)
        case "postgresql":
            recheck.dialect_kwargs.update(postgresql_where=DUE)
        case _:
            for table in metadata.tables.values():
                table.dialect_kwargs.update(MARIADB)
