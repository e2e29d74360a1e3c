"""`python tests/bench/bench.py`: floor and product in turn on the same pages, as a table and as JSON.

Only ratios within one run count: the machine drifts. Every figure comes from a child process of its own.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import stores

HERE = Path(__file__).parent
FULL, SMALL = 200_000, 200
LITTLE = 10  # of the full size: for growth
FEW = 1_000  # documents in the store that polls are compared on
DLT = os.environ.get("BENCH_DLT")  # an interpreter with dlt[sqlalchemy], for one more row in the table
ENDED_S = 86_400  # the last order was made so long ago


@contextmanager
def server(orders, tickets):
    """The made systems as a process; its port."""
    end = int(time.time()) // 3600 * 3600 - ENDED_S
    command = [sys.executable, str(HERE / "server.py"), str(orders), str(tickets), str(end)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def addresses(port):
    """What was asked of the server since the last call."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_log") as answer:
        return json.load(answer)


def child(script, what, port, url, given=None, profile=None, python=sys.executable):
    environment = {**os.environ, **({"PROFILE": profile} if profile else {})}
    done = subprocess.run(
        [python, str(HERE / script), what, str(port), str(url)],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


def pair(port, folder, on, profile=None):
    """One turn of each: the product first, since the floors read the pages that it read. on: URL of a server, or None."""

    def floor(what, given):
        with stores.store(on, folder / f"{what}.db") as url:
            return child("floor.py", what, port, url, given)

    addresses(port)
    with stores.store(on, folder / "product.db") as kept:
        figures = {"load": child("product.py", "load", port, kept, profile=profile)}
        loaded = addresses(port)
        figures["floor"], figures["floor C"] = floor("msgspec", loaded), floor("json", loaded)
        if DLT:
            figures["dlt"] = child("copier.py", "dlt", port, folder / "dlt.db", loaded, python=DLT)
        addresses(port)
        figures["reconcile"] = child("product.py", "reconcile", port, kept, profile=profile and f"{profile}.reconcile")
    walked = addresses(port)
    figures["decode"] = floor("decode", walked)
    figures["load"]["requests"], figures["reconcile"]["requests"] = len(loaded), len(walked)
    for name in {"floor", "floor C", "dlt"} & figures.keys():
        figures[name]["documents"] = figures["load"]["documents"]
    figures["decode"]["documents"] = figures["reconcile"]["documents"]
    return figures


def turns_of(sizes, count, on, profile=None):
    """For each size (orders, tickets) its `count` turns, those of all sizes by turns: the machine drifts."""
    found = [[] for _ in sizes]
    with ExitStack() as running:
        ports = [running.enter_context(server(*size)) for size in sizes]
        for _ in range(count):
            for port, turns in zip(ports, found, strict=True):
                with tempfile.TemporaryDirectory() as folder:
                    turns.append(pair(port, Path(folder), on, profile=profile))
                profile = None
                say(turns[-1])
    return found


def summary(turns):
    """Medians, and the ratios' medians turn by turn."""
    found = {name: {key: median(turn[name][key] for turn in turns) for key in turns[0][name]} for name in turns[0]}
    ratios = {
        "load CPU / floor C CPU": median(turn["load"]["cpu_s"] / turn["floor C"]["cpu_s"] for turn in turns),
        "load CPU / floor CPU": median(turn["load"]["cpu_s"] / turn["floor"]["cpu_s"] for turn in turns),
        "reconcile CPU / decode CPU": median(turn["reconcile"]["cpu_s"] / turn["decode"]["cpu_s"] for turn in turns),
    }
    if DLT:
        ratios["load rows/s / dlt rows/s"] = median(turn["dlt"]["wall_s"] / turn["load"]["wall_s"] for turn in turns)
    return found, ratios


def polls(orders, tickets, on):
    """A poll with nothing new and one with ten changed documents, on a store of this size."""
    with (
        server(orders, tickets) as port,
        tempfile.TemporaryDirectory() as folder,
        stores.store(on, f"{folder}/product.db") as url,
    ):
        return child("product.py", "polls", port, url)


def say(turn):
    for name, figures in turn.items():
        print(f"  {line(name, figures)}", file=sys.stderr, flush=True)


def line(name, figures):
    documents, cpu = figures["documents"], figures["cpu_s"]
    return (
        f"{name:<10} {documents / figures['wall_s']:>9,.0f} {1e6 * cpu / documents:>9.1f} {figures['rss_mib']:>9.0f}"
        f" {figures['requests']:>9,.0f} {100 * figures.get('waited_s', 0) / figures['wall_s']:>7.0f} %"
    )


HEADER = f"{'':<10} {'rows/s':>9} {'CPU us/row':>9} {'RSS MiB':>8} {'requests':>9} {'on wire':>9}"


def table(title, found, ratios):
    print(f"{title}\n{HEADER}")
    for name, figures in found.items():
        print(line(name, figures))
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a thousandth of the work, to see that it runs")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    parser.add_argument("--orders", type=int)
    parser.add_argument("--tickets", type=int)
    parser.add_argument("--pairs", type=int, help="turns of each [5]")
    parser.add_argument(
        "--on", metavar="URL", help="a database server: each measurement has a database of its own there"
    )
    parser.add_argument("--only-pairs", action="store_true", help="no growth, no polls")
    parser.add_argument(
        "--profile", metavar="FILE", help="cProfile's data of the first load, of the reconciliation beside it"
    )
    asked = parser.parse_args()
    size = SMALL if asked.small else FULL
    orders, tickets = asked.orders or size, asked.tickets or size
    sizes = [(orders, tickets)] if asked.only_pairs else [(orders, tickets), (orders // LITTLE, tickets // LITTLE)]
    turns, *little = turns_of(sizes, asked.pairs or (1 if asked.small else 5), asked.on, asked.profile)
    found, ratios = summary(turns)
    table(
        f"{orders:,} orders, {tickets:,} tickets, {os.cpu_count()} cores, Python {platform.python_version()}",
        found,
        ratios,
    )
    result = {"sizes": [orders, tickets], "medians": found, "ratios": ratios}
    if not asked.only_pairs:
        result |= growth(orders, tickets, asked.on, turns, little[0])
    if asked.json:
        Path(asked.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def growth(orders, tickets, on, turns, little):
    """How cost per document and memory change with ten times the documents, and a poll's with the store's size."""
    grown = median(
        (large["load"]["cpu_s"] / large["load"]["documents"]) / (small["load"]["cpu_s"] / small["load"]["documents"])
        for large, small in zip(turns, little, strict=True)
    )
    memory = [median(turn["load"]["rss_mib"] for turn in some) for some in (turns, little)]
    print(f"load, CPU per document against a tenth of the documents: {grown:.2f}")
    print(f"load, peak RSS: {memory[0]:.0f} MiB, with a tenth of the documents {memory[1]:.0f} MiB")
    tenth, ratios = summary(little)
    table("a tenth of it", tenth, ratios)
    little_store = min(FEW, (orders + tickets) // LITTLE)
    many, few = polls(orders, tickets, on), polls(little_store // 2, little_store // 2, on)
    for name in many:
        one, other = many[name], few[name]
        print(
            f"poll ({name}), {orders + tickets:,} documents in the store against {little_store:,}: "
            f"CPU {1e3 * one['cpu_s']:.0f} ms / {1e3 * other['cpu_s']:.0f} ms, "
            f"{one['requests']} / {other['requests']} requests, {one['posted']} / {other['posted']} posted, "
            f"{one['cpu_s'] / one['requests_cpu_s']:.1f} / {other['cpu_s'] / other['requests_cpu_s']:.1f} x its requests alone"
        )
    return {"growth": grown, "tenth": {"medians": tenth, "ratios": ratios}, "polls": {"all": many, "few": few}}


if __name__ == "__main__":
    main()
