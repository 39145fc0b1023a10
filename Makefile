# Two commands: `make demo` runs nuseg on a fresh machine, `make test` runs the tests. Both set up .venv themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip, pinned by constraints.txt: every machine gets the versions that were tested.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.PHONY: demo test lint clean

demo: $(VENV)/base.ok
	$(BIN)/nuseg demo -o demo

test: $(VENV)/dev.ok
	$(BIN)/python -m pytest -n logical --dist worksteal --cov

lint: $(VENV)/dev.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v npx > /dev/null; then npx --yes --prefer-offline eslint@10.15.0 src/nuseg/viewer/static/js; \
	else echo "skipped: eslint of the viewer's JavaScript, because there is no npx"; fi

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e .
	touch $@

$(VENV)/dev.ok: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e '.[train,dev]'
	touch $@ $(VENV)/base.ok

clean:
	rm -rf $(VENV) demo
