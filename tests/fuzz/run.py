"""`make fuzz`: a hundred thousand spoilt answers, files and texts, from seeds of today.

python tests/fuzz/run.py --inputs 100000      in all, until there were so many
python tests/fuzz/run.py --seed 17            what one seed draws, once more
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz import files, firm, replies

FILES = 100  # of each kind a seed
LONGEST_S = 4 * 3600  # a run that got no further by then ends, and says so


def draw(seed):
    """What one seed met, by kind, and what went wrong."""
    met, wrong = Counter(), []
    works = {
        "answers to connectors": lambda: firm.read(seed),
        "answers in whole passes": lambda: firm.play(seed),
        "replies of a mail server": lambda: replies.run(seed, FILES),
    }
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for kind in files.KINDS:
            works[kind] = lambda kind=kind: files.run(kind, seed, FILES, Path(folder))
        for kind, work in works.items():
            try:
                met[kind] += work()
            except Exception:
                wrong.append(f"{kind}, seed {seed}: {traceback.format_exc()}")
    return met, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        met, wrong = draw(arguments.seed)
    else:
        met, wrong = _many(arguments.inputs, arguments.jobs)
    for kind, count in met.most_common():
        print(f"  {count:9}  {kind}")
    print("\n".join(wrong) or f"{met.total()} inputs, nothing went wrong")
    return 1 if wrong or (arguments.seed is None and met.total() < arguments.inputs) else 0


def _many(inputs, jobs):
    met, wrong, seed, began = Counter(), [], int(time.time()), time.monotonic()
    print(f"from seed {seed}", flush=True)
    with ProcessPoolExecutor(jobs) as pool:
        while met.total() < inputs and not wrong and time.monotonic() - began < LONGEST_S:
            for found, failed in pool.map(draw, range(seed, seed + 2 * jobs)):
                met += found
                wrong += failed
            seed += 2 * jobs
    return met, wrong


if __name__ == "__main__":
    sys.exit(main())
