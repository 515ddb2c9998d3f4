.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A lock file has hashes for every platform and Python we support, and names no index:
# pip asks whichever one this machine is set up for.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-journeys test-parts lint format bench faults lock clean

help: ## List what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## Watch a company pay a supplier from chat, then try it yourself (TOUR=1: play and exit)
	@$(BIN)/countersign demo $(if $(TOUR),--tour)

test: lint ## Run every check: formatting, lint, types, tests
	@$(MAKE) --no-print-directory -j2 test-journeys test-parts

# Two suites share a machine that may be slow: what fails is run once more by itself, and named. What
# fails then as well has failed.
WHOLE := tests/journeys tests/faults tests/sandbox
define checked
@$(BIN)/pytest -o cache_dir=.pytest_cache/$@ $(1) || { \
  echo "$@: what failed is run once more, by itself."; \
  $(BIN)/pytest -o cache_dir=.pytest_cache/$@ --last-failed --last-failed-no-failures=none $(1); }
endef

test-journeys: $(VENV)/.dev ## Run the tests of the whole service and of the simulators
	$(call checked,$(WHOLE))

test-parts: $(VENV)/.dev ## Run all other tests
	$(call checked,$(addprefix --ignore=,$(WHOLE)))

lint: $(VENV)/.dev ## Check formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Rewrite the code in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Measure clicks, payments, memory and the record, beside named peers
	$(BIN)/python -m bench.ingress
	$(BIN)/python -m bench.dispatch
	$(BIN)/python -m bench.record
	$(BIN)/python -m bench.policy

faults: $(VENV)/.dev ## Kill the service over and over (KILLS=1000 SEED= DATABASE=sqlite) and compare ledger, orders, record and chats
	$(BIN)/python -m tests.faults --kills $(or $(KILLS),1000) --database $(or $(DATABASE),sqlite) $(if $(SEED),--seed $(SEED))

lock: ## Renew both lock files from pyproject.toml (needs uv on the PATH)
	UV_SYSTEM_CERTS=1 uv pip compile pyproject.toml --group build --universal --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --upgrade --quiet -o requirements.lock
	UV_SYSTEM_CERTS=1 uv pip compile pyproject.toml --group build --group dev -c requirements.lock --universal \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --quiet -o requirements-dev.lock

clean: ## Remove what make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Countersign needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the demo needs (once) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.demo
	@echo "Installing what the checks need (once) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
