"""`sandbox`: the whole system on this machine with simulated shop, ERP, help desk and mail."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

SOON_S = 4.0  # between two things that happen
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
agent = "creditos@example.com"
poll_interval = 2
requests_per_minute = 6000
[helpdesk.kinds]
upgrade = ["actualizacion", "upgrade"]
[smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"
[notices]
from = "creditos@example.com"
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


@click.command("sandbox")
@click.option("--folder", metavar="DIR", help="Where the configuration and the SQLite file go [a new one].")
@click.option("--seconds", type=click.IntRange(1), help="Ends by itself after so long.")
@click.option("--pace", type=float, default=SOON_S, show_default=True, help="Seconds between two things that happen.")
def sandbox_command(folder: str | None, seconds: int | None, pace: float) -> int:
    """The real daemon against a simulated firm on loopback; Ctrl-C ends it."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="bytebridge-sandbox-") as made:
            return _run(Path(made), seconds, pace)
    Path(folder).mkdir(parents=True, exist_ok=True)
    return _run(Path(folder).absolute(), seconds, pace)


def _run(folder: Path, seconds: int | None, pace: float) -> int:
    from bytebridge.sandbox.dolibarr import Dolibarr
    from bytebridge.sandbox.liveagent import LiveAgent
    from bytebridge.sandbox.mail import MailServer
    from bytebridge.sandbox.prestashop import KEY, PrestaShop
    from bytebridge.sandbox.story import Story

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with PrestaShop() as shop, Dolibarr() as erp, LiveAgent() as desk, MailServer() as mail:
        config = folder / "bytebridge.toml"
        addresses = {"shop": shop.url, "erp": erp.url, "desk": desk.url, "smtp": mail.port, "status": _free_port()}
        config.write_text(
            CONFIG.format(
                folder=folder,
                shop_key=KEY,
                erp_key=erp.key,
                desk_key=desk.api_key,
                message_key=desk.message_api_key,
                **addresses,
            ),
            encoding="utf-8",
        )
        _prepare(shop, erp, desk)
        _introduce(config, addresses)
        daemon = _start(config)
        watcher = threading.Thread(target=_follow, args=(daemon,), daemon=True)
        watcher.start()
        try:
            _live(Story(shop, erp, desk), lambda: _received(mail, desk), ended, daemon, seconds, pace)
        finally:
            code = _stop(daemon)
            watcher.join(2)
            _say("end", f"the daemon ended with exit code {code}")
        _balances(config)
    return code


def _prepare(shop: Any, erp: Any, desk: Any) -> None:
    """What a firm has before its first customer: packs for sale, the desk's agent that writes letters."""
    del shop
    for reference in ("SERVDOLIA60", "SERVDOLIA120"):
        if reference not in {product["ref"] for product in erp.products.values()}:
            erp.product(reference)
    # an ERP without any invoice looks like one whose key may see none
    erp.invoice(erp.customer("Elm Electrics", "elm@example.com"), [("SERVDOLIA60", 1, 60)])
    desk.agent("creditos@example.com", "Créditos")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _introduce(config: Path, addresses: dict[str, Any]) -> None:
    click.echo("bytebridge sandbox: a simulated firm and the real daemon, all on this machine. Ctrl-C ends it.")
    click.echo(f"  status page  http://127.0.0.1:{addresses['status']}/   metrics at /metrics, health at /healthz")
    click.echo(f"  ask it       bytebridge --config {config} accounts list")
    click.echo(f"               bytebridge --config {config} statement ana@example.com")
    click.echo("")


def _start(config: Path) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BYTEBRIDGE_")}
    return subprocess.Popen(  # noqa: S603  (our own program, our own file)
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


def _live(
    story: Any,
    received: Callable[[], Iterator[str]],
    ended: threading.Event,
    daemon: "subprocess.Popen[str]",
    seconds: int | None,
    pace: float,
) -> None:
    stop_at = time.monotonic() + seconds if seconds else float("inf")
    letters = received()
    for source in (story.opening(), story.life()):
        for sentence in source:
            _say("firm", sentence)
            until = time.monotonic() + pace
            while time.monotonic() < until:
                if ended.wait(0.2) or time.monotonic() > stop_at or daemon.poll() is not None:
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
    subprocess.run(  # noqa: S603  (our own program, our own file)
        [sys.executable, "-m", "bytebridge", "--config", str(config), "accounts", "list"], check=False
    )


def _say(who: str, text: str) -> None:
    mark = {"firm": "▸", "mail": "✉", "log": " ", "end": "■"}[who]
    click.echo(f"{time.strftime('%H:%M:%S')} {mark} {text}")
    sys.stdout.flush()
