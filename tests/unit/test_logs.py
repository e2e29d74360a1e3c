import ast
import importlib.util
import io
import json
import logging
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import bytebridge
from bytebridge import logs
from bytebridge.cli.progress import Progress

SECRET = 'k3y/with"quote&more'


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(scope="module")
def canary():
    spec = importlib.util.spec_from_file_location("canary", Path(__file__).parents[1] / "canary.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def written():
    """Configures the log onto a text stream and gives back what was configured before."""
    root, ours = logging.getLogger(), logging.getLogger(logs.LOGGER)
    before = (list(root.handlers), root.level, ours.level, logging.raiseExceptions)
    stream = io.StringIO()

    def configure(level="info", fmt="json", **options):
        logs.configure(level, fmt, stream, **{"strict": True, **options})
        return stream

    yield configure
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level, ours.level, logging.raiseExceptions = before
    root.manager._clear_cache()


def records(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_is_one_json_object_with_time_level_and_event_first(written):
    stream = written()
    logs.log("entry_posted", entry=31, kind="grant", document="order 1042", account=7, credits=120, balance=120)
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert list(record)[:3] == ["ts", "level", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", record["ts"])
    assert (record["level"], record["event"], record["credits"]) == ("info", "entry_posted", 120)


def test_every_event_is_well_formed():
    for name, event in logs.EVENTS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name), name
        assert event.level in ("debug", "info", "warning", "error"), name
        assert event.meaning, name
        assert not event.fields & {"ts", "level", "event", "exc_info", *logs.BOUND}, name


@pytest.mark.parametrize(
    ("event", "fields"),
    [("poll_ended", {}), ("poll_finished", {"address": "ana@example.com"})],
    ids=["unknown event", "unknown field"],
)
def test_outside_the_list_is_refused_when_strict(written, event, fields):
    stream = written()
    with pytest.raises(KeyError, match=event):
        logs.log(event, **fields)
    assert stream.getvalue() == ""


def test_outside_the_list_is_refused_when_nobody_configured_anything():
    with pytest.raises(KeyError):
        logs.log("poll_ended")


def test_running_daemon_logs_it_all_the_same(written):
    stream = written(strict=False)
    logs.log("poll_ended", colour="red")
    assert [(r["level"], r["event"], r["colour"]) for r in records(stream)] == [("error", "poll_ended", "red")]


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["poll_started", "poll_finished", "store_busy", "job_crashed"]),
        ("info", ["poll_finished", "store_busy", "job_crashed"]),
        ("warning", ["store_busy", "job_crashed"]),
        ("error", ["job_crashed"]),
    ],
)
def test_levels(written, level, seen):
    stream = written(level)
    for event in ("poll_started", "poll_finished", "store_busy", "job_crashed"):
        logs.log(event)
    assert [record["event"] for record in records(stream)] == seen


def test_pass_is_bound_in_its_own_thread_only(written):
    stream = written()
    both_bound = threading.Barrier(2, timeout=5)

    def work(source):
        with logs.bind(run=f"run-{source}", source=source):
            both_bound.wait()
            logs.log("poll_finished", seen=0)
        logs.log("clock_moved", seconds=1)

    threads = [threading.Thread(target=work, args=(source,)) for source in ("shop", "erp")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inside = {(r["source"], r["run"]) for r in records(stream) if r["event"] == "poll_finished"}
    assert inside == {("shop", "run-shop"), ("erp", "run-erp")}
    assert all("run" not in r for r in records(stream) if r["event"] == "clock_moved")


def test_only_run_and_source_can_be_bound():
    with pytest.raises(KeyError, match="account"):
        logs.bind(account=7)


def test_traceback_is_logged_and_scrubbed(written):
    stream = written(secrets=[SECRET])
    try:
        int(f"GET https://x/?ws_key={SECRET} for ana@example.com")
    except ValueError as error:
        logs.log("job_crashed", job="shop", error=str(error), exc_info=error)
    (record,) = records(stream)
    assert "GET https://x/?ws_key=*** for <address>" in record["error"]
    assert f"ValueError: {record['error']}" in record["exception"]
    assert "Traceback (most recent call last)" in record["exception"]


@pytest.mark.parametrize("fmt", ["json", "console"])
@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_form_of_a_secret_is_written(written, canary, fmt, level):
    planted = canary.canaries()
    stream = written(level, fmt, secrets=list(planted.values()))
    for form in (form for value in planted.values() for form in canary._forms(value)):
        logs.log("notice_queued", kind=form, notice={form: [form, (form,)]})
        logs.log("job_crashed", job=form, error=RuntimeError(form))
        logging.getLogger("urllib3").warning("%s", form)
    assert "job_crashed" in stream.getvalue()
    assert canary.leaks(stream.getvalue(), planted) == []


def test_addresses_appear_at_debug_only(written):
    stream = written("debug")
    logs.log("notice_queued", account="ana@example.com")
    logs.log("notice_failed", error="550 <ana@example.com> unknown; smtp://u:pass@mail.example.com")
    queued, failed = records(stream)
    assert queued["account"] == "ana@example.com"
    assert "@" not in failed["error"]


def test_long_text_without_address_is_searched_in_linear_time(written):
    stream = written()
    logs.log("notice_failed", error="x" * 400_000)
    assert len(stream.getvalue()) > 400_000


def test_libraries_come_through_the_same_way_from_warning_on(written):
    stream = written()
    with logs.bind(run="r1", source="shop"):
        logging.getLogger("apscheduler.scheduler").info("quiet")
        logging.getLogger("apscheduler.scheduler").warning("Run time of job %s was missed", "x")
    (record,) = records(stream)
    assert record["event"] == "library_message"
    assert (record["logger"], record["run"]) == ("apscheduler.scheduler", "r1")
    assert record["message"] == "Run time of job x was missed"


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_nothing_said_commands_the_terminal_that_shows_it(written, fmt):
    stream = written("debug", fmt)
    logs.log("remote_unavailable", error="\x1b[2J \x85 \u202e \u2028")
    line = stream.getvalue().rstrip("\n")
    assert line.isprintable()
    assert "u001b[2J" in line


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_every_line_in_the_journal_has_its_priority(written, fmt):
    stream = written("debug", fmt, journal=True)
    logs.log("job_crashed", job="x", exc_info=ValueError("two\nlines"))
    logs.log("poll_started")
    logs.log("poll_finished")
    logs.log("store_busy")
    lines = stream.getvalue().splitlines()
    assert [line[:3] for line in lines if "poll_" in line or "store_" in line] == ["<7>", "<6>", "<4>"]
    assert all(line.startswith("<3>") for line in lines[:-3])
    assert len(lines) == 4 if fmt == "json" else len(lines) > 4


def test_console_on_a_terminal_json_elsewhere(written):
    written()
    terminal, pipe = Terminal(), io.StringIO()
    logs.configure("info", "", terminal)
    logs.log("poll_finished", seen=1)
    logs.configure("info", "", pipe)
    logs.log("poll_finished", seen=1)
    assert "\x1b[" in terminal.getvalue()
    assert json.loads(pipe.getvalue())["seen"] == 1


def test_console_in_a_pipe_has_no_colours_and_keeps_the_order_of_fields(written):
    stream = written("info", "console")
    with logs.bind(source="shop", run="r1"):
        logs.log("poll_finished", seen=1, posted=0)
    words = stream.getvalue().split()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", words[0])
    assert words[1:] == ["[info]", "poll_finished", "source=shop", "run=r1", "seen=1", "posted=0"]


def test_a_log_line_takes_the_place_of_a_counter_and_a_counter_leaves_nothing(written, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logs.configure("info", "", terminal)
    with Progress(quiet=False) as progress:
        progress("shop", 2)
        logs.log("store_busy")
        progress("shop", 1)
    counted, _, rest = terminal.getvalue().partition(logs.CLEAR_LINE)
    logged, _, counter = rest.partition("\n")
    assert counted == "\rread: shop 2 "
    assert "store_busy" in logged
    assert counter == "\rread: shop 3 \r" + " " * len("read: shop 3 ") + "\r"


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO(), False), (Terminal(), True)], ids=["pipe", "json"])
def test_a_counter_is_for_people_at_a_terminal(monkeypatch, stream, quiet):
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(quiet=quiet) as progress:
        progress("shop", 2)
    assert stream.getvalue() == ""


def test_configuring_again_replaces(written):
    first, second = io.StringIO(), io.StringIO()
    written()
    logs.configure("info", "json", first)
    logs.configure("info", "json", second)
    logs.log("poll_finished")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


def test_nothing_goes_to_standard_output_before_configuration(capsys):
    logs.log("store_busy", operation="BEGIN")
    assert capsys.readouterr().out == ""


def calls_of_log():
    """Where the code logs: file, line, event names and field names of each call."""
    for path in sorted(Path(bytebridge.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name("log") | ast.Attribute(ast.Name("logs"), "log")):
                    names = {n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant)}
                    yield f"{path.name}:{node.lineno}", names, {keyword.arg for keyword in node.keywords}


def test_the_code_logs_only_what_is_on_the_list():
    for place, names, fields in calls_of_log():
        assert names, f"{place}: the event's name must stand in the call"
        for name in names:
            assert name in logs.EVENTS, place
            assert fields - {None} <= logs.EVENTS[name].fields | logs.BOUND | {"exc_info"}, place


def test_every_event_on_the_list_is_logged_somewhere():
    logged = {name for _, names, _ in calls_of_log() for name in names}
    assert logs.EVENTS.keys() - logged == {"library_message"}


def test_standard_error_is_the_default(written, capsys):
    written()
    logs.configure("info", "json")
    logs.log("poll_finished")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "poll_finished" in captured.err


def test_a_log_brings_no_library_for_drawing_along():
    program = (
        "import sys; from bytebridge import logs; logs.configure('info', 'json')\n"
        "with logs.bind(run='1'): logs.log('service_ready', sources=[])\n"
        "print('rich' in sys.modules)\n"
        "import rich.console"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert json.loads(done.stderr)["run"] == "1"
