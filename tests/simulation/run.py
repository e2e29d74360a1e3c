"""`make simulate`: so many firms' histories; a failing one is told, shrunk and told again.

python tests/simulation/run.py --seeds 1000      seeds 0 to 999
python tests/simulation/run.py --seed 17         this one, step by step
python tests/simulation/run.py --boundaries      one fixed day that dies at every moment it can
python tests/simulation/run.py --deaths 17 42    that day, dying at these two
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulation import shrink
from simulation.history import FIXED, FIXED_SWITCHES, history, switches


def main():
    arguments = _parser().parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of a set of texts belongs to what a seed replays
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    if arguments.boundaries:
        return _boundaries(arguments.jobs)
    if arguments.deaths:
        return _died(arguments.deaths)
    if arguments.seed is not None:
        return _tell(arguments.seed, short=not arguments.whole)
    return _many(range(arguments.first, arguments.first + arguments.seeds), arguments.jobs)


def _parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="one seed, told step by step")
    parser.add_argument("--whole", action="store_true", help="do not shrink it")
    parser.add_argument("--boundaries", action="store_true", help="one fixed day, dying at every boundary and at pairs")
    parser.add_argument("--deaths", type=int, nargs="+", help="the fixed day, dying at these boundaries")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser


def _many(seeds, jobs):
    began, counts, failed = time.monotonic(), Counter(), {}
    with ProcessPoolExecutor(jobs) as pool:
        for seed, found in zip(seeds, pool.map(run, seeds, chunksize=4), strict=True):
            counts.update(found.counts)
            if found.error:
                failed[seed] = found.error
                print(f"seed {seed}: {found.error}", flush=True)
    seconds = time.monotonic() - began
    print(f"{len(seeds)} seeds in {seconds:.1f} s ({seconds / max(1, len(seeds)):.2f} s each), {len(failed)} failed")
    for kind, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        print(f"  {count:8}  {kind}")
    for seed in list(failed)[:1]:
        _tell(seed, short=True)
    return 1 if failed else 0


def _boundaries(jobs):
    """Each boundary alone, and each with a second one some way behind it."""
    began, last = time.monotonic(), shrink.attempt(FIXED, FIXED_SWITCHES).ends_at
    chance = random.Random(last)
    deaths = [(moment,) for moment in range(1, last + 1)]
    deaths += [(moment, min(last, moment + chance.randint(1, 60))) for moment in range(1, last)]
    with ProcessPoolExecutor(jobs) as pool:
        failed = [death for death, error in zip(deaths, pool.map(die, deaths, chunksize=8), strict=True) if error]
    print(
        f"{len(deaths)} histories with deaths in {time.monotonic() - began:.1f} s, {len(failed)} failed: {failed[:5]}"
    )
    for death in failed[:1]:
        _died(death)
        print(f"again: python tests/simulation/run.py --deaths {' '.join(map(str, death))}")
    return 1 if failed else 0


def _died(moments):
    found = shrink.attempt(FIXED, FIXED_SWITCHES, moments)
    print("\n".join(found.story), found.error or "everything agrees", sep="\n")
    return 1 if found.error else 0


def die(moments):
    return shrink.attempt(FIXED, FIXED_SWITCHES, moments).error


def run(seed):
    return shrink.attempt(history(seed), switches(seed))


def _tell(seed, *, short):
    steps, how = history(seed), switches(seed)
    found = shrink.attempt(steps, how)
    if found.error and short:
        steps = shrink.shrunk(steps, how, found.kind)
        found = shrink.attempt(steps, how)
    print(f"seed {seed}, {len(steps)} steps, {how}")
    print("\n".join(found.story))
    print(found.error or "everything agrees")
    return 1 if found.error else 0


if __name__ == "__main__":
    sys.exit(main())
