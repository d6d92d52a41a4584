# Two commands matter to a newcomer: `make quickstart` and `make test`. Each makes what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: quickstart test lint types floors unit doctest docs-check constraints clean

quickstart: .venv/.run
	$(BIN)/clr-study run quickstart

test: lint types floors doctest unit

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

floors: .venv/.dev
	$(BIN)/lint-imports

doctest: .venv/.dev
	$(BIN)/pytest --doctest-modules clr_study -p no:cacheprovider

unit: .venv/.dev
	$(BIN)/pytest tests

# The pinned set: plain versions, no address of any package index.
constraints: .venv/.uv
	$(BIN)/uv pip compile pyproject.toml --quiet --group dev --group frameworks --group docs --all-extras --upgrade \
	    --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	    --python-version 3.11 --output-file constraints.txt

.venv/.uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	touch $@

.venv/.run: .venv/.uv pyproject.toml constraints.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --constraint constraints.txt --editable .
	touch $@

.venv/.dev: .venv/.run
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --constraint constraints.txt --editable '.[all]' --group dev --group frameworks --group docs
	touch $@

clean:
	rm -rf .venv build dist
