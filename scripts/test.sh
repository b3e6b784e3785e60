#!/usr/bin/env bash
# Usage: scripts/test.sh [release|dev|asan|tsan]
# Installs what is missing, builds the preset (release if none is named) and runs its tests.
set -euo pipefail

preset=${1:-release}
case $preset in
  release | dev | asan | tsan) ;;
  *)
    echo "usage: scripts/test.sh [release|dev|asan|tsan]" >&2
    exit 2
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh
jobs=$(getconf _NPROCESSORS_ONLN)

# OpenBLAS's own threads raise false reports under the sanitizers.
if [[ $preset == asan || $preset == tsan ]]; then
  export OPENBLAS_NUM_THREADS=1
fi
if [[ $preset == asan && $(uname) == Linux && ! -d /proc/self/task ]]; then
  echo "AddressSanitizer finds leaks by way of /proc, which is not mounted here" >&2
  exit 2
fi
# ThreadSanitizer of g++ 12 gives up where the kernel scatters addresses widely; not every container may change that.
fixed_addresses=()
if [[ $preset == tsan ]] && setarch -R true 2> /dev/null; then
  fixed_addresses=(setarch -R)
fi

cmake --preset "$preset"
cmake --build --preset "$preset" -j "$jobs"
${fixed_addresses[@]+"${fixed_addresses[@]}"} ctest --preset "$preset" -j "$jobs" --output-on-failure
