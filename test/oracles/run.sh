#!/usr/bin/env bash
# Holds what quailora writes against stock transformers, bitsandbytes and peft, on the embedded model and on a random
# checkpoint of each other family.
# usage: test/oracles/run.sh      (from the repository root, after `make build`; python from .venv or $PYTHON)
# Prints one line per check and at the end "N passed, N failed"; exits non-zero on any failure.
set -uo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-.venv/bin/python}
oracles=test/oracles
model=data/embedded/model
calibration=data/embedded/calibration.jsonl
text=data/embedded/held-out.jsonl
tokens=16384
window=128
rank=16
evaluated_tokens=4096

. $oracles/harness.sh

# Makes one directory and holds it against the libraries. Arguments: NAME, options of init, "--", steps to take.
variant() {
  local name=$1 options=() directory=$temporary/$1
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  local steps=" $* "
  succeeds "$name: init ${options[*]}" quailora init $model --calibration $calibration --output "$directory" \
    --tokens $tokens --window $window --rank $rank --write-base ${options[@]+"${options[@]}"} --json || return
  succeeds "$name: verify" quailora verify "$directory" --model $model
  succeeds "$name: evaluate" evaluate "$directory.evaluated" "$directory/base" --adapter "$directory/adapter" || return
  local extra=()
  [[ $steps == *" two-modules "* ]] && extra+=(--modules q_proj,v_proj)
  [[ $steps == *" on-the-fly "* ]] && extra+=(--model $model)
  [[ $steps == *" same-product "* ]] && extra+=(--same-as "$temporary/default/adapter")
  checked "$python" $oracles/load.py "$name" --base "$directory/base" --adapter "$directory/adapter" --text "$text" \
    --evaluated "$directory.evaluated" --window $window --tokens $evaluated_tokens ${extra[@]+"${extra[@]}"}
  [[ $steps == *" bytes "* ]] && checked "$python" $oracles/compare-bytes.py "$name" --base "$directory/base" --model $model
  [[ $steps == *" same-base "* ]] && succeeds "$name: base has the bytes of default's" diff -r "$directory/base" "$temporary/default/base"
  [[ $steps == *" loss "* ]] && checked "$python" $oracles/loss.py "$name" --directory "$directory" --model $model \
    --calibration $calibration --tokens $tokens --window $window
  [[ $steps == *" train "* ]] && checked "$python" $oracles/train.py "$name" --base "$directory/base" --adapter "$directory/adapter" --text "$text"
}

variant default --keep-statistics -- on-the-fly bytes loss train
checked "$python" $oracles/kept-sums.py "kept statistics" --directory "$temporary/default" --model $model \
  --calibration $calibration --tokens $tokens --window $window
succeeds "refit: rank 8, ALS" quailora refit "$temporary/default" --output "$temporary/refit" --rank 8 --initializer als --write-base --json &&
  checked "$python" $oracles/loss.py "refit" --directory "$temporary/refit" --model $model \
    --calibration $calibration --tokens $tokens --window $window
succeeds "refit: verify" quailora verify "$temporary/refit" --model $model
variant als --initializer als -- same-base loss train
checked "$python" $oracles/fine-tune.py "als: reproduction" --model $model --base "$temporary/als/base" --adapter "$temporary/als/adapter" --text "$text"
variant alpha-128 --alpha 128 -- same-base same-product train
variant rslora --rslora -- same-base same-product train
variant two-modules --modules q_proj,v_proj -- two-modules same-base loss train
variant bits-8 --bits 8 -- on-the-fly bytes loss train

succeeds "full precision: evaluate --logprobs" evaluate "$temporary/full.evaluated" $model --logprobs "$temporary/full.arrow" &&
  checked "$python" $oracles/logprobs.py "full precision" --model $model --text "$text" --arrow "$temporary/full.arrow" \
    --window $window --tokens $evaluated_tokens

# Makes base and adapter of a random checkpoint and loads them. Arguments: NAME of make-families.py, options of init, "--", steps to take.
family() {
  local name=$1 label=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1") && label+=" $1" && shift; done
  shift
  local steps=" $* " source=$temporary/families/$name directory=$temporary/${label// /-} window=64 evaluated_tokens=2048
  succeeds "$label: init" quailora init "$source" --calibration $calibration --output "$directory" \
    --tokens 4096 --window $window --rank 8 --write-base ${options[@]+"${options[@]}"} --json || return
  succeeds "$label: verify" quailora verify "$directory" --model "$source"
  succeeds "$label: evaluate" evaluate "$directory.evaluated" "$directory/base" --adapter "$directory/adapter" \
    --logprobs "$directory.arrow" || return
  local extra=()
  [[ $steps == *" on-the-fly "* ]] && extra+=(--model "$source")
  checked "$python" $oracles/load.py "$label" --base "$directory/base" --adapter "$directory/adapter" --text "$text" \
    --evaluated "$directory.evaluated" --logprobs "$directory.arrow" --window $window --tokens $evaluated_tokens ${extra[@]+"${extra[@]}"}
}

succeeds "families: checkpoints made" "$python" $oracles/make-families.py "$temporary/families" || finish
for name in $("$python" $oracles/make-families.py --list); do
  case $name in
    gpt_neox-* | opt-post-norm) family "$name" -- on-the-fly ;;
    *) family "$name" -- ;;
  esac
done
family opt-post-norm --bits 8 -- on-the-fly

finish
