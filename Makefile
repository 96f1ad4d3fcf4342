# The verbs of this project; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help report test check test-thorough test-times test-wheel lint lab notebooks docs pictures lock audit bench soak clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := -m pip --quiet --disable-pip-version-check install
LOCK_UV := 0.13.9
PIP_AUDIT := 2.10.1

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 18

report: $(VENV)/base ## install what is needed, render all reports of the demo building, say where they are
	@$(BIN)/belimo-nb --demo report

test: $(VENV)/dev $(VENV)/s3/ready ## install everything, run all tests, notebooks included
	@$(BIN)/python -m pytest -n auto --dist loadgroup

check: lint ## check style and types, and run every test that is neither slow nor a browser's
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow and not browser"

test-thorough: $(VENV)/dev ## draw ten times as many examples for every test that draws some
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m hypothesis --hypothesis-profile thorough

test-times: $(VENV)/dev ## run what knows of time in other zones and at odd moments; on Linux, with a C compiler
	@$(BIN)/python tests/moved_clock.py

test-wheel: $(VENV)/uv ## try the wheel with the oldest and the newest Python and packages; needs the network
	@$(BIN)/python tests/python_versions.py $(VENV)/uv/bin/uv

lint: $(VENV)/dev ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lab: $(VENV)/dev ## open JupyterLab on the notebooks
	@$(BIN)/jupyter lab notebooks

notebooks: $(VENV)/dev ## run the notebooks on the demo cloud and store their outputs
	@BELIMO_DEMO=1 $(BIN)/jupyter nbconvert --to notebook --inplace --execute \
		--ExecutePreprocessor.record_timing=False --log-level=WARN notebooks/*.ipynb

docs: $(VENV)/dev ## build the documentation into build/docs, warnings are errors
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs
	@echo $(CURDIR)/build/docs/index.html

pictures: $(VENV)/dev ## take the pictures of the README and the figures of the tutorial anew
	@$(BIN)/python docs/make_pictures.py
	@$(BIN)/python docs/make_figures.py

lock: $(VENV)/uv ## resolve the dependencies anew and write the lock files
	@printf 'hatchling\neditables\n' | $(VENV)/uv/bin/uv pip compile pyproject.toml - --universal --upgrade \
		--python-version 3.11 --generate-hashes --no-header --quiet --output-file requirements.lock
	@printf 'hatchling\neditables\n' | $(VENV)/uv/bin/uv pip compile pyproject.toml - --universal --upgrade \
		--python-version 3.11 --generate-hashes --no-header --quiet --all-extras \
		--constraint requirements.lock --output-file requirements-dev.lock
	@printf 'moto[s3]>=5.1\nflask>=3\nflask-cors>=5\n' | $(VENV)/uv/bin/uv pip compile - --universal --upgrade \
		--python-version 3.11 --generate-hashes --no-header --quiet --output-file requirements-s3.lock

audit: $(VENV)/audit ## ask the public databases for known faults of the locked versions; needs the network
	@$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements-dev.lock

bench: $(VENV)/dev ## run the benchmarks
	@$(BIN)/python -m benchmarks

soak: $(VENV)/dev ## for five minutes, sync and report while a fifth of all requests fails
	@$(BIN)/python -m benchmarks.soak

clean: ## remove what the verbs have made, the environment included
	rm -rf $(VENV) reports build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Said before anything is made; the words are such that Python 2 runs them, too.
$(VENV)/base: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "belimo_nb needs Python 3.11 or later, and \
	$(PYTHON) is %d.%d; name another one, as in: make PYTHON=python3.11" % v[:2])'
	@echo "Installing into $(VENV) (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements.lock
	@$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/base
	@echo "Installing the tools for tests into $(VENV) (once) ..."
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@

# A local S3 server for the tests, apart: its libraries want an older python-dateutil than ours.
$(VENV)/s3/ready: requirements-s3.lock $(VENV)/base
	@$(PYTHON) -m venv $(VENV)/s3
	@$(VENV)/s3/bin/python $(INSTALL) --require-hashes --requirement $<
	@touch $@

$(VENV)/uv:
	@$(PYTHON) -m venv $@
	@$@/bin/python $(INSTALL) uv==$(LOCK_UV)

$(VENV)/audit: $(VENV)/base
	@$(PYTHON) -m venv $@
	@$@/bin/python $(INSTALL) pip-audit==$(PIP_AUDIT)
