# The two commands are `make run` and `make test`; `make help` lists the rest.
PYTHON ?= python3
PIP = .venv/bin/pip --disable-pip-version-check --quiet
SOURCES := $(shell find dnsguard blocklists -name '*.py' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.txt' -o -name '*.md')

.PHONY: help run test test-compiled test-plain check format pages sanitize fuzz fuzz-briefly \
	soak soak-load soak-faults bench lock clean .venv

help:
	@echo "make run      set everything up and serve on 127.0.0.1:10053 with a demo config"
	@echo "make test     run every test, of the compiled build and of the plain one"
	@echo "make check    lint, types, formatting"
	@echo "make .venv    only set up: .venv/bin/dnsguard"
	@echo "make pages    make standards, threats, faults and promises in docs/ anew from their tests"
	@echo "make sanitize  run what writes through pointers under sanitizers"
	@echo "make fuzz     look for octets that do harm, 10 minutes for each target"
	@echo "make soak     an hour of load and faults, then every fault and attack at length (root)"
	@echo "make bench    measure, beside other servers (20 minutes)"
	@echo "make lock     pin the dependencies anew"

run: .venv
	.venv/bin/dnsguard serve --demo

# Run of the compiled build alone: downloads, files and pages, which no compiled module handles.
ONE_BUILD := tests/deploy tests/test_commands.py tests/test_pages.py tests/test_structure.py \
	tests/scenarios/test_broken_config.py tests/scenarios/test_list_server.py \
	tests/scenarios/test_lists_full_disk.py tests/scenarios/test_lists_go_live.py \
	tests/scenarios/test_lists_interrupted.py

# One after the other; `make --jobs=2 --output-sync=target test` is sooner done and shows later.
test: test-compiled test-plain

test-compiled: .venv .venv/.develop .venv/.packages
	DNSGUARD_BUILD=compiled .venv/bin/pytest

test-plain: .venv .venv/.develop .venv/.packages
	DNSGUARD_BUILD=plain PYTHONPATH=$(CURDIR) .venv/bin/pytest $(addprefix --ignore=,$(ONE_BUILD))

check: .venv .venv/.develop
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

format: .venv/.develop
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

pages: .venv .venv/.develop
	.venv/bin/python -m tests.pages

# SOAK has more options: --seed, --seconds, --rate, --faults, --report (see tests/soak/__main__.py).
soak: soak-load
	$(MAKE) soak-faults

soak-load: .venv .venv/.develop .venv/.packages
	DNSGUARD_BUILD=compiled .venv/bin/python -P tests/soak $(SOAK)

soak-faults: .venv .venv/.develop .venv/.packages
	DNSGUARD_BUILD=compiled DNSGUARD_FAULT_SECONDS=20 DNSGUARD_CORPUS_MOST=1000000 \
		DNSGUARD_ATTACK_NAMES=1000000 DNSGUARD_KILL_POINTS=200 DNSGUARD_FUZZ_SCRIPTS=20000 \
		.venv/bin/pytest tests/faults tests/attacks \
		tests/scenarios/test_lists_interrupted.py tests/compiled/test_differences.py

bench: .venv .venv/.develop .venv/.packages .venv/.peers
	.venv/bin/python -P benchmarks/answers.py
	.venv/bin/python -P benchmarks/starting.py
	.venv/bin/python -P benchmarks/scaling.py
	.venv/bin/python -P benchmarks/reload_pause.py
	.venv/bin/python -P benchmarks/million_names.py
	.venv/bin/python -P benchmarks/floods.py

.venv: .venv/.installed

.venv/bin/pip:
	scripts/install-packages build
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/bin/pip requirements/runtime.lock requirements/build.lock
	$(PIP) install --require-hashes -r requirements/runtime.lock
	$(PIP) install --require-hashes -r requirements/build.lock
	touch $@

.venv/.installed: .venv/.runtime pyproject.toml setup.py README.md $(SOURCES)
	rm -rf build
	$(PIP) install --no-deps --no-build-isolation --force-reinstall .
	@.venv/bin/dnsguard --version
	@.venv/bin/dnsguard --version | grep -q compiled || echo "It runs uncompiled: that works, but slower. For speed: gcc and python3-dev, then make clean run."
	touch $@

# Behind the bar: what is installed first, for pip must not run twice at once.
.venv/.develop: .venv/.runtime requirements/develop.lock | .venv/.installed
	$(PIP) install --require-hashes -r requirements/develop.lock
	touch $@

# What the tests need beside Python: real servers and real clients.
.venv/.packages: scripts/install-packages | .venv/bin/pip
	scripts/install-packages test
	touch $@

# The compiled modules under AddressSanitizer and UndefinedBehaviorSanitizer.
sanitize: .venv .venv/.develop .venv/.packages
	scripts/sanitize

# Coverage-guided, of the plain build; DNSGUARD_FUZZ_SECONDS for each target.
fuzz: .venv .venv/.develop .venv/.fuzz
	scripts/fuzz

fuzz-briefly: .venv .venv/.develop .venv/.fuzz
	DNSGUARD_FUZZ_SECONDS=5 scripts/fuzz

.venv/.fuzz: .venv/.runtime requirements/fuzz.lock | .venv/.develop
	$(PIP) install --require-hashes -r requirements/fuzz.lock
	touch $@

# What the benchmarks put beside dnsguard.
.venv/.peers: scripts/install-packages
	scripts/install-packages bench
	touch $@

lock: .venv/.develop
	scripts/lock

clean:
	rm -rf .venv build .demo .fuzz *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
