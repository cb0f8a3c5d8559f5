# `make help` lists every task. Nothing has to be installed first but Python 3.11, git and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := currency language runtime settlement offline_token officers central_bank operator_bank wallet sandbox bench

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format messages screens protos bench clean

help: ## list the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make the environment in .venv

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[test]'
	$(BIN)/python -m sandbox.compiled
	touch $(STAMP)

demo: $(STAMP) ## a whole currency, alive, in a few minutes
	$(BIN)/dcep demo

test: $(STAMP) ## all tests, on SQLite and PostgreSQL
	$(BIN)/pytest -n 2 --dist loadgroup
	$(BIN)/pytest -n 2 --dist loadgroup tests/integration --postgresql -m "not any_database"

lint: $(STAMP) ## format and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES)

format: $(STAMP) ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screens: $(STAMP) ## pictures of what the pages in docs/tutorials show, at 80 columns
	$(BIN)/python -m sandbox.tutorials docs/tutorials/*.md --screens docs/screens

messages: $(STAMP) ## collect what is said to people, and compile its translations
	$(BIN)/python -m language.catalogue wallet.cli:app sandbox.cli:app

protos: $(STAMP) ## generate protos/gen from protos/dcep
	$(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=protos/gen --pyi_out=protos/gen \
		--grpc_python_out=protos/gen $$(find protos/dcep -name '*.proto' | sort)

bench: $(STAMP) ## measure; takes minutes
	$(BIN)/python -m bench --all

clean: ## remove what setup made
	rm -rf $(VENV) *.egg-info
