# Five verbs: demo, test, check, fmt, bench. Each sets up what it needs; a fresh machine needs Python 3.11+ and make.

PYTHON ?= python3
BENCH  ?= all
ROUNDS ?= 5
# Test processes at once; every one of them shares the same NATS and PostgreSQL.
JOBS   ?= 3

BIN     := .venv/bin
STAMP   := .venv/.installed
SOURCES := contracts libs services tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test deep check fmt bench chaos clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: $(STAMP) ## Create .venv with exactly the locked packages, and Adjutant itself, editable

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Adjutant needs Python 3.11 or newer: make PYTHON=python3.x")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup ## Play the main job against the sandbox providers, and check it at the provider
	$(BIN)/adjutant demo

test: check ## Everything that CI runs
	$(BIN)/pytest -n $(JOBS)

deep: setup ## Every variant of the tests of which CI runs a sample
	$(BIN)/pytest -n $(JOBS) -m every_way --every-way

check: setup ## Format, lint, types, import rules, contracts; changes nothing
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/adjutant contracts check

fmt: setup ## Format, mend what the linter can mend, write the pages that follow from code
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/python -m tests.house.ownership
	$(BIN)/python -m tests.house.decision_index

bench: setup ## Measure; one JSON object a line; BENCH=chat|bus|… for one of them
	$(BIN)/python -m tests.benchmarks $(filter-out all,$(BENCH))

chaos: setup ## The long chaos run: ROUNDS times a hundred turns with kill -9; CHAOS_SEED=… repeats one
	CHAOS_ROUNDS=$(ROUNDS) $(BIN)/pytest -m chaos -s tests/chaos

clean: ## Remove what can be made again; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
