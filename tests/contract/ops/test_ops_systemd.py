import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bytebridge.setting_layers import keys
from bytebridge.settings import Settings

UNITS = Path(__file__).parents[3] / "systemd"
DAEMON, ONCE, WITH_ARGUMENTS = (
    "bytebridge.service",
    "bytebridge-reconcile.service",
    "bytebridge-reconcile@.service",
)
SERVICES = (DAEMON, ONCE, WITH_ARGUMENTS)
EXPOSURE = 1.1
STARTING = {
    *(
        "Type",
        "NotifyAccess",
        "Environment",
        "ExecStart",
        "ExecReload",
        "WatchdogSec",
        "Restart",
        "RestartSec",
    ),
    *("RestartPreventExitStatus", "SuccessExitStatus", "TimeoutStartSec", "TimeoutStopSec"),
}
DRAWING = {"CacheDirectory", "CacheDirectoryMode"}  # a reconciliation draws nothing
SECRETS = {
    "helpdesk.api_key",
    "helpdesk.message_api_key",
    "shop.api_key",
    "erp.api_key",
    "smtp.password",
    "store.url",
}


def unit(name):
    """Sections of a unit file: for each key its values in order, as the repeated keys of systemd need it."""
    sections = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(header[1], {})
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, f"{name}: {line}"
            section.setdefault(key, []).append(value)
    return sections


@pytest.fixture
def analyze(tmp_path):
    """Runs systemd-analyze; None where it is not installed and BYTEBRIDGE_TEST_SYSTEMD does not ask for it.

    The tests that parse the units by themselves hold everywhere.
    """
    tool = shutil.which("systemd-analyze")
    if tool is None:
        assert os.environ.get("BYTEBRIDGE_TEST_SYSTEMD") != "1", "BYTEBRIDGE_TEST_SYSTEMD=1 needs systemd-analyze"
        return None

    def run(*arguments):
        return subprocess.run([tool, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    return run


def installed(folder):
    """Copies of the units that start a command which exists."""
    command = folder / "bytebridge"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for path in UNITS.glob("*.*"):
        text = path.read_text(encoding="utf-8").replace("/opt/bytebridge/bin/bytebridge", str(command))
        (folder / path.name).write_text(text, encoding="utf-8")
    return [str(path) for path in sorted(folder.glob("*.service")) + sorted(folder.glob("*.timer"))]


def test_systemd_finds_no_fault(analyze, tmp_path):
    if analyze is not None:
        found = analyze("verify", *installed(tmp_path))
        assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_exposure(analyze, tmp_path, name):
    if analyze is not None:
        installed(tmp_path)
        found = analyze("security", "--offline=true", "--no-pager", str(tmp_path / name))
        overall = re.search(r"Overall exposure level for \S+: (\d+\.\d)", found.stdout)
        assert overall, found.stderr
        assert float(overall[1]) <= EXPOSURE, found.stdout


def test_daemon_speaks_the_notify_protocol():
    service = unit(DAEMON)["Service"]
    assert service["Type"] == ["notify"]
    assert service["NotifyAccess"] == ["main"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert int(service["WatchdogSec"][0]) > 0
    assert int(service["TimeoutStopSec"][0]) > 10


def test_exit_codes_mean_to_systemd_what_they_mean():
    assert unit(DAEMON)["Service"]["RestartPreventExitStatus"] == ["2"]
    for name in SERVICES:
        assert unit(name)["Service"]["SuccessExitStatus"] == ["3"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_secret_is_a_credential_of_its_own(name):
    expected = {f"bytebridge_{key.replace('.', '__')}" for key in SECRETS}
    assert set(unit(name)["Service"]["LoadCredential"]) == expected


def test_no_secret_of_the_configuration_is_forgotten():
    known = {".".join(key) for key, _ in keys(Settings)}
    assert {key for key in known if re.search(r"key$|password$", key)} <= SECRETS


@pytest.mark.parametrize("name", [ONCE, WITH_ARGUMENTS])
def test_all_services_are_confined_alike(name):
    daemon, other = unit(DAEMON)["Service"], unit(name)["Service"]
    confining = daemon.keys() - STARTING - DRAWING
    assert {key: other.get(key) for key in confining} == {key: daemon[key] for key in confining}
    assert other["Type"] == ["oneshot"]


def test_own_user_with_a_state_directory_of_its_own():
    service = unit(DAEMON)["Service"]
    assert (service["User"], service["StateDirectory"], service["StateDirectoryMode"]) == (
        ["bytebridge"],
        ["bytebridge"],
        ["0700"],
    )
    assert re.search(r"(?m)^u bytebridge - ", (UNITS / "bytebridge.sysusers.conf").read_text())
    assert re.search(r"(?m)^d /etc/bytebridge 0750 root bytebridge", (UNITS / "bytebridge.tmpfiles.conf").read_text())


def test_what_is_drawn_with_leaves_nothing_in_the_state_directory():
    """The drawing library would make .cache and .config in the home of its user, which is the state directory."""
    service = unit(DAEMON)["Service"]
    command = (UNITS / "bytebridge-command").read_text(encoding="utf-8")
    assert service["CacheDirectory"] == ["bytebridge"]
    assert "MPLCONFIGDIR=%C/bytebridge" in service["Environment"][0].split()
    assert {"--property=CacheDirectory=bytebridge", "--setenv=MPLCONFIGDIR=/var/cache/bytebridge"} <= set(
        command.split()
    )


def test_timer_is_off_and_in_utc():
    timer = unit("bytebridge-reconcile.timer")
    assert timer["Timer"]["OnCalendar"][0].endswith(" UTC")
    assert "disable bytebridge-reconcile.timer" in (UNITS / "80-bytebridge.preset").read_text().splitlines()


def test_what_is_relaxed_is_explained():
    text = (UNITS / DAEMON).read_text(encoding="utf-8")
    relaxed = " ".join(line for line in text.splitlines() if line.startswith("#"))
    for setting in ("PrivateNetwork", "IPAddressDeny", "RootDirectory", "ProcSubset", "AF_UNIX", "IPv6"):
        assert setting in relaxed
