# make demo    trains on real handwritten digits and writes pictures and models to runs/digits/
# make test    ruff, and the whole suite on both backends
# Both create the environment in .venv first. PYTHON chooses the interpreter: 3.10 to 3.13.

PYTHON ?= python3
BIN = .venv/bin
QUIET = TF_CPP_MIN_LOG_LEVEL=3

.PHONY: demo test lint clean

demo: .venv/.installed
	$(QUIET) $(BIN)/python examples/digits.py

test: lint
	$(QUIET) KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -n 2 --dist loadfile
	$(QUIET) KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 --dist loadfile

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
	rm -rf .venv build dist *.egg-info runs
