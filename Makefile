# Works with GNU Make 3.81 (the one on macOS) and later.
#
# Each target installs what it needs into .venv, once, from the locks and with every hash checked.
# PYTHON= picks another interpreter and gives it an environment of its own:
#
#     make test PYTHON=python3.12        # uses .venv-3.12

.SUFFIXES:
.DEFAULT_GOAL := help
.PHONY: help demo test slow lint audit format hooks bench path front-end mappings chaos texts screenshots lock clean

# ---------------------------------------------------------------------------------- interpreter

# Succeeds on a Python that can hold the project. Running it is the only sure way to know: a
# version manager may leave a `python3` on the PATH that only prints an error.
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
CANDIDATES := python3 python3.13 python3.12 python3.11 python3.14

ifeq ($(origin PYTHON),command line)
PYTHON_VERSION := $(shell $(PYTHON) -c '$(SUITABLE)' >/dev/null 2>&1 && \
	$(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifeq ($(PYTHON_VERSION),)
$(error PYTHON=$(PYTHON) is no working Python 3.11 or later with the venv module)
endif
FOUND_PYTHON = $(PYTHON)
VENV := .venv-$(PYTHON_VERSION)
else
# Expanded only when an environment has to be made.
FOUND_PYTHON = $(shell for candidate in $(CANDIDATES); do \
	"$$candidate" -c '$(SUITABLE)' >/dev/null 2>&1 && { echo "$$candidate"; break; }; done)
VENV := .venv
endif

BIN := $(VENV)/bin

# ---------------------------------------------------------------------------------- environment

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

# $(call install,LOCK): the locked packages, then the project itself. The build backend is in every
# lock, so the second step needs no isolated build, which would fetch it without a hash.
define install
@echo "Installing $(1) into $(VENV)"
@$(PIP) install --require-hashes -r $(1)
@$(PIP) install --no-deps --no-build-isolation -e .
endef

# Made when missing, and also when the interpreter that it links to is gone.
$(BIN)/python:
	@python="$(FOUND_PYTHON)"; \
	if [ -z "$$python" ]; then \
		echo "No Python 3.11 or later with the venv module found (tried: $(CANDIDATES))." >&2; \
		echo "Install one, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$python"; \
	$$python -m venv --clear $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.lock)
	@touch $@

$(VENV)/.installed-bench: requirements-bench.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-bench.lock)
	@touch $@

# On top of the others, since only the slow tests need it.
$(VENV)/.installed-front-end: requirements-front-end.lock | $(VENV)/.installed-dev
	$(call install,requirements-front-end.lock)
	@touch $@

$(VENV)/.installed-ray: requirements-ray.lock | $(VENV)/.installed-dev
	$(call install,requirements-ray.lock)
	@touch $@

$(VENV)/.installed-audit: requirements-audit.lock | $(VENV)/.installed-dev
	$(call install,requirements-audit.lock)
	@touch $@

# -------------------------------------------------------------------------------------- targets

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed ## Render a small queue without a GPU, a model or ComfyUI
	@$(BIN)/mediagen demo

# Two more than there are cores, since many tests wait for programs; a process for each costs memory
# and seconds to begin with, hence no more than eight.
TEST_PROCESSES = $(shell $(BIN)/python -c 'import os; print(min(8, (os.cpu_count() or 1) + 2))')

# Adjacent tests share renders and imports, so each process gets a series of them, and a process that
# finishes early takes tests from the others.
# Lint runs at the same time as the tests, which wait for programs half of the time; if it fails, its
# messages come last. What pytest ended with is kept for .ci/run, since make itself says 2 to all.
# ARGS go to pytest, and then only the tests run: make test ARGS="-k retry tests/unit"
ARGS :=

# Bytecode is kept whatever the environment says: without it every process of the tests compiles all
# modules for itself. In a new checkout one process does that for all.
unexport PYTHONDONTWRITEBYTECODE
COMPILE_TESTS = [ -d tests/__pycache__ ] || $(BIN)/pytest --collect-only -qq > /dev/null 2>&1

ifeq ($(strip $(ARGS)),)
test: $(VENV)/.installed-dev ## Run lint and all tests but the slow ones; ARGS="-k word" runs some tests
	@$(MAKE) --no-print-directory lint > $(VENV)/lint.log 2>&1 & lint=$$!; \
	{ [ ! -e $(VENV)/.installed-audit ] || $(BIN)/python -m tests.audit; } > $(VENV)/audit.log 2>&1 & \
	audit=$$!; \
	$(COMPILE_TESTS); \
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal -m "not slow"; tests=$$?; \
	wait $$audit || cat $(VENV)/audit.log; \
	wait $$lint || { cat $(VENV)/lint.log; echo "Lint failed; the tests are above."; exit 1; }; \
	echo $$tests > $(VENV)/tests.status; exit $$tests
else
test: $(VENV)/.installed-dev
	@$(BIN)/pytest $(ARGS)
endif

slow: $(VENV)/.installed-dev $(VENV)/.installed-front-end $(VENV)/.installed-ray ## Run the slow tests, and those of properties with many examples
	@HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal \
		-m "slow or hypothesis"; tests=$$?; echo $$tests > $(VENV)/tests.status; exit $$tests

lint: $(VENV)/.installed-dev ## Check style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tests $(wildcard benchmarks)
	$(BIN)/lint-imports --no-logo

audit: $(VENV)/.installed-dev $(VENV)/.installed-audit ## Check the locks, and ask for known vulnerabilities of what they hold
	@$(BIN)/python -m tests.audit

format: $(VENV)/.installed-dev ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hooks: $(VENV)/.installed-dev ## Let git check style and import contracts before each commit
	@$(BIN)/pre-commit install

bench: $(VENV)/.installed-bench $(VENV)/.installed-ray ## Measure the queue and write the figures into docs/performance.md
	@$(BIN)/python -m benchmarks --write

path: $(VENV)/.installed-dev ## Count the files and functions on the path of a picture and of a request
	@$(BIN)/python -m benchmarks.path

front-end: $(VENV)/.installed-dev $(VENV)/.installed-front-end ## Compare converted workflows with ComfyUI's own export (needs a Chromium)
	@$(BIN)/python -m tests.front_end $(ARGS)

mappings: $(VENV)/.installed-dev $(VENV)/.installed-front-end ## Score the mappings of public workflows (ARGS="--clones DIR" for API files)
	@$(BIN)/python -m tests.mappings $(ARGS)

CHAOS_FLAGS :=

chaos: $(VENV)/.installed-dev ## Kill workers 3,000 times and check the results; send random requests
	@$(BIN)/python -m tests.chaos --report $(CHAOS_FLAGS)
	@$(BIN)/python -m tests.chaos --cycles 1400 --jobs 2 $(CHAOS_FLAGS) --journal=postgres
	@$(BIN)/python -m tests.contract.queue_machine_long --examples 10000
	@$(BIN)/python -m tests.web.fuzz --seconds 600

COMFYUI_URL ?= http://127.0.0.1:8188
RECORD_FLAGS :=

recordings: $(VENV)/.installed-dev ## Compare the ComfyUI at COMFYUI_URL with what older ones answered
	@$(BIN)/python -m tests.comfyui_double.recorder $(COMFYUI_URL) $(RECORD_FLAGS)

# English texts are the keys; docs/translations.md.
LANGUAGE :=

texts: $(VENV)/.installed-dev ## Collect the texts of the page for translators; LANGUAGE=fr begins French
	@$(BIN)/python -m tests.web.texts $(LANGUAGE)

screenshots: $(VENV)/.installed-dev ## Draw the pictures of the page in docs/images (needs a Chromium)
	@$(BIN)/python -m tests.web.screenshots

# Needs uv. Versions already locked stay unless `make lock LOCK_FLAGS=--upgrade` asks for newer ones.
# One version for every supported Python, so that all of them run the same code.
COMPILE = uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--group build $(LOCK_FLAGS)

lock: ## Write the requirements locks again from pyproject.toml (needs uv)
	$(COMPILE) --extra dev -o requirements-dev.lock
	$(COMPILE) -c requirements-dev.lock -o requirements.lock
	$(COMPILE) -c requirements-dev.lock --extra bench -o requirements-bench.lock
	$(COMPILE) -c requirements-dev.lock --extra front-end -o requirements-front-end.lock
	$(COMPILE) -c requirements-dev.lock --extra audit -o requirements-audit.lock
	$(COMPILE) -c requirements-dev.lock --extra ray -o requirements-ray.lock
	$(COMPILE) -c requirements-dev.lock --extra container -o requirements-container.lock
	$(COMPILE) -c requirements-dev.lock -c requirements-ray.lock --extra kuberay -o requirements-kuberay.lock

clean: ## Remove environments, build results and caches
	rm -rf .venv .venv-* build dist
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
