#!/usr/bin/env bash
# Usage: scripts/tidy.sh [sources of the library]
# Runs clang-tidy with the committed checks over the files, or over every source of the library, and fails if it finds
# anything. Nothing is built: clang's flags are all that it needs. CXX and CLANG_TIDY choose others than clang++ and
# clang-tidy, XGRAD_JOBS how many files are read at once.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CLANG_TIDY=${CLANG_TIDY:-clang-tidy}
compiler=${CXX:-clang++}
if ! command -v "$compiler" > /dev/null || ! command -v "$CLANG_TIDY" > /dev/null; then
  scripts/install_dependencies.sh clang clang-tidy
fi

# What clang-tidy reads of the build folder is compile_commands.json. It does not know g++'s flags.
export TIDY_BUILD=build/tidy
cmake -G Ninja -B "$TIDY_BUILD" "-DCMAKE_CXX_COMPILER=$compiler" -DCMAKE_BUILD_TYPE=Debug -DXGRAD_BUILD_TESTS=OFF \
  -DXGRAD_BUILD_EXAMPLES=OFF > /dev/null

if (($# == 0)); then
  listing=$(find core ops derivatives compile nn optim data io train profile -name '*.cpp' | sort)
  files=()
  while IFS= read -r file; do
    files+=("$file")
  done <<< "$listing"
  set -- "${files[@]}"
fi

# A program of its own for each file; the number of warnings that were passed over is no news.
# shellcheck disable=SC2016  # the dollars are the other shell's
printf '%s\0' "$@" | xargs -0 -n 1 -P "${XGRAD_JOBS:-$(getconf _NPROCESSORS_ONLN)}" bash -c '
  if found=$("$CLANG_TIDY" --quiet -p "$TIDY_BUILD" --warnings-as-errors="*" "$1" 2>&1); then exit 0; fi
  printf "%s\n" "$found" | grep -v " warnings generated\.\$"
  exit 1' tidy || {
  echo "clang-tidy found something" >&2
  exit 1
}
echo "clang-tidy finds nothing in $# files"
