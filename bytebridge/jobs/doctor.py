"""Everything that can be wrong with a setup, looked at in one go, each with its cure."""

import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from bytebridge.connector import Connector, Finding, Level
from bytebridge.domain import packs
from bytebridge.domain.model import Instant
from bytebridge.errors import BytebridgeError, RemoteError, StoreMissing
from bytebridge.jobs import brake
from bytebridge.jobs.rules import rules_of
from bytebridge.ledger import migrate, outbox
from bytebridge.ledger.engine import Store
from bytebridge.notices.render import faults
from bytebridge.settings import Settings, secret_values

ROOM = 16 * 2**20  # bytes on the store's disk: as much as its log may grow to


def pack_known(settings: Settings, now: Instant) -> Callable[[str], bool]:
    """Whether a product's reference is a pack that some rule knows, or does not look like one."""
    rules = rules_of(settings)

    def knows(reference: str) -> bool:
        return packs.grants(rules, reference, now) is not None or not packs.looks_like_pack(rules.packs, reference)

    return knows


def examine(
    settings: Settings, open_store: Callable[[], Store], connectors: list[Connector], config: Path | None
) -> Iterator[Iterator[Finding]]:
    """Findings about one thing after the other, in the order a person would mend them."""
    yield _configuration(settings, config)
    yield _store(open_store)
    yield from map(_remote, connectors)
    yield _mail(settings)
    yield _templates(settings)


def _configuration(settings: Settings, config: Path | None) -> Iterator[Finding]:
    yield Finding(Level.WELL, "configuration: no mistakes")
    yield from _config(settings, config)
    yield from _rules(settings)


def _config(settings: Settings, path: Path | None) -> Iterator[Finding]:
    """Who may read a file with keys has them; who may write any has them too, by naming another address."""
    if path is None:
        return
    mode, text = path.stat().st_mode, path.read_text(encoding="utf-8-sig")
    secret = any(value in text for value in secret_values(settings))
    if mode & stat.S_IWOTH:
        yield Finding(Level.WRONG, f"{path} may be written by anybody on this machine", f"chmod 640 {path}")
    elif secret and mode & stat.S_IROTH:
        cure = f"chmod 640 {path}, or keep secrets in files of $CREDENTIALS_DIRECTORY"
        yield Finding(Level.DOUBTFUL, f"{path} holds a secret and may be read by anybody on this machine", cure)


def _rules(settings: Settings) -> Iterator[Finding]:
    if not settings.packs:
        yield Finding(Level.DOUBTFUL, "no pack is configured: no order grants anything", "add [[packs]] to the file")
    systems = {"shop": settings.shop.url, "erp": settings.erp.url, "helpdesk": settings.helpdesk.url}
    if not any(systems.values()):
        yield Finding(Level.WRONG, "no system is configured", "set shop.url, erp.url or helpdesk.url")
    offered = packs.offered(rules_of(settings), Instant(2**40))
    if settings.packs and not offered:
        yield Finding(
            Level.DOUBTFUL, "no literal pack: letters cannot name one to buy", "add a pack with a plain reference"
        )
    for name, url in systems.items():
        if url.startswith("http:") and "//127.0.0.1" not in url and "//localhost" not in url:
            yield Finding(Level.DOUBTFUL, f"{name}.url is not encrypted: its key travels in the clear", "use https")


def _store(open_store: Callable[[], Store]) -> Iterator[Finding]:
    try:
        store = open_store()
    except StoreMissing as error:
        yield Finding(Level.DOUBTFUL, str(error), "the first start of the service makes it")
        return
    except BytebridgeError as error:
        yield Finding(Level.WRONG, str(error), "no command that needs the store can run until this is mended")
        return
    yield Finding(Level.WELL, f"store: {store.url.render_as_string()}, schema {migrate.revision(store)}")
    with store.read() as connection:
        braked, held = brake.standing(connection), outbox.is_held(connection)
    store.close()
    if store.path is not None and (free := shutil.disk_usage(store.path.parent).free) < ROOM:
        cure = "make room; the service starts again by itself"
        yield Finding(Level.WRONG, f"the disk of the store is full, or soon: {free // 2**20} MiB are left", cure)
    if braked:
        cure = "look at the source: mended there, the next poll goes on by itself; else run that command"
        yield Finding(Level.WRONG, f"the brake is on: {braked}", cure)
    if held:
        yield Finding(Level.DOUBTFUL, "no letter goes out: somebody holds them all", "bytebridge notices release")


def _remote(connector: Connector) -> Iterator[Finding]:
    try:
        yield from connector.check()
    except RemoteError as error:
        yield Finding(Level.WRONG, str(error), f"check {connector.source}.url and {connector.source}.api_key")


def _mail(settings: Settings) -> Iterator[Finding]:
    if not settings.smtp.host:
        yield Finding(Level.DOUBTFUL, "no mail server: letters that belong to no ticket cannot go out", "set smtp.host")
        return
    if not settings.notices.from_:
        yield Finding(Level.WRONG, "notices.from is missing: mail has no sender", "set notices.from")
    from bytebridge.notices.smtp import Mailer  # noqa: PLC0415

    try:
        Mailer(settings.smtp).probe()
    except RemoteError as error:
        yield Finding(Level.WRONG, str(error), "check the section smtp")
        return
    yield Finding(Level.WELL, f"mail: {settings.smtp.host}:{settings.smtp.port} answers")


def _templates(settings: Settings) -> Iterator[Finding]:
    folder = settings.notices.templates
    if not folder:
        return
    found = faults(Path(folder))
    for fault in found:
        yield Finding(Level.WRONG, f"template {fault}", "mend it; until then the built-in one is used")
    if not found:
        yield Finding(Level.WELL, f"templates: {folder}")
