import json
import os
import re
import shutil
import subprocess
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bytebridge import settings
from bytebridge.metrics import Snapshot
from bytebridge.monitor import Monitor
from bytebridge.setting_layers import keys

CONFIG = Path(__file__).parents[3] / "config"
TOML = CONFIG / "bytebridge.toml"
SECRETS = {"helpdesk.api_key", "helpdesk.message_api_key", "shop.api_key", "erp.api_key", "smtp.password"}


@pytest.fixture(scope="module")
def example():
    return TOML.read_text(encoding="utf-8")


def defaults():
    """Every key with its default as the file would say it; lists of tables are shown by example instead."""
    shown = {item.key: item.value for item in settings.effective(settings.Settings(), {})}
    for kind in ("consultation", "intervention", "upgrade"):
        (rate,) = shown[f"tariff.{kind}"]
        shown[f"tariff.{kind}"] = {key: value for key, value in rate.items() if value is not None}
    return {key: "" if value is None else value for key, value in shown.items() if key not in ("packs", "modules")}


def said(text):
    """Each key of the example with the default it names: the commented value, else the one after "default:"."""
    found, section = {}, ""
    for line in text.splitlines():
        if header := re.fullmatch(r"\[+([a-z.]+)\]+", line):
            section = header[1]
        elif commented := re.fullmatch(r"# ([a-z_]+ = .*)", line):
            (item,) = tomllib.loads(commented[1], parse_float=Decimal).items()
            found[f"{section}.{item[0]}"] = item[1]
        elif named := re.fullmatch(r"([a-z_]+) = .*?# .*\(default: (.*)\)", line):
            found[f"{section}.{named[1]}"] = tomllib.loads(f"x = {named[2]}")["x"]
    return found


def test_example_is_valid_as_shipped():
    loaded = settings.load(str(TOML), {})
    assert loaded.shop.url == "http://127.0.0.1:18080"
    assert loaded.erp.url == "http://127.0.0.1:18081"
    assert loaded.helpdesk.url == "http://127.0.0.1:18082"
    assert (loaded.smtp.host, loaded.smtp.port, loaded.smtp.security) == ("127.0.0.1", 18025, "none")


def test_example_needs_nothing_but_the_secrets():
    environ = {f"BYTEBRIDGE_{key.replace('.', '__').upper()}": "x" for key in SECRETS}
    settings.need(settings.load(str(TOML), environ), *SECRETS)


@pytest.mark.parametrize(("key", "value"), defaults().items(), ids=defaults())
def test_example_names_every_key_with_its_true_default(example, key, value):
    assert said(example)[key] == value


def test_example_names_no_key_that_is_none(example):
    known = {".".join(key) for key, _ in keys(settings.Settings)}
    assert set(said(example)) <= known | {"modules.support_days"}


def test_example_with_every_comment_taken_away_is_valid(example, tmp_path):
    path = tmp_path / "all.toml"
    path.write_text(re.sub(r"(?m)^# (?=[a-z_]+ = )", "", example), encoding="utf-8")
    assert settings.load(str(path), {}) == settings.load(str(TOML), {})


def test_example_holds_no_secret(example):
    loaded = settings.load(str(TOML), {})
    assert settings.secret_values(loaded) == []
    for key in SECRETS:
        assert f"bytebridge_{key.replace('.', '__')}" in example


def names_of_metrics():
    monitor = Monitor({"shop": 300}, lambda: Snapshot(outbox={"pending": 1}), lambda: 0.0, "1")
    monitor.pass_finished("shop", ok=True, examined=1, seconds=1)
    monitor.metrics.hear("entry_posted", {"document": "shop:1", "kind": "grant", "credits": 60})
    monitor.metrics.hear("drift_found", {"source": "shop"})
    monitor.metrics.hear("job_overran", {"job": "poll_shop"})
    monitor.observe("shop", "GET /", "200", 0.1)
    monitor.jobs.ended("shop", crashed=True)
    monitor.metrics.hear("notice_sent", {"kind": "balance", "channel": "ticket"})
    families = text_string_to_metric_families(monitor.exposition().decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def check(expression):
    """Every metric of a PromQL expression exists, and every label that it matches or sums by."""
    known = names_of_metrics()
    named = set(re.findall(r"\b(?:bytebridge|process)_\w+", re.sub(r'"[^"]*"', '""', expression)))
    assert named <= set(known), expression
    labels = {"job", "instance"}.union(*(known[name] for name in named))
    used = set(re.findall(r"(\w+)\s*=~?", expression.replace("==", ""))) | {
        label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")
    }
    assert used <= labels, expression
    return named, labels


def test_alerts_watch_metrics_that_exist():
    (group,) = yaml.safe_load((CONFIG / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"])
    for rule in group["rules"]:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        named, labels = check(rule["expr"])
        assert named or rule["alert"] == "BytebridgeDown"
        assert rule["labels"]["severity"] in ("warning", "page")
        assert re.fullmatch(r"\d+[mhd]", rule.get("for", "1m"))
        assert set(rule["annotations"]) == {"summary", "action"}
        words = " ".join(rule["annotations"].values())
        assert set(re.findall(r"\$labels\.(\w+)", words)) <= labels


@pytest.fixture
def promtool():
    """Runs promtool; None where it is not installed and BYTEBRIDGE_TEST_PROMTOOL does not ask for it."""
    tool = shutil.which("promtool")
    if tool is None:
        assert os.environ.get("BYTEBRIDGE_TEST_PROMTOOL") != "1", "BYTEBRIDGE_TEST_PROMTOOL=1 needs promtool"
        return None

    def run(*arguments):
        done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_alerts_fire_when_they_should_and_not_else(promtool):
    if promtool is not None:
        code, said = promtool("check", "rules", CONFIG / "alerts.yml")
        assert code == 0, said
        code, said = promtool("test", "rules", Path(__file__).with_name("alerts_test.yml"))
        assert code == 0, said


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    (group,) = yaml.safe_load((CONFIG / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    cases = yaml.safe_load(Path(__file__).with_name("alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    checks = [
        (check["alertname"], bool(check.get("exp_alerts"))) for case in cases for check in case["alert_rule_test"]
    ]
    assert set(checks) == {(rule["alert"], fires) for rule in group["rules"] for fires in (True, False)}


def test_dashboard_shows_metrics_that_exist():
    board = json.loads((CONFIG / "dashboard.json").read_text(encoding="utf-8"))
    shown = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            named, labels = check(target["expr"])
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels
            shown |= named
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    ours = {
        re.sub(r"_(sum|count|created)$", "_bucket", name)
        for name in names_of_metrics()
        if name.startswith("bytebridge_")
    }
    assert {name for name in ours if not re.search(r"_bucket$", name)} <= shown
