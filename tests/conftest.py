import os
import socket
import subprocess

import pytest

import canary

LOOPBACK = ("127.0.0.1", "::1", "localhost")
leaks = []  # tests in whose output a planted secret stood; filled where the results of all workers come together


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("BYTEBRIDGE_") and not name.startswith("BYTEBRIDGE_TEST_"):
            monkeypatch.delenv(name)
    for name in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _only_loopback(request, monkeypatch):
    if request.node.get_closest_marker("real"):
        return
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test reached for {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _programs_are_heard(request, monkeypatch):
    """What programs put out is kept with the test's own output: shown when it fails, searched for secrets always."""
    communicate = subprocess.Popen.communicate

    def heard(self, *given, **named):
        said = communicate(self, *given, **named)
        canary.heard += [text if isinstance(text, str) else text.decode("latin-1") for text in said if text]
        return said

    monkeypatch.setattr(subprocess.Popen, "communicate", heard)
    canary.heard.clear()
    yield
    request.node.add_report_section("call", "programs", "".join(canary.heard))


def pytest_runtest_logreport(report):
    if report.when != "teardown":  # which holds the output of setup and call as well
        return
    for title, text in report.sections:
        # pytest's own copy of a log record is taken before our formatter masks it
        if not title.startswith("Captured log") and canary.MARK.search(text):
            leaks.append(f"{report.nodeid}: {title}")


def pytest_sessionfinish(session):
    if leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    for leak in sorted(set(leaks)):
        terminalreporter.write_line(f"SECRET in the output of {leak}", red=True)
