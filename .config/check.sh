#!/bin/sh
# Every check of `make check`, one line each; a failed one prints its output. Ends with `N passed, N failed`.
cd "$(dirname "$0")/.." || exit 1
bin=node_modules/.bin
passed=0
failed=0

step() {
  name=$1
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$name"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s: %s\n%s\n\n' "$name" "$*" "$output"
  fi
}

step types $bin/tsc --noEmit
step lint $bin/eslint --config .config/eslint.config.js --max-warnings 0 .
step format $bin/prettier --config .config/prettier.json --check 'src/**/*.ts' 'pipelines/**/*.ts' 'test/**/*.ts' '.config/*.{js,cjs,json}' '*.json'
step 'dependency rules' $bin/depcruise --config .config/dependency-cruiser.cjs src pipelines
step 'dead code' $bin/knip --config .config/knip.json
step docs $bin/typedoc --options .config/typedoc.json

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
