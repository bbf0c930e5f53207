# Every target installs what it needs first. `make help` lists them.

PYTHON ?=
PORT ?=
ARGS ?=
ROW ?=
SEED ?=
STEP ?=
VENV := .venv
RUN := PYTHONPATH=.:plugins exec $(VENV)/bin/python
# Nothing is left in the home directory: caches stay in this folder.
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PYTHONDONTWRITEBYTECODE :=
export AIRFLOW_HOME := $(CURDIR)/.state/airflow

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-redshift demo-iceberg up airflow aws test slow lint coverage browser bench chaos mutants conformance docs reference lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## install everything into .venv

demo: setup ## score four days of real flights through real Airflow, and show the result
	@$(RUN) -m local demo

demo-redshift: setup ## score a day that Redshift unloads and loads, both of them stand-ins
	@$(RUN) -m local demo-redshift

demo-iceberg: setup ## score a day into an Iceberg table, and read it back
	@$(RUN) -m local demo-iceberg

up: setup ## keep the stack running with the Airflow UI until Ctrl-C; PORT=8080 chooses the port
	@$(RUN) -m local up $(if $(PORT),--port $(PORT))

airflow: setup ## run the airflow CLI of the stack that is up: make airflow ARGS="dags list"
	@$(RUN) -m local airflow $(ARGS)

aws: setup ## serve the local AWS alone until Ctrl-C, on port 4566 or PORT=4567
	@$(RUN) -m sagemaker_local --port $(or $(PORT),4566) --containers local/containers.yaml

test: setup lint ## run the whole test suite
	@$(RUN) -m pytest

slow: setup ## run the tests that take minutes, one after the other
	@$(RUN) -m pytest -m slow -n 0

lint: setup ## check style and types
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy --no-error-summary

coverage: setup ## list the lines and branches of the work that its tests miss; fails below 95 %
	@PYTHONPATH=.:plugins $(VENV)/bin/python -m coverage run -m pytest -n 0 \
		tests/unit tests/contract tests/integration
	@$(RUN) -m coverage report

browser: setup ## try the pages in headless Chromium (apt-get install chromium), and renew docs/images
	@BROWSER_IMAGES=docs/images $(RUN) -m pytest -m slow -n 0 tests/e2e/test_browser.py

bench: setup ## compare with what people use today; ROW=name chooses
	@$(RUN) -m tests.bench $(ROW)

chaos: setup ## break everything around runs, and judge what is left; SEED=1 STEP=7 replays one fault
	@$(RUN) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(STEP),--step $(STEP)) $(ARGS)

mutants: setup ## change the modules that decide, a little each time, and count what no test finds
	@$(RUN) -m tests.mutants $(ARGS)

conformance: setup ## run the vectors of the real service against the local Batch Transform
	@PYTHONPATH=local/aws/tests $(VENV)/bin/python -m sagemaker_lab.conformance

docs: setup ## build the documentation's site into .state/site
	@$(VENV)/bin/mkdocs build --quiet

reference: setup ## write what the docs say of each setting from the model
	@$(RUN) -m tests.reference

COMPILE := $(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --quiet

lock: setup ## compile each list of dependencies into its pinned one
	@$(COMPILE) requirements.in -o requirements.txt
	@$(COMPILE) local/aws/tests/clients/clients.in -o local/aws/tests/clients/clients.txt
	@$(COMPILE) tests/integration/spark/spark.in -o tests/integration/spark/spark.txt
	@$(COMPILE) tests/integration/snowflake/provider.in -o tests/integration/snowflake/provider.txt

# What the package in local/aws declares, its version included.
AWS_METADATA := local/aws/pyproject.toml local/aws/src/sagemaker_local/__init__.py

$(VENV)/.installed: requirements.txt local/setup.sh $(AWS_METADATA)
	@sh local/setup.sh "$(PYTHON)" $(VENV)
