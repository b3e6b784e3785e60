#!/usr/bin/env bash
# Times every workload of benchmarks/ in xgrad, in libtorch and in oneDNN (if they are there) and as a bare floor, in
# turn, and prints one table with ratios; docs/performance.md says how to read it.
#   --rows a,b      which workloads (all)              --rounds N      how often each takes its turn (3)
#   --threads 1,2   numbers of threads (1,2)           --seconds S     time to spend on one turn at least (0.3)
#   --clock C       wall or processor time; the latter is for one thread on a machine that is not quiet (wall)
#   --tuned         AVX-512 forced in OpenBLAS and in ATen, and huge pages in malloc, for all sides alike
#   --output DIR    where table.md, table.json, chart.png and each run's JSON go (out/benchmark)
#   --no-build      takes build/bench as it is
# XGRAD_ISA, OPENBLAS_CORETYPE and XGRAD_POOL are handed on: products of all sides run on the same kernels.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rows=() rounds=3 threads=(1 2) seconds=0.3 clock=wall output=out/benchmark build=yes tuned=no
usage() {
  sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}
while (($# > 0)); do
  case $1 in
    --tuned) tuned=yes ;;
    --no-build) build=no ;;
    --rows | --rounds | --threads | --seconds | --clock | --output)
      (($# > 1)) || usage
      case $1 in
        --rows) IFS=, read -ra rows <<< "$2" ;;
        --threads) IFS=, read -ra threads <<< "$2" ;;
        --rounds) rounds=$2 ;;
        --seconds) seconds=$2 ;;
        --clock) clock=$2 ;;
        --output) output=$2 ;;
      esac
      shift
      ;;
    *) usage ;;
  esac
  shift
done
[[ $clock == wall || $clock == processor ]] || usage

if [[ $build == yes ]]; then
  mkdir -p "$output"
  { cmake --preset bench && cmake --build --preset bench -j "$(getconf _NPROCESSORS_ONLN)"; } > "$output/log" 2>&1 ||
    { tail -40 "$output/log" >&2; exit 1; }
fi
programs=build/bench/benchmarks
others=()
for side in libtorch onednn; do
  if [[ -x $programs/benchmark_$side ]]; then others+=("$side"); fi
done
sides=(floors xgrad "${others[@]}")
if ((${#rows[@]} == 0)); then mapfile -t rows <<< "$("$programs/benchmark_xgrad" --list)"; fi
if [[ $tuned == yes ]]; then
  export OPENBLAS_CORETYPE=SKYLAKEX ATEN_CPU_CAPABILITY=avx512 GLIBC_TUNABLES=glibc.malloc.hugetlb=1
fi

has_row() { "$programs/benchmark_$1" --list | grep -qx "$2"; }
# Side, number of threads, arguments. xgrad never uses OpenBLAS's own threads, so that none need be started.
run() {
  local blas_threads=$2
  if [[ $1 == xgrad ]]; then blas_threads=1; fi
  OMP_NUM_THREADS=$2 OPENBLAS_NUM_THREADS=$blas_threads "$programs/benchmark_$1" --threads "$2" "${@:3}"
}
field() { sed -n "s/^ *\"$1\": \([^,]*\),\{0,1\}$/\1/p" "$2"; }

rm -rf "$output/runs"
mkdir -p "$output/runs"
for row in "${rows[@]}"; do
  has_row xgrad "$row" || { echo "no workload is called $row" >&2; exit 2; }
  for side in "${others[@]}"; do
    has_row "$side" "$row" || continue
    run xgrad "${threads[0]}" --row "$row" --write "$output/results.bin"
    run "$side" "${threads[0]}" --row "$row" --compare "$output/results.bin" ||
      { echo "$row: xgrad and $side disagree, nothing is timed" >&2; exit 1; }
  done
done
rm -f "$output/results.bin"

runs=$output/runs.tsv peaks=$output/peaks.tsv
: > "$runs"
: > "$peaks"
for ((round = 1; round <= rounds; ++round)); do
  for count in "${threads[@]}"; do "$programs/benchmark_peaks" "$count" >> "$peaks"; done
  for row in "${rows[@]}"; do
    for count in "${threads[@]}"; do
      for side in "${sides[@]}"; do
        has_row "$side" "$row" || continue
        json=$output/runs/$row.$side.$count.$round.json
        run "$side" "$count" --row "$row" --clock "$clock" --benchmark_min_time="$seconds" --benchmark_out="$json" \
          --benchmark_out_format=json > "$output/log" 2>&1 || { cat "$output/log" >&2; exit 1; }
        printf '%s\t' "$row" "$count" "$round" "$side" "$(field median_us "$json")" "$(field p10_us "$json")" \
          "$(field p90_us "$json")" "$(field peak_bytes "$json")" "$(field flops_per_second "$json")" >> "$runs"
        field minimal_bytes_per_second "$json" >> "$runs"
      done
    done
  done
  echo "round $round of $rounds" >&2
done
rm -f "$output/log"

awk -f scripts/benchmark_table.awk -v clock="$clock" -v peaks="$peaks" -v json="$output/table.json" \
  -v chart="$output/chart.tsv" "$runs" | tee "$output/table.md"
if command -v gnuplot > /dev/null && [[ -s $output/chart.tsv ]]; then
  gnuplot -e "input='$output/chart.tsv'; output='$output/chart.png'" scripts/benchmark_chart.gp
fi
