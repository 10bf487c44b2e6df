# The verbs of policy-stance; `make` alone lists them. Every verb is a call of `python -m …` that README.md shows too.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help train train-now eval annotate tune crossvalidate data-report bench test torture check audit fuzz lock clean FORCE

PYTHON ?= python3# interpreter for the environment, 3.11 or newer
DATA ?=# labelled clauses: a file, a folder or hub:owner/name[:config]
MODEL ?=# a saved model other than models/stance.joblib
DOC ?=# documents to code
ARGS ?=# further options for train, eval or annotate

ifeq ($(strip $(PYTHON)),)
$(error PYTHON= is empty: name an interpreter, 3.11 or newer)
endif
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

RUN := .venv/bin/python -m
PIP := .venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes
COMPILE := .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml
SOURCES := data/clauses $(wildcard data/clauses/* data/*.py train/*.py) features/text.py features/actors.py \
	$(patsubst %,models/%.py,classifier counting compact fitting calibration scorer storage) requirements.txt
OPTIONS = $(if $(MODEL),--model $(MODEL)) $(if $(DATA),--data $(DATA)) $(ARGS)

help:
	@echo 'make VERB, with DATA= MODEL= DOC= ARGS= PYTHON= where they apply:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

train: $(if $(DATA)$(MODEL)$(ARGS),train-now,models/stance.joblib) ## learn from data/clauses → models/stance.joblib (or from your labels: DATA=labels.csv)

eval: $(if $(MODEL),,models/stance.joblib) | .venv/.runtime $(filter train,$(MAKECMDGOALS)) ## judge the model on its held-out documents (or on other labels: DATA=gold.csv)
	@$(RUN) eval $(OPTIONS)

annotate: $(if $(DOC),$(if $(MODEL),,models/stance.joblib)) | .venv/.runtime ## code every clause of documents: DOC=article.txt
	@$(if $(DOC),$(RUN) models.annotate $(if $(MODEL),--model $(MODEL)) $(ARGS) $(DOC),echo 'error: no document: make annotate DOC=article.txt' >&2; exit 2)

tune: .venv/.runtime ## compare settings by cross-validation → reports/tune/ (resumes; ARGS="--gold gold.jsonl" confirms on other labels)
	@$(RUN) eval.tune $(if $(DATA),--data $(DATA)) $(ARGS)

crossvalidate: .venv/.runtime ## how well would it do if trained on such labels: DATA=labels.csv
	@$(RUN) eval.crossvalidate $(if $(DATA),--data $(DATA)) $(ARGS)

data-report: .venv/.runtime ## describe the corpus: counts, agreement, learning curve → reports/data/ (DATA=gold.csv adds it to the curve)
	@$(RUN) eval.data_report $(if $(DATA),--data $(DATA)) $(ARGS)

bench: $(if $(MODEL),,models/stance.joblib) | .venv/.runtime ## how fast is it beside its peers → reports/bench/ (requirements-peers.txt; ARGS="--documents speeches/")
	@$(RUN) eval.benchmark $(if $(MODEL),--model $(MODEL)) $(ARGS)

test: check audit ## check and audit, then run every test, docstring and README example
	@$(RUN) pytest -n auto --dist loadfile

torture: .venv/.dev ## kill processes at random for minutes: is anything lost or coded twice?
	@$(RUN) pytest -m torture -s tests

check: .venv/.dev ## style, types and the direction of imports
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@.venv/bin/lint-imports

audit: .venv/.dev ## look for known vulnerabilities of the pinned dependencies (passes, and says so, without network)
	@.venv/bin/python tests/audit.py

fuzz: .venv/.dev ## random and mutated input against every reader and writer: ARGS="--seconds 300 --target segment"
	@.venv/bin/python tests/fuzz.py $(ARGS)

lock: .venv/.dev ## renew the pins in requirements*.txt from pyproject.toml
	@$(COMPILE) --output-file requirements.txt
	@$(COMPILE) --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@$(filter-out pyproject.toml,$(COMPILE)) --group peers --constraint requirements.txt --output-file requirements-peers.txt

clean: ## remove the model, the reports and the caches; the environment stays
	@rm -rf models/stance.joblib models/stance.json models/stance.skops models/stance.npz models/README.md \
		reports .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find data features models train eval tests -name __pycache__ -prune -exec rm -rf {} +

train-now: | .venv/.runtime
	@$(RUN) train $(OPTIONS)

models/stance.joblib: $(SOURCES) $(if $(and $(wildcard models/stance.json),$(wildcard models/stance.skops),$(wildcard models/stance.npz)),,FORCE) | .venv/.runtime
	@$(RUN) train

FORCE:

# The environment. Its stamps are written last, so an interrupted installation is begun anew.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) -c 'import sys; print(sys.base_prefix + sys.version)' 2>/dev/null),$(shell cat .venv/.python 2>/dev/null))
.PHONY: .venv/.runtime
endif
endif

.venv/.runtime: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo 'error: no interpreter $(PYTHON): name one with PYTHON=' >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is $$($(PYTHON) -V 2>&1), policy-stance needs Python 3.11 or newer: name one with PYTHON=" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'error: $(PYTHON) has no venv module: install it (Debian: python3-venv) or name another interpreter with PYTHON=' >&2; exit 2; }
	@echo 'setting up .venv (once; about a minute)' >&2
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) -r requirements.txt
	@$(PYTHON) -c 'import sys; print(sys.base_prefix + sys.version)' > .venv/.python
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	@echo 'adding the tools for tests to .venv' >&2
	@$(PIP) -r requirements-dev.txt
	@touch $@
