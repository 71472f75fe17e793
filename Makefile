# Every target builds the `.venv` it needs; nothing but Python (3.11 or newer) and make is asked for.
#   make demo PYTHON=python3.12      uses that Python for a new .venv

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
PIP    := $(RUN) -m pip -qq --disable-pip-version-check --no-input
ROOMS  := errors.py config.py hooks.py private_folder.py graph tensor gradient control rewriting compile
CORE   := $(wildcard $(addprefix autodiff_lab/,$(ROOMS)))

.PHONY: help demo lab test test-browser test-full lint notebooks bench accuracy reference docs clean
.DELETE_ON_ERROR:

help:
	@echo "make demo          the logistic function, from expression to compiled kernel, in the terminal"
	@echo "make lab           JupyterLab on the first notebook"
	@echo "make test          the tests that need no browser, and the notebooks"
	@echo "make test-browser  the saved page in Chromium"
	@echo "make test-full     whole test matrices, then what test-browser and the notebooks run"
	@echo "make lint          ruff, isort, and mypy on the core"
	@echo "make bench         timings as ratios, written to benchmarks/results/"
	@echo "make accuracy      the errors of exp, log, ... in kernels, and of formulas before and after"
	@echo "                   rewriting, written to docs/reference/"
	@echo "make reference     JAX's derivatives, for tests to compare with, written to tests/data/"
	@echo "make notebooks     runs the notebooks and keeps what they show"
	@echo "make docs          the pages generated from the code, and docs/_build/html"
	@echo "make clean         removes .venv and what the tools leave behind"

demo: $(VENV)/core.stamp
	@$(RUN) -m autodiff_lab demo

lab: $(VENV)/lab.stamp
	@$(RUN) -m jupyter lab notebooks/01_first_gradient.ipynb

test: $(VENV)/test.stamp
	$(RUN) -m pytest -q -n 2 tests --ignore tests/browser
	$(RUN) -m pytest -q -p no:randomly --nbval notebooks

test-browser: $(VENV)/test.stamp
	$(RUN) -m pytest -q tests/browser

test-full: $(VENV)/test.stamp
	AUTODIFF_LAB_TESTS=full $(RUN) -m pytest -q -n 2 tests --ignore tests/browser
	$(RUN) -m pytest -q tests/browser
	$(RUN) -m pytest -q -p no:randomly --nbval notebooks

lint: $(VENV)/test.stamp
	$(RUN) -m ruff check --output-format concise .
	$(RUN) -m isort --check-only --quiet autodiff_lab tests docs benchmarks
	$(RUN) -m mypy $(CORE)

notebooks: $(VENV)/test.stamp
	$(RUN) notebooks/refresh.py

bench: $(VENV)/core.stamp
	$(RUN) benchmarks/run.py

accuracy: $(VENV)/test.stamp
	$(RUN) tests/vector_accuracy.py
	$(RUN) tests/expression_accuracy.py

reference: .venv-peers/jax.stamp
	JAX_PLATFORMS=cpu .venv-peers/bin/python tests/make_reference.py

.venv-peers/jax.stamp:
	@echo "building .venv-peers with JAX (once)"
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/pip -qq --disable-pip-version-check --no-input install "jax>=0.5"
	@touch $@

docs: $(VENV)/docs.stamp
	$(RUN) docs/build.py
	$(RUN) -m sphinx -q -W -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- the environment -----------------------------------------------------------------------------
# One stamp per extra; a changed pyproject.toml makes each be installed again when it is next needed.

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "autodiff_lab needs Python 3.11 or newer; \`$(PYTHON)\` is not that. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "\`$(PYTHON) -m venv\` does not work here: install the package $$($(PYTHON) -c 'import sys; print("python3.%d-venv" % sys.version_info[1])') (Debian, Ubuntu: apt install python3-venv), then run make again."; exit 1; }
	@echo "building $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/core.stamp: $(VENV)/python.stamp pyproject.toml
	@$(PIP) install --editable .
	@touch $@

$(VENV)/%.stamp: $(VENV)/core.stamp
	@echo "adding the $* extra"
	@$(PIP) install --editable ".[$*]"
	@touch $@
