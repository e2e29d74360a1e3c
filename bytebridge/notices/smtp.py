"""The conversation with the SMTP server: one connection a letter, and for every way it can end one error.

What decides is where it ended: before the letter's last line nothing was accepted, after it only the server's
answer tells.
"""

import contextlib
import io
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from bytebridge.errors import OutcomeUnknown, RemoteError, RemoteRefused, RemoteRejected, RemoteUnavailable
from bytebridge.settings import SmtpSettings
from bytebridge.wording.plain import one_line

SYSTEM = "mail"
READ_S, TOTAL_S = 60.0, 180.0
LOGIN_WANTED = (530, 534, 535, 538)
ANSWER_LENGTH = 160
ANSWER_LINES = 500  # each of 8 KiB at most; smtplib keeps as many as come
DONE, GO_ON, DECLINED = 2, 3, (4, 5)  # first digits of a reply


class Mailer:
    """Hands letters to one SMTP server.

    read_s: for the next bytes; total_s: for the whole conversation, since a server that drips would never run
    into the first. Both end like a lost connection. may_send: asked before the line that makes a letter count, for a
    process may sleep at any moment and wake when another works in its place.
    """

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        read_s: float = READ_S,
        total_s: float = TOTAL_S,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._settings = settings
        self._read_s, self._total_s = read_s, total_s
        self._may_send = may_send

    def send(self, raw: bytes, sender: str, recipient: str) -> None:
        """Returns once the server has taken the letter.

        RemoteUnavailable: nothing was accepted, try later. RemoteRejected: this letter or its recipient is
        declined for ever. RemoteRefused: login, TLS or our right to send, a person must act. OutcomeUnknown: the
        letter went out whole and no answer came.
        """
        sender, recipient = ascii_address(sender), ascii_address(recipient)
        for address in (sender, recipient):
            if re.search(r"[\s<>\x00-\x1f\x7f]", address) or not address.isascii():
                raise RemoteRejected(SYSTEM, "send", "an address cannot be used in an SMTP command")
        with self._connection() as smtp:
            self._say(smtp, "MAIL", f"FROM:<{sender}>")
            self._say(smtp, "RCPT", f"TO:<{recipient}>")
            self._say(smtp, "DATA", "", wanted=GO_ON)
            self._hand_over(smtp, raw)

    def probe(self) -> None:
        """Connects, secures, logs in and does nothing else, for `doctor`; raises what `send` would."""
        with self._connection() as smtp:
            self._say(smtp, "NOOP", "")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        smtp = _Connection(self._settings.host, self._context(), self._settings.security, self._read_s)
        watch = threading.Timer(self._total_s, smtp.abort)
        watch.daemon = True
        watch.start()
        try:
            self._open(smtp)
            yield smtp
            # the answer is in: what happens to the parting word changes nothing
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            watch.cancel()
            smtp.close()

    def _context(self) -> ssl.SSLContext | None:
        if self._settings.security == "none":
            return None
        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file or None)
        except OSError:
            raise RemoteRefused(SYSTEM, "TLS", "smtp.ca_file holds no certificates that can be read") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _open(self, smtp: "_Connection") -> None:
        try:
            _accepted("connect", *smtp.connect(self._settings.host, self._settings.port))
            smtp.ehlo_or_helo_if_needed()
            if self._settings.security == "starttls":
                _accepted("STARTTLS", *_encrypted(smtp))
                smtp.ehlo_or_helo_if_needed()
            self._log_in(smtp)
        except smtplib.SMTPException as error:
            raise self._not_open(error, smtp) from None
        except ssl.SSLError as error:
            raise _not_secure(error) from None
        except OSError as error:
            why = f"no connection: {error.strerror or type(error).__name__}"
            raise RemoteUnavailable(SYSTEM, "connect", why) from None

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        name, password = self._settings.username, self._settings.password.get_secret_value()
        if not name:
            return
        if not (name + password).isascii():
            # smtplib would fail over it with an error that holds the password
            raise RemoteRefused(SYSTEM, "login", "smtp.username and smtp.password must be plain ASCII")
        try:
            smtp.login(name, password)
        except ValueError:  # of a challenge that is no base64
            raise RemoteUnavailable(SYSTEM, "login", "the server asks for it in a way that makes no sense") from None

    def _not_open(self, error: smtplib.SMTPException, smtp: smtplib.SMTP) -> RemoteError:
        wants_tls = self._settings.security == "starttls"
        match error:
            case smtplib.SMTPNotSupportedError() if wants_tls and not isinstance(smtp.sock, ssl.SSLSocket):
                why = "the server does not offer STARTTLS: check smtp.security and smtp.port"
                return RemoteRefused(SYSTEM, "STARTTLS", why)
            case smtplib.SMTPAuthenticationError():
                return _not_logged_in(error.smtp_code)
            case smtplib.SMTPResponseException():
                return _classified("connect", error.smtp_code, b"")
            case smtplib.SMTPServerDisconnected():
                return _lost("connect")
            case _:
                why = "the server offers no login that we know: check smtp.username and smtp.security"
                return RemoteRefused(SYSTEM, "login", why)

    def _say(self, smtp: smtplib.SMTP, command: str, rest: str, wanted: int = DONE) -> None:
        try:
            code, text = smtp.docmd(command, rest)
        except (smtplib.SMTPException, OSError):
            raise _lost(command) from None
        _accepted(command, code, text, wanted)

    def _hand_over(self, smtp: smtplib.SMTP, raw: bytes) -> None:
        """The letter's lines, then the one that makes it count."""
        stuffed = re.sub(rb"(?m)^\.", b"..", raw)
        try:
            smtp.send(stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n")
        except (smtplib.SMTPException, OSError):
            raise _lost("DATA") from None
        if not self._may_send():
            raise RemoteUnavailable(SYSTEM, "DATA", "not sent: another process has taken over")
        try:
            smtp.send(b".\r\n")
            code, text = smtp.getreply()
        except (smtplib.SMTPException, OSError):
            raise OutcomeUnknown(SYSTEM, "DATA", "the letter went out and no answer came") from None
        if code // 100 not in (DONE, *DECLINED):
            raise OutcomeUnknown(SYSTEM, "DATA", "the letter went out and the answer made no sense")
        _accepted("DATA", code, text)


class _Lines:
    """A server's lines; after the last one that an answer may have they end as if it had hung up."""

    def __init__(self, arriving: io.BufferedReader) -> None:
        self._arriving = arriving
        self.left = ANSWER_LINES

    def readline(self, most: int) -> bytes:
        self.left -= 1
        return self._arriving.readline(most) if self.left >= 0 else b""

    def close(self) -> None:
        self._arriving.close()


class _Connection(smtplib.SMTP):
    """A connection that knows its host before it connects, so that a watch can end it at any moment."""

    def __init__(self, host: str, tls: ssl.SSLContext | None, security: str, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s)
        self._host = host  # the name that STARTTLS checks the certificate against
        self.tls = tls
        self._at_once = security == "tls"
        self._handle: socket.socket | None = None
        self._aborted = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found = socket.create_connection((host, port), timeout)
        self._handle = found.dup()  # TLS detaches the socket it wraps; this one stays good for `abort`
        if self._at_once and self.tls is not None:
            return self.tls.wrap_socket(found, server_hostname=host)
        return found

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock.makefile("rb"))
        if isinstance(self.file, _Lines):
            self.file.left = ANSWER_LINES
        reply = super().getreply()
        if self._aborted:  # smtplib takes the beginning of a line that never ended for the whole of it
            raise smtplib.SMTPServerDisconnected("given up")
        return reply

    def close(self) -> None:
        super().close()
        if self._handle is not None:
            self._handle.close()

    def abort(self) -> None:
        """Ends the conversation from another thread: whoever waits for an answer finds the connection lost."""
        self._aborted = True
        with contextlib.suppress(OSError):  # it may just have been closed
            if self._handle is not None:
                self._handle.shutdown(socket.SHUT_RDWR)


def _encrypted(smtp: _Connection) -> tuple[int, bytes]:
    """The server's answer to STARTTLS, also when it is a no."""
    try:
        return smtp.starttls(context=smtp.tls)
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, b""


def ascii_address(address: str) -> str:
    """The address with its domain as the network writes it; unchanged where there is no such form."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address


def _accepted(command: str, code: int, text: bytes, wanted: int = DONE) -> None:
    """wanted: the first digit of a yes. A server that said a line too many would be a reply ahead from there on."""
    if code // 100 != wanted:
        raise _classified(command, code, text)


def _classified(command: str, code: int, text: bytes) -> RemoteError:
    """The error of an answer that is no yes, by what the caller does next.

    The server's own words are kept where they tell about the recipient; addresses in them are not.
    """
    words = one_line(text.decode("utf-8", "replace"), ANSWER_LENGTH)
    said = f"answered {code} {words}".strip()
    if not 500 <= code < 600:
        return RemoteUnavailable(SYSTEM, command, said)
    if command == "connect":
        return RemoteUnavailable(SYSTEM, command, said)
    ours = command in ("MAIL", "STARTTLS", "NOOP") or code in LOGIN_WANTED or "relay" in words.lower()
    if ours:
        return RemoteRefused(SYSTEM, command, f"{said}: check the smtp section and notices.from")
    return RemoteRejected(SYSTEM, command, said)


def _not_logged_in(code: int) -> RemoteError:
    # the server's text is left out: it may repeat what it was given
    if 400 <= code < 500:
        return RemoteUnavailable(SYSTEM, "login", f"the login was put off ({code})")
    return RemoteRefused(SYSTEM, "login", f"the login was refused ({code}): check smtp.username and smtp.password")


def _not_secure(error: ssl.SSLError) -> RemoteError:
    match error:
        case ssl.SSLCertVerificationError():
            why = one_line(error.verify_message or "not verified")
            return RemoteRefused(SYSTEM, "TLS", f"the server's certificate was not accepted: {why}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return _lost("TLS")
        case _:
            why = f"TLS failed ({error.reason}): check smtp.security and smtp.port"
            return RemoteRefused(SYSTEM, "TLS", why)


def _lost(operation: str) -> RemoteUnavailable:
    return RemoteUnavailable(SYSTEM, operation, "the connection was lost before anything was accepted")
