"""`notices`: what was and will be told to whom."""

from typing import Any

import click

from bytebridge.cli.shared import (
    dry_run_option,
    iso,
    json_option,
    moment,
    reading,
    settings_of,
    show_json,
    table,
    write_file,
)


@click.group("notices")
def notices_command() -> None:
    """Letters: what was and will be told to whom."""


def _shown(notice: Any, label: str) -> dict[str, Any]:
    return {
        "id": notice.id,
        "account": notice.account or None,
        "kind": notice.kind.value,
        "channel": notice.channel.value,
        "to": notice.recipient,
        "state": notice.state,
        "created_at": iso(notice.created_at),
        "sent_at": iso(notice.sent_at),
        "document": label,
        "code": notice.code,
        "why": notice.why or None,
        "attempts": notice.attempts,
    }


@notices_command.command("list")
@click.option("--state", type=click.Choice(["pending", "sending", "sent", "unknown", "failed", "cancelled", "held"]))
@click.option("--account", metavar="EMAIL", help="Only this account's.")
@json_option
@click.pass_context
def list_(ctx: click.Context, state: str | None, account: str | None, *, as_json: bool) -> None:
    """All letters, oldest first."""
    from bytebridge.jobs.labels import labels
    from bytebridge.ledger import accounts, outbox
    from bytebridge.opening import clock

    with reading(ctx) as store, store.read() as connection:
        root = accounts.get(connection, account, clock()) if account else None
        listed = outbox.listed(connection, account=root, state=state)
        names = labels(connection, [notice.document for notice in listed])
        held = outbox.is_held(connection)
    if held:
        click.echo(f"bytebridge: {outbox.ALL_HELD}", err=True)
    shown = [_shown(notice, names[notice.document]) for notice in listed]
    if as_json:
        show_json({"notices": shown})
        return
    rows = [
        [
            one["id"],
            one["state"],
            one["kind"],
            one["channel"],
            one["to"],
            one["document"],
            one["sent_at"] or "",
            one["why"] or "",
        ]
        for one in shown
    ]
    table(["id", "state", "kind", "channel", "to", "document", "sent", "why"], rows)


@notices_command.command("show")
@click.argument("number", metavar="ID", type=int)
@json_option
@click.pass_context
def show(ctx: click.Context, number: int, *, as_json: bool) -> None:
    """One letter with its text, once it is frozen."""
    from bytebridge.errors import NotFound
    from bytebridge.jobs.labels import labels
    from bytebridge.ledger import outbox

    with reading(ctx) as store, store.read() as connection:
        notice = outbox.get(connection, number)
        if notice is None:
            raise NotFound(f"no letter {number}")
        [label] = labels(connection, [notice.document]).values()
    shown = _shown(notice, label) | {"letter": dict(notice.letter) if notice.letter else None}
    if as_json:
        show_json(shown)
        return
    letter = shown.pop("letter")
    for name, value in shown.items():
        click.echo(f"{name + ':':12}{'' if value is None else value}")
    if letter:
        click.echo(f"\n{letter['subject']}\n\n{letter['text']}")


def _change(ctx: click.Context, number: int, dry_run: bool, wish: str) -> None:
    from bytebridge import service
    from bytebridge.jobs import letters_by_hand

    settings = settings_of(ctx)
    store = service.open_for_dry_run(settings) if dry_run else service.open_store(settings, write=True)
    click.echo(letters_by_hand.change(store, number, wish, service.clock(), dry_run=dry_run))
    store.close()


@notices_command.command("retry")
@click.argument("number", metavar="ID", type=int)
@dry_run_option
@click.pass_context
def retry(ctx: click.Context, number: int, *, dry_run: bool) -> None:
    """Sends a failed, cancelled or held letter with the next delivery."""
    _change(ctx, number, dry_run, "retry")


@notices_command.command("cancel")
@click.argument("number", metavar="ID", type=int)
@dry_run_option
@click.pass_context
def cancel(ctx: click.Context, number: int, *, dry_run: bool) -> None:
    """A letter that has not gone out never will."""
    _change(ctx, number, dry_run, "cancel")


def _hold(ctx: click.Context, held: bool, dry_run: bool) -> None:
    from bytebridge import service
    from bytebridge.jobs import letters_by_hand

    settings = settings_of(ctx)
    store = service.open_for_dry_run(settings) if dry_run else service.open_store(settings, write=True)
    click.echo(letters_by_hand.hold(store, service.login(), held=held, dry_run=dry_run))
    store.close()


@notices_command.command("hold")
@dry_run_option
@click.pass_context
def hold(ctx: click.Context, *, dry_run: bool) -> None:
    """Stops all letters until `notices release`."""
    _hold(ctx, True, dry_run)


@notices_command.command("release")
@dry_run_option
@click.pass_context
def release(ctx: click.Context, *, dry_run: bool) -> None:
    """Letters go out again."""
    _hold(ctx, False, dry_run)


@notices_command.command("preview")
@click.argument("kind")
@click.option("--language", type=click.Choice(["es", "fr", "en"]), help="Else the account's, or the firm's own.")
@click.option("--account", metavar="EMAIL", help="With this account's name, balance and movements.")
@click.option(
    "--html", "html_file", type=click.Path(readable=False), metavar="FILE", help="Write the HTML form to FILE."
)
@click.pass_context
def preview(ctx: click.Context, kind: str, language: str | None, account: str | None, html_file: str | None) -> None:
    """Renders a letter of KIND without sending it.

    \b
    KIND: purchase, taken_back, balance, low_balance, insufficient, statement, module_ending
    """
    from bytebridge import service
    from bytebridge.jobs import preview as previews

    settings = settings_of(ctx)
    store = service.open_store(settings, write=False) if account is not None else None
    rendered = previews.preview(settings, kind, language, store, account or "", service.clock())
    if html_file is not None:
        write_file(html_file, rendered.html.encode())
    if rendered.fallback:
        click.echo(f"bytebridge: own template not used: {rendered.fallback}", err=True)
    click.echo(f"{rendered.subject}\n\n{rendered.text}")


@notices_command.command("explain")
@click.argument("email")
@click.option("--on", metavar="DAY", help="Only this day.")
@json_option
@click.pass_context
def explain(ctx: click.Context, email: str, on: str | None, *, as_json: bool) -> None:
    """Each letter considered for an account and what became of it, and why nobody was told."""
    from bytebridge import service
    from bytebridge.jobs import told

    settings = settings_of(ctx)
    zone = settings.notices.time_zone
    store = service.open_store(settings, write=False)
    context = service.build(settings, store, sources=())
    with store.read() as connection:
        rows = told.explain(connection, email, moment(on, zone), moment(on, zone, end=True), context)
    store.close()
    if as_json:
        show_json({"considered": rows})
        return
    if not rows:
        click.echo("nothing came up that could have been told")
    for row in rows:
        click.echo(f"{row['at']}  {row['document']}: {row['kind']}: {row['became']}")
