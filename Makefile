# Two commands do everything: `make sandbox` shows the whole system running, `make test` checks it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SEEDS ?= 1000
KILLS ?= 200
INPUTS ?= 100000

.PHONY: help test sandbox simulate mutate soak torture fuzz audit bench lint lock clean

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "bytebridge needs Python 3.11 or newer, this is %s: call make with PYTHON=/path/to/python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile | expand -t 14

lint: $(STAMP)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Three workers for two cores: some tests wait for locks, leases and slow answers.
test: lint  ## lint, then every test; PYTEST_ARGS="-k name" for some
	$(BIN)/python -m pytest -n 3 --dist worksteal $(PYTEST_ARGS)

# In an environment of its own: what looks for holes is no part of what is installed.
audit:  ## bandit over the code, pip-audit over the pinned versions; asks a service of the internet
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	.venv-audit/bin/bandit --quiet --configfile pyproject.toml --recursive bytebridge
	@.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock || \
	  { echo "audit: FAILED: a version has a known hole, or not every version could be asked about; see above" >&2; exit 1; }

sandbox: $(STAMP)  ## a simulated firm and the real daemon; Ctrl-C ends it
	@$(BIN)/bytebridge sandbox

simulate: $(STAMP)  ## simulated firms with faults and crashes, SEEDS=n; a fixed day that dies at every boundary
	$(BIN)/python tests/simulation/run.py --seeds $(SEEDS)
	$(BIN)/python tests/simulation/run.py --boundaries

mutate: $(STAMP)  ## mistakes planted in a copy of the package, each of which must be noticed
	$(BIN)/python tests/simulation/mutate.py

soak: $(STAMP)  ## half an hour of the daemon among faults; SOAK_ARGS="--minutes 5"
	$(BIN)/python tests/soak/soak.py $(SOAK_ARGS)

torture: $(STAMP)  ## the installed daemon killed again and again, on SQLite and PostgreSQL; KILLS=n
	$(BIN)/python tests/torture/run.py --kills $(KILLS)

fuzz: $(STAMP)  ## spoilt answers, files and texts; INPUTS=n
	$(BIN)/python tests/fuzz/run.py --inputs $(INPUTS)

bench: $(STAMP)  ## floor and product in turn, a table of medians and ratios; BENCH_ARGS="--small"
	$(BIN)/python tests/bench/bench.py $(BENCH_ARGS)

# Needs pip-tools; writes exact versions with hashes.
lock:  ## requirements.lock anew, from pyproject.toml
	printf 'bandit\npip-audit\n' | pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements-audit.lock -
	pip-compile --quiet --all-extras --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml

clean:  ## everything that was made
	rm -rf $(VENV) .venv-audit dist .sandbox
