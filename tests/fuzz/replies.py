"""A mail server whose replies are spoilt: whatever it says, a letter ends in one of our errors, and never in a lie."""

import random
import re
import socket
import threading
from contextlib import suppress

from bytebridge.errors import OutcomeUnknown, RemoteError
from bytebridge.notices.smtp import Mailer
from bytebridge.settings import SmtpSettings
from fuzz import hostile
from fuzz.firm import UNPRINTED

SECRET = "planted-secret-0123456789"
LETTER = b"Subject: Saldo\r\n\r\n.\r\nSaldo actual: 60\r\n"
HONEST = {
    "EHLO": b"250-mail.example.com\r\n250 AUTH PLAIN LOGIN\r\n", "HELO": b"250 mail.example.com\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n", "DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n",
}  # fmt: skip
CODES = (
    "250",
    "354",
    "235",
    "221",
    "334",
    "421",
    "450",
    "451",
    "530",
    "535",
    "550",
    "554",
    "999",
    "000",
    "-1 ",
    "2 5",
    "٢٥٠",
)
MORE = ("-", " ", "\t", "", "--", "\x00")
PATIENCE_S = 0.05  # with whom was given nonsense and says nothing more


class Liar:
    """Listens on loopback. said: its lines, of the last conversation; heard: whether the letter came whole."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.chance, self.said, self.heard = random.Random(0), b"", False
        self._done = threading.Event()
        self._worker = threading.Thread(target=self._serve, daemon=True)
        self._worker.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._worker.join(5)

    def begin(self, chance):
        self.chance, self.said, self.heard = chance, b"", False
        self._done.clear()

    def end(self):
        assert self._done.wait(10), "the conversation does not end"

    def _serve(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, suppress(OSError), connection.makefile("rb") as lines:
                self._converse(connection, lines)
            self._done.set()

    def _converse(self, connection, lines):
        connection.settimeout(5)
        self._say(connection, b"220 mail.example.com\r\n")
        while line := lines.readline(70_000):
            verb = line[:4].decode("latin-1").upper()
            reply = self._say(connection, HONEST.get(verb, b"250 fine\r\n"))
            if verb == "DATA" and re.search(rb"(?m)^\s*[+]?3", reply):
                while (part := lines.readline(70_000)) not in (b".\r\n", b""):
                    pass
                self.heard = self.heard or part == b".\r\n"
                self._say(connection, b"250 taken\r\n")

    def _say(self, connection, honest):
        """Replies, perhaps otherwise than it should; what it said."""
        chance = self.chance
        if chance.random() < 0.1:
            raise ConnectionResetError
        spoilt = chance.random() < 0.25
        reply = nonsense(honest, chance) if spoilt else honest
        self.said += reply[:100_000]
        connection.sendall(reply)
        if spoilt:
            connection.settimeout(PATIENCE_S)
        return reply


def nonsense(honest, chance):
    """A reply with a wrong code, with too many lines or none, of a stranger's words, or spoilt anyhow."""
    match chance.randrange(5):
        case 0:
            return hostile.spoilt(honest, chance)[:2_000_000]
        case 1:
            return chance.choice(CODES).encode() + honest[3:]
        case 2:
            return honest * chance.randrange(4)
        case 3:
            return b"250-again\r\n" * chance.choice((3, 499, 600)) + chance.choice((b"", honest))
        case _:
            words = f"{chance.choice(CODES)}{chance.choice(MORE)}{hostile.text(chance)[:20_000]}"
            return words.encode("utf-8", "surrogatepass") + chance.choice((b"\r\n", b"\n", b"\r", b""))


def run(seed, count):
    """So many conversations; how many there were."""
    with Liar() as liar:
        settings = SmtpSettings(
            host="127.0.0.1", port=liar.port, security="none", username="creditos@example.com", password=SECRET
        )
        mailer = Mailer(settings, read_s=3, total_s=6)
        for number in range(count):
            try:
                _one(mailer, liar, random.Random(f"replies {seed} {number}"))
            except Exception as error:
                raise AssertionError(f"replies, seed {seed}, number {number}: {error!r}") from error
    return count


def _one(mailer, liar, chance):
    liar.begin(chance)
    try:
        mailer.send(LETTER, "creditos@example.com", "ana@example.com")
    except OutcomeUnknown as error:
        _is_fit_to_be_seen(error)
        liar.end()
        return
    except RemoteError as error:
        _is_fit_to_be_seen(error)
        declined = True
    else:
        declined = False
    liar.end()
    if declined and liar.heard:
        assert re.search(rb"(?m)^\s*[+-]?[45]", liar.said), "it heard all and declined nothing"
    assert declined or liar.heard, "it never heard the letter out"


def _is_fit_to_be_seen(error):
    assert SECRET not in str(error)
    assert not UNPRINTED.search(str(error)), repr(str(error))[:300]
    assert len(str(error)) < 600
