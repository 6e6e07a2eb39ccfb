# The single entry point, for people and for CI. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where it is set, every process compiles all that it imports anew: seconds each, minutes of tests.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install dev demo acdc test coverage check format bench docs constraints clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed  ## .venv with the cinecor command and all its extras
dev: $(VENV)/.dev  ## the same with the tools that tests, checks and docs need

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"cinecor needs Python 3.11 or newer, this is {sys.version.split()[0]}; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[all]' --group dev --group docs
	@touch $@

demo: install  ## synthetic hearts, a small training, an unseen DICOM loop, a report: five to ten minutes
	$(BIN)/cinecor demo --out runs/demo

acdc: install  ## segmentation and diagnosis of cine MRI: make acdc DATA=folder OUT=folder
	@test -n "$(DATA)" -a -n "$(OUT)" || { echo 'say where: make acdc DATA=../acdc OUT=../acdc-weights'; exit 2; }
	$(BIN)/cinecor benchmark 003 --data "$(DATA)" --out "$(OUT)" --only segmentation --parallel 1

test: dev  ## all tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

coverage: dev  ## the same, and which lines they run: about twice the time
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term

check: dev  ## format, lint, types, import contracts, spelling, dependencies
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src tests benchmarks docs README.md CHANGELOG.md
	$(BIN)/deptry src

format: dev  ## rewrite the code as `check` wants it
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

bench: dev  ## speed, as ratios measured in one run
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[all,accel]'
	$(BIN)/python benchmarks/clips_per_second.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/models.py

docs: dev  ## the documentation as a site in site/
	$(BIN)/mkdocs build --strict

constraints: dev  ## write constraints.txt from what is installed now
	$(BIN)/uv pip freeze --python $(BIN)/python --exclude-editable > constraints.txt

clean:  ## remove the environment, caches and the demo's run
	rm -rf $(VENV) site runs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
