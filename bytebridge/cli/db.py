"""`db`: migrations, proof, backup."""

import click

from bytebridge.cli.shared import json_option, settings_of, show_json


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
