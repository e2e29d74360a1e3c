"""`make soak`: the installed daemon for half an hour among faults, people and scrapes; a verdict on what it keeps.

People act about every second and systems fail all the time; memory, descriptors and threads are sampled. The firm is
founded before anything is judged and then grows no more: what is in the windows that a poll reads again belongs to the
firm and not to the time that passes. What stays when all is quiet again must be what there was after the first minutes.
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

from bytebridge.sandbox.web import Fault, Reply
from world import World, free_port, wait_for

SAMPLE_S, QUIET_S = 2.0, 40.0
WINDOWS = 6  # of the judged time; each one's median is compared
FLAT = 0.05  # share by which a window's memory may leave the middle of all
LIMIT_MIB = 100  # of a daemon at work
HURRY = 8  # deeds at once while the firm gets its history
RELOAD_EVERY_S = 120.0  # and a statement asked for
UNIT = Path(__file__).parents[2] / "systemd" / "bytebridge.service"
CUSTOMERS, TICKETS_EACH = 40, 3
MINUTES = (5, 10, 22, 48, 50, 95)


@dataclass(frozen=True)
class Sample:
    at: float
    rss: int  # KiB
    descriptors: int
    threads: int


def as_installed():
    """The environment that the unit gives: how the C library gives memory back is said there."""
    lines = (line for line in UNIT.read_text(encoding="utf-8").splitlines() if line.startswith("Environment="))
    words = (word for line in lines for word in line.removeprefix("Environment=").split() if "%" not in word)
    return dict(word.split("=", 1) for word in words)


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


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
            return True
    except OSError:
        return False


def scrape(port):
    for path in ("/metrics", "/healthz", "/"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()  # 503 among faults is an honest answer


class Firm:
    """Customers, orders, invoices and tickets, all made at once; from then on only what they say changes."""

    def __init__(self, world, seed):
        self.world, self.chance = world, random.Random(seed)
        shop, erp, desk = world.shop, world.erp, world.desk
        self.orders, self.invoices, self.tickets = [], [], []
        for number in range(CUSTOMERS):
            email = f"customer{number}@example.com"
            self.orders.append([shop.buy(shop.customer(email), {"SERVDOLIA60": 3}), True])
            party = erp.customer(f"Company {number}", email)
            self.invoices.append([erp.sell(party, [("SERVDOLIA120", 1, 120)]), True])
            self.tickets += [desk.open(email, "Consulta sobre Dolibarr") for _ in range(TICKETS_EACH)]

    def deed(self):
        """Somebody resolves anew, cancels, pays, or takes a payment back."""
        kind = self.chance.choices(("ticket", "order", "invoice"), (4, 1, 1))[0]
        if kind == "ticket":
            ticket, desk = self.chance.choice(self.tickets), self.world.desk
            desk.reopen(ticket)
            desk.resolve(
                ticket, kind=self.chance.choice(("consulta", "intervencion")), minutes=self.chance.choice(MINUTES)
            )
        elif kind == "order":
            one = self.chance.choice(self.orders)
            (self.world.shop.cancel if one[1] else self.world.shop.pay)(one[0])
            one[1] = not one[1]
        else:
            one, erp = self.chance.choice(self.invoices), self.world.erp
            if one[1]:
                erp.reopen(one[0], delete_payment=True)
            else:
                erp.pay(one[0])
            one[1] = not one[1]

    def ask(self):
        """A customer asks for a statement, with what is drawn for it."""
        self.world.desk.open("customer0@example.com", "saldo")


def live(firm, daemon, port, seconds, seed, *, at_once=1):
    """Days at speed; samples, and how many faults, deeds and reloads there were.

    at_once: deeds that people do in one go.
    """
    chance, began = random.Random(seed), time.monotonic()
    samples, done, reload_at = [], {"deeds": 0, "faults": 0, "reloads": 0}, began + RELOAD_EVERY_S
    while (now := time.monotonic()) - began < seconds:
        assert daemon.process.poll() is None, daemon.lines[-5:]
        for _ in range(at_once):
            firm.deed()
        done["deeds"] += at_once
        if chance.random() < 0.5:
            break_something(firm.world, chance)
            done["faults"] += 1
        scrape(port)
        if now > reload_at:
            reload_at = now + RELOAD_EVERY_S
            daemon.signal(signal.SIGHUP)
            done["reloads"] += 1
            firm.ask()
        if not samples or now - began - samples[-1].at >= SAMPLE_S:
            samples.append(sample(daemon.process.pid, began))
        time.sleep(chance.uniform(0.5, 1.0))
    return samples, done


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


def medians(samples, part):
    """Of `part` in each window of time; windows hold about as many samples each."""
    size = max(1, len(samples) // WINDOWS)
    return [
        median(part(one) for one in samples[start : start + size]) for start in range(0, len(samples) - size + 1, size)
    ]


def judge(settling, before, samples, after):
    """Figures, and a sentence for each that is not as it must be.

    settling: of the first minutes, in which the pools of threads and connections fill. before: of quiet after them.
    """
    windows = medians(samples, lambda one: one.rss)
    quiet = [median(one.rss for one in part) for part in (before, after)]
    middle, most = median(windows), max(one.rss for one in samples)
    handles = {
        name: (max(getattr(one, name) for one in settling), min(getattr(one, name) for one in after))
        for name in ("descriptors", "threads")
    }
    figures = {
        "rss_mib": {
            "windows": [round(one / 1024, 1) for one in windows],
            "most": round(most / 1024, 1),
            "quiet": [round(one / 1024, 1) for one in quiet],
        },
        "descriptors": handles["descriptors"],
        "descriptors_windows": medians(samples, lambda one: one.descriptors),
        "threads": handles["threads"],
        "threads_windows": medians(samples, lambda one: one.threads),
    }
    faults = []
    if max(windows) > middle * (1 + FLAT) or min(windows) < middle * (1 - FLAT):
        faults.append(f"memory is not flat: {min(windows):.0f} to {max(windows):.0f} KiB around {middle:.0f}")
    if quiet[1] > quiet[0] * (1 + FLAT):
        faults.append(f"memory stays: {quiet[0]:.0f} KiB in quiet before, {quiet[1]:.0f} after")
    if most > LIMIT_MIB * 1024:
        faults.append(f"memory above {LIMIT_MIB} MiB")
    faults += [
        f"{name}: {was} at most in the first minutes, {now} in quiet after"
        for name, (was, now) in handles.items()
        if now > was
    ]
    return figures, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--warm-up", type=float, default=5, metavar="MINUTES", help="not judged")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bytebridge-soak-") as folder, World(folder) as world:
        port = free_port()
        world.configure(('listen = ""', f'listen = "127.0.0.1:{port}"'), more='[logging]\nlevel = "warning"\n')
        daemon = world.daemon(**as_installed())
        began = time.monotonic()
        wait_for(lambda: is_ready(port), "the end of the start", seconds=120)
        time.sleep(5)
        start = sample(daemon.process.pid, began)
        firm = Firm(world, given.seed)
        # as many deeds as the judged time has: what is kept of a store's pages and statements has its size then
        settling, _ = live(firm, daemon, port, given.warm_up * 60, given.seed, at_once=HURRY)
        before = calm(world, daemon, port)
        samples, done = live(firm, daemon, port, given.minutes * 60, given.seed + 1)
        after = calm(world, daemon, port)
        code, took = daemon.end()
        drawn = sum(bool(list(mail.message.iter_attachments())) for mail in world.mail.messages)
        figures, faults = judge(settling, before, samples, after)
        if code != 0:
            faults.append(f"the daemon ended with exit code {code}")
        if not drawn:
            faults.append("no statement was sent")
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
