"""What it costs dlt to copy the rows of the product's pages into SQLite, trimmed to one table for each resource.

Run by an interpreter that has `dlt[sqlalchemy]` installed, which the product does not: `BENCH_DLT=/path/to/python make bench`.
`python copier.py dlt PORT DATABASE`; the addresses come as JSON on standard input.
"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from measured import measured

KEYS = {"order_slip": "order_slips"}


def main(port, database):
    addresses = json.load(sys.stdin)
    folder = Path(database).parent
    os.environ |= {"DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    os.environ["LOAD__WORKERS"] = "1"  # a file takes one writer at a time: more of them wait for each other
    import dlt
    import requests

    session = requests.Session()
    found = {"orders": 0, "tickets": 0}

    @dlt.resource(write_disposition="append", max_table_nesting=0)
    def rows():
        for address in addresses:
            resource = urlsplit(address).path.split("/")[-1]
            value = session.get(f"http://127.0.0.1:{port}{address}", headers={"Accept": "application/json"}).json()
            page = value if isinstance(value, list) else value[KEYS.get(resource, resource)]
            if resource in found:
                found[resource] += len(page)
            if page:
                yield dlt.mark.with_table_name(page, resource)

    with measured() as figures:
        target = dlt.destinations.sqlalchemy(f"sqlite:///{database}")
        dlt.pipeline("copy", destination=target, dataset_name="main", pipelines_dir=str(folder / "dlt")).run(rows())
    print(json.dumps({**figures, "documents": sum(found.values()), "requests": len(addresses)}))


if __name__ == "__main__":
    main(*sys.argv[2:4])
