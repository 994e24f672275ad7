# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 3
# Of mypy, beside itself: worth it where nothing is known of the last time.
TYPE_WORKERS ?= 0
# Images of containers often forbid it: then every process that starts compiles 3,000 modules again, two of its four seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check lint lint-code lint-format lint-imports types modules bench schema lock tools browser clean

setup: $(STAMP)

# A venv, uv into it, and with uv the pinned and hashed lock. Nothing happens while neither lock nor project changed.
$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $(STAMP)

# The sample chain through the whole path, then a live feed. ONCE=1: once, in a temporary home, and done.
demo: setup
	STOCKTIDE_HOME=$${STOCKTIDE_HOME:-$(CURDIR)/data/home} $(BIN)/stocktide demo $(if $(ONCE),--once,)

# Workers, each with servers of its own, one more than cores: some wait while others compute. A file's tests share what is slow to make.
test: setup browser
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What to run while working: all that needs no server, broker or browser.
check: lint types
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not servers and not slow"

# A browser for the tests of the pages: the system's Chromium, else Debian's package when root, else Playwright's own.
browser: tools
	@$(BIN)/python -m tests.browser.find_chromium --install

# The broker, and the languages that the examples for senders are tried with.
tools: setup
	@$(BIN)/python -m tests.find_tools --install

lint: lint-code lint-format lint-imports

lint-code: setup
	$(BIN)/ruff check .

lint-format: setup
	$(BIN)/ruff format --check .

lint-imports: setup
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy -n $(TYPE_WORKERS) stocktide ingest alerts etl forecasting catalog query purchasing replenishment dashboard data examples tests
	$(BIN)/mypy --explicit-package-bases benchmarks

# Compile all that tests import: without it each worker of a fresh machine does so for itself, half a minute of CPU.
modules: setup
	@$(BIN)/pytest --collect-only -qq >$(VENV)/modules.txt || { cat $(VENV)/modules.txt; exit 1; }

# Every benchmark, one after another; those that failed or lack something are named at the end.
bench: tools
	@$(BIN)/python -m benchmarks._run_all

# Write the schema that the migrations make to sql/schema.sql, for reading.
schema: setup
	$(BIN)/python -m stocktide.foundation.schema_text

# Update the pins to what pyproject.toml allows: versions and hashes, no addresses.
lock: setup
	$(BIN)/uv pip compile --quiet pyproject.toml --extra dev --generate-hashes --no-header --no-annotate \
		--universal --python-version 3.11 -o requirements.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
