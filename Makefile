# `make` sets up and runs the default study; `make test` sets up and runs the tests.
PYTHON ?= python3
SNAKEMAKE = .venv/bin/snakemake

.PHONY: study test test-faults clean

study: .venv/installed
	$(SNAKEMAKE) --cores all --rerun-incomplete

test: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow/rules
	.venv/bin/python -m pytest -q -n 2 --dist loadfile --ignore tests/workflow/faults --ignore tests/slurm
	.venv/bin/python -m pytest -q -rs tests/slurm # a cluster on this machine, if it has SLURM

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
