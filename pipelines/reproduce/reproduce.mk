# `make reproduce SCALE=micro SEEDS=1 TABLES=2`: the paper's tables at one scale. -n shows what is left, -j2 makes two at a time.
SCALE ?= micro
SEEDS ?= 1
TABLES ?= 2

REPRODUCE := data/results/reproduce/$(SCALE)
REPRODUCE_MAIN := dist/pipelines/reproduce/main.js
REPRODUCE_VENV := .venv-reproduce
# Another environment that has what requirements.txt pins, for instance with CUDA
REPRODUCE_PYTHON ?= $(REPRODUCE_VENV)/bin/python

.PHONY: reproduce

$(REPRODUCE_VENV)/.installed: pipelines/reproduce/requirements.txt
	@command -v python3 >/dev/null || { echo 'python3 is missing: the fine-tunings need Python 3.10 or newer with its venv module.' >&2; exit 1; }
	rm -rf $(REPRODUCE_VENV)
	python3 -m venv $(REPRODUCE_VENV) || { echo 'python3 -m venv failed: install the venv module (Debian: python3-venv).' >&2; exit 1; }
	@# First and alone: resolved with the others, some indexes offer only a CUDA build of several GB.
	$(REPRODUCE_VENV)/bin/pip install --quiet --disable-pip-version-check $$(grep '^torch==' $<)
	$(REPRODUCE_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# `+`: under -n too, for the rules say what is left. One thread a fine-tuning; -j brings the others to work.
reproduce: build $(if $(filter $(REPRODUCE_VENV)/%,$(REPRODUCE_PYTHON)),$(REPRODUCE_VENV)/.installed) ## the paper's tables: SCALE=micro SEEDS=1 TABLES=2
	@test -e pipelines/reproduce/$(SCALE).json || { echo 'SCALE is $(SCALE): there are $(basename $(notdir $(wildcard pipelines/reproduce/*.json))).' >&2; exit 2; }
	+@test -e $(REPRODUCE_MAIN) || { echo 'Run `make build` first: what is left is found by compiled code.' >&2; exit 1; }; \
	node $(REPRODUCE_MAIN) plan --config pipelines/reproduce/$(SCALE).json --seeds $(SEEDS) --tables $(TABLES) --output $(REPRODUCE) --python $(REPRODUCE_PYTHON)
	@$(REPRODUCE_PYTHON) pipelines/reproduce/check_environment.py pipelines/reproduce/requirements.txt
	+@QUAILORA_COMMIT=$$(git describe --always --dirty --abbrev=40 2>/dev/null || echo unknown) OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
	$(MAKE) --no-print-directory -f $(REPRODUCE)/rules.mk all
	@echo 'Table 2 is in $(REPRODUCE)/table-2.md, its figures in table-2.json.'
