"""`python tests/bench/commands.py DATABASE PORT`: what the commands people wait for cost, against the least they could."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
TURNS = 9
TOML = """
[store]
url = "sqlite:///{database}"
[shop]
url = "http://127.0.0.1:{port}/shop"
[helpdesk]
url = "http://127.0.0.1:{port}/desk"
[service]
listen = ""
"""
QUERY = """
import click, pydantic_settings, sqlalchemy
engine = sqlalchemy.create_engine("sqlite:///{database}")
with engine.connect() as connection:
    connection.execute(sqlalchemy.text("select max(balance) from entries where account = 1")).scalar()
"""


def cpu_of(command, environment):
    """CPU of one child process [s]."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command}: {process.returncode}")
    return used.ru_utime + used.ru_stime


def main(database, port):
    config = Path(f"{database}.toml")
    config.write_text(TOML.format(database=database, port=port), encoding="utf-8")
    environment = {**os.environ, "BYTEBRIDGE_CONFIG": str(config)}
    commands = {
        "click": [sys.executable, "-c", "import click"],
        "--version": [str(BIN / "bytebridge"), "--version"],
        "query": [sys.executable, "-c", QUERY.format(database=database)],
        "balance": [str(BIN / "bytebridge"), "balance", "customer7@example.com"],
    }
    found = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            found[name].append(cpu_of(command, environment))
    medians = {name: statistics.median(many) for name, many in found.items()}
    for name, floor in (("--version", "click"), ("balance", "query")):
        ratio = statistics.median(one / other for one, other in zip(found[name], found[floor], strict=True))
        print(f"{name}: {1e3 * medians[name]:.0f} ms CPU, {ratio:.2f} x {floor} ({1e3 * medians[floor]:.0f} ms)")


if __name__ == "__main__":
    main(*sys.argv[1:3])
