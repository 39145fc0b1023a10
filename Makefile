# `make install` puts nuseg into .venv, `make demo` runs it, `make test` tests it, `make docs` writes its site, `make
# dist` its packages. All of them set up .venv themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip, pinned by constraints.txt: every machine gets the versions that were tested.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.PHONY: install install-train demo test coverage test-slow test-extras lint docs dist clean

install: $(VENV)/base.ok

install-train: $(VENV)/train.ok

demo: $(VENV)/base.ok
	$(BIN)/nuseg demo -o demo

test: $(VENV)/dev.ok
	$(BIN)/python -m pytest -n logical --dist worksteal

# The same tests, and which lines they reach; it takes a fifth longer.
coverage: $(VENV)/dev.ok
	$(BIN)/python -m pytest -n logical --dist worksteal --cov

# What takes minutes: README from its first line to its last, and the built wheel, each in an environment of its own.
test-slow: $(VENV)/dev.ok
	$(BIN)/python -m pytest -n0 -m slow

# What needs napari, Qt and SpatialData, which `make test` does without: 600 MB.
test-extras: $(VENV)/extras.ok
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest tests/napari_plugin tests/results

lint: $(VENV)/dev.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v npx > /dev/null; then npx --yes --prefer-offline eslint@10.15.0 src/nuseg/viewer/static/js; \
	else echo "skipped: eslint of the viewer's JavaScript, because there is no npx"; fi

docs: $(VENV)/docs.ok
	$(BIN)/python docs/site.py

dist: $(VENV)/dev.ok
	rm -rf dist
	$(BIN)/python -m build --no-isolation

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e .
	touch $@

$(VENV)/train.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e '.[train]'
	touch $@ $(VENV)/base.ok

$(VENV)/docs.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e '.[docs]'
	touch $@ $(VENV)/base.ok

$(VENV)/dev.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e '.[train,dev]'
	touch $@ $(VENV)/base.ok $(VENV)/train.ok

$(VENV)/extras.ok: $(VENV)/dev.ok
	$(INSTALL) -e '.[train,dev,napari,spatialdata]'
	touch $@

clean:
	rm -rf $(VENV) demo dist site
