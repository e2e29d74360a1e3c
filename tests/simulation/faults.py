"""The network between the product and the simulated systems, its weather, and the moments at which a process dies.

No socket is opened for HTTP: `requests` hands each prepared request to an adapter, and the one here asks the
simulator's own `handle` and builds the answer out of real library objects, so that time-outs, cut bodies and odd
answers reach the product exactly as the library reports them. `smtplib` gets a connection whose other end is the mail
simulator's conversation itself; its replies are moments to die, too.
"""

import gzip
import io
import json
import random
import smtplib
import socket
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from email import message_from_bytes
from email.utils import formatdate
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import urllib3
from sqlalchemy import event

from bytebridge.sandbox.dolibarr import EMPTY_IS_404_BEFORE, Dolibarr
from bytebridge.sandbox.mail import Conversation, GoneError
from bytebridge.sandbox.prestashop import PrestaShop
from bytebridge.sandbox.prestashop_fields import PLURALS
from bytebridge.sandbox.web import Reply, Request, json_reply
from simulation.world import CODE, code_of

SYSTEMS = ("shop", "erp", "helpdesk")
DOCUMENTS = {"orders", "invoices", "tickets"}
HTML = b"<!doctype html><html><body><h1>Maintenance</h1></body></html>"
READS = (
    "refused", "timeout_before", "timeout_after", "status", "too_many", "too_many_later", "cut", "truncated", "html",
    "no_right", "empty",
)  # fmt: skip
WRITES = (
    "refused", "timeout_before", "timeout_after", "status", "status_after", "too_many", "too_many_later", "cut",
    "truncated", "html", "html_after", "no_right",
)  # fmt: skip
ANSWERED = {"refused", "too_many", "too_many_later", "no_right"}  # nobody can think that such a write was carried out
CARRIED_OUT = {"timeout_after", "status_after", "html_after", "cut", "truncated"}
STORE = ("locked", "disk full")
STORE_SHARE = 0.3  # of the chance that an HTTP call has
MAIL_SHARE = 3  # conversations with the mail server are few
PATIENCE = (3, 30)  # waits until a lock is given back: fewer than the product makes, and more
ROOMY = 1_073_741_823  # pages, the most that SQLite knows
MAIL = ("greylist", "gone_early", "lost_after", "kept_after", "late_refusal")
NOT_YET = {"disk full", *MAIL}  # counted when somebody needs the room, or a conversation comes so far

ROWS_SHARE = 0.25  # of the chance that a read has: its list lacks rows
SHOWN = (0, 0, 0.5, 0.8)  # what is shown of such a list
ANSWERS = (1, 1, 1, 3, 10)  # of one list that lack the same rows, one after the other
# lists that lack no rows, for nobody could tell such an answer from the truth: a message or an event that is looked
# for because its own answer was lost is written again where it is not shown, and where it is not there, it must be
NEVER_SHORT = {"messages", "agendaevents"}

CALLS = {f"{side} {method}" for side in ("before", "after") for method in ("GET", "POST", "PUT")}


class Act(NamedTuple):
    """What somebody does at a boundary. needs_store: with a process of their own beside the daemon."""

    what: str
    do: Callable
    needs_store: bool = False


class Lie(NamedTuple):
    """A well-formed list that lacked rows which were there. name: of the list.

    about: documents that these rows are, or are part of; None when they are of no document alone.
    """

    at: int
    name: str
    about: frozenset | None


class Crash(BaseException):
    """The process dies here: nothing of ours may catch it."""


class Weather:
    """rate: share of calls that go wrong. crashes: numbers of the boundaries at which the process dies.

    A boundary is a database commit that is about to happen, an HTTP call before and after it is carried out, and
    a reply of the mail server. meanwhile: boundary -> the Act of somebody just then. full: the disk, until a writer
    has needed more of it.
    """

    def __init__(self):
        self.counts = Counter()
        self.reached = 0
        self.crashes = set()
        self.meanwhile = {}
        self.calm()

    def calm(self):
        self.stormy = self.full = False
        self.rate, self.chance, self.hiding = 0.0, random.Random(0), random.Random(0)
        self.short = {}
        self.crashes = {number for number in self.crashes if number > self.reached}

    def storm(self, rate, seed):
        """Until it clears; with a rate of 0 only people shift rows about."""
        self.stormy = True
        self.rate, self.chance, self.hiding = rate, random.Random(seed), random.Random(f"rows {seed}")

    def boundary(self, what):
        self.reached += 1
        act = self.meanwhile.pop(self.reached, None)
        if act is not None and act.needs_store and what not in CALLS:
            self.meanwhile[self.reached + 1] = act  # a commit has its turn, another process would wait for it
        elif act is not None:
            self.counts[f"during a pass: {act.what}"] += 1
            act.do()
        if self.reached in self.crashes:
            self.crashes.discard(self.reached)
            self.counts[f"crash: {what}"] += 1
            raise Crash(what)

    def draw(self, kinds, times=1):
        """What goes wrong, mostly None. times: so much more often than a call does."""
        if not self.rate or self.chance.random() >= self.rate * times:
            return None
        kind = self.chance.choice(kinds)
        if kind not in NOT_YET:
            self.counts[kind] += 1
        return kind

    def hidden(self, system, name, ids):
        """Which of these rows a list of this name lacks now; the next ones lack them, too, for a while."""
        left, salt, shown = self.short.pop((system, name), (0, "", 1))
        if not left:
            if name in NEVER_SHORT or self.hiding.random() >= self.rate * ROWS_SHARE:
                return frozenset()
            left, salt, shown = self.hiding.choice(ANSWERS), self.hiding.random(), self.hiding.choice(SHOWN)
        if left > 1:
            self.short[system, name] = left - 1, salt, shown
        return frozenset(one for one in ids if random.Random(f"{salt} {one}").random() >= shown)

    def watch(self, store, rival):
        """Commits of this store become boundaries; its writers may find it locked by `rival`, or the disk full."""

        @event.listens_for(store.engine, "commit")
        def _before(_connection):
            self.boundary("commit")

        @event.listens_for(store.engine, "before_cursor_execute")
        def _begin(connection, _cursor, statement, *_):
            if statement != "BEGIN IMMEDIATE":
                return
            kind = self.draw(STORE) if self.chance.random() < STORE_SHARE else None
            if kind == "locked":
                rival.take(self.chance.choice(PATIENCE))
            cursor = connection.connection.cursor()
            self.full = self.full or kind == "disk full"
            pages = cursor.execute("PRAGMA page_count").fetchone()[0] if self.full else ROOMY
            cursor.execute(f"PRAGMA max_page_count = {pages}")
            cursor.close()

        @event.listens_for(store.engine, "handle_error")
        def _failed(context):
            if getattr(context.original_exception, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                self.full = False
                self.counts["disk full"] += 1


class Rival:
    """Another program that holds the store's lock until the product has waited a few times."""

    def __init__(self, path):
        self.path, self.held, self.left = path, None, 0

    def take(self, waits):
        if self.held is None:
            self.held = sqlite3.connect(self.path, timeout=0, isolation_level=None)
            self.held.execute("BEGIN IMMEDIATE")
            self.left = waits

    def waited(self):
        self.left -= 1
        if self.held is not None and self.left <= 0:
            self.leave()

    def leave(self):
        if self.held is not None:
            self.held.close()
            self.held = None


class Wire:
    """The client's end of a connection to the mail simulator, which hears each line the moment it is sent.

    met: called when the fault that was planted for this conversation is met, with the letter if that went out whole.
    """

    def __init__(self, mail, met):
        self.answers, self.gone, self.reset = io.BytesIO(), False, False
        self.mail, self.met = mail, met
        self.conversation = Conversation(mail, _FarEnd(self))
        self._do(self.conversation.greet)

    def _do(self, act, *data):
        planted, heard = len(self.mail.faults), self.conversation.hear
        try:
            act(*data)
        except GoneError:
            self.gone = True
        if len(self.mail.faults) < planted:
            whole = heard == self.conversation._letter and self.gone
            self.met(b"\r\n".join(self.conversation.lines) if whole else None)

    def sendall(self, data):
        if self.gone:
            raise BrokenPipeError
        self._do(self.conversation.receive, data)

    def makefile(self, _mode):
        return self

    def readline(self, _limit):
        line = self.answers.readline()
        if not line and self.reset:
            raise ConnectionResetError
        return line  # empty: the server closed

    def dup(self):
        return self

    def close(self):
        pass


class _FarEnd:
    def __init__(self, wire):
        self.wire = wire

    def sendall(self, data):
        at = self.wire.answers.tell()
        self.wire.answers.seek(0, io.SEEK_END)
        self.wire.answers.write(data)
        self.wire.answers.seek(at)

    def setsockopt(self, *_reset_on_close):
        self.wire.reset = True


class Network:
    """simulators: by port. lies: of each system, well-formed lists that lacked rows, which nobody can notice.

    lost_mails, lost_posts: how often a letter went out whole and no answer came, by its code. kept: codes of mails that
    arrived nevertheless. troubles: moments at which a call or a conversation went wrong, by system.
    """

    def __init__(self, weather, simulators, mail):
        self.weather, self.mail = weather, mail
        self.names = {id(simulator): name for simulator, name in zip(simulators, SYSTEMS, strict=True)}
        self.lies = {name: [] for name in SYSTEMS}
        self.lost_mails, self.lost_posts, self.kept = Counter(), Counter(), set()
        self.troubles = defaultdict(list)
        self.simulators = {urlsplit(simulator.url).netloc: simulator for simulator in simulators}

    @contextmanager
    def up(self):
        """`requests` and `smtplib`, not the product, are led here."""
        network, send, hear = self, requests.adapters.HTTPAdapter.send, smtplib.SMTP.getreply
        dial = socket.create_connection

        def carried(adapter, prepared, **_options):
            return network.carry(adapter, prepared)

        def heard(smtp):
            network.weather.boundary("mail")
            reply = hear(smtp)
            network.weather.boundary("mail answered")
            return reply

        def dialled(address, *more, **options):
            return network.dial() if address[1] == network.mail.port else dial(address, *more, **options)

        requests.adapters.HTTPAdapter.send, smtplib.SMTP.getreply = carried, heard
        socket.create_connection = dialled
        try:
            yield self
        finally:
            requests.adapters.HTTPAdapter.send, smtplib.SMTP.getreply = send, hear
            socket.create_connection = dial

    def carry(self, adapter, prepared):
        self.weather.boundary(f"before {prepared.method}")
        simulator = self.simulators[urlsplit(prepared.url).netloc]
        write = prepared.method not in ("GET", "HEAD")
        kind = self.weather.draw(WRITES if write else READS)
        reply = None
        if kind is not None:
            self.troubles[simulator].append(simulator.now())
        if kind is None or kind in CARRIED_OUT:
            reply = simulator._handled(_request(prepared))
            if prepared.method == "GET" and _is_stale(simulator, prepared):
                self.weather.counts["stale page"] += 1
            if self.weather.rate and kind is None and not write:
                reply = self._shortened(simulator, urlsplit(prepared.url).path.rpartition("/")[2], reply)
        if write and kind is not None and kind not in ANSWERED:
            self.lost_posts.update(CODE.findall(_request(prepared).body.decode())[-1:])
        if write:
            self.weather.boundary(f"after {prepared.method}")
        answer = self._spoilt(kind, reply, prepared)
        return adapter.build_response(prepared, _raw(answer, prepared, simulator.now(), kind))

    def _spoilt(self, kind, reply, prepared):
        if kind == "refused":
            reason = urllib3.exceptions.NewConnectionError(None, "refused")
            raise requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, prepared.url, reason))
        if kind in ("timeout_before", "timeout_after"):
            raise requests.ReadTimeout(urllib3.exceptions.ReadTimeoutError(None, prepared.url, "timed out"))
        status = self.weather.chance.choice((500, 502, 503, 504))
        spoilt = {
            "status": Reply(status, HTML, "text/html"),
            "status_after": Reply(502, HTML, "text/html"),
            "too_many": Reply(429, b"", "text/html"),
            "too_many_later": Reply(
                429, b"{}", headers={"Retry-After": self.weather.chance.choice(("2", "90", "700"))}
            ),
            "html": Reply(200, HTML, "text/html"),
            "html_after": Reply(200, HTML, "text/html"),
            "no_right": Reply(403, b"{}"),
            "empty": Reply(200, b""),
        }
        return spoilt.get(kind, reply)

    def _shortened(self, simulator, name, reply):
        """The answer as it is, or as a system gives it that does not show all of its rows."""
        rows = _rows(reply)
        system = self.names[id(simulator)]
        hidden = self.weather.hidden(system, name, [row["id"] for row in rows]) if rows else ()
        if not hidden:
            return reply
        shown = [row for row in rows if row["id"] not in hidden]
        self.weather.counts["some rows missing" if shown else "all rows missing"] += 1
        of = [row.get("id_order", row["id"] if name in DOCUMENTS else None) for row in rows if row["id"] in hidden]
        about = None if None in of else frozenset(f"{system}:{one}" for one in of)
        self.lies[system].append(Lie(simulator.now(), name, about))
        self.troubles[simulator].append(simulator.now())
        return _listing(simulator, name, shown, reply)

    def dial(self):
        """A conversation with the mail server, and what will go wrong in it."""
        self.mail.faults.clear()
        kind = self.weather.draw(MAIL, MAIL_SHARE)

        def met(letter):
            self.weather.counts[kind] += 1
            self.troubles[self.mail].append(self.mail.now())
            if letter is None:
                return
            code = code_of(message_from_bytes(letter))
            self.lost_mails[code] += 1
            if kind == "kept_after":
                self.kept.add(code)

        if kind == "greylist":
            self.mail.fail_next(451, at="RCPT")
        elif kind == "gone_early":
            self.mail.cut_next(at="MAIL")
        elif kind == "late_refusal":
            self.mail.fail_next(452, at="AFTER_DATA")
        elif kind is not None:
            self.mail.cut_after_data(stored=kind == "kept_after")
        return Wire(self.mail, met)


def _is_stale(simulator, prepared):
    """Whether this was a list of tickets whose index does not know yet how one of them changed."""
    if not getattr(simulator, "index_delay", 0) or not urlsplit(prepared.url).path.endswith("/tickets"):
        return False
    listed = simulator.index.rows
    return any(
        number not in listed or listed[number]["date_changed"] != ticket.fields["date_changed"]
        for number, ticket in simulator.tickets.items()
    )


def _rows(reply):
    """Records of a list that was answered; none when it is something else."""
    if reply.status != 200 or reply.content_type != "application/json":
        return []
    zipped = reply.headers.get("Content-Encoding") == "gzip"
    value = json.loads(gzip.decompress(reply.body) if zipped else reply.body)
    if isinstance(value, dict) and len(value) == 1:  # the shop's, under its name
        value = next(iter(value.values()))
    return value if isinstance(value, list) and all(isinstance(row, dict) and "id" in row for row in value) else []


def _listing(simulator, name, rows, whole):
    """A shorter list, in the form in which this system answers one; an empty one has its own."""
    if not rows and isinstance(simulator, Dolibarr) and simulator.release < EMPTY_IS_404_BEFORE.get(name, (19,)):
        return simulator._refusal(404, "nothing found")
    headers = {header: text for header, text in whole.headers.items() if header != "Content-Encoding"}
    if rows and isinstance(simulator, PrestaShop):
        return json_reply({PLURALS.get(name, name): rows}, 200, **headers)
    return json_reply(rows, 200, **headers)


def _request(prepared):
    parts = urlsplit(prepared.url)
    body = prepared.body or b""
    return Request(
        prepared.method,
        unquote(parts.path),
        tuple(parse_qsl(parts.query, keep_blank_values=True)),
        parts.query,
        {name.lower(): value for name, value in prepared.headers.items()},
        body.encode() if isinstance(body, str) else body,
    )


def _raw(reply, prepared, now, kind):
    body = b"" if prepared.method == "HEAD" or reply.status == 304 else reply.body
    headers = {"Content-Type": reply.content_type, "Date": formatdate(now, usegmt=True), **reply.headers}
    if kind == "cut":
        headers["Content-Length"] = str(len(body) + 1)
    if kind in ("cut", "truncated"):
        body = body[: len(body) // 2]
    return urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers=headers,
        status=reply.status,
        preload_content=False,
        request_method=prepared.method,
    )
