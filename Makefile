# The two commands of the course: `make course` runs it, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help course lab test test-browser slides site guards lint refresh constraints bench clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "coursekit needs Python 3.11 or newer; name one with make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@

course: $(STAMP) ## set up, then run every notebook headless on the embedded data
	$(BIN)/python -m coursekit run --profile smoke --dataset digits --out build --junit build/course.xml

lab: $(STAMP) ## set up, then open the first page in JupyterLab
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

test: $(STAMP) ## set up, then run the whole test suite, every notebook included
	$(BIN)/python -m pytest -n auto --dist loadfile --nbval-lax --nbval-current-env tests notebooks

test-browser: $(STAMP) ## play every widget, walk every slide and open the site in a real Chromium
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[browser]'
	$(BIN)/python -m pytest -n 2 --dist loadgroup -rsP tests/browser

slides: $(STAMP) ## make a deck for the projector of each lecture with slides: build/slides
	$(BIN)/python -m coursekit slides

site: $(STAMP) ## build the course as a static site, slides included: build/site/index.html
	$(BIN)/python -m coursekit site

guards: $(STAMP) ## run each notebook on deliberately broken packages; each must fail
	$(BIN)/python tests/guards/run.py

lint: $(STAMP) ## format and lint, notebooks included, and check the types
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

refresh: $(STAMP) ## execute the stored notebooks at the course profile and clean them
	$(BIN)/python -m coursekit refresh

constraints: $(STAMP) ## pin the versions that are installed now
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip list --format=freeze \
		| grep -vE '^(nvidia|cuda|triton|coursekit|pip=|setuptools=)' | sort -f; } > constraints.new
	@mv constraints.new constraints.txt

bench: $(STAMP) ## measure speed, side by side
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script; done

clean: ## remove what was built, but not data, trained models or the environment
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
