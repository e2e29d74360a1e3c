"""`sandbox`: the whole system on this machine with simulated shop, ERP, help desk and mail."""

import json
import os
import signal
import subprocess  # nosec B404  # our own program alone
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import click

from bytebridge import files

SOON_S = 4.0  # between two things that happen
AGENT = "bytebridge@example.com"
PORTS = {"shop": 18080, "erp": 18081, "desk": 18082, "mail": 18025}  # as in config/bytebridge.toml
CONFIG = """# Written by `bytebridge sandbox`; the systems it names live as long as that command.
[store]
url = "sqlite:///{folder}/bytebridge.db"
[shop]
url = "{shop}"
api_key = "{shop_key}"
poll_interval = 2
requests_per_minute = 6000
[erp]
url = "{erp}"
api_key = "{erp_key}"
poll_interval = 3
requests_per_minute = 6000
[helpdesk]
url = "{desk}"
api_key = "{desk_key}"
message_api_key = "{message_key}"
agent = "{agent}"
poll_interval = 2
requests_per_minute = 6000
[helpdesk.kinds]
upgrade = ["actualizacion", "upgrade"]
[smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"
[notices]
from = "{agent}"
quiet_before = ""
office_hours = ""
recheck_after = 5
[service]
listen = "127.0.0.1:{status}"
[[packs]]
reference = "SERVDOLIA60"
credits = 60
price = "72.60"
url = "https://shop.example.com/servdolia60"
[[packs]]
reference = "SERVDOLIA120"
credits = 120
price = "145.20"
url = "https://shop.example.com/servdolia120"
"""


@dataclass(frozen=True, slots=True)
class Firm:
    """The simulated systems while they run."""

    shop: Any
    erp: Any
    desk: Any
    mail: Any

    def keys(self) -> dict[str, str]:
        """Each secret by the name of its credential file."""
        shop_key = next(iter(self.shop.keys))
        return {
            "bytebridge_shop__api_key": shop_key,
            "bytebridge_erp__api_key": self.erp.key,
            "bytebridge_helpdesk__api_key": self.desk.api_key,
            "bytebridge_helpdesk__message_api_key": self.desk.message_api_key,
        }


@click.command("sandbox")
@click.option(
    "--folder",
    type=click.Path(readable=False),
    metavar="DIR",
    help="Where the configuration and the SQLite file go [a new one].",
)
@click.option("--seconds", type=click.IntRange(1), help="Ends by itself after so long.")
@click.option("--pace", type=float, default=SOON_S, show_default=True, help="Seconds between two things that happen.")
@click.option(
    "--no-daemon",
    is_flag=True,
    help="Only the simulated firm, where config/bytebridge.toml looks for it: run your own.",
)
def sandbox_command(folder: str | None, seconds: int | None, pace: float, *, no_daemon: bool) -> int:
    """The real daemon against a simulated firm on loopback; Ctrl-C ends it."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if no_daemon:
        return _firm_alone(ended, seconds, pace)
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="bytebridge-sandbox-") as made:
            return _run(Path(made), ended, seconds, pace)
    Path(folder).mkdir(parents=True, exist_ok=True)
    return _run(Path(folder).absolute(), ended, seconds, pace)


@contextmanager
def _firm(ports: Mapping[str, int]) -> Iterator[Firm]:
    """ports: by system; any free one for those not named."""
    from bytebridge.sandbox.dolibarr import Dolibarr
    from bytebridge.sandbox.liveagent import LiveAgent
    from bytebridge.sandbox.mail import MailServer
    from bytebridge.sandbox.prestashop import PrestaShop

    with (
        PrestaShop(port=ports.get("shop", 0)) as shop,
        Dolibarr(port=ports.get("erp", 0)) as erp,
        LiveAgent(port=ports.get("desk", 0)) as desk,
        MailServer(port=ports.get("mail", 0)) as mail,
    ):
        for reference in ("SERVDOLIA60", "SERVDOLIA120"):
            if reference not in {product["ref"] for product in erp.products.values()}:
                erp.product(reference)
        # an ERP without any invoice looks like one whose key may see none
        erp.invoice(erp.customer("Elm Electrics", "elm@example.com"), [("SERVDOLIA60", 1, 60)])
        desk.agent(AGENT, "bytebridge")
        yield Firm(shop, erp, desk, mail)


def _firm_alone(ended: threading.Event, seconds: int | None, pace: float) -> int:
    try:
        with _firm(PORTS) as firm:
            click.echo("bytebridge sandbox: a simulated firm, as config/bytebridge.toml names it. Ctrl-C ends it.")
            for name, key in firm.keys().items():
                click.echo(f"  {name:<36} {key}")
            click.echo("")
            _live(firm, ended, lambda: True, seconds, pace)
    except OSError as error:
        click.echo(f"bytebridge: a port of {sorted(PORTS.values())} is taken ({error.strerror})", err=True)
        return 1
    return 0


def _run(folder: Path, ended: threading.Event, seconds: int | None, pace: float) -> int:
    with _firm({}) as firm:
        config, status = folder / "bytebridge.toml", _free_port()
        files.write(config, _configuration(firm, folder, status).encode())  # it holds keys
        _introduce(config, status)
        daemon = _start(config)
        watcher = threading.Thread(target=_follow, args=(daemon,), daemon=True)
        watcher.start()
        try:
            _live(firm, ended, lambda: daemon.poll() is None, seconds, pace)
        finally:
            code = _stop(daemon)
            watcher.join(2)
            _say("end", f"the daemon ended with exit code {code}")
        _balances(config)
    return code


def _configuration(firm: Firm, folder: Path, status: int) -> str:
    keys = firm.keys()
    return CONFIG.format(
        folder=folder,
        agent=AGENT,
        shop=firm.shop.url,
        shop_key=keys["bytebridge_shop__api_key"],
        erp=firm.erp.url,
        erp_key=keys["bytebridge_erp__api_key"],
        desk=firm.desk.url,
        desk_key=keys["bytebridge_helpdesk__api_key"],
        message_key=keys["bytebridge_helpdesk__message_api_key"],
        smtp=firm.mail.port,
        status=status,
    )


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _introduce(config: Path, status: int) -> None:
    called = sys.argv[0] if Path(sys.argv[0]).name == "bytebridge" else "bytebridge"  # `make` does not put it on PATH
    click.echo("bytebridge sandbox: a simulated firm and the real daemon, all on this machine. Ctrl-C ends it.")
    click.echo(f"  status page  http://127.0.0.1:{status}/   metrics at /metrics, health at /healthz")
    click.echo(f"  ask it       {called} --config {config} accounts list")
    click.echo(f"               {called} --config {config} statement ana@example.com")
    click.echo("")


def _start(config: Path) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BYTEBRIDGE_")}
    return subprocess.Popen(  # nosec B603  # noqa: S603  (our own program, our own file)
        [sys.executable, "-m", "bytebridge", "--config", str(config), "run"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,  # Ctrl-C is ours: the daemon is ended by SIGTERM, as systemd does it
    )


def _stop(daemon: "subprocess.Popen[str]") -> int:
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    try:
        return daemon.wait(12)
    except subprocess.TimeoutExpired:
        daemon.kill()
        return daemon.wait()


def _live(firm: Firm, ended: threading.Event, alive: Callable[[], bool], seconds: int | None, pace: float) -> None:
    from bytebridge.sandbox.story import Story

    story = Story(firm.shop, firm.erp, firm.desk)
    stop_at = time.monotonic() + seconds if seconds else float("inf")
    letters = _received(firm.mail, firm.desk)
    for sentence in chain(story.opening(), story.life()):
        _say("firm", sentence)
        until = time.monotonic() + pace
        while time.monotonic() < until:
            if ended.wait(0.2) or time.monotonic() > stop_at or not alive():
                return
            while (letter := next(letters)) is not None:
                _say("mail", letter)


def _received(mail: Any, desk: Any) -> Iterator[Any]:
    """What customers get, as it arrives; None when there is nothing new."""
    mails = replies = 0
    while True:
        while mails < len(mail.messages):
            message = mail.messages[mails].message
            mails += 1
            yield f"to {message['To']}: {message['Subject']}"
        while replies < len(desk.mails):
            reply = desk.mails[replies]
            replies += 1
            if reply.kind == "reply":
                yield f"reply in the ticket: {' '.join(reply.text.split())[:200]} …"
        yield None


def _follow(daemon: "subprocess.Popen[str]") -> None:
    """The daemon's log, said shortly."""
    assert daemon.stderr is not None
    for line in daemon.stderr:
        try:
            event = json.loads(line)
        except ValueError:
            _say("log", line.rstrip())
            continue
        name = event.pop("event", "")
        quiet = name == "poll_finished" and not event.get("posted") and not event.get("review")
        if quiet:
            continue
        for field in ("ts", "level", "run"):
            event.pop(field, None)
        _say("log", f"{name} " + " ".join(f"{key}={value}" for key, value in event.items()))


def _balances(config: Path) -> None:
    click.echo("")
    subprocess.run(  # nosec B603  # noqa: S603  (our own program, our own file)
        [sys.executable, "-m", "bytebridge", "--config", str(config), "accounts", "list"], check=False
    )


def _say(who: str, text: str) -> None:
    mark = {"firm": "▸", "mail": "✉", "log": " ", "end": "■"}[who]
    click.echo(f"{time.strftime('%H:%M:%S')} {mark} {text}")
    sys.stdout.flush()
