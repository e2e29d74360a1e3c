"""A simulated firm in real time: people at work, bad weather on every wire, and the installed daemon as processes."""

import contextlib
import os
import random
import re
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

import canary
from bytebridge.sandbox.mail import MailServer
from bytebridge.sandbox.web import Fault, Reply
from simulation.copies import check_erp, check_reviews
from simulation.letters import DAY_S, Letters
from simulation.oracle import Oracle, WrongError
from simulation.people import PEOPLE, Step
from simulation.world import World
from world import AHEAD, COMMAND, Daemon

HTML = b"<!doctype html><html><body><h1>Maintenance</h1></body></html>"
# an administrator's hand, or months of waiting, are no part of this
VERBS = {act: weight for act, weight in PEOPLE.items() if act.__name__ not in ("bury", "unbury")}
READ_FAULTS = ("500", "502", "503", "429", "html", "before", "middle", "late")
WRITE_FAULTS = ("500", "503", "lost", "carried out", "late")
MAIL_FAULTS = ("451", "452 after", "cut early", "lost after", "kept after", "hangs after")
LATE_S = 65.0  # longer than the product waits for an answer
NEAR_S = 1.5  # between a copy of a letter and what kept its sender from learning of it
# each daemon names this machine in its own way, so that the systems can tell them apart
SENDERS = {"127.0.0.1": "creditos@example.com", "localhost": "saldo@example.com"}
TOML = """
[store]
url = "{store}"
[shop]
url = "http://{host}:{shop}"
poll_interval = 1
requests_per_minute = 60000
[erp]
url = "http://{host}:{erp}"
poll_interval = 1
requests_per_minute = 60000
[helpdesk]
url = "http://{host}:{desk}"
agent = "creditos@example.com"
poll_interval = 1
requests_per_minute = 60000
[smtp]
host = "{host}"
port = {mail}
security = "none"
[notices]
from = "{sender}"
quiet_before = ""
office_hours = ""
recheck_after = 2
[service]
listen = ""
[[packs]]
reference = "SERVDOLIA60"
credits = 60
price = "72.60"
url = "https://shop.example.com/60"
[[packs]]
reference = "SERVDOLIA120"
credits = 120
price = "145.20"
url = "https://shop.example.com/120"
[[packs]]
reference = 'SERVDOLIA(\\d+)'
[[modules]]
reference = 'MOD\\w+'
"""


class ExactlyOnce(Letters):
    """Letters by their number: what one says of a balance can be judged where the clock stands still meanwhile.

    When a process died is not known to the letter here: that its mails of unknown outcome went once more at most, each
    for a reason, `Firm._copies` judges.
    """

    def _most(self, row):
        return 2 if row["doubts"] else 1

    def _hopeless(self, row, seen):
        tried = row["tried_since"]
        merged = row["document"].partition(":")[2] in self.world.merged
        return merged or row["doubts"] >= 2 or (tried is not None and seen - tried > DAY_S)

    def _figures(self, *_):
        pass

    _shop_was_read = _low = _beforehand = _figures


class Clock:
    """This machine's, and how far the firm's runs ahead of it."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


class Mail(MailServer):
    """Remembers when each copy of a letter was kept, and whether its answer was going to be lost."""

    def __init__(self, **more):
        super().__init__(**more)
        self.kept = []  # (moment, Message-ID, sender, answer lost on purpose)
        self.reached = lambda _stage: None
        self._fault = None

    def fault_at(self, stage):
        self.reached(stage)
        found = super().fault_at(stage)
        if stage == "AFTER_DATA":
            self._fault = found
        return found

    def keep(self, session, raw):
        with self.lock:
            super().keep(session, raw)
            lost = self._fault is not None
            self.kept.append((time.monotonic(), self.messages[-1].message["Message-ID"], session.sender, lost))


class Firm:
    """database: URL of a store of its own. disturbed: moments at which a process or its database was disturbed."""

    def __init__(self, folder, database, seed):
        self.folder, self.database = Path(folder), database
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.world = World(self.clock, {"customers": 5, "desk": {"index_delay": 0}})
        self.mail = Mail(now=self.clock)
        self.planted = {
            "shop.api_key": self.world.shop_key,
            "erp.api_key": self.world.erp.key,
            "helpdesk.api_key": self.world.desk.api_key,
            "helpdesk.message_api_key": self.world.desk.message_api_key,
        }
        self.counts, self.disturbed, self.started = Counter(), [], 0
        self.planted_faults, self.processes = [], []
        self.acting = threading.Lock()

    def __enter__(self):
        for system in self.world.systems:
            system._port = 0
            system.start()
        self.mail.start()
        self.world.desk.agent("creditos@example.com", "Créditos")
        path = self.database.removeprefix("sqlite:///")
        self.path = Path(path) if path != self.database else self.folder / "seen.db"
        self.oracle = Oracle(self.world, self.path, self.mail, {})
        self.oracle.live_at = 0
        return self

    def __exit__(self, *_):
        for process in self.processes:  # of a run that was broken off
            process.kill()
            process.wait()
        for system in (*self.world.systems, self.mail):
            system.stop()

    # the program

    def config(self, host="127.0.0.1"):
        path = self.folder / f"{host}.toml"
        shop, erp, desk = (system._port for system in self.world.systems)
        given = {"shop": shop, "erp": erp, "desk": desk, "mail": self.mail.port, "host": host, "sender": SENDERS[host]}
        path.write_text(TOML.format(store=self.database, **given))
        return path

    def start(self, *arguments, host="127.0.0.1", **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BYTEBRIDGE_")}
        path = os.pathsep.join(filter(None, (str(AHEAD), os.environ.get("PYTHONPATH"))))
        clock = {"PYTHONPATH": path, "BYTEBRIDGE_TEST_AHEAD": str(self.clock.ahead)}
        process = subprocess.Popen(
            [COMMAND, "--config", str(self.config(host)), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **kept,
                **canary.environment(self.planted),
                **clock,
                "STATE_DIRECTORY": str(self.folder),
                **environment,
            },
            cwd=self.folder,
        )
        self.processes.append(process)
        return process

    def run(self, *arguments, codes=(0,)):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert canary.leaks(out + err, self.planted) == []
        assert process.returncode in codes, (arguments, process.returncode, out, err[-2000:])
        return out

    def daemon(self, host="127.0.0.1"):
        self.started += 1
        return Running(self, host)

    def up(self, host="127.0.0.1"):
        """A daemon that is ready; one whose database is cut off while it starts ends, and is started again."""
        for _ in range(5):
            daemon = self.daemon(host)
            if daemon.ready(30):
                return daemon
            assert daemon.process.poll() == 1, ("neither ready nor ended", daemon.lines[-5:])
            daemon.close()
            self.counts["starts that ended without a database, and were begun again"] += 1
        raise AssertionError(daemon.lines[-5:])

    # people and weather

    def act(self):
        """Somebody does something; every system shows all of it or nothing, as their own databases would."""
        weights = list(VERBS.values())
        verb = self.chance.choices(list(VERBS), weights)[0]
        step = Step(verb.__name__, *(self.chance.randrange(1000) for _ in range(3)))
        with self.acting, self.world.shop.lock, self.world.erp.lock, self.world.desk.lock:
            with self.world.acting():
                verb(self.world, step)
            self.oracle.note()
        self.counts["steps of people"] += 1

    def adjust(self):
        """By an administrator, at the same moment: counts if the command says that it did."""
        with self.acting:
            known = [email for email, holder in self.world.owners.items() if holder.root.name == email]
        if not known:
            return
        email, credits = self.chance.choice(known), self.chance.choice((-10, 5, 25))
        process = self.start("adjust", email, credits, "--reason", "a gesture")
        out, err = process.communicate(timeout=120)
        assert canary.leaks(out + err, self.planted) == []
        if process.returncode == 0:
            self.world.holder(email).given += credits
            self.counts["adjustments beside the daemon"] += 1

    def spoil(self):
        """One more broken answer lies in wait somewhere, unless several do already."""
        system = self.chance.choice((*self.world.systems, self.mail))
        if len(system.faults) > 2:
            return
        if system is self.mail:
            kind = self.chance.choice(MAIL_FAULTS)
            self._spoil_mail(kind)
            name = f"SMTP {kind}"
        else:
            writes = self.chance.random() < 0.5
            kind = self.chance.choice(WRITE_FAULTS if writes else READ_FAULTS)
            system.faults.append(_fault(kind, writes=writes))
            name = f"HTTP {'write' if writes else 'read'} {kind}"
        self.planted_faults.append((name, system, system.faults[-1]))

    def _spoil_mail(self, kind):
        if kind == "451":
            self.mail.fail_next(451, at="RCPT")
        elif kind == "452 after":
            self.mail.fail_next(452, at="AFTER_DATA")
        elif kind == "cut early":
            self.mail.cut_next(at="MAIL")
        elif kind == "hangs after":
            self.mail.hang_next("AFTER_DATA", LATE_S, stored=True)
        else:
            self.mail.cut_after_data(stored=kind == "kept after")

    def calm(self):
        """No broken answer waits any longer; those that were met are counted."""
        met = (name for name, system, fault in self.planted_faults if not any(fault is one for one in system.faults))
        self.counts.update(f"fault: {name}" for name in met)
        self.planted_faults.clear()
        for system in (*self.world.systems, self.mail):
            system.faults.clear()

    def cut_database(self):
        """Every connection of the program to the store's server."""
        if self.database.startswith("sqlite"):
            return
        words = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name <> 'torture'"""
        cut = len(self.statement(words).all())
        self.disturbed.append(time.monotonic())
        self.counts["database connections cut"] += cut

    def end_lease(self):
        """Of a process that was killed: its twenty seconds pass at once."""
        if self.database.startswith("sqlite"):
            return
        with contextlib.suppress(sa.exc.ProgrammingError):  # it was killed before there was a table
            self.statement("UPDATE leases SET until = 0")

    def statement(self, words):
        with self._engine().begin() as connection:
            return connection.execute(sa.text(words))

    def _engine(self):
        named = {} if self.database.startswith("sqlite") else {"application_name": "torture"}
        return sa.create_engine(self.database, poolclass=sa.NullPool, connect_args=named)

    # judgement

    def judge(self):
        """Lets what was put off become due, then compares the ledger with the world."""
        self.calm()
        self.end_lease()
        for seconds in (500, 1000, 4000, 26 * 3600, 700, 0):
            self.run("poll", "--json")
            self.clock.ahead += seconds
        before = self.rows()
        self.run("poll", "--json")
        self.run("reconcile", "--json")
        assert self.rows() == before, "another pass or a reconciliation posted something"
        self.run("db", "verify")
        self._dump()
        self._compare()
        self._copies()
        for simulator in (*self.world.systems, self.mail):
            assert not simulator.outside, simulator.outside[:3]

    def _compare(self):
        """The ledger and what customers hold with the world."""
        self.oracle.note()
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            try:
                self.oracle._only_appended(database)
                self.oracle._documents(database, self.oracle._families(database))
                ExactlyOnce(self.oracle, database).check()
                check_reviews(self.oracle, database)
                check_erp(self.oracle, database, self._balance_of)
                self.oracle._nothing_waits(database)
            except WrongError as error:
                raise WrongError(f"{error}\n{self._evidence(str(error), database)}") from error
        self.oracle.since_then.clear()

    def _balance_of(self, email):
        return self.oracle.balances.get(self.world.holder(email).name, 0)

    def _evidence(self, wrong, database):
        """All that world and ledger have about the documents it names."""
        found = []
        for document in set(re.findall(r"(?:shop|erp|helpdesk):\w+", wrong)):
            if ticket := self.world.desk.tickets.get(document.partition(":")[2]):
                found.append(f"{ticket.status} {ticket.fields} {self.world.worked.get(ticket.id)}")
            for table, column in (("documents", "key"), ("reviews", "document"), ("entries", "document")):
                rows = database.execute(f"SELECT * FROM {table} WHERE {column} = ?", [document])
                found += [f"{table}: {dict(row)}" for row in rows]
        return "\n".join(found)

    def _copies(self):
        """A mail arrived twice only where nobody could know that it had arrived once."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            doubts = dict(database.execute("SELECT lower(code), doubts FROM notices"))
        letters, twice = sent_again(self.mail.kept, doubts, self.disturbed)
        self.counts["letters by mail"] = letters
        self.counts["letters by mail whose answer was lost, sent once more"] = twice
        self.counts["replies in tickets"] = sum(len(self.world.desk.replies(t)) for t in self.world.desk.tickets)

    def rows(self):
        with self._engine().connect() as connection:
            return connection.execute(sa.text("SELECT COUNT(*) FROM entries")).scalar()

    def _dump(self):
        """The tables of a server as a file, in which the oracle reads."""
        if self.database.startswith("sqlite"):
            return
        self.path.unlink(missing_ok=True)
        engine = self._engine()
        with engine.connect() as server, closing(sqlite3.connect(self.path)) as file:
            for table in sa.inspect(engine).get_table_names():
                found = server.execute(sa.text(f"SELECT * FROM {table}"))
                names = ", ".join(found.keys())
                file.execute(f"CREATE TABLE {table} ({names})")
                marks = ", ".join("?" * len(found.keys()))
                file.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row) for row in found])
            file.commit()


def sent_again(kept, doubts, disturbed):
    """How many letters arrived, and how many of them twice; AssertionError for a copy too many.

    doubts: by code, how many attempts the store calls doubtful. It is the product's word alone, and a disturbance is
    never far away, so that neither excuses a second copy without the other.
    """
    copies = defaultdict(list)
    for moment, identity, _, lost in kept:
        copies[identity].append(lost or any(abs(moment - at) <= NEAR_S for at in disturbed))
    letters = Counter(_code(identity) for identity in copies)
    assert max(letters.values(), default=1) == 1, f"one letter has several Message-IDs: {sorted(copies)}"
    for identity, excused in copies.items():
        assert len(excused) < 3, f"{identity} arrived {len(excused)} times"
        if len(excused) == 2:
            assert doubts[_code(identity)], f"{identity} was sent again though nobody doubted that it had arrived"
            assert excused[0], f"{identity} was sent again though its answer came"
    return len(copies), sum(len(excused) == 2 for excused in copies.values())


def _code(identity):
    return identity.strip("<>").partition(".")[0]


def _fault(kind, *, writes):
    def match(request):
        return (request.method != "GET") == writes

    if kind in ("500", "502", "503"):
        return Fault(match, Reply(int(kind), HTML, "text/html"))
    spoilt = {
        "429": {"reply": Reply(429, b"", "text/html", {"Retry-After": "1"})},
        "html": {"reply": Reply(200, HTML, "text/html")},
        "before": {"cut": "before"},
        "middle": {"cut": "middle"},
        "late": {"delay_s": LATE_S},
        "lost": {"cut": "before", "stored": False},
        "carried out": {"cut": "before", "stored": True},
    }
    return Fault(match, **spoilt[kind])


class Running(Daemon):
    """A daemon under way, and when it said that it is ready."""

    def __init__(self, firm, host):
        self.host = host
        path = firm.folder / f"notify-{firm.started}"
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(str(path))
        self.began, self.ready_after = time.monotonic(), None
        super().__init__(firm, firm.start("run", host=host, NOTIFY_SOCKET=str(path)))

    def ready(self, seconds):
        """Whether it says so within so many seconds from its start."""
        self.told.settimeout(0.1)
        while time.monotonic() < self.began + seconds and self.process.poll() is None:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self.told.recv(65536).splitlines():
                    self.ready_after = time.monotonic() - self.began
                    return True
        return False

    def worked(self):
        """Seconds of processor time so far, its ended children's too: unlike the clock, free of its neighbours."""
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self):
        self.told.close()
        self._reader.join(5)
        out = self.process.stdout.read()
        self.process.stdout.close()
        self.process.stderr.close()
        assert canary.leaks(out + "".join(self.lines), self.world.planted) == []
        crashed = [line for line in self.lines if '"job_crashed"' in line or "Traceback" in line]
        assert not crashed, crashed[:2]

    def end(self):
        self.told.close()
        return super().end()

    @property
    def works(self):
        """Whether it has the lease, by its own words."""
        told = [line for line in list(self.lines) if '"lease_taken"' in line or '"lease_lost"' in line]
        return bool(told) and '"lease_taken"' in told[-1]
