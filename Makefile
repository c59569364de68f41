# Everything is set up by the targets themselves: Python 3.11 or later and make are all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test bench lint docs clean

demo: $(VENV)/installed
	@$(BIN)/duckml demo

test: $(VENV)/developing lint
	$(BIN)/pytest -n 2

lint: $(VENV)/developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/developing
	COLUMNS=80 $(BIN)/python docs/generate.py

bench: $(VENV)/developing
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .venv-openvino .venv-dbt .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

$(VENV)/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/developing: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
