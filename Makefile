# `make run` and `make test` do all the set-up; `make help` lists the rest.
#   PYTHON=python3.12   the interpreter that .venv is made with
#   ARGS='-k name -x'   more arguments for pytest, vsockdump demo or the benchmark

PYTHON ?= python3
BIN := .venv/bin
ENGINE := $(wildcard vsockdump/engine/*.pyx vsockdump/engine/*.pxd)
BENCH := $(if $(QUICK),--quick) $(ARGS)

.PHONY: help run test check static format test-vm bench clean
.DEFAULT_GOAL := help

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

run: .venv/.engine ## Set up, then show decoded packets: vsockdump demo
	@$(BIN)/vsockdump demo $(ARGS)

test: .venv/.engine .venv/.dev ## Set up, then run the tests (all but those that boot machines)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not vm" $(ARGS)

check: static ## Format, lint, types, layers, then the tests
	@$(MAKE) test

static: .venv/.engine .venv/.dev ## Format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.engine .venv/.dev ## Rewrite the sources as ruff wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-vm: .venv/.engine .venv/.dev ## The tests on real kernels, in QEMU (a quarter of an hour)
	@.ci/packages vm
	$(BIN)/python -m pytest -m vm tests/vm $(ARGS)

bench: .venv/.engine .venv/.dev ## Speed against tcpdump, tshark, dpkt and Scapy; QUICK=1: a tenth of the size
	$(BIN)/python -m tests.bench $(BENCH)

clean: ## Remove everything that was made here
	rm -rf .venv build dist bench-data out *.egg-info vsockdump/engine/*.so vsockdump/engine/*.c
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up, each step once; a stamp stands for it. An interrupted step has no stamp and is done again.

.venv/.made: .ci/packages
	@PYTHON="$(PYTHON)" .ci/packages build
	@echo "Setting up .venv (once, about a minute)"
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1' 'setuptools>=77' 'Cython>=3.1'
	@touch $@

.venv/.installed: .venv/.made pyproject.toml setup.py MANIFEST.in
	@echo "Building the engine"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install -qq --no-build-isolation \
		--config-settings editable_mode=compat --editable .  # a path, not a hook that costs 10 ms
	@touch $@

.venv/.engine: .venv/.installed $(ENGINE)
	@$(BIN)/python setup.py --quiet build_ext --inplace --parallel 2
	@touch $@

.venv/.dev: .venv/.installed
	@.ci/packages test
	@echo "Installing what the tests and checks need"
	@$(BIN)/python -m pip install -qq --group dev 'vsockdump[oracles]'
	@touch $@
