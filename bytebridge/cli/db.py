"""`db`: migrations, proof, backup."""

from pathlib import Path

import click

from bytebridge.cli.shared import dry_run_option, iso, json_option, settings_of, show_json


@click.group("db")
def db_command() -> None:
    """Migrations, proof that no entry was altered, backup."""


@db_command.command("upgrade")
@dry_run_option
@click.pass_context
def upgrade(ctx: click.Context, *, dry_run: bool) -> None:
    """Creates the store or brings its schema up to date."""
    from bytebridge.ledger import migrate
    from bytebridge.ledger.engine import Store
    from bytebridge.opening import open_store
    from bytebridge.settings import store_url

    if dry_run:
        looked = Store(store_url(settings_of(ctx)), read_only=True)
        there = looked.path is None or looked.path.exists()
        found = (migrate.revision(looked) if there else None) or "none"
        click.echo(f"{looked.url.render_as_string()}: schema {found}, would be {migrate.HEAD}")
        looked.close()
        return
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
    from bytebridge.opening import open_store

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
    from bytebridge.opening import open_store

    store = open_store(settings_of(ctx), write=False)
    size = backup.backup(store, file)
    store.close()
    click.echo(f"{file}: {size} bytes")


@db_command.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@dry_run_option
@click.pass_context
def restore_(ctx: click.Context, file: Path, *, dry_run: bool) -> None:
    """Puts a backup of this store in its place; the daemon must be stopped.

    The next pass reads the sources and makes the ledger right again. Letters of the time in between are not sent
    twice: replies are looked for in their tickets, mails are held and listed by `notices list --state held`.
    """
    from bytebridge.ledger import backup
    from bytebridge.ledger.engine import Store
    from bytebridge.opening import clock, side_directory
    from bytebridge.settings import store_url

    store = Store(store_url(settings_of(ctx)))
    side = side_directory(store)
    if dry_run:
        count = backup.examine(store, file, side)
        click.echo(f"{file}: a whole backup of this store with {count} entries; it would be put in its place")
        return
    done = backup.restore(store, file, side, clock())
    kept = f"; what was there is kept as {done.kept}" if done.kept else ""
    until = f", the last recorded at {iso(done.last_recorded)}" if done.entries else ""
    click.echo(f"restored {done.entries} entries{until}{kept}")
