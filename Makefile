# Two commands: `make run` and `make test`. Everything lands in .venv; nothing else of the machine is changed, but
# that `make test` may install Debian's Chromium where it has the right to.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME ?= $(CURDIR)/.rekindle

.PHONY: run test bench chaos format clean
.DEFAULT_GOAL := help

help:
	@echo "make run    install into .venv, build the demo business, open it"
	@echo "make test   install what the tests need and run them all"
	@echo "make bench  print how fast it is, beside its peers"
	@echo "make chaos  a long bad day for the outbox: kills, faults, and the ledger as the truth"

run: $(READY)
	@REKINDLE_HOME="$(DEMO_HOME)" $(BIN)/rekindle demo

test: $(READY)
	@$(BIN)/python tests/all.py

format: $(READY)
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(READY)
	@$(BIN)/python bench/all.py

chaos: $(READY)
	@$(BIN)/python tests/chaos/long_day.py

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rekindle needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 run")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(READY)

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
