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
LOCK := locks/dev.txt
PIP := $(BIN)/python -m pip install --quiet --require-hashes
UV := $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode --python $(BIN)/python
PROJECT := --no-deps --no-build-isolation --editable .

.PHONY: help demo ui test test-all lint docs azurite jars bench bench-batch constraints locks audit clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## sample data, a live stream, the whole asset graph, a summary
	@[[ -n "$${AMAZON_REVIEWS_LANDING:-}" ]] || $(BIN)/amazon-reviews sample --incidents 5 --if-empty
	@$(BIN)/amazon-reviews demo-stream
	@$(BIN)/amazon-reviews run

ui: $(INSTALLED) ## the Dagster UI on the same data (PORT=3000)
	@$(BIN)/amazon-reviews ui --port $(PORT)

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

bench-batch: $(INSTALLED) ## the lakehouse benchmark alone: raw files to gold, against all peers
	@$(BIN)/amazon-reviews bench --profiles 0 --events 0 --marts 0

# One set of versions for every Python from Debian's 3.11 on; the locks add the hashes of the files.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python $(BIN)/python --python-version 3.11.2 \
  --no-header --no-annotate
constraints: $(INSTALLED) ## pin the newest versions that pyproject.toml allows, and lock them
	$(COMPILE) --upgrade --extra dev pyproject.toml --output-file constraints.txt
	@$(MAKE) --no-print-directory locks

locks: $(INSTALLED) ## write the hashes of the pinned packages into locks/
	mkdir -p locks
	$(COMPILE) --generate-hashes --constraint constraints.txt --extra dev pyproject.toml \
	  --output-file locks/dev.txt
	$(COMPILE) --generate-hashes --constraint constraints.txt --extra build --extra postgres \
	  --extra observability pyproject.toml --output-file locks/runtime.txt
	$(COMPILE) --generate-hashes --constraint constraints.txt --group audit \
	  --output-file locks/audit.txt

audit: ## a bill of materials in dist/sbom.cdx.json, and known vulnerabilities of the packages
	@$(PYTHON) -m venv --clear .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --require-hashes --requirement locks/audit.txt
	@mkdir -p dist
	@.venv-audit/bin/cyclonedx-py requirements --output-reproducible \
	  --output-file dist/sbom.cdx.json locks/runtime.txt
	@.venv-audit/bin/python deploy/audit.py locks/dev.txt

clean: ## remove the environment and the tools' caches; data/ stays
	rm -rf $(VENV) .venv-audit .azurite .jars build dist site *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find amazon_reviews amazon_reviews_tests -name __pycache__ -prune -exec rm -rf {} +

# Every file is compared with its hash in the lock, those of uv and setuptools included.
# What uv's cache holds need not be asked for again: --offline first.
# uv does not read pip's configuration: where it reaches no packages, pip does the work.
$(INSTALLED): $(LOCK) pyproject.toml | $(BIN)/python
	@echo 'Installing the packages into $(VENV) (a few minutes the first time)' >&2
	@$(PIP) --requirement <(awk '/^[^ ]/ { uv = /^uv==/ } uv' $(LOCK)) || true
	@$(UV) --offline --requirements $(LOCK) 2>/dev/null \
	  || $(UV) --requirements $(LOCK) 2> >(grep -v '^ + ' >&2) \
	  || $(PIP) --requirement $(LOCK)
	@$(BIN)/python -m pip install --quiet $(PROJECT)
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
