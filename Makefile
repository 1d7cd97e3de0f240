# Covenant's commands. `make` alone lists them. Everything is set up by itself, inside this folder only.

PYTHON ?= python3
IN_VENV := .venv/bin/python
LOCKING := .venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Compiled once instead of at every start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test chaos lint bench manage lock clean set-up set-up-test

help:  ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: set-up  ## start everything on http://127.0.0.1:8000/admin/ (another port: PORT=8001 make run)
	@exec $(IN_VENV) -m config.run --die-with-parent

test: set-up-test  ## run every test (some of them: make test ARGS="tests/house -k lock")
	@$(IN_VENV) -m pytest -n 2 --dist loadfile -m "not chaos" $(ARGS)

chaos: set-up-test  ## kill, freeze and starve it for some minutes, and have it examined each time
	@$(IN_VENV) -m pytest -p no:xdist -m chaos tests/faults $(ARGS)

lint: set-up-test  ## look for mistakes and untidiness
	@$(IN_VENV) -m ruff check .

bench: set-up-test  ## measure; the numbers go to bench.json
	@$(IN_VENV) -m pytest -q -s -p no:xdist -o python_files="bench_*.py" -o python_functions="bench_*" $(if $(findstring tests/,$(ARGS)),,tests/bench) $(ARGS)

manage: set-up  ## a Django command on the same data (make manage ARGS="promises --json")
	@exec $(IN_VENV) -m config.run --services-only -- $(IN_VENV) manage.py $(ARGS)

lock: set-up  ## bring the lock files up to date with pyproject.toml
	@$(LOCKING) pyproject.toml -o requirements.lock
	@$(LOCKING) --extra test -c requirements.lock pyproject.toml -o requirements-test.lock
	@printf 'uv\n' | $(LOCKING) - -o requirements-uv.lock

clean:  ## remove what can be made again; your data in var/ stays
	@rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

set-up:
	@$(PYTHON) -I config/install.py run

set-up-test: set-up
	@$(PYTHON) -I config/install.py test
