.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= $(or $(shell for p in python3.11 python3; do $$p -c '' 2>/dev/null && echo $$p && break; done),python3)
PORT ?= 3000
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
# A process that had a session on JVM Spark would go on with it in other tests.
ENGINES := amazon_reviews_tests/engines
INSTALLED := $(VENV)/.installed
PROJECT := --constraint constraints.txt --editable '.[dev]'

# Dagster takes absolute paths only.
DAGSTER_HOME ?= data/dagster
demo ui: export DAGSTER_HOME := $(if $(filter /%,$(DAGSTER_HOME)),$(DAGSTER_HOME),$(CURDIR)/$(DAGSTER_HOME))

.PHONY: help demo ui test test-all lint docs azurite jars bench constraints clean dagster-home

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) dagster-home ## sample data, the whole asset graph, a summary, a live stream
	@if [[ -z "$${AMAZON_REVIEWS_LANDING:-}" && ! -e data/landing ]]; then \
	  rm -rf data/landing.part; \
	  $(BIN)/amazon-reviews sample --out data/landing.part; \
	  mv data/landing.part data/landing; \
	fi
	@$(BIN)/amazon-reviews run
	@$(BIN)/amazon-reviews demo-stream

# Dagster shows a run whose process died together with 'dagster dev' as running for ever, and the
# sensors wait for it.
ui: $(INSTALLED) dagster-home ## the Dagster UI on the same data (PORT=3000)
	@$(BIN)/amazon-reviews orphaned-runs --before "$$(date +%s)"
	@$(BIN)/dagster dev --host 127.0.0.1 --port $(PORT)

# A file's tests share what is costly to make, and each process has a core of its own.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest
test: lint ## what CI runs: the linters and every test that is not long
	$(PYTEST) -n $(JOBS) --dist loadfile -m 'not long' --ignore $(ENGINES)
	$(PYTEST) -m 'not long' $(ENGINES)

test-all: lint ## every test
	$(PYTEST) -n $(JOBS) --dist loadfile --ignore $(ENGINES)
	$(PYTEST) $(ENGINES)

lint: $(INSTALLED) docs ## ruff, mypy, import-linter, hadolint and the links of the documentation
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint --ignore DL3008 Dockerfile

# The variable silences an advertisement for another generator.
docs: $(INSTALLED) ## the documentation as a web site in site/; fails on a broken link
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

azurite: ## Azurite, which the tests of Azure storage need (takes npm)
	npm install --silent --no-save --no-package-lock --prefix .azurite azurite@3.37.0

jars: $(INSTALLED) ## Delta's jars, which AMAZON_REVIEWS_ENGINE=spark needs (takes Java)
	@$(BIN)/amazon-reviews jars

bench: $(INSTALLED) ## the benchmarks, each against its peer
	@$(BIN)/amazon-reviews bench

constraints: $(INSTALLED) ## pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade --extra dev --python $(BIN)/python \
	  --no-header --no-annotate pyproject.toml --output-file constraints.txt

clean: ## remove the environment and the tools' caches; data/ stays
	rm -rf $(VENV) .azurite .jars build dist site *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find amazon_reviews amazon_reviews_tests -name __pycache__ -prune -exec rm -rf {} +

# Dagster reads dagster.yaml from DAGSTER_HOME only; a file that is there already is the user's.
dagster-home:
	@mkdir -p "$$DAGSTER_HOME"
	@[[ -e "$$DAGSTER_HOME/dagster.yaml" ]] || ln -sf '$(CURDIR)/dagster.yaml' "$$DAGSTER_HOME/dagster.yaml"

# The pins are exact, so what uv's cache holds need not be asked for again: --offline first.
# uv does not read pip's configuration: where it reaches no packages, pip does the work.
$(INSTALLED): constraints.txt pyproject.toml | $(BIN)/python
	@echo 'Installing the packages into $(VENV) (a few minutes the first time)' >&2
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt uv || true
	@$(BIN)/uv pip install --quiet --compile-bytecode --offline --python $(BIN)/python $(PROJECT) 2>/dev/null \
	  || $(BIN)/uv pip install --compile-bytecode --python $(BIN)/python $(PROJECT) 2> >(grep -v '^ + ' >&2) \
	  || $(BIN)/python -m pip install $(PROJECT)
	@touch $@

# Debian keeps what venv needs to bring pip in a package of its own, python3-venv; without it the
# pip outside installs one.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	  || { $(PYTHON) -m venv --clear --without-pip $(VENV) \
	       && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } \
	  || { rm -rf $(VENV); \
	       echo 'No virtual environment could be made: apt-get install python3-venv' >&2; exit 1; }
