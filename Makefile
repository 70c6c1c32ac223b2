# make respect    the main job: learn from implicit feedback, round after round (SEED, ROUNDS, GAMES, TANGRAMS, OUT)
# make test       all tests
# make lint       style, types

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin

SEED ?= 0
ROUNDS ?= 6
GAMES ?= 330
TANGRAMS ?= figures
OUT ?= runs/respect-$(SEED)

.PHONY: respect test lint clean

respect: $(VENV)/installed
	$(BIN)/multiref respect --rounds $(ROUNDS) --games $(GAMES) --seed $(SEED) --tangrams "$(TANGRAMS)" --out "$(OUT)"

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV)

# The stamps say what is installed, so that nothing is installed twice.
# Last comes what is compiled once on a machine: one step of an environment, and one game.
define WARM
	$(BIN)/python -c "import gymnasium, multiref_gym; e = gymnasium.make('MultiRef-v0'); e.reset(); e.step(e.action_space.sample())"
	$(BIN)/multiref simulate --listener random --games 1 --out $(VENV)/warm.jsonl --force > $(VENV)/warm.txt
endef

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	$(WARM)
	touch $@

$(VENV)/installed-dev: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(WARM)
	touch $@ $(VENV)/installed

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("multiref-gym needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
