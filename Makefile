# Everything a person needs to run, test and measure MagicGateway. `make help` lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NODE   := tests/integration/node
CLIENTS := tests/clients
OLDEST := $(VENV)/oldest-sdks
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help run test check fast lint types fuzz test-clients bench clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.installed ## Start the gateway with its demo provider on port 3000 (more options: ARGS=)
	@exec $(BIN)/magicgateway run --demo $(ARGS)

test: $(VENV)/.installed-test $(OLDEST)/.installed $(NODE)/node_modules/.installed lint types ## Lint, types and the whole suite with coverage
	$(BIN)/python -m tests.run $(ARGS)

# Types and tests at once: in a fresh clone each takes most of the minute.
check: $(VENV)/.installed-test lint ## Lint, types and the fast tests, in under a minute
	@$(MAKE) --no-print-directory --jobs=2 types fast

fast: $(VENV)/.installed-test
	$(BIN)/python -m tests.run --fast $(ARGS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-test
	$(BIN)/mypy

fuzz: $(VENV)/.installed-test ## Send a million changed events through every translation (fewer: ARGS=)
	$(BIN)/python -m tests.fuzz $(ARGS)
	GOLDEN_CUTS=all $(BIN)/python -m twisted.trial tests.golden.test_golden.StreamTests

test-clients: $(VENV)/.installed-test $(CLIENTS)/node_modules/.installed ## Run Claude Code and Codex against the gateway
	$(BIN)/python -m twisted.trial tests.clients.command_lines

bench: $(VENV)/.installed-test ## Measure against nginx and a plain proxy; prints one table
	$(BIN)/python -m bench $(ARGS)

clean: ## Remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info $(NODE)/node_modules $(CLIENTS)/node_modules _trial_temp* .coverage .coverage.* \
		.mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name dropin.cache -delete

# The stamps are newer than what they were made from, so nothing is installed twice.
$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { \
		echo "MagicGateway needs Python 3.11 or newer, and there is no '$(PYTHON)' here." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "MagicGateway needs Python 3.11 or newer; '$(PYTHON)' is `$(PYTHON) -V`." \
		"Name another one: make PYTHON=python3.13 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml setup.py | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml setup.py | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.installed

# In a folder of their own, because two versions of a package cannot be installed side by side.
$(OLDEST)/.installed: tests/integration/oldest-sdks.txt | $(VENV)/.installed-test
	rm -rf $(OLDEST)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target $(OLDEST) --requirement $<
	@touch $@

$(NODE)/node_modules/.installed: $(NODE)/package.json $(NODE)/package-lock.json
	cd $(NODE) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Unlike the SDKs, one of these puts its program in place by a script.
$(CLIENTS)/node_modules/.installed: $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	cd $(CLIENTS) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
