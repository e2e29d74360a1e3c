"""A firm whose systems are simulated on loopback, and the command run against it as a process."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import canary
from bytebridge.ledger import accounts, outbox
from bytebridge.ledger.engine import Store
from bytebridge.sandbox.dolibarr import Dolibarr
from bytebridge.sandbox.liveagent import LiveAgent
from bytebridge.sandbox.mail import MailServer
from bytebridge.sandbox.prestashop import PrestaShop
from forked import AHEAD, Forks

COMMAND = shutil.which("bytebridge", path=str(Path(sys.executable).parent)) or "bytebridge"
DEADLINE_S = 60  # of what takes a second on a machine with nothing else to do
AGENT = "creditos@example.com"
TOML = """
[store]
url = "sqlite:///{folder}/bytebridge.db"
[shop]
url = "{shop}"
poll_interval = 1
requests_per_minute = 60000
[erp]
url = "{erp}"
poll_interval = 1
requests_per_minute = 60000
[helpdesk]
url = "{desk}"
agent = "creditos@example.com"
poll_interval = 1
requests_per_minute = 60000
[helpdesk.kinds]
upgrade = ["actualizacion", "upgrade"]
[smtp]
host = "127.0.0.1"
port = {mail}
security = "none"
[notices]
from = "creditos@example.com"
quiet_before = ""
office_hours = ""
recheck_after = 0
[service]
listen = ""
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


@cache
def forks():
    return Forks()


@dataclass(frozen=True)
class Done:
    """What a finished command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def line(self):
        """The one line on standard error that is no log."""
        lines = [line for line in self.err.splitlines() if not line.startswith("{")]
        assert len(lines) == 1, self.err
        return lines[0]


class Mail(MailServer):
    """reached: called with each stage as it is reached, before its reply."""

    def __init__(self, **more):
        super().__init__(**more)
        self.reached = lambda _stage: None

    def fault_at(self, stage):
        self.reached(stage)
        return super().fault_at(stage)


class World:
    """Secrets are planted: no output of any program may hold one of them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ahead = 0.0
        # the shop takes keys of 32 characters only
        self.planted = {name: canary.key() for name in canary.NAMES if name != "smtp.password"}
        self.shop = PrestaShop(now=self.now, key=self.planted["shop.api_key"])
        self.erp = Dolibarr(now=self.now)
        self.erp.users = {self.planted["erp.api_key"]: self.erp.user}
        self.desk = LiveAgent(
            now=self.now,
            api_key=self.planted["helpdesk.api_key"],
            message_api_key=self.planted["helpdesk.message_api_key"],
            rate_limit=None,
        )
        self.mail = Mail(now=self.now)
        self.stack = ExitStack()
        self.daemons = []

    def __enter__(self):
        for system in (self.shop, self.erp, self.desk, self.mail):
            self.stack.enter_context(system)
        self.desk.agent(AGENT, "Créditos")
        for reference in ("SERVDOLIA60", "SERVDOLIA120"):
            self.erp.product(reference)
        # an ERP without any invoice looks like one whose key may see none
        self.erp.invoice(self.erp.customer("Elm Electrics", "elm@example.com"), [("SERVDOLIA60", 1, 60)])
        self.configure()
        return self

    def __exit__(self, *_):
        for daemon in self.daemons:
            daemon.end()
        canary.heard += [mail.raw.decode("latin-1") for mail in self.mail.messages]
        canary.heard += [text for ticket in self.desk.tickets for text in self.desk.replies(ticket)]
        self.stack.close()

    def now(self):
        return time.time() + self.ahead

    def pass_time(self, seconds=3600):
        self.ahead += seconds

    @property
    def config(self):
        return self.folder / "bytebridge.toml"

    @property
    def database(self):
        return self.folder / "bytebridge.db"

    def configure(self, *changes, more=""):
        """Writes the configuration; changes: (text, its replacement) pairs."""
        text = TOML.format(
            folder=self.folder, shop=self.shop.url, erp=self.erp.url, desk=self.desk.url, mail=self.mail.port
        )
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.config.write_text(text + more, encoding="utf-8")

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BYTEBRIDGE_")}
        path = os.pathsep.join(filter(None, (str(AHEAD), os.environ.get("PYTHONPATH"))))
        clock = {"PYTHONPATH": path, "BYTEBRIDGE_TEST_AHEAD": str(self.ahead)}
        given = {**kept, **canary.environment(self.planted), **clock, **more}
        return {name: value for name, value in given.items() if value is not None}

    def start(self, *arguments, config=True, cwd=None, **environment):
        """A process of the command, under way."""
        named = ["--config", str(self.config)] if config else []
        return subprocess.Popen(
            [COMMAND, *named, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(**environment),
            cwd=cwd or self.folder,
        )

    def finish(self, process, timeout=DEADLINE_S):
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return self.heard(process.returncode, out, err)

    def heard(self, code, out, err):
        assert canary.leaks(out + err, self.planted) == []
        assert "Traceback" not in out + err, err
        return Done(code, out, err)

    def run(self, *arguments, config=True, cwd=None, **environment):
        """The command to its end."""
        for name in environment:  # what an interpreter reads when it starts comes too late
            assert not name.startswith("PYTHON"), name
            assert name != "BYTEBRIDGE_TEST_CLOCK", name
        named = ["--config", str(self.config)] if config else []
        asked = [*named, *map(str, arguments)]
        return self.heard(*forks().run(asked, self.environment(**environment), str(cwd or self.folder), DEADLINE_S))

    def show(self, *arguments, code=0):
        """The JSON of a command that ends with this code."""
        done = self.run(*arguments, "--json")
        assert done.code == code, done
        return done.json

    def poll(self, code=0):
        self.pass_time(2)  # whatever just happened lies before this pass
        return self.show("poll", code=code)

    def settle(self, passes=6):
        """Passes, each some time after the other, until nothing waits any more."""
        for _ in range(passes):
            self.poll()
            if not self.waiting():
                return
            self.pass_time(3600)
        raise AssertionError(self.waiting())

    @contextmanager
    def ledger(self):
        """The store as it lies on the disk, read without starting a program."""
        store = Store(f"sqlite:///{self.database}", read_only=True)
        with store.read() as connection:
            yield connection
        store.close()

    def waiting(self):
        with self.ledger() as connection:
            states = ("pending", "sending", "unknown")
            return [letter for letter in outbox.listed(connection) if letter.state in states]

    def balances(self):
        with self.ledger() as connection:
            return {one.emails[0]: int(one.balance) for one in accounts.summaries(connection) if one.emails}

    def daemon(self, **environment):
        daemon = Daemon(self, self.start("run", **environment))
        self.daemons.append(daemon)
        return daemon

    def received(self):
        """What customers hold: mails by recipient, subject and Message-ID, replies by ticket and text."""
        mails = {(m["To"], m["Subject"], m["Message-ID"]) for m in (mail.message for mail in self.mail.messages)}
        letters = Counter(("mail", to, subject) for to, subject, _ in mails)
        return letters + Counter(("reply", ticket, len(self.desk.replies(ticket))) for ticket in self.desk.tickets)

    def outside(self):
        """Requests that no real system would have understood."""
        return self.shop.outside + self.erp.outside + self.desk.outside + self.mail.outside


class Daemon:
    """`bytebridge run` as a process; its log goes to a list as it is written."""

    def __init__(self, world, process):
        self.world, self.process = world, process
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def events(self, name):
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [event for event in found if event["event"] == name]

    def saw(self, name):
        wait_for(lambda: self.events(name) or self.process.poll() is not None, f"{name} in {self.lines}")
        assert self.events(name), self.lines

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """SIGTERM, its exit code and how long that took [s]; nothing secret was said."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        took = time.monotonic() - began
        self._reader.join(5)
        out = self.process.stdout.read() if not self.process.stdout.closed else ""
        canary.heard += [out, *self.lines]
        self.process.stdout.close()
        self.process.stderr.close()
        assert canary.leaks(out + "".join(self.lines), self.world.planted) == []
        return code, took


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=DEADLINE_S):
    """The first true value of the condition; looks again every hundredth of a second until the deadline."""
    until, pause = time.monotonic() + seconds, threading.Event()
    while not (found := condition()):
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        pause.wait(0.01)
    return found
