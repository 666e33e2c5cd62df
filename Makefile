# What a person or CI does here, by name. Each verb sets up first, and set-up runs again only when
# what it installs has changed.
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-model test test-all faults check fmt bench up flower

BIN := .venv/bin
# A test file stays in one process, with the servers it shares; conftest.py says which go first. Two
# processes more than there are cores: tests wait for what they start as much as they compute.
PYTEST = $(BIN)/python -m pytest -n $$(($$(nproc) + 2)) --dist loadfile --no-loadscope-reorder
# A run starts hundreds of processes: each would compile again what the one before it has compiled.
unexport PYTHONDONTWRITEBYTECODE
INSTALLED := .venv/.installed
# Benchmarks to run, as files: make bench BENCH=benchmarks/leases.py
BENCH ?= $(sort $(wildcard benchmarks/*.py))
# How many random kills, and which: make faults RUNS=150 SEED=7
RUNS ?= 1000

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) ## make .venv with everything in it

$(INSTALLED): pyproject.toml requirements.lock
	.ci/setup
	@touch $@

demo: setup ## heal a small repository with the whole farm, and show how
	@$(BIN)/selfheal demo

demo-model: setup ## the same farm with a model, which a replay server plays
	@$(BIN)/selfheal demo --model

test: setup ## run the tests, without those of minutes
	$(PYTEST) -m "not slow"

test-all: setup ## run all tests
	$(PYTEST)

faults: setup ## kill a farm under load at random: RUNS=kills SEED=number
	@$(BIN)/python -m tests.faults.storm --kills $(RUNS) $(if $(SEED),--seed $(SEED))

check: setup ## format, lint, types, floors, and coverage of unit and integration tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) tests/unit tests/integration -m "not slow" --quiet \
	    --cov --cov-report=term --cov-fail-under=85

fmt: setup ## format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## print the benchmarks' ratios
	@for script in $(BENCH); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

up: setup ## start servers and workers in the foreground
	@$(BIN)/selfheal up

flower: setup ## watch the running farm's Celery workers in a browser
	@$(BIN)/selfheal flower
