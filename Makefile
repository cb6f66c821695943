# Every target does its own set-up from a fresh clone; Node 20.12 or newer and make are all it takes.

# onnxruntime-node's install script fetches CUDA libraries from outside the package registry.
ifneq ($(CUDA),1)
export ONNXRUNTIME_NODE_INSTALL := skip
endif

BIN := node_modules/.bin
INSTALLED := node_modules/.installed
COMPILED := dist/.compiled
# Directories too: one that lost a file is newer than the last compilation. (`test/.`, since `test` is a target.)
SOURCES := $(shell find src/. pipelines/. test/. -name fixtures -prune -o \( -type d -o -name '*.ts' \) -print 2>/dev/null)

DEMO := data/results/demo
DEMO_MODEL := data/embedded/model
DEMO_CALIBRATION := data/embedded/calibration.jsonl
DEMO_TEXT := data/embedded/held-out.jsonl
DEMO_OPTIONS := --calibration $(DEMO_CALIBRATION) --tokens 16384 --window 128 --rank 16

.PHONY: help build demo test check format oracles bench bench-depth bench-peers bench-arithmetic bench-solver bench-plan bench-wide bench-share bench-kill bench-disk bench-fuzz clean node

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

build: $(COMPILED) ## install and compile; `npx quailora` works afterwards (CUDA=1: with the CUDA libraries)

node:
	@command -v node >/dev/null || { echo 'node is missing: install Node.js 20.12 or newer (nodejs.org, or your package manager).' >&2; exit 1; }
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 12)) { console.error("Node " + process.versions.node + " at " + process.execPath + " is too old: install 20.12 or newer, or put it first in PATH."); process.exit(1); }'

$(INSTALLED): package-lock.json | node
	npm ci --include=dev --no-audit --no-fund
	@touch $@

$(COMPILED): $(INSTALLED) tsconfig.json $(SOURCES) | node
	rm -rf dist
	$(BIN)/tsc
	@chmod +x dist/src/cli/main.js
	@ln -sf ../../dist/src/cli/main.js $(BIN)/quailora
	@touch $@

demo: build ## a small model end to end: correct it, compare, verify (under two minutes)
	@rm -rf $(DEMO)
	@node dist/src/cli/main.js init $(DEMO_MODEL) $(DEMO_OPTIONS) --output $(DEMO)/init --write-base
	@node dist/src/cli/main.js compare $(DEMO_MODEL) $(DEMO_OPTIONS) --text $(DEMO_TEXT) --output $(DEMO)/compare
	@node dist/src/cli/main.js verify $(DEMO)/init --calibration $(DEMO_CALIBRATION)
	@echo 'The adapter and its base are in $(DEMO)/init, the table above as JSON in $(DEMO)/compare/report.json.'

test: build ## all tests
	$(BIN)/tap

check: build ## types, lint, format, dependency rules, dead code, docs
	@sh .config/check.sh

format: $(INSTALLED) ## rewrite the sources in the house format
	$(BIN)/prettier --config .config/prettier.json --write 'src/**/*.ts' 'pipelines/**/*.ts' 'test/**/*.ts' '.config/*.{js,cjs,json}' '*.json'

.venv/.installed: test/oracles/requirements.txt
	@command -v python3 >/dev/null || { echo 'python3 is missing: the oracles need Python 3.10 or newer with its venv module.' >&2; exit 1; }
	rm -rf .venv
	python3 -m venv .venv || { echo 'python3 -m venv failed: install the venv module (Debian: python3-venv).' >&2; exit 1; }
	@# First and alone: resolved with the others, some indexes offer only a CUDA build of several GB.
	.venv/bin/pip install --quiet --disable-pip-version-check $$(grep '^torch==' $<)
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

oracles: build .venv/.installed ## compare with transformers, bitsandbytes and peft (Python)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" test/oracles/run.sh

bench: build .venv/.installed ## memory against depth, datasets, and time and memory against PyTorch (Python); prints JSON
	@status=0; for bench in flat-in-depth dataset-throughput compare-with-pytorch; do node dist/test/bench/$$bench.js || status=1; done; exit $$status

bench-depth: build ## memory and time of a block at 4, 16 and 64 blocks; prints JSON
	@node dist/test/bench/flat-in-depth.js $(BENCH_OPTIONS)

bench-peers: build .venv/.installed ## time and memory against PyTorch (Python), on a model of your own with BENCH_OPTIONS (README, Memory and time); prints JSON
	@node dist/test/bench/compare-with-pytorch.js $(BENCH_OPTIONS)

bench-arithmetic: build .venv/.installed ## int8-split against float32 and bfloat16: held-out losses, block outputs, time (Python); prints JSON
	@node dist/test/bench/compare-arithmetic.js $(BENCH_OPTIONS)

bench-solver: build .venv/.installed ## one layer's solve against QERA's exact form and against a full SVD (Python); prints JSON
	@.venv/bin/pip install --quiet --disable-pip-version-check -r test/bench/peer/requirements.txt
	@status=0; for rival in qera full-svd; do node dist/test/bench/compare-solvers.js --against $$rival $(BENCH_OPTIONS) || status=1; done; exit $$status

bench-plan: build ## the memory that plans predict against what init holds; prints JSON
	@node dist/test/bench/plan-accuracy.js

bench-wide: build ## init within its budget at the widths of 30B to 70B models (half an hour); prints JSON
	@node dist/test/bench/wide-blocks.js $(BENCH_OPTIONS)

bench-share: build ## the share of bare matrix products that init reaches, and what a second core gains; prints JSON
	@node dist/test/bench/arithmetic-share.js $(BENCH_OPTIONS)

bench-kill: build ## SIGKILL at a hundred seeded points of runs with five sets of options, resumed each time, compared byte for byte; prints JSON
	@node dist/test/bench/kill-anywhere.js $(BENCH_OPTIONS)

bench-disk: build ## the disk filled at twenty seeded points of a run (tmpfs: as root), resumed with room, compared byte for byte; prints JSON
	@node dist/test/bench/fill-disk.js $(BENCH_OPTIONS)

bench-fuzz: build ## open 30,000 hostile files in processes of limited time and memory; prints JSON
	@node dist/test/bench/untrusted-input.js $(BENCH_OPTIONS)

include pipelines/reproduce/reproduce.mk

clean: ## remove everything that was installed or made
	rm -rf node_modules dist docs .venv .venv-reproduce .tap .bench data/results
