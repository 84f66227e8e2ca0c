# `make` sets up and runs the default study; `make test` sets up and runs the tests.
PYTHON ?= python3
SNAKEMAKE = .venv/bin/snakemake

.PHONY: study test test-faults test-slurm clean

study: .venv/installed
	$(SNAKEMAKE) --cores all --rerun-incomplete

test: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow/rules
	.venv/bin/python -m pytest -q -n 2 --dist loadfile --ignore tests/workflow/faults --ignore tests/slurm

# The long ones: faults committed for real, and a SLURM cluster on this machine (Debian's slurm-wlm).
test-faults test-slurm: .venv/installed
	.venv/bin/python -m pytest -q -s $(subst test-slurm,tests/slurm,$(subst test-faults,tests/workflow/faults,$@))

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

clean:
	rm -rf .venv
