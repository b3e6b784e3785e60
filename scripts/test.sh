#!/usr/bin/env bash
# Usage: scripts/test.sh [release|dev|asan|tsan] [prefix]
# Installs what is missing, builds the preset (release if none is named) and runs its tests. With a prefix, the xtl,
# xsimd, xtensor and xtensor-blas that are installed there are used in place of the system's.
set -euo pipefail

preset=${1:-release}
case $preset in
  release | dev | asan | tsan) ;;
  *)
    echo "usage: scripts/test.sh [release|dev|asan|tsan] [prefix]" >&2
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

build=build/$preset
options=(-DXGRAD_TESTS_TOGETHER=6)
run=(ctest --preset "$preset")
if [[ $# -ge 2 ]]; then
  prefix=$(cd "$2" && pwd)
  build=build/$preset-$(basename "$prefix")
  options+=(-B "$build" "-DCMAKE_PREFIX_PATH=$prefix")
  run=(ctest --test-dir "$build" --no-tests=error)
fi
cmake --preset "$preset" "${options[@]}"
if [[ $# -ge 2 ]]; then
  # CMake would fall back to the system's without a word.
  for package in xtl xsimd xtensor xtensor-blas; do
    found=$(sed -n "s/^${package}_DIR:PATH=//p" "$build/CMakeCache.txt")
    if [[ $found != "$prefix"/* ]]; then
      echo "$package is not installed in $prefix: CMake found ${found:-none}" >&2
      exit 2
    fi
  done
fi
cmake --build "$build" -j "$jobs"
${fixed_addresses[@]+"${fixed_addresses[@]}"} "${run[@]}" -j "$jobs" --output-on-failure
