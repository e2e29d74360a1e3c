"""`report`: the firm's overview."""

import click

from bytebridge.cli.progress import Progress
from bytebridge.cli.shared import json_option, settings_of, write_json, write_out


@click.command("report")
@click.option(
    "--output", type=click.Path(readable=False), metavar="FILE", help="Write to this file instead of standard output."
)
@click.option("--language", type=click.Choice(["es", "fr", "en"]), help="Instead of notices.language.")
@json_option
@click.pass_context
def report_command(ctx: click.Context, output: str | None, language: str | None, *, as_json: bool) -> None:
    """Credits sold, used and outstanding, accounts about to run out, with plots: one HTML file.

    \b
      bytebridge report --output report.html
    """
    from bytebridge import service
    from bytebridge.jobs import overview
    from bytebridge.reports import overview_page

    settings = settings_of(ctx)
    store = service.open_store(settings, write=False)
    # JSON is read by programs and speaks as all commands do unless told otherwise
    tongue = language or ("en" if as_json else settings.notices.language)
    with store.read() as connection, Progress(quiet=as_json) as progress:
        found = overview.overview(connection, settings, service.clock(), progress, tongue)
    store.close()
    if as_json:
        write_json(overview_page.as_json(found, tongue), output)
    else:
        write_out(f"{overview_page.render_html(found, tongue)}\n".encode(), output)
