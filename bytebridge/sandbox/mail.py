"""A simulated mail server: real SMTP on 127.0.0.1, which keeps what it accepts and fails when told to.

As RFC 5321 has it: commands in order, one reply each, the letter accepted only by the reply to its last line.
STARTTLS by RFC 3207 (everything said before is forgotten), login by RFC 4954, greylisting as common servers
do it: 451 until the same sender and recipient come back later.
"""

import base64
import contextlib
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import NamedTuple

LONGEST_LINE = 1000  # octets with its CRLF, RFC 5321 §4.5.3.1.6
STAGES = ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "AFTER_DATA", "NOOP", "QUIT")


class Mail(NamedTuple):
    """One accepted letter: the envelope as it was given, the content as it arrived, dots unstuffed."""

    sender: str
    recipients: tuple
    raw: bytes

    @property
    def message(self):
        return message_from_bytes(self.raw, policy=policy.default)


@dataclass
class Fault:
    """What goes wrong at one stage. code: the reply. Else the connection dies (`cut`) or no reply comes for
    `hang_s` seconds or until the server stops; `stored` says whether the letter was kept. drip_s: the reply comes
    `drop` by `drop` and never ends.
    """

    at: str
    code: int = 0
    text: str = "simulated"
    cut: bool = False
    hang_s: float = 0.0
    drip_s: float = 0.0
    drop: bytes = b"2"
    stored: bool = False


@dataclass
class Session:
    """hello, user, sender: None until given. secure: TLS is on."""

    secure: bool = False
    hello: str | None = None
    user: str | None = None
    sender: str | None = None
    recipients: list = field(default_factory=list)


class GoneError(Exception):
    """The connection is over."""


class MailServer:
    """now: its clock [epoch s]. messages: what was accepted, in order. outside: what a client must not do.

    cert: (certificate file, key file); with it `tls` is "starttls" or "implicit". users: name to password;
    with them nobody sends without login, and where there is TLS nobody logs in without it.
    """

    def __init__(self, now=time.time, port=0, *, cert=None, tls="starttls", users=None, login=("PLAIN", "LOGIN")):
        self.now = now
        self.messages = []
        self.outside = []
        self.faults = deque()
        self.rejected = {}
        self.connections = 0
        self.greylist_s = 0.0
        self.lock = threading.RLock()
        self._seen = {}
        self._port = port
        self.users = dict(users or {})
        self.login = tuple(login)
        self.tls = tls if cert else None
        self.context = None
        if cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*cert)
        self.stopped = threading.Event()
        self._server = None

    @property
    def port(self):
        return self._port

    def start(self):
        mail_server = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                Conversation(mail_server, self.request).run()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a client that was killed in the middle is ordinary here

        self.stopped.clear()
        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        if self._server is not None:
            self.stopped.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def fail_next(self, code, at="RCPT", times=1, text="simulated"):
        """The next `times` replies at this stage are `code`."""
        assert at in STAGES, at
        for _ in range(times):
            self.faults.append(Fault(at, code=code, text=text))

    def cut_next(self, at="MAIL"):
        """The connection dies when this stage is reached, before its reply."""
        assert at in STAGES, at
        self.faults.append(Fault(at, cut=True))

    def cut_after_data(self, *, stored=True):
        """The whole letter arrives, is kept or not, and the connection dies before the reply."""
        self.faults.append(Fault("AFTER_DATA", cut=True, stored=stored))

    def hang_next(self, at="AFTER_DATA", seconds=3600.0, *, stored=True):
        """No reply comes at this stage."""
        self.faults.append(Fault(at, hang_s=seconds, stored=stored))

    def drip_next(self, at="MAIL", seconds=0.05, drop=b"2"):
        """The reply comes drop by drop with this pause and has no end."""
        self.faults.append(Fault(at, drip_s=seconds, drop=drop))

    def reject(self, address, code=550, text="5.1.1 no such user"):
        """Letters to this address are declined for ever."""
        self.rejected[address.lower()] = (code, text)

    def greylist(self, seconds):
        """From now on an unknown sender and recipient are asked to come back after `seconds`."""
        self.greylist_s = seconds

    def fault_at(self, stage):
        with self.lock:
            found = next((fault for fault in self.faults if fault.at == stage), None)
            if found is not None:
                self.faults.remove(found)
            return found

    def too_early(self, sender, recipient):
        if not self.greylist_s:
            return False
        with self.lock:
            first = self._seen.setdefault((sender, recipient.lower()), self.now())
            return self.now() < first + self.greylist_s

    def keep(self, session, raw):
        with self.lock:
            self.messages.append(Mail(session.sender, tuple(session.recipients), raw))

    def note(self, what):
        with self.lock:
            self.outside.append(what)


class Conversation:
    """One connection, from greeting to goodbye. connection: what it answers on, a socket or what takes its place."""

    def __init__(self, server, connection):
        self.server = server
        self.connection = connection
        self.buffer = b""
        self.session = Session()
        self.hear = self._command  # what the client's next line is for
        self.lines = []

    def run(self):
        self.connection.settimeout(60)
        with contextlib.suppress(OSError, GoneError):
            if self.server.tls == "implicit":
                self._secure()
            self.greet()
            while data := self.connection.recv(65536):
                self.receive(data)
        with contextlib.suppress(OSError):
            self.connection.close()

    def greet(self):
        with self.server.lock:
            self.server.connections += 1
        self.reply("CONNECT", 220, "mail.example.com ESMTP")

    def receive(self, data):
        """What the client sent; every whole line of it is heard."""
        self.buffer += data
        while b"\n" in self.buffer:
            line, _, self.buffer = self.buffer.partition(b"\n")
            if not line.endswith(b"\r"):
                self.server.note(f"a line without CR: {line[:60]!r}")
            if len(line) + 1 > LONGEST_LINE:
                self.server.note(f"a line of {len(line) + 1} octets")
            self.hear(line.removesuffix(b"\r"))

    def _secure(self):
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.buffer = b""
        self.session = Session(secure=True)

    def reply(self, stage, code, *lines):
        """The stage's reply, or the fault that waits for it; gives the code that was sent."""
        fault = self.server.fault_at(stage)
        if fault is not None:
            self._fail(fault)
            code, lines = fault.code, (fault.text,)
        self._write(code, lines)
        return code

    def _write(self, code, lines):
        *first, last = lines or ("",)
        text = "".join(f"{code}-{line}\r\n" for line in first) + f"{code} {last}\r\n"
        self.connection.sendall(text.encode("utf-8", "replace"))

    def _fail(self, fault):
        if fault.hang_s:
            self.server.stopped.wait(fault.hang_s)
            raise GoneError
        if fault.drip_s:
            while not self.server.stopped.wait(fault.drip_s):
                self.connection.sendall(fault.drop)
            raise GoneError
        if fault.cut:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise GoneError

    def _command(self, line):
        verb, _, rest = line.decode("ascii", "replace").partition(" ")
        known = {
            "EHLO": self._ehlo,
            "HELO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _rest: self.reply("NOOP", 250, "OK"),
            "QUIT": self._quit,
        }
        action = known.get(verb.upper())
        if action is None:
            self.server.note(f"unknown command {verb!r}")
            self._write(500, ("5.5.1 unknown command",))
            return
        action(rest)

    def _ehlo(self, rest):
        if not rest:
            self._write(501, ("5.5.4 a name is needed",))
            return
        offered = ["mail.example.com", "SIZE 33554432", "8BITMIME"]
        if self.server.tls == "starttls" and not self.session.secure:
            offered.append("STARTTLS")
        if self._may_log_in():
            offered.append("AUTH " + " ".join(self.server.login))
        self.session.hello = rest
        self.reply("EHLO", 250, *offered)

    def _may_log_in(self):
        return bool(self.server.users) and (self.session.secure or self.server.tls is None)

    def _starttls(self, _rest):
        if self.server.tls != "starttls" or self.session.secure:
            self._write(502, ("5.5.1 not offered",))
        elif self.reply("STARTTLS", 220, "go ahead") == 220:
            self._secure()

    def _auth(self, rest):
        if not self._may_log_in():
            self._write(538, ("5.7.11 encryption required",))
            return
        mechanism, _, given = rest.partition(" ")
        if mechanism.upper() not in self.server.login:
            self._write(504, ("5.5.4 mechanism not offered",))
        elif mechanism.upper() == "PLAIN":
            self._ask("", given, self._plain)
        else:
            self._ask(
                "Username:", given, lambda user: self._ask("Password:", "", lambda word: self._log_in(user, word))
            )

    def _plain(self, text):
        _, user, password = parts if len(parts := text.split("\0")) == 3 else ("", "", None)
        self._log_in(user, password)

    def _log_in(self, user, password):
        if self.server.users.get(user) != password or password is None:
            self._write(535, ("5.7.8 authentication failed",))
        elif self.reply("AUTH", 235, "2.7.0 welcome") == 235:
            self.session.user = user

    def _ask(self, text, given, then):
        """`then` gets what the client says, now or in its next line."""
        if given:
            then(_decoded(given))
            return

        def heard(line):
            self.hear = self._command
            then(_decoded(line.decode("ascii", "replace")))

        self.hear = heard
        self._write(334, (base64.b64encode(text.encode()).decode(),))

    def _mail(self, rest):
        match = re.fullmatch(r"FROM:<([^<>\s]*)>( [!-~]+)*", rest, re.IGNORECASE)
        if self.session.hello is None or self.session.sender is not None:
            self._write(503, ("5.5.1 out of order",))
        elif self.server.users and self.session.user is None:
            self._write(530, ("5.7.0 authentication required",))
        elif match is None:
            self._write(501, ("5.1.7 bad sender",))
        elif self.reply("MAIL", 250, "2.1.0 OK") == 250:
            self.session.sender = match[1]

    def _rcpt(self, rest):
        match = re.fullmatch(r"TO:<([^<>\s]+@[^<>\s]+)>( [!-~]+)*", rest, re.IGNORECASE)
        if self.session.sender is None:
            self._write(503, ("5.5.1 out of order",))
        elif match is None:
            self._write(501, ("5.1.3 bad recipient",))
        elif match[1].lower() in self.server.rejected:
            code, text = self.server.rejected[match[1].lower()]
            self._write(code, (text,))
        elif self.server.too_early(self.session.sender, match[1]):
            self._write(451, ("4.7.1 greylisted, come back later",))
        elif self.reply("RCPT", 250, "2.1.5 OK") == 250:
            self.session.recipients.append(match[1])

    def _data(self, _rest):
        if not self.session.recipients:
            self._write(503, ("5.5.1 no recipient",))
            return
        if self.reply("DATA", 354, "end with a dot on its own line") == 354:
            self.hear, self.lines = self._letter, []

    def _letter(self, line):
        if line != b".":
            if not line.isascii():
                self.server.note(f"eight bits without BODY=8BITMIME: {line[:60]!r}")
            self.lines.append(line[1:] if line.startswith(b".") else line)
            return
        self.hear = self._command
        raw = b"".join(line + b"\r\n" for line in self.lines)
        fault = self.server.fault_at("AFTER_DATA")
        if fault is None or fault.stored:
            self.server.keep(self.session, raw)
        if fault is not None:
            self._fail(fault)
        code, text = (fault.code, fault.text) if fault is not None else (250, "2.0.0 queued")
        self._write(code, (text,))
        self._forget()

    def _forget(self):
        self.session.sender = None
        self.session.recipients = []

    def _rset(self, _rest):
        self._forget()
        self._write(250, ("2.0.0 OK",))

    def _quit(self, _rest):
        self.reply("QUIT", 221, "2.0.0 bye")
        raise GoneError


def _decoded(text):
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""
