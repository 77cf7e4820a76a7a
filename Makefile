# Works from a fresh clone with git, make and Python 3.11 to 3.13 (with venv).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TRY := .try

.PHONY: test check faults test-gguf try format clean
.DEFAULT_GOAL := test

test: check
	$(BIN)/python -m pytest -m "not faults" --ignore tests/docs

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/docs

# Needs strace, setpriv and mount; a full disk is a small tmpfs, so run it as root or under `unshare -rm`.
faults: $(INSTALLED)
	$(BIN)/python -m pytest -m faults

# Over llama.cpp itself and its server, with a model's file: make test-gguf INSTAR_GGUF=FILE. Needs a C++ compiler.
test-gguf: $(INSTALLED)
	@test -f "$(INSTAR_GGUF)" || { echo "name a file: make test-gguf INSTAR_GGUF=FILE"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "llama-cpp-python[server]"
	INSTAR_GGUF="$(INSTAR_GGUF)" $(BIN)/python -m pytest -k "gguf or llama" tests/contract/test_embedder.py tests/integration/test_llama_cpp.py

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Installs into a folder of its own, then answers a question over this clone.
try:
	$(PYTHON) -m venv $(TRY)
	$(TRY)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt .
	INSTAR_DATA=$(TRY)/data $(TRY)/bin/instar search --yes --source code --language python --limit 5 "redact secrets before they are stored"

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) $(TRY) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
