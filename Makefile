# make respect    the main job: learn from implicit feedback, round after round (SEED, ROUNDS, GAMES, TANGRAMS, OUT)
# make test       all tests
# make lint       style, spelling, types
# make docs       the documentation site, in docs/_build

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
VERIFIERS ?= .venv-verifiers
BIN := $(VENV)/bin

SEED ?= 0
ROUNDS ?= 6
GAMES ?= 330
TANGRAMS ?= figures
OUT ?= runs/respect-$(SEED)

.PHONY: respect test lint docs warm verifiers clean

respect: $(VENV)/installed
	$(BIN)/multiref respect --rounds $(ROUNDS) --games $(GAMES) --seed $(SEED) --tangrams "$(TANGRAMS)" --out "$(OUT)"

test: warm verifiers
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

docs: $(VENV)/installed-dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs docs/_build

clean:
	rm -rf $(VENV) $(VERIFIERS) docs/_build docs/api

warm: $(VENV)/warm

verifiers: $(VERIFIERS)/installed

# Python compiles a module when it is first imported, and keeps that; pip would compile all that it installs, needed or not.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable

# The stamps say what is installed, so that nothing is installed twice.
$(VENV)/installed: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) .
	touch $@

$(VENV)/installed-dev: setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) ".[dev,docs]"
	touch $@ $(VENV)/installed

# What is compiled once on a machine, so that no test waits for it: one step of an environment, one game, and all that
# the tests import. What they cannot import, `test` tells.
$(VENV)/warm: $(VENV)/installed-dev
	$(BIN)/python -c "import gymnasium, multiref_gym; e = gymnasium.make('MultiRef-v0'); e.reset(); e.step(e.action_space.sample())"
	$(BIN)/multiref simulate --listener random --games 1 --out $(VENV)/warm.jsonl --force > $(VENV)/warm.txt
	-$(BIN)/python -m pytest --collect-only -n 0 > $(VENV)/warm.txt
	touch $@

# verifiers needs other versions of some packages, so it has an environment of its own, which sees all of the first one.
$(VERIFIERS)/installed: environments/verifiers/pyproject.toml $(VENV)/installed-dev
	$(BIN)/python -m venv --upgrade-deps $(VERIFIERS)
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
		> $$($(VERIFIERS)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/shared.pth
	$(VERIFIERS)/bin/python -m pip install --quiet --no-compile --editable environments/verifiers
	touch $@

# The newest pip needs a third of the time of the one that comes with Python 3.11.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("multiref-gym needs Python 3.11 or newer")'
	$(PYTHON) -m venv --upgrade-deps $(VENV)
