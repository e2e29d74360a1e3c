"""`db`: migrations, proof, backup."""

from pathlib import Path

import click

from bytebridge.cli.shared import iso, json_option, settings_of, show_json


@click.group("db")
def db_command() -> None:
    """Migrations, proof that no entry was altered, backup."""


@db_command.command("upgrade")
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Creates the store or brings its schema up to date."""
    from bytebridge.ledger import migrate
    from bytebridge.service import open_store

    store = open_store(settings_of(ctx), write=True)
    click.echo(f"{store.url.render_as_string()}: schema {migrate.revision(store)}")
    store.close()


@db_command.command("verify")
@click.option("--receipt", metavar="CODE", help="Only: does the history up to this letter's code still stand?")
@json_option
@click.pass_context
def verify(ctx: click.Context, receipt: str | None, *, as_json: bool) -> int:
    """Recomputes balances, derivations and hash chains; exit code 3 and the first altered entry if not whole."""
    from bytebridge.ledger import verify as proof
    from bytebridge.service import open_store

    store = open_store(settings_of(ctx), write=False)
    with store.read() as connection:
        if receipt is not None:
            sentence, stands = proof.check_receipt(connection, receipt)
            found = {"receipt": receipt, "stands": stands, "says": sentence}
            fault = None if stands else sentence
        else:
            proven = proof.verify(connection)
            fault = proven.fault
            found = {"entries": proven.entries, "accounts": proven.accounts, "fault": fault}
            sentence = fault or f"{proven.entries} entries of {proven.accounts} accounts are whole"
    store.close()
    if as_json:
        show_json(found)
    else:
        click.echo(sentence)
    return 3 if fault else 0


@db_command.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def backup_(ctx: click.Context, file: Path) -> None:
    """Writes one whole copy of an SQLite store to FILE, while the daemon runs."""
    from bytebridge.ledger import backup
    from bytebridge.service import open_store

    store = open_store(settings_of(ctx), write=False)
    size = backup.backup(store, file)
    store.close()
    click.echo(f"{file}: {size} bytes")


@db_command.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.pass_context
def restore_(ctx: click.Context, file: Path) -> None:
    """Puts a backup of this store in its place; the daemon must be stopped.

    The next pass reads the sources and makes the ledger right again. Letters of the time in between are not sent
    twice: replies are looked for in their tickets, mails are held and listed by `notices list --state held`.
    """
    from bytebridge.ledger import backup
    from bytebridge.ledger.engine import Store
    from bytebridge.service import clock
    from bytebridge.settings import state_directory, store_url

    store = Store(store_url(settings_of(ctx)))
    side = store.path.parent if store.path is not None else state_directory()
    done = backup.restore(store, file, side, clock())
    kept = f"; what was there is kept as {done.kept}" if done.kept else ""
    until = f", the last recorded at {iso(done.last_recorded)}" if done.entries else ""
    click.echo(f"restored {done.entries} entries{until}{kept}")
