# make demo       trains on real handwritten digits and writes pictures and models to runs/digits_fast/
# make test       lint, and the whole suite on both backends
# make test-fast  the suite on one backend, without its slow tests
# All create the environment in .venv first. PYTHON chooses the interpreter: 3.10 to 3.13.

PYTHON ?= python3
BIN = .venv/bin
QUIET = TF_CPP_MIN_LOG_LEVEL=3
PYTEST = $(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal

.PHONY: demo test test-fast lint clean

demo: .venv/.installed
	$(QUIET) $(BIN)/python examples/digits.py

test: lint
	$(QUIET) KERAS_BACKEND=tensorflow $(PYTEST)
	$(QUIET) KERAS_BACKEND=jax $(PYTEST) -m "not backend_free"

test-fast: .venv/.installed
	$(QUIET) KERAS_BACKEND=tensorflow $(PYTEST) -m "not slow"

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/.installed: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[examples,jax,test]"
	touch $@

clean:
	rm -rf .venv .pytest_cache build dist *.egg-info runs
