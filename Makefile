# Everything is set up in .venv on first use. Needs Python 3.11+ with venv, git, make; node adds the npm peers.
#   make test SUITES="unit rules"      some suites only
#   make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON       ?= python3
VENV         ?= .venv
SUITES       ?=
SOAK_MINUTES ?= 10
DATA         ?= aparte-data

BIN       := $(VENV)/bin
LOCKED    := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
NPM       := $(shell command -v npm 2>/dev/null)
PEERS     := $(if $(NPM),$(patsubst %/package-lock.json,%/node_modules/.installed,$(wildcard tests/interop/package-lock.json tests/server/blobs/node/package-lock.json)))
PIP       := $(BIN)/python -m pip --quiet --disable-pip-version-check
RUN       := $(BIN)/python tools/run_suites.py

export SOAK_MINUTES

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format types vectors soak fuzz bench-mls bench-host bench-peers lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## run a host for this machine, out of the folder aparte-data
	@$(BIN)/aparte serve --data $(DATA)

test: $(INSTALLED) $(PEERS) ## every suite, with the time of each (SUITES="unit rules" for some)
	@$(RUN) test $(SUITES)

lint: $(INSTALLED) ## ruff: rules and format
	@$(RUN) test lint

format: $(INSTALLED) ## let ruff mend and format
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

types: $(INSTALLED) ## mypy --strict on src
	@$(RUN) test types

vectors: $(INSTALLED) ## the published test vectors (APARTE_VECTORS names their folder)
	@$(RUN) test vectors

soak: $(INSTALLED) $(PEERS) ## longer properties and interop, then fuzzing (SOAK_MINUTES=10)
	@$(RUN) soak $(SUITES)

fuzz: $(INSTALLED) ## fuzz the decoders (SOAK_MINUTES=10)
	@$(RUN) soak fuzz

bench-mls: $(INSTALLED) $(PEERS) ## speed of aparte.mls against its peers and its floor
	@$(BIN)/python -m benchmarks.mls

bench-host: $(INSTALLED) ## speed of the host against a bare one and an echo (PARTS="posts blobs" for some)
	@$(BIN)/python -m benchmarks.host $(PARTS)

bench-peers: $(INSTALLED) ## the host beside Prosody, ejabberd and Synapse (benchmarks/peers/setup installs them)
	@$(BIN)/python -m benchmarks.peers

lock: $(INSTALLED) ## resolve requirements/*.txt from pyproject.toml (UPGRADE=1 for newer versions)
	$(BIN)/python tools/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove what was made here
	rm -rf $(VENV) .venv-peers build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf tests/interop/node_modules tests/server/blobs/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(LOCKED): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Aparte needs Python 3.11 or newer, but $(PYTHON) is: $$($(PYTHON) --version 2>&1)." \
	  "Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV), once ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

%/node_modules/.installed: %/package-lock.json
	@echo "Setting up $(@D), once ..."
	@cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
