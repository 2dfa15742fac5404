# Everything a newcomer and CI need. `make` alone says what there is.

VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: help demo test check format packages clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12 | sed 's/^/  make /'

demo: $(VENV)/run.stamp ## set everything up and watch a container being born
	@$(VENV)/bin/contrace demo

test: packages $(VENV)/dev.stamp ## install what the tests need (Debian packages as root) and run all of them
	$(PYTHON) -m pytest $(PYTEST_ARGS)

check: $(VENV)/dev.stamp ## lint, format, types, layering
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/dev.stamp ## put the code into its format
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

packages: ## install the Debian packages that the tests use (root), or say which are missing
	@bash tests/setup/packages.sh

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The environment is made anew when pyproject.toml changes; a failed installation leaves no stamp behind.
$(VENV)/run.stamp: pyproject.toml tests/setup/venv.sh
	@bash tests/setup/venv.sh $(VENV)
	$(PYTHON) -m pip install --quiet --editable '.[seccomp]'
	@touch $@

# --group needs pip 25.1
$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(PYTHON) -m pip install --quiet --upgrade 'pip>=25.1'
	$(PYTHON) -m pip install --quiet --group dev
	@touch $@
