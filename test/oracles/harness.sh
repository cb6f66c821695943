# Sourced by run.sh and smollm2.sh from the repository root, with $python, $text, $window and $evaluated_tokens set:
# counts checks, and runs quailora and the Python scripts.

if ! command -v "$python" >/dev/null; then
  echo "$python is missing: python3 -m venv .venv && .venv/bin/pip install -r test/oracles/requirements.txt" >&2
  exit 2
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} PYTHONDONTWRITEBYTECODE=1 TOKENIZERS_PARALLELISM=false PYTHONWARNINGS=ignore
passed=0
failed=0

# Runs a script of checks and adds up its "ok" and "not ok" lines; an end without a check is a failure.
checked() {
  "$@" >"$temporary/stdout" 2>"$temporary/stderr"
  local status=$? good bad
  cat "$temporary/stdout"
  good=$(grep -c '^ok - ' "$temporary/stdout")
  bad=$(grep -c '^not ok - ' "$temporary/stdout")
  passed=$((passed + good))
  failed=$((failed + bad))
  if { [ $status -ne 0 ] && [ "$bad" -eq 0 ]; } || [ $((good + bad)) -eq 0 ]; then
    failed=$((failed + 1))
    echo "not ok - exit $status: $*"
    tail -n 15 "$temporary/stderr" | sed 's/^/  # /'
  fi
}

# Runs one command as one check: it must end with status 0.
succeeds() {
  local claim=$1 status
  shift
  "$@" >"$temporary/stdout" 2>"$temporary/stderr"
  status=$?
  if [ $status -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok - $claim"
  else
    failed=$((failed + 1))
    echo "not ok - $claim (exit $status): $*"
    cat "$temporary/stdout" "$temporary/stderr" | tail -n 15 | sed 's/^/  # /'
  fi
  return $status
}

quailora() { npx --no-install quailora "$@"; }

# Evaluates a model or base on the common text. Arguments: OUTPUT, then those of quailora evaluate.
evaluate() {
  local output=$1
  shift
  quailora evaluate "$@" --text "$text" --window "$window" --tokens "$evaluated_tokens" --json >"$output"
}

# Prints the count and ends the script.
finish() {
  echo "$passed passed, $failed failed"
  [ $failed -eq 0 ]
  exit
}
