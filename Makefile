# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: setup demo test lint types bench lock browser clean

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

# Two workers, each with servers of its own; a file's tests share what is slow to make.
test: setup browser
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# A browser for the tests of the pages: the system's Chromium, else Debian's package when root, else Playwright's own.
# Likewise the broker and the languages that the examples for senders are tried with.
browser: setup
	@$(BIN)/python -m tests.browser.find_chromium --install
	@$(BIN)/python -m tests.find_tools --install

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy stocktide ingest alerts etl forecasting catalog dashboard data examples tests
	$(BIN)/mypy --explicit-package-bases benchmarks

bench: setup
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Pin anew what pyproject.toml allows: versions and hashes, no addresses.
lock: setup
	$(BIN)/uv pip compile --quiet pyproject.toml --extra dev --generate-hashes --no-header --no-annotate \
		--universal --python-version 3.11 -o requirements.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
