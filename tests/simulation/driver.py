"""One firm's history: the product's own jobs, store and HTTP layer under a virtual clock, step by step."""

import io
import logging
import random
import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from bytebridge import logs, service
from bytebridge.domain.model import Source
from bytebridge.erp import connector as erp
from bytebridge.errors import NotFound, Refused, StoreBroken, StoreBusy
from bytebridge.helpdesk import connector as helpdesk
from bytebridge.jobs import people as admin
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger import engine, migrate, outbox, verify
from bytebridge.ledger.engine import Store
from bytebridge.sandbox.liveagent_requests import window
from bytebridge.sandbox.mail import MailServer
from bytebridge.settings import Settings, secret_values
from bytebridge.shop import connector as shop
from simulation.copies import STAFF
from simulation.faults import Act, Crash, Network, Rival, Weather
from simulation.oracle import Oracle
from simulation.people import DAY, VERBS, Step, pick
from simulation.world import BEGIN, NEW_PACK, NEW_TARIFF, TARIFF, World

MEMORY = Path("/dev/shm")
ROOM = str(MEMORY) if MEMORY.is_dir() else None
RESTARTS = 6  # of one pass, before the weather is made to clear
PUT_OFF_S = 3700  # a letter that was put off is due again
LETTERS = 8  # such waits until the outbox must be at rest
SHIFTS = 0.2  # of a storm's pages of tickets are followed by somebody's work
DRAWING = ("fpdf", "matplotlib")
COMMANDS = ("adjust", "merge_accounts", "split_account", "add_address", "reconcile", "command_poll")
JOBS = ((Source.SHOP,), (Source.ERP,), (Source.HELPDESK,), ())


class Clock:
    """Seconds since the epoch; `sleep` is how the product waits."""

    def __init__(self, at):
        self.at = float(at)
        self.passed = lambda: None

    def __call__(self):
        return int(self.at)

    def monotonic(self):
        return self.at

    def sleep(self, seconds):
        self.at += max(0.0, seconds)
        self.passed()


@cache
def blank_store(begins):
    """A fresh store, made once by the product's own migrations and copied for every firm that begins then."""
    with tempfile.TemporaryDirectory(dir=ROOM) as folder:
        store = Store(f"sqlite:///{folder}/blank.db")
        migrate.upgrade(store, begins, None)
        store.close()
        return (Path(folder) / "blank.db").read_bytes()


class Firm:
    """The running product beside its world. story: a line for each thing that happened."""

    def __init__(self, folder, switches):
        self.begins = switches.get("begins", BEGIN)
        self.clock = Clock(self.begins - 40 * DAY)
        self.weather = Weather()
        self.world = World(self.clock, switches)
        self.mail = MailServer(self.clock, 25)
        self.network = Network(self.weather, self.world.systems, self.mail)
        self.path = Path(folder) / "bytebridge.db"
        self.path.write_bytes(blank_store(self.begins))
        self.switches = switches
        self.rival = Rival(self.path)
        self.clock.passed = self.rival.waited
        self.settings = settings(self.world, self.mail, switches)
        self.oracle = Oracle(self.world, self.path, self.mail, switches)
        self.oracle.network = self.network
        self.log = io.StringIO()
        self.story = []
        self.store = None
        if switches.get("shifts"):
            self.world.desk.between_pages = self._meanwhile
        self.ends_at = 0
        self.errors = []
        self.passing = False

    # the process

    def start(self):
        """As the daemon begins: store, connectors, and every attempt without outcome made unknown."""
        self.store, self.context = self._process("daemon")
        recheck = self.settings.notices.recheck_after
        self.store.transact(lambda connection: outbox.recover(connection, self.clock(), recheck))

    def _process(self, name):
        store = Store(f"sqlite:///{self.path}", sleep=self.clock.sleep)
        self.weather.watch(store, self.rival)
        ways = {"sleep": self.clock.sleep, "now": self.clock, "monotonic": self.clock.monotonic}
        return store, service.build(self.settings, store, by=name, **ways)

    def stop(self):
        self.rival.leave()
        if self.store is not None:
            self.store.close()
            self.store = None

    @contextmanager
    def running(self):
        with ExitStack() as stack:
            stack.enter_context(self.network.up())
            stack.enter_context(_impatient())
            stack.enter_context(_paged(self.switches.get("pages", ())))
            stack.enter_context(_drawing(self.switches.get("draws", False)))
            stack.enter_context(_captured(self.settings, self.log))
            stack.callback(self.stop)
            yield self

    def survive(self, work):
        """Does the work; a process that dies meanwhile is started again, and the work is left undone."""
        for _ in range(RESTARTS):
            try:
                if self.store is None:
                    self.start()
                work()
            except (Crash, StoreBroken, StoreBusy) as end:
                self.tell(f"   dies: {end}")
                self.passing = False
                self.stop()
                self.oracle.see_death()
            else:
                return
        self.weather.calm()

    def run_pass(self, sources=(*service.ORDER,)):
        self.passing = True
        self.errors = service.one_pass(self.context, list(sources)).errors
        self.passing = False
        for line in self.errors:
            self.tell(f"   {line}")
        self.oracle.see_given_up()

    # steps

    def play(self, steps):
        with self.running():
            for number, step in enumerate(steps):
                self.step(number, step)
            self.ends_at = self.weather.reached
            self.quiet()
        self.oracle.check_outside(self.log.getvalue(), self.story)

    def step(self, number, step):
        self.tell(
            f"{number:3} {self.clock.at - self.begins:10.0f} {step.verb} {step.a} {step.b} {step.c} +{step.seconds}"
        )
        random.seed(step.a * 1_000_003 + step.b * 1009 + step.c)  # the product's own jitter
        if step.verb in VERBS:
            self.act(step)
        elif step.verb in COMMANDS:
            self.command(step)
        else:
            getattr(self, step.verb)(step)
        self.clock.sleep(step.seconds)

    def act(self, step):
        if self.passing:
            self.oracle.see_disturbance()
        with self.world.acting():
            VERBS[step.verb](self.world, step)
        self.oracle.note()

    def _meanwhile(self, request):
        """Somebody works on a ticket after a page of the list was answered, and another one may follow."""
        chance = self.weather.chance
        if not self.weather.stormy or chance.random() >= SHIFTS:
            return
        verb = chance.choice(("ask", "reopen", "note_work", "answer", "resolve", "bury"))
        desk = self.world.desk
        before = _listed(desk)
        self.act(Step(verb, *(chance.randrange(1000) for _ in range(3))))
        if _listed(desk) != before and window(desk, request)[1] < len(before):
            self.weather.counts["rows shift between pages"] += 1

    def live(self, step):
        """The firm goes live: what is older than this moment is told to nobody. b is 0: nothing is older."""
        self.clock.at = max(self.clock.at, self.begins)
        self.oracle.go_live(self.clock())
        if step.b:
            self.quiet()

    def poll(self, step):
        """The daemon's jobs in some order, in weather of `b` per mille, dying at the c-th boundary from here."""
        self._storm(step)
        jobs = list(JOBS)
        random.Random(step.a).shuffle(jobs)
        for job in jobs[: 2 + step.a % 3]:
            self.survive(lambda job=job: self.run_pass(job))
        self._clear()

    def night(self, step):
        self._storm(step)
        self.survive(self._reconcile)
        self._clear()

    def lose_right(self, step):
        """One or two passes with a key that may do less than before; then its right is given back."""
        self._storm(step)
        right, give_back = self.world.lose_right(step.a)
        self.tell(f"   without {right}")
        self.weather.counts["a right lost for whole passes"] += 1
        try:
            for _ in range(1 + step.a % 2):
                self.survive(self.run_pass)
                self.oracle.see_disturbance()
                self.clock.sleep(step.seconds)
        finally:
            give_back()
        self._clear()

    def _storm(self, step):
        self.weather.storm(step.b / 1000, step.a)
        if step.c:
            self.weather.crashes.add(self.weather.reached + step.c)

    def _clear(self):
        self.weather.calm()
        self.mail.faults.clear()

    def _reconcile(self):
        self.passing = True
        self.found = service.reconciliation(self.context, service.ORDER, Window(), dry_run=False)
        self.passing = False

    def busy_poll(self, step):
        """A pass during which somebody works."""
        verb = pick(sorted(VERBS), step.b)
        meanwhile = Act(verb, lambda: self.act(step._replace(verb=verb)))
        self._during_a_pass(meanwhile, step.c)

    def administer(self, step):
        """An administrator's command, a process of its own, while the daemon's pass is at its c-th boundary.

        Some moments later one of the two dies, mostly the command.
        """
        verb = pick(COMMANDS, step.b)
        self._storm(step._replace(b=step.a % 150, c=step.c + 1 + step.a % 24 if step.a % 2 else 0))
        command = Act(verb, lambda: self._beside(getattr(self, verb), step), needs_store=True)
        self._during_a_pass(command, step.c)
        self._clear()

    def _during_a_pass(self, act, boundary):
        self.weather.meanwhile[self.weather.reached + boundary] = act
        self.survive(self.run_pass)
        self.weather.meanwhile.clear()

    def _beside(self, command, step):
        mine = self.store, self.context
        self.store, self.context = self._process("admin")
        died = False
        try:
            command(step)
        except (Crash, StoreBroken, StoreBusy) as end:
            self.tell(f"   the command dies: {end}")
            died = True
        finally:
            self.store.close()
            self.store, self.context = mine
            self.passing = True
        if died:
            self.oracle.see_death()

    # administrators

    def command(self, step):
        """A command while no pass runs, which dies before or after its commit, and is given again until it is done."""
        self._storm(step._replace(b=step.c % 500, c=step.c % 3))
        self.survive(lambda: getattr(self, step.verb)(step))
        self._clear()

    def reconcile(self, _step):
        self._reconcile()

    def command_poll(self, _step):
        self.run_pass()

    def adjust(self, step):
        email = self.world.spelling(step.a)
        credits = (step.b % 41) - 20 or 5

        def done():
            self.world.owner_of(email).given += credits

        key = f"adjust:{step.a}-{self.weather.reached}"
        self._command(admin.Adjust(email, credits, "a gesture", key), done)

    def merge_accounts(self, step):
        keep, other = self.world.spelling(step.a), self.world.spelling(step.b)

        def done():
            self.oracle.see_move(keep, other)
            self.world.holder(other).parent = self.world.holder(keep)

        self._command(admin.Merge(keep, other), done)

    def split_account(self, step):
        """The address's own account stands for itself again."""
        email = self.world.spelling(step.a)

        def done():
            self.oracle.see_move(email)
            self.world.owner_of(email).parent = None

        self._command(admin.Split(email), done)

    def add_address(self, step):
        email, new = self.world.spelling(step.a), self.world.spelling(step.b)

        def done():
            self.oracle.see_move(email, new)
            self.world.give(new, self.world.holder(email))

        self._command(admin.AddAddress(email, new), done)

    def _command(self, change, done):
        """done: makes it true in the world, once it is committed; the process may die before it says so."""
        try:
            said = list(admin.carry_out(self.context, change, dry_run=False))
        except (NotFound, Refused) as error:
            self.tell(f"   refused: {error}")
            return
        done()
        self.weather.boundary("command committed")
        self.tell(f"   {'; '.join(said)}")

    # quiet points

    def quiet(self, _step=None):
        """No more faults, time for what was put off, a day for reopened invoices; then everything must agree."""
        self._clear()
        self.clock.sleep(PUT_OFF_S)  # no source pauses longer: the day counts from when each was read
        self._deliver_all()
        self.clock.sleep(26 * 3600)
        self._deliver_all()
        self.oracle.note()
        # whose account is whose changed who has support, or what a list left out is not dated any more: the night sees it
        if self.oracle.unsure or self.oracle.lied_to():
            self.survive(self._reconcile)
            self._deliver_all()
        self.oracle.settle()
        self.again()

    def _deliver_all(self):
        self.survive(self.run_pass)
        for _ in range(LETTERS):
            if not self.oracle.letters_wait():
                return
            self.clock.sleep(PUT_OFF_S)
            self.survive(self.run_pass)

    def again(self):
        """A second pass and a reconciliation find nothing to do."""
        entries = self.oracle.count_entries()
        self.survive(self.run_pass)
        self.oracle.demand(not self.errors, f"a pass in calm weather says {self.errors}")
        self.survive(self._reconcile)
        self.oracle.demand(not self.found.errors, f"a reconciliation in calm weather says {self.found.errors}")
        self.oracle.check_examined(self.found.examined)
        drift = [row for row in self.found.drift if row["reason"] != "vanished"]
        self.oracle.demand(not drift, f"reconcile found {drift}")
        self.oracle.demand(self.oracle.count_entries() == entries, "a second pass posted something")
        with self.store.read() as connection:
            proof = verify.verify(connection)
        self.oracle.demand(proof.fault is None, f"the ledger's own proof: {proof.fault}")

    def tell(self, line):
        self.story.append(line)


def _listed(desk):
    return sorted((ticket.fields["date_changed"], ticket.id) for ticket in desk.tickets.values())


@contextmanager
def _impatient():
    """The driver's own wait for a lock is in real seconds; the product's waits are in the firm's."""
    before, engine.LOCK_S = engine.LOCK_S, 0
    try:
        yield
    finally:
        engine.LOCK_S = before


@contextmanager
def _paged(sizes):
    """The shop, the ERP and the help desk are asked for so many rows at a time."""
    before = [(connector, connector.connect) for connector in (shop, erp, helpdesk)]
    for (connector, connect), size in zip(before, sizes, strict=False):
        connector.connect = partial(connect, page=size)
    try:
        yield
    finally:
        for connector, connect in before:
            connector.connect = connect


@contextmanager
def _captured(settings_, stream):
    """The product's log goes to `stream` alone, and afterwards to where it went before."""
    root, ours = logging.getLogger(), logging.getLogger(logs.LOGGER)
    before = list(root.handlers), root.level, ours.level, logging.raiseExceptions
    root.handlers.clear()
    logs.configure("debug", "json", secrets=secret_values(settings_), stream=stream)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:], root_level, our_level, logging.raiseExceptions = before
        root.setLevel(root_level)
        ours.setLevel(our_level)


@contextmanager
def _drawing(installed):
    """Most firms lack the drawing libraries: a statement's pages and plots cost more than the rest of its day."""
    before = {name: sys.modules.get(name) for name in DRAWING}
    if not installed:
        sys.modules.update(dict.fromkeys(DRAWING))
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


@contextmanager
def firm(switches=None):
    folder = tempfile.mkdtemp(prefix="bytebridge-", dir=ROOM)
    try:
        yield Firm(folder, switches or {})
    finally:
        shutil.rmtree(folder)


def _changing(rates, changes_at):
    """Rates as they are configured by a firm that changes them at some moment."""
    day = datetime.fromtimestamp(changes_at, UTC).isoformat()
    return {kind: [TARIFF[kind], {**new, "valid_from": day}] for kind, new in rates.items()}


def settings(world, mail, switches):
    packs = [
        {"reference": "SERVDOLIA60", "credits": 60, "price": "72.60", "url": "https://shop.example.com/60"},
        {"reference": "SERVDOLIA120", "credits": 120, "price": "145.20", "url": "https://shop.example.com/120"},
        {"reference": r"SERVDOLIA(\d+)"},
    ]
    tariff = {}
    if world.changes_at is not None:
        tariff = _changing(NEW_TARIFF, world.changes_at)
        day = datetime.fromtimestamp(world.changes_at, UTC).isoformat()
        packs += [{**pack, "credits": NEW_PACK[pack["reference"]], "valid_from": day} for pack in packs[:2]]
    quick = {"requests_per_minute": 60_000}
    return Settings(
        packs=packs,
        tariff=tariff,
        modules=[{"reference": r"MOD\w+"}],
        shop={"url": world.shop.url, "api_key": world.shop_key, **quick},
        erp={"url": world.erp.url, "api_key": world.erp.key, **quick},
        helpdesk={
            "url": world.desk.url,
            "api_key": world.desk.api_key,
            "message_api_key": world.desk.message_api_key,
            "agent": "creditos@example.com",
            "reply_as": switches.get("reply_as", "reply"),
            **quick,
        },
        smtp={"host": "127.0.0.1", "port": mail.port, "security": "none"},
        notices={
            "from": "creditos@example.com",
            "office_hours": "",
            "staff": STAFF if switches.get("staff") else "",
            "module_ending_days": switches.get("ending_days", 0),
        },
    )
