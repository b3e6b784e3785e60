#!/usr/bin/env bash
# Usage: scripts/check_instructions.sh <instruction_counts> [<ceilings>] | --self-test <instruction_counts>
# Counts the instructions of a few small workloads under valgrind and fails where there are more than the ceiling
# allows: unlike seconds they are the same in every run. Exit code 77 (skipped) where there is no valgrind.
set -euo pipefail

ceilings=$(dirname "${BASH_SOURCE[0]}")/../benchmarks/instruction_ceilings.txt

# Valgrind knows no AVX-512, and each processor would choose other kernels: AVX2 everywhere, in BLAS as well.
count() {
  local out
  out=$(mktemp)
  XGRAD_ISA=avx2 OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 valgrind --tool=callgrind --collect-atstart=no \
    --toggle-collect=counted_steps --callgrind-out-file="$out" "$1" "$2" > "$out.log" 2>&1 ||
    { cat "$out.log" >&2; exit 1; }
  awk '/^(summary|totals):/ { total = $2 } END { print total }' "$out"
  rm -f "$out" "$out.log"
}

check() {
  local failed=0 workload ceiling instructions
  while read -r workload ceiling; do
    if [[ $workload == \#* || -z $workload ]]; then continue; fi
    instructions=$(count "$1" "$workload")
    if ((instructions == 0)); then
      echo "$workload: nothing was counted"
      failed=1
    elif ((instructions > ceiling)); then
      echo "$workload: $instructions instructions, above the ceiling of $ceiling"
      failed=1
    else
      echo "$workload: $instructions instructions, $((100 * instructions / ceiling))% of the ceiling"
    fi
  done < "$2"
  return $failed
}

command -v valgrind > /dev/null || { echo "no valgrind here: skipped"; exit 77; }
if [[ ${1:-} == --self-test ]]; then
  too_low=$(mktemp)
  echo "small_mlp 1000" > "$too_low"
  if report=$(check "$2" "$too_low"); then
    echo "a ceiling of 1000 instructions was not noticed: $report"
    exit 1
  fi
  rm -f "$too_low"
  [[ $report == small_mlp:*above* ]]
else
  check "$1" "${2:-$ceilings}"
fi
