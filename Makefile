# The targets set up everything that they need with Python 3.11 or later and make. To build and test
# the native engine they need Rust's cargo and a C linker, and leave it out where one is missing.
RUST := $(and $(shell command -v cargo 2>/dev/null),$(shell command -v cc 2>/dev/null))
NATIVE := $(if $(RUST),native)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-superset fuzz native sanitize bench measure lint docs clean

demo: $(VENV)/installed
	@$(BIN)/duckml demo

test: $(VENV)/developing lint $(NATIVE)
ifneq ($(RUST),)
	cd native && cargo test --release --locked --quiet
endif
	$(BIN)/pytest -n 2
ifeq ($(RUST),)
	@echo "Also not tried without Rust's cargo: format, lint and tests of native/."
endif

# Newer versions of Flask lose the LIMIT of a query in Superset's SQL Lab.
SUPERSET := apache-superset==6.1.0 flask==2.3.3 flask-sqlalchemy==2.5.1 flask-caching==2.3.1 \
	psycopg2-binary==2.9.13 rich==15.0.0 cachetools==8.0.2 playwright==1.65.2

test-superset: $(VENV)/developing $(NATIVE)
	test -x .venv-superset/bin/superset || ($(PYTHON) -m venv .venv-superset && \
		.venv-superset/bin/pip install --quiet $(SUPERSET))
	$(BIN)/python -W ignore -m tests.superset_check

fuzz: $(VENV)/developing $(NATIVE)
	$(BIN)/python -W ignore -m tests.fuzz_server 1000000

native: $(VENV)/installed
	$(BIN)/python native/build.py

lint: $(VENV)/developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
ifneq ($(RUST),)
	cd native && cargo fmt --check
	cd native && cargo clippy --release --locked --all-targets --quiet -- -D warnings
endif

docs: $(VENV)/developing
	COLUMNS=80 $(BIN)/python docs/generate.py

sanitize: $(VENV)/developing
	$(BIN)/python native/sanitize.py

bench: $(VENV)/developing native
	$(BIN)/python -m benchmarks

measure: $(VENV)/developing
	$(BIN)/python -m benchmarks.source_code

clean:
	rm -rf $(VENV) .venv-openvino .venv-dbt .venv-superset .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis build *.egg-info native/target duckml/duckml.duckdb_extension

$(VENV)/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/developing: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
