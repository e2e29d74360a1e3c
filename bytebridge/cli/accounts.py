"""`accounts`: who owns what."""

import click

from bytebridge.cli.balance import summary_json
from bytebridge.cli.shared import dry_run_option, json_option, settings_of, show_json, table

MUTABLE = ("low_balance", "insufficient", "module_ending")


@click.group("accounts")
def accounts_command() -> None:
    """Accounts, their addresses, language and own threshold."""


@accounts_command.command("list")
@click.argument("search", required=False)
@json_option
@click.pass_context
def list_(ctx: click.Context, search: str | None, *, as_json: bool) -> None:
    """All accounts, or those whose address or name contains SEARCH."""
    from bytebridge.ledger import accounts
    from bytebridge.opening import open_store

    settings = settings_of(ctx)
    store = open_store(settings, write=False)
    with store.read() as connection:
        found = accounts.summaries(connection)
    store.close()
    if search:
        needle = search.casefold()
        found = [one for one in found if needle in one.name.casefold() or any(needle in mail for mail in one.emails)]
    shown = [summary_json(one, settings.notices.low_balance) for one in found]
    if as_json:
        show_json({"accounts": shown})
        return
    rows = [
        [one["account"], one["balance"], "low" if one["low"] else "", ", ".join(one["emails"]), one["name"]]
        for one in shown
    ]
    table(["account", "balance", "", "addresses", "name"], rows)


@accounts_command.command("show")
@click.argument("email")
@json_option
@click.pass_context
def show(ctx: click.Context, email: str, *, as_json: bool) -> None:
    """One account with its addresses and settings."""
    from bytebridge.ledger import accounts
    from bytebridge.opening import clock, open_store

    settings = settings_of(ctx)
    store = open_store(settings, write=False)
    with store.read() as connection:
        root = accounts.get(connection, email, clock())
        one = accounts.summaries(connection, [root])[0]
        merged = [number for number in accounts.family(connection, root) if number != root]
    store.close()
    shown = summary_json(one, settings.notices.low_balance)
    shown |= {
        "language": one.language,
        "low_balance": one.threshold if one.threshold is not None else settings.notices.low_balance,
        "merged": merged,
    }
    if as_json:
        show_json(shown)
        return
    for name, value in shown.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, bool):
            text = "yes" if value else "no"
        click.echo(f"{name + ':':15}{'' if text is None else text}")


def _change(ctx: click.Context, dry_run: bool, work: object) -> None:
    from bytebridge import service
    from bytebridge.jobs import people

    settings = settings_of(ctx)
    store = service.open_for_dry_run(settings) if dry_run else service.open_store(settings, write=True)
    context = service.build(settings, store, sources=())
    for line in people.carry_out(context, work, dry_run=dry_run):  # type: ignore[arg-type]
        click.echo(line)
    store.close()


@accounts_command.command("merge")
@click.argument("keep")
@click.argument("other")
@dry_run_option
@click.pass_context
def merge(ctx: click.Context, keep: str, other: str, *, dry_run: bool) -> None:
    """The account of OTHER becomes part of that of KEEP; undone by `accounts split OTHER`."""
    from bytebridge.jobs import people

    _change(ctx, dry_run, people.Merge(keep, other))


@accounts_command.command("split")
@click.argument("email")
@dry_run_option
@click.pass_context
def split(ctx: click.Context, email: str, *, dry_run: bool) -> None:
    """The account that owned EMAIL before a merge stands for itself again."""
    from bytebridge.jobs import people

    _change(ctx, dry_run, people.Split(email))


@accounts_command.command("add-email")
@click.argument("email")
@click.argument("new")
@dry_run_option
@click.pass_context
def add_email(ctx: click.Context, email: str, new: str, *, dry_run: bool) -> None:
    """NEW belongs to the account of EMAIL, from the beginning if nobody owned it."""
    from bytebridge.jobs import people

    _change(ctx, dry_run, people.AddAddress(email, new))


@accounts_command.command("remove-email")
@click.argument("email")
@dry_run_option
@click.pass_context
def remove_email(ctx: click.Context, email: str, *, dry_run: bool) -> None:
    """From now on EMAIL belongs to nobody; what it brought so far stays. The only address of an account cannot go."""
    from bytebridge.jobs import people

    _change(ctx, dry_run, people.RemoveAddress(email))


@accounts_command.command("set")
@click.argument("email")
@click.option("--language", type=click.Choice(["es", "fr", "en"]))
@click.option("--low-balance", type=int, metavar="CREDITS", help="Own threshold; -1: the firm's again.")
@click.option("--name")
@click.option(
    "--mute",
    multiple=True,
    type=click.Choice([*MUTABLE, "none"]),
    help="A kind of letter this account does not want; give it several times; none: all again.",
)
@dry_run_option
@click.pass_context
def set_(
    ctx: click.Context,
    email: str,
    language: str | None,
    low_balance: int | None,
    name: str | None,
    mute: tuple[str, ...],
    *,
    dry_run: bool,
) -> None:
    """Language, own threshold, name or unwanted letters of the account of EMAIL.

    Letters about money (purchases, charges, what is taken back) cannot be turned off.
    """
    from bytebridge.jobs import people

    muted = None if not mute else tuple(kind for kind in mute if kind != "none")
    _change(ctx, dry_run, people.SetValues(email, language, low_balance, name, muted))
