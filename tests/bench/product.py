"""The product on the made systems, measured from inside one process: `python product.py load|reconcile|polls PORT URL`.

With PROFILE=FILE in the environment the profile of what was measured is written there.
"""

import cProfile
import json
import os
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import requests
from measured import measured
from sqlalchemy import func, select

from bytebridge import logs, service
from bytebridge.domain.model import Source
from bytebridge.helpdesk import connector as helpdesk
from bytebridge.jobs.reconcile import Window
from bytebridge.ledger.schema import documents, entries
from bytebridge.settings import Settings
from bytebridge.shop import connector as shop

PAGE = 1000
SOURCES = (Source.SHOP, Source.HELPDESK)
POLLS = 7
ROW = 10  # idle polls that are measured together, as are the requests they are compared with: both warm
CHANGED = 5  # orders, and as many tickets


def settings(port, url):
    packs = [{"reference": f"SERVDOLIA{credits}", "credits": credits} for credits in (60, 120, 300)]
    return Settings(
        store={"url": url},
        shop={"url": f"http://127.0.0.1:{port}/shop", "api_key": "k" * 32, "requests_per_minute": 10_000_000},
        helpdesk={"url": f"http://127.0.0.1:{port}/desk", "api_key": "k", "requests_per_minute": 10_000_000},
        packs=packs,
    )


def built(port, url, **size):
    """The service's own context, but for what its two connectors tell. size: their `page`, if not their own."""
    given = settings(port, url)
    waited = {"s": 0.0}

    def observe(_system, _operation, _result, seconds):
        waited["s"] += seconds

    tools = {"observe": observe, "sleep": time.sleep, "monotonic": time.monotonic, "now": service.clock}
    desk = helpdesk.connect(given.helpdesk, **size, **tools)
    connectors = {Source.SHOP: shop.connect(given.shop, **size, **tools), Source.HELPDESK: desk}
    store = service.open_store(given, write=True)
    context = service.build(given, store, by="bench")
    return replace(context, connectors=connectors, desk=desk), waited


@contextmanager
def profiled():
    file = os.environ.get("PROFILE")
    if not file:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()
    profile.dump_stats(file)


def load(context):
    done = service.one_pass(context, SOURCES)
    if done.errors:
        raise SystemExit("; ".join(done.errors))
    return {"documents": sum(result.seen for result in done.results.values())}


def reconcile(context):
    found = service.reconciliation(context, SOURCES, Window(), dry_run=False)
    if found.errors or found.drift:
        raise SystemExit(f"{found.errors} {found.drift[:3]}")
    return {"documents": sum(found.examined.values())}


def totals(store):
    with store.read() as connection:
        return {
            "stored": connection.execute(select(func.count()).select_from(documents)).scalar(),
            "entries": connection.execute(select(func.count()).select_from(entries)).scalar(),
        }


def polls(port, url):
    """Medians of polls with nothing new and with ten changed documents, after one that settles the overlap.

    In pages as the service has them: a larger one would show more of a large firm than a small firm has.
    """
    loading, _ = built(port, url, page=PAGE)
    load(loading)
    loading.store.close()
    context, _ = built(port, url)
    load(context)
    figures = {"idle": [], "changed": []}
    for _ in range(POLLS):
        for name, touched, times in (("idle", 0, ROW), ("changed", CHANGED, 1)):
            if touched:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_touch/{touched}").read()
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_log").read()
            with profiled(), measured() as taken:
                done = [service.one_pass(context, SOURCES) for _ in range(times)]
            asked = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/_log"))
            one = {**taken, "requests": len(asked), "requests_cpu_s": asking(port, asked)}
            one["posted"] = sum(result.posted for pass_ in done for result in pass_.results.values())
            figures[name].append({key: value if key == "rss_mib" else value / times for key, value in one.items()})
    return {name: {key: median(one[key] for one in many) for key in many[0]} for name, many in figures.items()}


def asking(port, addresses):
    """CPU of these requests on a session of `requests` that is kept alive and makes nothing of the answers [s]."""
    session = requests.Session()
    session.get(f"http://127.0.0.1:{port}{addresses[0]}")
    with measured() as figures:
        for address in addresses:
            session.get(f"http://127.0.0.1:{port}{address}")
    return figures["cpu_s"]


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def main(what, port, url):
    logs.configure("error", "json")
    if what == "polls":
        print(json.dumps(polls(port, url)))
        return
    context, waited = built(port, url, page=PAGE)
    with profiled(), measured() as figures:
        found = {"load": load, "reconcile": reconcile}[what](context)
    print(json.dumps({**figures, **found, **totals(context.store), "waited_s": waited["s"]}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
