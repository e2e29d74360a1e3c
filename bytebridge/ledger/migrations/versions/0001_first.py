"""The first schema. Every step can be run again: MariaDB commits at each of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

SAY = "entries are never changed or deleted"
PG_BODY = f"$$ BEGIN RAISE EXCEPTION '{SAY}'; END $$"
CLASH = (
    "EXISTS (SELECT 1 FROM entries WHERE id = NEW.id OR (account = NEW.account AND seq = NEW.seq)"
    " OR (document = NEW.document AND revision = NEW.revision AND account = NEW.account))"
)


def _sqlite(name: str, when: str, failing: str = "ABORT") -> str:
    return f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {when} BEGIN SELECT RAISE({failing}, '{SAY}'); END"


def _mariadb(name: str, when: str) -> str:
    signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{SAY}'"
    return f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {when} ON entries FOR EACH ROW {signal}"


def _postgresql(name: str, when: str, each: str) -> str:
    return (
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {when} ON entries FOR EACH {each} EXECUTE FUNCTION entries_refuse()"
    )


TRIGGERS = {
    "sqlite": [
        _sqlite("entries_no_update", "UPDATE ON entries"),
        _sqlite("entries_no_delete", "DELETE ON entries"),
        # INSERT OR REPLACE deletes a row without firing the trigger above. FAIL leaves those rows of the statement that
        # came before, as new ones: what might ABORT copies each page beforehand
        _sqlite("entries_no_replace", f"INSERT ON entries WHEN {CLASH}", "FAIL"),
    ],
    "postgresql": [
        f"CREATE OR REPLACE FUNCTION entries_refuse() RETURNS trigger LANGUAGE plpgsql AS {PG_BODY}",
        _postgresql("entries_no_change", "UPDATE OR DELETE", "ROW"),
        _postgresql("entries_no_truncate", "TRUNCATE", "STATEMENT"),
    ],
    "mysql": [_mariadb("entries_no_update", "UPDATE"), _mariadb("entries_no_delete", "DELETE")],
}


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("root", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=True),
        sa.Column("threshold", sa.BigInteger(), nullable=True),
        sa.Column("muted", sa.String(length=200), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("accounts_root", "accounts", ["root"], unique=False, if_not_exists=True)
    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("addresses_account", "addresses", ["account"], unique=False, if_not_exists=True)
    op.create_index("addresses_email", "addresses", ["email"], unique=False, if_not_exists=True)
    op.create_table(
        "merges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "documents",
        sa.Column("key", sa.String(length=90), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=90), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("dated", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=False,
        ),
        sa.Column("rules", sa.String(length=16), nullable=False),
        sa.Column(
            "memory",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=False,
        ),
        sa.Column("worth", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("recheck", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("documents_account", "documents", ["account"], unique=False, if_not_exists=True)
    op.create_index("documents_code", "documents", ["code"], unique=False, if_not_exists=True)
    due = sa.text("recheck IS NOT NULL")
    op.create_index(
        "documents_recheck",
        "documents",
        ["recheck"],
        unique=False,
        if_not_exists=True,
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_index("documents_source", "documents", ["source", "created_at"], unique=False, if_not_exists=True)
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=90), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("was", sa.BigInteger(), nullable=False),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column(
            "derivation",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=False,
        ),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "seq", name="entries_account_seq"),
        sa.UniqueConstraint("document", "revision", "account", name="entries_document_revision"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("entries_run", "entries", ["run"], unique=False, if_not_exists=True)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "modules",
        sa.Column("document", sa.String(length=90), nullable=False),
        sa.Column("reference", sa.String(length=90), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document", "reference"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("modules_email", "modules", ["email"], unique=False, if_not_exists=True)
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.String(length=90), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("ticket", sa.String(length=90), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=250), server_default="", nullable=False),
        sa.Column("cause", sa.BigInteger(), nullable=False),
        sa.Column("needs_shop", sa.Integer(), nullable=False),
        sa.Column(
            "facts",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=False,
        ),
        sa.Column(
            "letter",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=True,
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("doubts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tried_since", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "standing",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=True,
        ),
        sa.Column("carrier", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "document", "revision", "channel", "account", name="notices_once"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("notices_account", "notices", ["account"], unique=False, if_not_exists=True)
    op.create_index("notices_document", "notices", ["document"], unique=False, if_not_exists=True)
    op.create_index("notices_state", "notices", ["state", "due"], unique=False, if_not_exists=True)
    op.create_table(
        "reviews",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("document", sa.String(length=90), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("found", sa.String(length=250), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("choice", sa.String(length=10), server_default="", nullable=False),
        sa.Column("credits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("target", sa.String(length=254), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("by", sa.String(length=100), server_default="", nullable=False),
        sa.Column("noted", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("reviews_document", "reviews", ["document"], unique=False, if_not_exists=True)
    op.create_index("reviews_open", "reviews", ["closed_at", "state", "code"], unique=False, if_not_exists=True)
    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column(
            "figures",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "sources",
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column(
            "cursor",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=True,
        ),
        sa.Column("begun", sa.BigInteger(), nullable=True),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "write_backs",
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=250), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"]),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_index("write_backs_state", "write_backs", ["state", "due"], unique=False, if_not_exists=True)
    for statement in TRIGGERS[op.get_bind().dialect.name.replace("mariadb", "mysql")]:
        op.execute(sa.text(statement))
