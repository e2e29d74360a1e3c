"""Whoever answers with a wrong certificate, or talks us out of encryption, gets neither key nor letter.

The certificates are of an authority made for this alone: `good`, `expired` and `early` name this machine, `elsewhere`
names another, `self` is signed by nobody. Their keys are worth nothing anywhere else.
"""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bytebridge.errors import BytebridgeError, RemoteRefused, RemoteUnavailable
from bytebridge.notices.mail import build
from bytebridge.notices.render import Rendered
from bytebridge.notices.smtp import Mailer
from bytebridge.remote import Limits, Remote
from bytebridge.sandbox.mail import MailServer
from bytebridge.settings import SmtpSettings

HERE = Path(__file__).parent
AUTHORITY = str(HERE / "ca.pem")
KEY = "k3y-canary-0123456789"
WRONG = ("expired", "early", "elsewhere", "self")
FROM, TO = "support@example.com", "ana@example.com"


@pytest.fixture
def site():
    """Starts HTTPS servers; each remembers the keys it was told."""
    running = []

    def start(certificate, *, oldest=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(HERE / f"{certificate}.pem")
        if oldest is not None:
            context.minimum_version = context.maximum_version = oldest
            context.set_ciphers("ALL:@SECLEVEL=0")

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.server.told.append(self.headers.get("apikey"))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_POST = do_GET  # noqa: N815  (the library's own name)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that refuses its certificate is what this is about

        server = Server(("127.0.0.1", 0), Handler)
        server.told = []
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def remote(server, ca_file=AUTHORITY, host="127.0.0.1"):
    url = f"https://{host}:{server.server_address[1]}"
    return Remote("desk", url, headers={"apikey": KEY}, limits=Limits(60_000), ca_file=ca_file, sleep=lambda _: None)


def test_a_good_certificate_is_taken(site):
    server = site("good")
    assert remote(server).get("/").status == 200
    assert server.told == [KEY]


@pytest.mark.parametrize("method", ["get", "send"])
@pytest.mark.parametrize("certificate", WRONG)
def test_a_site_with_a_wrong_certificate_never_hears_the_key(site, certificate, method):
    server = site(certificate)
    with pytest.raises(RemoteRefused, match="certificate") as caught:
        remote(server).get("/") if method == "get" else remote(server).send("POST", "/", json={})
    assert server.told == []
    assert KEY not in str(caught.value)


def test_an_authority_that_was_not_named_is_not_trusted(site):
    server = site("good")
    with pytest.raises(RemoteRefused):
        remote(server, ca_file=None).get("/")
    assert server.told == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_a_site_of_yesterday_s_tls_never_hears_the_key(site):
    server = site("good", oldest=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(BytebridgeError):
        remote(server).get("/")
    assert server.told == []


@pytest.fixture
def letter():
    return build(
        Rendered("Balance", "105", "<p>105</p>"), sender=FROM, recipient=TO, message_id="<a@example.com>", date=0
    )


@pytest.fixture
def post():
    """Starts mail servers that know one user."""
    running = []

    def start(certificate, tls, **more):
        pair = (str(HERE / f"{certificate}.pem"), str(HERE / f"{certificate}.pem"))
        server = Overheard(cert=pair, tls=tls, users={"firm": KEY}, **more).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


class Overheard(MailServer):
    """stages: what was reached, in order."""

    def __init__(self, **more):
        super().__init__(**more)
        self.stages = []

    def fault_at(self, stage):
        self.stages.append(stage)
        return super().fault_at(stage)


def mailer(server, security, **more):
    login = {"username": "firm", "password": KEY, "ca_file": AUTHORITY}
    given = {"host": "127.0.0.1", "port": server.port, "security": security, **login, **more}
    return Mailer(SmtpSettings(**given), read_s=5.0, total_s=20.0)


KINDS = [("starttls", "starttls"), ("tls", "implicit")]


@pytest.mark.parametrize(("security", "tls"), KINDS)
def test_a_mail_server_with_a_good_certificate_is_taken(post, letter, security, tls):
    server = post("good", tls)
    mailer(server, security).send(letter, FROM, TO)
    assert len(server.messages) == 1


@pytest.mark.parametrize(("security", "tls"), KINDS)
@pytest.mark.parametrize("certificate", WRONG)
def test_a_mail_server_with_a_wrong_certificate_hears_neither_password_nor_letter(
    post, letter, certificate, security, tls
):
    server = post(certificate, tls)
    with pytest.raises(RemoteRefused, match="certificate") as caught:
        mailer(server, security).send(letter, FROM, TO)
    assert server.messages == []
    assert not {"AUTH", "MAIL", "DATA"} & set(server.stages)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("code", [454, 502, 554])
def test_a_mail_server_that_takes_back_its_starttls_hears_neither_password_nor_letter(post, letter, code):
    """Who sits in between answers so to have the rest in the clear."""
    server = post("good", "starttls")
    server.fail_next(code, at="STARTTLS")
    with pytest.raises(RemoteUnavailable if code == 454 else RemoteRefused):
        mailer(server, "starttls").send(letter, FROM, TO)
    assert server.messages == []
    assert not {"AUTH", "MAIL", "DATA"} & set(server.stages)
