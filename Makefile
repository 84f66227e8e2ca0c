# `make` sets up and runs the default study; `make test` sets up and runs the quick tests.
PYTHON ?= python3
SNAKEMAKE = .venv/bin/snakemake
PYTEST = .venv/bin/python -m pytest -q -rs -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/workflow/faults

.PHONY: study test test-all test-faults docs lint clean help

study: .venv/installed
	@$(SNAKEMAKE) --cores all --rerun-incomplete --logger study

help:
	@echo "make              sets up .venv, trains and measures the default study, draws every figure"
	@echo "make test         runs the tests that find nearly all faults, some minutes on two cores"
	@echo "make test-all     runs every test, clusters and conda among them, about 20 minutes"
	@echo "make test-faults  kills, fills and damages things, another quarter of an hour"
	@echo "make docs         builds the site into build/site"
	@echo "make clean        removes .venv; results stay"
	@echo "Other studies:    .venv/bin/snakemake --cores all --rerun-incomplete --logger study --configfile my_study.yaml"

test: lint
	$(PYTEST) -m "not slow"

test-all: lint
	$(PYTEST)

docs: .venv/installed
	.venv/bin/python docs/site/build.py

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow/Snakefile workflow/rules

# Faults committed for real, a quarter of an hour of them.
test-faults: .venv/installed
	.venv/bin/python -m pytest -q -s tests/workflow/faults

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf .venv
