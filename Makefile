# `make help` lists every task. Nothing has to be installed first but Python 3.11, git and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SERVED := build/served.jsonl
# Of the tests, which wait for much of their time: more than a small machine has cores.
WORKERS ?= 3
PACKAGES := currency language runtime settlement offline_token officers deployment central_bank operator_bank wallet \
	auditor console simulation sandbox bench

.DEFAULT_GOAL := help
# Keys and passwords by their form. Long random numbers are what test vectors are made of, so those are let be.
NO_SECRETS := --disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString \
	--exclude-files '^(requirements\.lock|protos/gen/|docs/(screens|plots)/|tests/vectors/|language/locale/)'

# Each is a hook of .pre-commit-config.yaml too, but for the last, which asks a service on the network.
CHECKS := check-format check-lint check-types check-imports check-dead check-deps check-secrets check-known

.PHONY: help setup lock check $(CHECKS) demo test lint format messages screens protos reference docs wheel check-wheel bench sim models mutants service-report clean

help: ## list the tasks
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## make the environment in .venv

$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m sandbox.compiled
	touch $(STAMP)

lock: ## find the newest versions of all that is installed, and write down their hashes
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
		--group test --group check --group docs --generate-hashes --no-annotate \
		--custom-compile-command 'make lock' --output-file requirements.lock

demo: $(STAMP) ## a whole currency, alive, in a few minutes
	$(BIN)/dcep demo

test: $(STAMP) ## all tests, on SQLite and PostgreSQL
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup tests/integration --postgresql -m "not any_database"

check: $(CHECKS) ## all that is looked at without running the tests, as before each commit

check-format: $(STAMP) # is the code in the project's format?
	$(BIN)/ruff format --check .

check-lint: $(STAMP)
	$(BIN)/ruff check .

check-types: $(STAMP)
	$(BIN)/mypy $(PACKAGES) tests

check-imports: $(STAMP) # does each package import only what it may?
	$(BIN)/lint-imports --no-logo --no-cache

check-dead: $(STAMP) # code that nothing uses
	$(BIN)/vulture

check-deps: $(STAMP) # dependencies that are missing, or that nothing uses
	$(BIN)/deptry .

check-secrets: $(STAMP) # keys and passwords that do not belong in a repository
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook $(NO_SECRETS) # pragma: allowlist secret

check-known: $(STAMP) # known vulnerabilities in what is installed
	$(BIN)/python -m dcep_build.vulnerabilities requirements.lock $(if $(GITHUB_ACTIONS),--required)

lint: check-format check-lint check-types ## format and types

format: $(STAMP) ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screens: $(STAMP) ## pictures of what the pages in docs/tutorials show, at 80 columns
	$(BIN)/python -m sandbox.tutorials docs/tutorials/*.md --screens docs/screens

messages: $(STAMP) ## collect what is said to people, and compile its translations
	$(BIN)/python -m language.catalogue wallet.cli.main:app sandbox.cli.main:app

protos: $(STAMP) ## generate protos/gen from protos/dcep
	$(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=protos/gen --pyi_out=protos/gen \
		--grpc_python_out=protos/gen $$(find protos/dcep -name '*.proto' | sort)

reference: $(STAMP) ## generate docs/reference from the code
	$(BIN)/python -m dcep_build.reference

docs: $(STAMP) ## the documents as a site, in build/site
	$(BIN)/sphinx-build -q -W --keep-going -j 2 -c docs -b html . build/site

wheel: $(STAMP) ## what is published, in dist
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

check-wheel: wheel ## install it into an empty environment, from the registry, and run the demo there
	$(BIN)/python -m dcep_build.check_wheel dist/*.whl

bench: $(STAMP) ## measure; takes minutes
	$(BIN)/python -m bench --all

SEED ?= 1
SEEDS ?= 20
JOBS ?= 1
STEPS ?= 200

sim: $(STAMP) ## the scheme under faults and cheats: SEED= the first seed, SEEDS= how many, STEPS= of each, JOBS= at a time
	$(BIN)/python -m simulation.scheme --seed $(SEED) --seeds $(SEEDS) --steps $(STEPS) --jobs $(JOBS)

models: $(STAMP) ## every run of the protocols' models, and of their mistakes, with Spin; takes a minute
	$(BIN)/python -m simulation.models

service-report: $(STAMP) ## how payers are served while things break: docs/reference/service-report.md; takes 15 minutes
	mkdir -p $(dir $(SERVED)) && rm -f $(SERVED)
	$(BIN)/pytest -n 0 tests/integration/test_crashes.py --service-report $(SERVED)
	$(BIN)/pytest -n 0 tests/integration/test_crashes.py --postgresql --service-report $(SERVED)
	$(BIN)/pytest -n 0 tests/integration/test_postgresql_restart.py --service-report $(SERVED)
	$(BIN)/pytest -n 0 tests/integration/test_failover.py --service-report $(SERVED)
	$(BIN)/python -m tests.integration.service_report $(SERVED)

mutants: $(STAMP) ## change one thing in the code at a time: a test notices; takes an hour
	$(BIN)/pip install --quiet --group mutants
	$(BIN)/python -m tests.mutants $(TARGETS)

clean: ## remove what setup made
	rm -rf $(VENV) *.egg-info build dist
