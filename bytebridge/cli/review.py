"""`review`: what waits for a person, and why."""

import click

from bytebridge.cli.shared import dry_run_option, iso, json_option, reading, settings_of, show_json, table


@click.group("review")
def review_command() -> None:
    """What waits for a person, and what was booked but is worth a look."""


def _shown(item: object, label: str) -> dict:  # type: ignore[type-arg]
    from bytebridge.ledger.reviews import Review
    from bytebridge.wording.reviews import cure, sentence

    assert isinstance(item, Review)
    return {
        "id": item.id,
        "source": item.document.partition(":")[0],
        "document": label,
        "email": item.email or None,
        "why": sentence(item.code, item.found),
        "state": item.state,
        "since": iso(item.since),
        "cost": item.cost,
        "cure": cure(item.code),
    }


@review_command.command("list")
@click.option("--state", type=click.Choice(["waiting", "flagged"]), help="Only these.")
@json_option
@click.pass_context
def list_(ctx: click.Context, state: str | None, *, as_json: bool) -> None:
    """Everything open, oldest first."""
    from bytebridge.jobs.labels import labels
    from bytebridge.ledger import reviews

    with reading(ctx) as store, store.read() as connection:
        items = reviews.open_items(connection, state)
        names = labels(connection, [item.document for item in items])
    shown = [_shown(item, names[item.document]) for item in items]
    if as_json:
        show_json({"items": shown})
        return
    rows = [
        [
            one["id"],
            one["state"],
            one["document"],
            one["why"],
            "" if one["cost"] is None else one["cost"],
            one["since"][:10],
        ]
        for one in shown
    ]
    table(["id", "state", "document", "why", "credits", "since"], rows)


@review_command.command("show")
@click.argument("number", metavar="ID", type=int)
@json_option
@click.pass_context
def show(ctx: click.Context, number: int, *, as_json: bool) -> None:
    """One item: why it waits, what it would move, what to do."""
    from bytebridge.errors import NotFound
    from bytebridge.jobs.labels import labels
    from bytebridge.ledger import reviews

    with reading(ctx) as store, store.read() as connection:
        item = reviews.get(connection, number)
        if item is None:
            raise NotFound(f"no review {number}")
        shown = _shown(item, labels(connection, [item.document])[item.document])
    shown |= {"closed_at": iso(item.closed_at), "choice": item.choice or None, "reason": item.reason or None}
    shown["by"] = item.by or None
    if as_json:
        show_json(shown)
        return
    for name, value in shown.items():
        if value is not None:
            click.echo(f"{name + ':':11}{value}")


@review_command.command("resolve")
@click.argument("number", metavar="ID", type=int)
@click.option("--charge", type=int, metavar="N", help="It moves N credits: charged for a ticket, granted else.")
@click.option("--accept", is_flag=True, help="It moves what the rule says.")
@click.option("--account", metavar="EMAIL", help="It belongs to this account.")
@click.option("--dismiss", is_flag=True, help="It moves nothing more; what was posted stays.")
@click.option("--reason", required=True, help="Why; it stands with who decided.")
@dry_run_option
@click.pass_context
def resolve(
    ctx: click.Context,
    number: int,
    charge: int | None,
    account: str | None,
    reason: str,
    *,
    accept: bool,
    dismiss: bool,
    dry_run: bool,
) -> None:
    """Decides an item; the decision holds until what it was made on changes.

    \b
      bytebridge review resolve 12 --charge 30 --reason "two short questions"
    """
    from bytebridge import service
    from bytebridge.jobs import decide

    chosen = [
        name
        for name, given in (
            ("charge", charge is not None),
            ("accept", accept),
            ("account", account),
            ("dismiss", dismiss),
        )
        if given
    ]
    if len(chosen) != 1:
        raise click.UsageError("give exactly one of --charge, --accept, --account and --dismiss")
    settings = settings_of(ctx)
    store = service.open_for_dry_run(settings) if dry_run else service.open_store(settings, write=True)
    context = service.build(settings, store, sources=())
    wish = decide.Wish(number, chosen[0], charge or 0, account or "", reason.strip())
    for line in decide.resolve(wish, context, dry_run=dry_run):
        click.echo(line)
    store.close()
