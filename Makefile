# `make app` and `make test` each do all their own set-up: an environment in .venv, the requirements, the work.
# Once installed, both run without a network. Another Python: `make test PYTHON=python3.12`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install

.DELETE_ON_ERROR:
.PHONY: help app test format

help:
	@echo "make app     open FineGrain Lens at http://127.0.0.1:8501"
	@echo "make test    lint, format check and the whole test suite"
	@echo "make format  mend what ruff can mend"

app: $(VENV)/.app-ready
	$(BIN)/python -m streamlit run streamlit_app.py --server.address=127.0.0.1

test: $(VENV)/.dev-ready
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

format: $(VENV)/.dev-ready
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

# The stamps are newer than the requirements they were made from, so a second call installs nothing.
$(VENV)/.app-ready: requirements.txt requirements-core.txt requirements-app.txt | $(BIN)/pip
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev-ready: requirements-dev.txt requirements.txt requirements-core.txt requirements-app.txt | $(BIN)/pip
	$(PIP) -r requirements-dev.txt
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "FineGrain Lens needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { echo "No environment could be made; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
