"""The whole product over a simulated firm whose answers arrive spoilt, and what people then see of it."""

import gzip
import io
import json
import random
import re
import shutil
import tempfile
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from email import policy
from email.parser import BytesParser
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import canary
from bytebridge import service, snapshot
from bytebridge.cli import main
from bytebridge.erp.write_back import Writer
from bytebridge.errors import RemoteError
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import accounts, codec, verify
from bytebridge.ledger.engine import Store
from bytebridge.monitor import Monitor
from fuzz import hostile
from simulation.driver import Firm
from simulation.faults import Network
from simulation.people import VERBS, Step
from simulation.world import BEGIN

BOUGHT = [*(Step("buy", n, n, n) for n in range(3)), Step("sell", 1, 1, 0), Step("sell", 2, 2, 0)]
WORKED = [
    *(Step("ask", n, n, n) for n in range(4)),
    Step("ask_statement", 0, 0, 0),
    Step("resolve", 0, 0, 2),
    Step("resolve", 0, 2, 6),
    Step("refund", 0, 0, 0),
    Step("credit_note", 0, 0, 0),
]
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version",
    "Content-Type",
}  # fmt: skip
# escape sequences, the second set of control characters, and what turns a line round
LABEL = re.compile(r"[a-z0-9_.+-]+|\+Inf", re.IGNORECASE)
UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Spoilt(Network):
    """share, writes: of the answers to reads, and to writes, that arrive spoilt. met, met_writes: how many did."""

    share, writes, met, met_writes = 0.3, 0.7, 0, 0

    def __init__(self, weather, simulators, mail, chance):
        super().__init__(weather, simulators, mail)
        self.chance = chance

    def _spoilt(self, kind, reply, prepared):
        reply = super()._spoilt(kind, reply, prepared)
        read = prepared.method == "GET"
        if self.chance.random() >= (self.share if read else self.writes):
            return reply
        self.met += 1
        self.met_writes += not read
        if self.chance.random() < 0.1:
            return _with_hostile_head(reply, self.chance)
        if reply.headers.get("Content-Encoding") != "gzip":
            return replace(reply, body=hostile.spoilt(reply.body, self.chance))
        # a parser only sees what was spoilt before it was packed
        packed = gzip.compress(hostile.spoilt(gzip.decompress(reply.body), self.chance), compresslevel=1)
        return replace(reply, body=packed)


def _with_hostile_head(reply, chance):
    status = chance.choice((reply.status, reply.status, 429, 503, 204, 304))
    return replace(reply, status=status, headers={**reply.headers, **hostile.headers(chance)})


@contextmanager
def spoilt_firm(seed):
    """A firm with some history whose network spoils answers; what people typed in it is hostile already."""
    chance = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    try:
        firm = Firm(folder, {"customers": 3, "draws": seed % 4 == 0})  # pages and plots cost most of the time
        firm.clock.at = BEGIN
        firm.network = Spoilt(firm.weather, firm.world.systems, firm.mail, chance)
        for step in (*BOUGHT, *WORKED):
            VERBS[step.verb](firm.world, step._replace(a=chance.randrange(1000), c=chance.randrange(1000)))
            firm.clock.sleep(30)
        for _ in range(3):
            hostile_people(firm, chance)
        with firm.running():
            yield firm, chance
    finally:
        shutil.rmtree(folder)


def read(seed, rounds=20):
    """The connectors alone, asked everything that the jobs ask; the number of spoilt answers they met."""
    with spoilt_firm(seed) as (firm, chance):
        firm.network.share = 0.7
        tools = {"sleep": firm.clock.sleep, "now": firm.clock, "monotonic": firm.clock.monotonic}
        for _ in range(rounds):
            hostile_people(firm, chance)
            for connector in service.connect(firm.settings, service.ORDER, **tools).values():
                _ask(connector, chance)
            # anew, for none of these is paused
            for connector in service.connect(firm.settings, service.ORDER, **tools).values():
                _write(connector, firm)
            firm.clock.sleep(700)
        assert firm.network.met_writes > rounds
        return firm.network.met


def _ask(connector, chance):
    questions = [
        lambda: list(connector.changed(None, lambda _ids: {}, None)),
        lambda: list(connector.everything(None, None)),
        lambda: connector.by_ids(["1", "2"]),
        lambda: list(connector.check()),
    ]
    if connector.source == "helpdesk":
        questions += [lambda: connector.find("1", "BB-1-1-000000000000"), lambda: connector.standing_text("1")]
    if connector.source == "erp":
        writer = Writer(connector.client, "credit_balance")
        questions += [lambda: writer.find_customer(["ana@example.com"]), lambda: writer.emails_of("1")]
    for question in questions:
        with suppress(RemoteError):
            for page in question() or ():
                encoded = [codec.encode(one) for one in getattr(page, "documents", ())]
                assert all("\x00" not in text for text in encoded)


def _write(connector, firm):
    """Everything that is ever written; what is read on the way arrives whole, or little would get so far."""
    ticket, writes = next(iter(firm.world.desk.tickets)), []
    share, firm.network.share = firm.network.share, 0
    if connector.source == "helpdesk":
        with suppress(RemoteError):  # what people typed may be unreadable
            before = connector.standing(ticket)
            writes += [lambda kind=kind: connector.post(ticket, "Saldo", kind=kind) for kind in ("note", "reply")]
            writes.append(lambda: connector.restore(ticket, before))
    if connector.source == "erp":
        writer, at = Writer(connector.client, "credit_balance"), firm.clock.at
        writes.append(lambda: writer.put_balance("1", int(at) % 1000, int(at)))
        writes.append(lambda: writer.post_event("1", f"bytebridge:{at}", "+60 credits", "grant", int(at)))
    for write in writes:
        with suppress(RemoteError):
            write()
    firm.network.share = share


def play(seed, rounds=12, url=None):
    """Whole passes over such a firm, into a store; then everything that people see of it is looked at.

    url: of a store that is kept and gets many firms, else this firm has one of its own. AssertionError says what
    went wrong; else the number of spoilt answers that were met.
    """
    with spoilt_firm(seed) as (firm, chance):
        if url is not None:
            firm.start = lambda: _start(firm, url)
        firm.start()
        for number in range(rounds):
            hostile_people(firm, chance)
            service.one_pass(firm.context, list(service.ORDER))
            firm.clock.sleep(700)
            if number % 4 == 3:
                service.reconciliation(firm.context, service.ORDER, Window(), dry_run=False)
        firm.stop()
        check(firm, url or f"sqlite:///{firm.path}")
        return firm.network.met


def _start(firm, url):
    firm.store = Store(url)
    firm.context = service.build(
        firm.settings, firm.store, by="daemon", sleep=firm.clock.sleep, now=firm.clock, monotonic=firm.clock.monotonic
    )


def hostile_people(firm, chance):
    """What customers and technicians type is hostile, too."""
    for ticket in firm.world.desk.tickets.values():
        name = chance.choice(("subject", "owner_name", "owner_email", "custom"))
        if name == "custom":
            for field in ticket.fields["custom_fields"]:
                field["value"] = hostile.text(chance)
        elif chance.random() < 0.5:
            ticket.fields[name] = hostile.text(chance)


def check(firm, url):
    for mail in firm.mail.messages:
        read = BytesParser(policy=policy.default).parsebytes(mail.raw)
        assert set(read.keys()) == HEADERS, mail.raw[:2000]
        assert len(mail.recipients) == 1
    assert not firm.mail.outside, firm.mail.outside[:3]
    log = firm.log.getvalue()
    _gives_no_key_away(firm, log + "".join(mail.raw.decode("ascii") for mail in firm.mail.messages))
    assert "job_crashed" not in log
    assert not UNPRINTED.search(log.replace("\n", ""))
    store = Store(url, read_only=True)
    with store.read() as connection:
        assert verify.verify(connection).fault is None
        emails = [one.emails[0] for one in accounts.summaries(connection) if one.emails]
    current = snapshot.of(store, firm.clock())
    _is_harmless(firm, snapshot.page(store, firm.settings, firm.clock(), (), {}, stands_by=False))
    store.close()
    _measure(firm, log, current)
    _look(firm, url, emails)


def _gives_no_key_away(firm, text):
    desk = firm.world.desk
    keys = {"shop": firm.world.shop_key, "erp": firm.world.erp.key, "v3": desk.api_key, "v1": desk.message_api_key}
    assert canary.leaks(text, keys) == []


def _measure(firm, log, current):
    """Metrics of what was logged: no stranger's word becomes a label."""
    monitor = Monitor(dict.fromkeys(service.ORDER, 300), lambda: current, firm.clock.monotonic, "1")
    for line in log.splitlines():
        fields = json.loads(line)
        monitor.metrics.hear(fields["event"], fields)
    text = monitor.exposition().decode()
    _gives_no_key_away(firm, text)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert all(LABEL.fullmatch(value) for value in sample.labels.values()), sample


def _look(firm, url, emails):
    """What an administrator sees on a terminal and in a browser, and a customer in a statement."""
    config = Path(firm.path).with_name("look.toml")
    config.write_text(f"[store]\nurl = '{url}'\n")
    commands = [("accounts", "list"), ("review", "list"), ("notices", "list"), ("runs", "list")]
    commands += [("notices", "show", "1"), ("review", "show", "1")]
    for email in emails[:2]:
        commands += [("accounts", "show", email), ("statement", email), ("notices", "explain", email)]
        commands += [("statement", email, "--format", form) for form in ("csv", "html", "json")]
    if emails:
        commands.append(("statement", emails[0], "--format", "pdf", "--output", str(config.with_name("look.pdf"))))
    commands += [("report", "--output", str(config.with_name("look.html"))), ("report", "--json")]
    for key in [*firm.world.desk.tickets][:2]:
        commands.append(("explain", "ticket", key))
    for command in commands:
        out, err, code = run(["--config", str(config), *command])
        assert code in (0, 1), (command, err)
        shown = out.replace("\r\n", "\n") + err  # as CSV ends its lines
        found = UNPRINTED.search(shown)
        assert found is None, (command, shown[max(0, found.start() - 40) :][:80])
        _gives_no_key_away(firm, shown)
    if (page := config.with_name("look.html")).exists():
        _is_harmless(firm, page.read_text(encoding="utf-8"))


def _is_harmless(firm, page):
    _gives_no_key_away(firm, page)
    assert not UNPRINTED.search(page.replace("\n", ""))
    assert not any(planted in page for planted in ("<script>alert(", "<img src=x", "85547"))  # of `hostile.TEXTS`


def run(arguments):
    """The command in this process: what it writes, and its exit code."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return *texts, code or 0
