"""`make soak`: the installed daemon for half an hour among faults, people and scrapes; a verdict on what it keeps.

People act about every second and systems fail all the time; memory, descriptors and threads are sampled. What stays
when all is quiet again must be what there was after the first minutes.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from bytebridge.sandbox.story import Story
from bytebridge.sandbox.web import Fault, Reply
from world import World, free_port

SAMPLE_S, QUIET_S = 2.0, 40.0
FLAT = 0.05  # share by which memory may leave its median
LIMIT_MIB = 100  # of a daemon at work
RELOAD_EVERY_S = 120.0


@dataclass(frozen=True)
class Sample:
    at: float
    rss: int  # KiB
    descriptors: int
    threads: int


def sample(pid, began):
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(time.monotonic() - began, int(status["VmRSS"].split()[0]), descriptors, int(status["Threads"]))


def break_something(world, chance):
    """One fault; gives its name."""
    system = chance.choice((world.shop, world.erp, world.desk, world.mail))
    if system is world.mail:
        kind = chance.choice(("greylist", "cut", "lost answer"))
        if kind == "greylist":
            system.fail_next(451)
        elif kind == "cut":
            system.cut_next("RCPT")
        else:
            system.cut_after_data(stored=chance.random() < 0.5)
        return f"mail {kind}"
    kind = chance.choice(("500", "503", "429", "html", "cut before", "cut middle", "late"))
    faults = {
        "500": Fault(reply=Reply(500, b"{}", "application/json")),
        "503": Fault(reply=Reply(503, b"<html>maintenance</html>", "text/html")),
        "429": Fault(reply=Reply(429, b"{}", "application/json", {"Retry-After": "1"})),
        "html": Fault(reply=Reply(200, b"<html>login</html>", "text/html")),
        "cut before": Fault(cut="before", stored=chance.random() < 0.5),
        "cut middle": Fault(cut="middle"),
        "late": Fault(delay_s=2.0),
    }
    system.faults.append(faults[kind])
    return kind


def scrape(port):
    for path in ("/metrics", "/healthz", "/"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()  # 503 among faults is an honest answer


def live(world, daemon, port, seconds, seed):
    """Days at speed; samples, and how many faults and deeds there were."""
    chance, began = random.Random(seed), time.monotonic()
    story = Story(world.shop, world.erp, world.desk, seed).life()
    samples, deeds, faults, reloads = [], 0, 0, began + RELOAD_EVERY_S
    while (now := time.monotonic()) - began < seconds:
        assert daemon.process.poll() is None, daemon.lines[-5:]
        next(story)
        deeds += 1
        if chance.random() < 0.5:
            break_something(world, chance)
            faults += 1
        scrape(port)
        if now > reloads:
            reloads = now + RELOAD_EVERY_S
            daemon.signal(signal.SIGHUP)
        if not samples or now - began - samples[-1].at >= SAMPLE_S:
            samples.append(sample(daemon.process.pid, began))
        time.sleep(chance.uniform(0.5, 1.0))
    return samples, {"deeds": deeds, "faults": faults}


def calm(world, daemon, port):
    """All faults away; samples of a daemon with nothing to do."""
    for system in (world.shop, world.erp, world.desk, world.mail):
        system.faults.clear()
    began, samples = time.monotonic(), []
    while time.monotonic() - began < QUIET_S:
        scrape(port)
        samples.append(sample(daemon.process.pid, began))
        time.sleep(1)
    return samples


def judge(before, samples, after):
    """Figures, and a sentence for each that is not as it must be. before: of quiet after the first minutes."""
    steady = [one.rss for one in samples]
    middle = median(steady)
    least = {
        name: (min(getattr(one, name) for one in before), min(getattr(one, name) for one in after))
        for name in ("descriptors", "threads")
    }
    figures = {
        "rss_mib": {
            "median": round(middle / 1024, 1),
            "least": round(min(steady) / 1024, 1),
            "most": round(max(steady) / 1024, 1),
            "quiet_before": round(median(one.rss for one in before) / 1024, 1),
            "quiet_after": round(median(one.rss for one in after) / 1024, 1),
        },
        "descriptors_quiet": least["descriptors"],
        "descriptors_most": max(one.descriptors for one in samples),
        "threads_quiet": least["threads"],
        "threads_most": max(one.threads for one in samples),
    }
    faults = []
    if max(steady) > middle * (1 + FLAT) or min(steady) < middle * (1 - FLAT):
        faults.append(f"memory is not flat: {min(steady)} to {max(steady)} KiB around {middle:.0f}")
    if max(steady) > LIMIT_MIB * 1024:
        faults.append(f"memory above {LIMIT_MIB} MiB")
    faults += [f"{name}: {was} before, {now} after" for name, (was, now) in least.items() if now > was]
    return figures, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--warm-up", type=float, default=3, metavar="MINUTES", help="not judged")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bytebridge-soak-") as folder, World(folder) as world:
        port = free_port()
        world.configure(('listen = ""', f'listen = "127.0.0.1:{port}"'), more='[logging]\nlevel = "warning"\n')
        daemon = world.daemon()
        began = time.monotonic()
        while time.monotonic() - began < 30 and not world.database.exists():
            time.sleep(0.1)
        time.sleep(5)
        start = sample(daemon.process.pid, began)
        live(world, daemon, port, given.warm_up * 60, given.seed)
        before = calm(world, daemon, port)
        samples, done = live(world, daemon, port, given.minutes * 60, given.seed + 1)
        after = calm(world, daemon, port)
        code, took = daemon.end()
        figures, faults = judge(before, samples, after)
        if code != 0:
            faults.append(f"the daemon ended with exit code {code}")
        crashes = len(daemon.events("job_crashed"))
        if crashes:
            faults.append(f"{crashes} jobs crashed")
        world.settle(passes=20)
        drift = world.run("reconcile", "--dry-run", "--json").json["drift"]
        if drift:
            faults.append(f"{len(drift)} documents differ from the ledger: {drift[:2]}")
        if world.run("db", "verify").code != 0:
            faults.append("the ledger is not whole")
    shown = {
        "minutes": given.minutes, **done, "start_rss_mib": round(start.rss / 1024, 1), **figures,
        "ended_in_s": round(took, 1), "drift": len(drift), "faults_found": faults,
    }  # fmt: skip
    print(json.dumps(shown, indent=2))
    print("well" if not faults else "NOT WELL: " + "; ".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
