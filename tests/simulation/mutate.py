"""`make mutate`: each planted mistake in a copy of the package, until something notices it.

python tests/simulation/mutate.py              all of them; a table at the end
python tests/simulation/mutate.py --only 3     this one
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from simulation.mutants import MUTANTS, SOURCE  # noqa: E402  (found by the line before)

SEEDS = 60
KEEN = (0, 4, 7, 11, 13, 16, 34, 48, 86)  # seeds that have noticed much; tried before the others
LONGEST_S = 1800


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of mistakes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--hunt", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hunt is not None:
        return hunt(arguments.hunt)
    chosen = [pair for pair in enumerate(MUTANTS) if arguments.only is None or pair[0] in arguments.only]
    rotten = [mutant.breaks for _, mutant in chosen if not fits(mutant)]
    if rotten:
        print(f"no such place in the source any more: {rotten}")
        return 1
    began, alive = time.monotonic(), 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        attempts = {pool.submit(tried, mutant): (number, mutant) for number, mutant in chosen}
        for attempt in as_completed(attempts):
            (number, mutant), killer = attempts[attempt], attempt.result()
            alive += killer is None
            print(f"| {number} | {mutant.breaks} | {killer or '**nothing**'} |", flush=True)
    print(f"{len(chosen)} planted, {alive} alive, {time.monotonic() - began:.0f} s")
    return 1 if alive else 0


def fits(mutant):
    return mutant.file.read_text().count(mutant.old) == 1


def tried(mutant):
    """What noticed it, None when nothing did."""
    with tempfile.TemporaryDirectory(prefix="bytebridge-mutant-") as folder:
        shutil.copytree(SOURCE, Path(folder) / "bytebridge", ignore=shutil.ignore_patterns("__pycache__"))
        place = Path(folder) / "bytebridge" / mutant.path
        place.write_text(place.read_text().replace(mutant.old, mutant.new))
        environment = {**os.environ, "PYTHONPATH": folder, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        run = partial(
            subprocess.run,
            cwd=TESTS.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        if mutant.tests:
            # -P: what is imported is the copy, not the package in the working directory
            done = run(
                [sys.executable, "-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests.split()]
            )
            return f"`{mutant.tests.split()[0]}`" if done.returncode == 1 else None
        done = run([sys.executable, __file__, "--hunt", *map(str, mutant.first)])
        if done.returncode not in (0, 1):
            raise RuntimeError(f"{mutant.breaks}: {done.stderr[-2000:]}")
        return done.stdout.strip().splitlines()[-1] if done.returncode else None


def hunt(first):
    """In the mutant's own process: histories until one fails."""
    import bytebridge
    from simulation import shrink
    from simulation.history import FIXED, FIXED_SWITCHES, history, switches
    from simulation.stories import STORIES

    assert Path(bytebridge.__file__).parent != SOURCE, "the mutant is not what is imported"
    histories = {name: lambda name=name: shrink.attempt(STORIES[name], FIXED_SWITCHES) for name in STORIES}
    histories |= {
        f"seed {n}": lambda n=n: shrink.attempt(history(n), switches(n))
        for n in [*KEEN, *sorted({*range(SEEDS)} - {*KEEN})]
    }
    sooner = [name for name in first if name in histories]
    for name in [*sooner, *(name for name in histories if name not in sooner)]:
        if "deaths" in first:
            break
        found = histories[name]()
        if found.error:
            print(f"{name}: {what(found.error)}")
            return 1
    if "deaths" not in first:
        return 0
    for moment in range(1, shrink.attempt(FIXED, FIXED_SWITCHES).ends_at + 1):
        found = shrink.attempt(FIXED, FIXED_SWITCHES, {moment})
        if found.error:
            print(f"dying at boundary {moment} of the fixed day: {what(found.error)}")
            return 1
    return 0


def what(error):
    """The failure in a line that does not hang on figures."""
    line = error.splitlines()[0].removeprefix("WrongError: ").replace("|", "/")
    return line if len(line) < 120 else line[:117] + "…"


if __name__ == "__main__":
    sys.exit(main())
