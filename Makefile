# Imagen: `make help` lists what can be asked for. Needs Python 3.11+ and make, nothing else.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo run test test-fast chaos chaos-mutants bench-queue bench-overhead bench-sdxl lint format messages install install-dev

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What was typed reaches the program as it stands: `value` keeps make, the environment keeps the
# shell from reading quotes, $ and backticks in it.
override PROMPT := $(value PROMPT)
override OUT := $(value OUT)
export PROMPT OUT
NEEDS_PROMPT = make demo needs a prompt: make demo PROMPT="a castle at night" OUT=castle.png

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

demo:  ## Paint one picture: make demo PROMPT="a castle at night" OUT=castle.png
	$(if $(strip $(PROMPT)),,$(error $(NEEDS_PROMPT)))
	@$(MAKE) -s $(VENV)/.installed >&2
	@$(BIN)/python manage.py demo --prompt="$$PROMPT" --out="$${OUT:-imagen.png}"

run: install  ## Serve http://127.0.0.1:8009 (IMAGEN_PORT) until Ctrl-C
	@exec $(BIN)/python manage.py serve

test: install-dev  ## Run the whole suite on an embedded PostgreSQL of its own (ARGS=...)
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile $(ARGS)

test-fast: install-dev  ## Run only what needs neither torch nor running servers
	$(BIN)/python -m pytest --ignore=tests/pipeline --ignore=tests/stack --ignore=tests/browser --ignore=tests/chaos --ignore=tests/miniature --ignore=tests/installing $(ARGS)

bench-queue: install-dev  ## Measure the queue against its goals, some eight minutes (ARGS=--quick)
	$(BIN)/python -m benchmarks.queue_speed $(ARGS)

bench-overhead: install-dev  ## Measure what the service adds to plain diffusers, some four minutes
	$(BIN)/python -m benchmarks.overhead $(ARGS)

bench-sdxl: install-dev  ## Measure SDXL on this GPU beside plain diffusers (ARGS="--tiny --device cpu")
	$(BIN)/python benchmarks/sdxl_gpu.py $(ARGS)

chaos: install-dev  ## Kill, stop and starve two workers under load and judge what is left (SEEDS=10)
	$(BIN)/python -m tests.chaos --seeds $(or $(SEEDS),1) $(ARGS)

chaos-mutants: install-dev  ## Take each guard out of the product and see the verdict fall
	$(BIN)/python -m tests.chaos --scene all
	$(BIN)/python -m tests.chaos --mutant all

lint: install-dev  ## Check style, types, import walls and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

format: install-dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: install-dev  ## Extract and compile the French catalogue
	$(BIN)/pybabel -q extract -F pyproject.toml -k gettext_noop -k gettext_lazy -k ngettext_lazy:1,2 \
	  -k pgettext_lazy:1c,2 --no-location \
	  -o $(VENV)/django.pot generation templates
	$(BIN)/pybabel -q update -N --ignore-obsolete --ignore-pot-creation-date -D django -i $(VENV)/django.pot -d generation/locale
	$(BIN)/pybabel -q compile -D django -d generation/locale

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null | grep -q True || { \
	  echo "Imagen needs Python 3.11 or newer, which $(PYTHON) is not. Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Imagen's packages; the first time this takes some minutes." >&2
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Imagen's packages and its development tools." >&2
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed
