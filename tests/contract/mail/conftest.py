from pathlib import Path

import pytest

from bytebridge.domain.letter import NoticeKind
from bytebridge.notices.mail import build
from bytebridge.notices.render import render
from bytebridge.notices.samples import sample
from bytebridge.notices.smtp import Mailer
from bytebridge.sandbox.mail import MailServer
from bytebridge.settings import SmtpSettings

HERE = Path(__file__).parent
# self-signed for 127.0.0.1 alone, valid for a century, worth nothing anywhere else
CERTIFICATE, KEY = HERE / "server.pem", HERE / "server.key"


@pytest.fixture
def letter():
    rendered = render(sample(NoticeKind.BALANCE, "fr"), zone="Europe/Paris")
    return build(
        rendered,
        sender="support@example.com",
        recipient="ana@example.com",
        message_id="<bb-7-12-9f3a1c07.balance@example.com>",
        date=1_772_697_600,
    )


@pytest.fixture
def serve():
    """Starts servers that end with the test."""
    running = []

    def start(**options):
        server = MailServer(**options).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def certificate():
    return str(CERTIFICATE), str(KEY)


@pytest.fixture
def mailer():
    """A mailer for a server; host, security and login as given."""

    def make(server, *, read_s=5.0, total_s=20.0, **settings):
        given = {"host": "127.0.0.1", "port": server.port, "security": "none", **settings}
        return Mailer(SmtpSettings(**given), read_s=read_s, total_s=total_s)

    return make
