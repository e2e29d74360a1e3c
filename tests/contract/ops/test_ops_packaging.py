"""What an installation brings: the wheel's and the sdist's files, the command beside the units, completion."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = Path(sys.executable).with_name("bytebridge")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Names in the wheel, and names in the sdist without the folder they are in."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive, tarfile.open(sdist) as tar:
        return set(archive.namelist()), {name.partition("/")[2] for name in tar.getnames()}


def files(folder):
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_wheel_holds_the_whole_package(built):
    wheel, _ = built
    assert files("bytebridge") <= wheel
    assert {name for name in wheel if name.startswith("bytebridge/")} == files("bytebridge")
    assert "bytebridge/py.typed" in wheel


def test_wheel_brings_units_and_configuration(built):
    wheel, _ = built
    shared = {name.partition(".data/data/share/bytebridge/")[2] for name in wheel}
    assert files("systemd") | files("config") <= shared


def test_the_units_name_a_readme_that_an_installation_has(built):
    wheel, _ = built
    named = {
        re.search(r"(?m)^Documentation=file:/opt/bytebridge/(\S+)$", unit.read_text(encoding="utf-8"))[1]
        for unit in (ROOT / "systemd").glob("*.service")
    }
    assert {name.partition(".data/data/")[2] for name in wheel} >= named


def test_licence_goes_along(built):
    wheel, sdist = built
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert "LICENSE" in sdist


def test_sdist_is_enough_to_test_and_build(built):
    _, sdist = built
    assert files("bytebridge") | files("tests") | files("systemd") | files("config") <= sdist
    assert {"pyproject.toml", "requirements.lock", "Makefile", "README.md", "CHANGELOG.md", ".ci/run"} <= sdist


def test_command_for_root_hands_over_the_secrets_of_the_daemon(tmp_path):
    unit = (ROOT / "systemd" / "bytebridge.service").read_text(encoding="utf-8")
    command = (ROOT / "systemd" / "bytebridge-command").read_text(encoding="utf-8")
    secrets = re.findall(r"(?m)^LoadCredential=(\S+)$", unit)
    assert secrets
    assert re.findall(r"--property=LoadCredential=(\S+)", command) == secrets


def test_command_for_root_passes_words_and_exit_code(tmp_path):
    for name, text in {"systemd-run": 'for word; do echo "$word"; done; exit 3', "id": "echo 0"}.items():
        stand_in = tmp_path / name
        stand_in.write_text(f"#!/bin/sh\n{text}\n")
        stand_in.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SUDO_USER": "carmen"}
    line = [ROOT / "systemd" / "bytebridge-command", "adjust", "ana@example.com", "-15", "--reason", "two words"]
    ran = subprocess.run(line, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    words = ran.stdout.splitlines()
    assert ran.returncode == 3
    assert words[-6:] == ["/opt/bytebridge/bin/bytebridge", "adjust", "ana@example.com", "-15", "--reason", "two words"]
    assert {"--pipe", "--wait", "--property=User=bytebridge", "--setenv=SUDO_USER=carmen"} <= set(words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bytebridge no", {"notices"}),
        ("bytebridge db ", {"upgrade", "verify", "backup", "restore"}),
        ("bytebridge poll --so", {"--source"}),
        ("bytebridge poll --source ", {"shop", "erp", "helpdesk"}),
    ],
)
def test_shell_completes(words, expected):
    assert {f"plain,{word}" for word in expected} == set(completions(words))


@pytest.mark.parametrize(
    "words",
    ["--config", "statement ana@example.com --output", "reconcile --plan", "reconcile --apply", "import", "db restore"],
)
def test_shell_completes_files_where_one_is_meant(words):
    assert completions(f"bytebridge {words} op") == ["file,op"]


def completions(words):
    environ = {**os.environ, "_BYTEBRIDGE_COMPLETE": "bash_complete", "COMP_WORDS": words}
    environ["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    return subprocess.run([COMMAND], env=environ, capture_output=True, text=True, check=True).stdout.splitlines()
