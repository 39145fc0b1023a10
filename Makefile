# Two commands: `make demo` runs nuseg on a fresh machine, `make test` runs the tests. Both set up .venv themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip, pinned by constraints.txt: every machine gets the versions that were tested.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.PHONY: demo test test-extras lint clean

demo: $(VENV)/base.ok
	$(BIN)/nuseg demo -o demo

test: $(VENV)/dev.ok
	$(BIN)/python -m pytest -n logical --dist worksteal --cov

# What needs napari, Qt and SpatialData, which `make test` does without: 600 MB.
test-extras: $(VENV)/extras.ok
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest tests/napari_plugin tests/results

lint: $(VENV)/dev.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e .
	touch $@

$(VENV)/dev.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e '.[train,dev]'
	touch $@ $(VENV)/base.ok

$(VENV)/extras.ok: $(VENV)/dev.ok
	$(INSTALL) -e '.[train,dev,napari,spatialdata]'
	touch $@

clean:
	rm -rf $(VENV) demo
