# Two commands: `make lab` (learn) and `make test` (run every test). Both install what they need once,
# into .venv, and need no network afterwards.
#
#   make lab                                   install, then open JupyterLab at the first lab
#   make lab ARGS="--no-browser --port 8899"   the same on a machine without a screen
#   make lab TORCH=cpu                         small CPU build of PyTorch (from PyTorch's own index)
#   make test                                  style, types, build check, all tests
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
TORCH ?= default
ARGS ?=
BIN := $(VENV)/bin

.PHONY: lab test install build verify fast style clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

install:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" TORCH="$(TORCH)" bash .ci/install

lab: install
	@$(BIN)/course lab $(ARGS)

test: install style
	@echo "== 1 of 3: generated files are what their sources give"
	@$(BIN)/course build --check
	@echo "== 2 of 3: fast tests, one process a core"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n 2 -m "not slow and not browser and not notebooks" $(PYTEST)
	@echo "== 3 of 3: training, notebooks, grading and the browser, one after the other"
	@$(BIN)/python -m pytest tests -m "slow or browser or notebooks" $(PYTEST)

# what a maintainer runs between two edits
fast: install
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n 2 -m "not slow and not browser and not notebooks" $(PYTEST)

style: install
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

build: install
	@$(BIN)/course build

verify: install
	@$(BIN)/course verify

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache
