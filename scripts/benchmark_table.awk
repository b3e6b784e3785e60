# From the runs of scripts/benchmark.sh to its table (stdout), the same as JSON, and what the chart draws.
# Columns: row, threads, round, side, time, p10, p90 (microseconds), peak bytes, FLOP/s, bytes/s.
# Of each figure the median over the rounds; ratios are taken within a round, whose runs are neighbours in time.

function median(list, n, i, j, swap) {
  for (i = 2; i <= n; ++i)
    for (j = i; j > 1 && list[j - 1] > list[j]; --j) { swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap }
  return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
# The median over the rounds of column `what` of a side; with another side, of their ratios. "" if there is none.
function over_rounds(key, side, what, other, n, r, list) {
  n = 0
  for (r = 1; r <= rounds; ++r) {
    if (!((key, r, side, what) in value)) continue
    if (other == "") list[++n] = value[key, r, side, what]
    else if (((key, r, other, what) in value) && value[key, r, other, what] > 0)
      list[++n] = value[key, r, side, what] / value[key, r, other, what]
  }
  return n ? median(list, n) : ""
}
function number(x) {
  if (x == "") return "-"
  return x >= 100000 ? sprintf("%.0f", x) : x >= 100 ? sprintf("%.1f", x) : x >= 1 ? sprintf("%.2f", x) : sprintf("%.4f", x)
}
function ratio(x) { return x == "" ? "-" : sprintf("%.3f", x) }
function megabytes(x) { return x == "" ? "-" : sprintf("%.1f", x / 1048576) }
function billions(x) { return x > 0 ? sprintf("%.1f", x / 1e9) : "-" }
function or_null(x) { return x == "" ? "null" : x }

BEGIN { FS = "\t" }
{
  key = $1 SUBSEP $2
  if (!(key in seen)) { seen[key] = 1; keys[++count] = key }
  if ($3 > rounds) rounds = $3
  split("time p10 p90 peak flops bytes", names, " ")
  for (i = 1; i <= 6; ++i) value[key, $3, $4, names[i]] = $(i + 4) + 0
}
END {
  print "| workload | threads | floor us | xgrad us (p10 to p90) | libtorch us (p10 to p90) | xgrad / floor | xgrad / libtorch | xgrad MB | libtorch MB | memory ratio | GFLOP/s | GB/s |"
  print "|---|---|---|---|---|---|---|---|---|---|---|---|"
  printf "[" > json
  printf "" > chart
  for (k = 1; k <= count; ++k) {
    key = keys[k]
    split(key, parts, SUBSEP)
    floor = over_rounds(key, "floors", "time"); mine = over_rounds(key, "xgrad", "time")
    torch = over_rounds(key, "libtorch", "time")
    to_floor = over_rounds(key, "xgrad", "time", "floors"); to_torch = over_rounds(key, "xgrad", "time", "libtorch")
    peak = over_rounds(key, "xgrad", "peak"); torch_peak = over_rounds(key, "libtorch", "peak")
    flops = over_rounds(key, "xgrad", "flops"); bytes = over_rounds(key, "xgrad", "bytes")
    memory = torch_peak > 0 ? peak / torch_peak : ""
    printf("| %s | %s | %s | %s (%s to %s) | %s (%s to %s) | %s | %s | %s | %s | %s | %s | %s |\n", parts[1], parts[2],
      number(floor), number(mine), number(over_rounds(key, "xgrad", "p10")), number(over_rounds(key, "xgrad", "p90")),
      number(torch), number(over_rounds(key, "libtorch", "p10")), number(over_rounds(key, "libtorch", "p90")),
      ratio(to_floor), ratio(to_torch), megabytes(peak), megabytes(torch_peak), ratio(memory),
      billions(flops), billions(bytes))
    printf("%s\n  {\"workload\": \"%s\", \"threads\": %s, \"clock\": \"%s\", \"rounds\": %d, \"floor_us\": %s, \"xgrad_us\": %s, \"libtorch_us\": %s, \"to_floor\": %s, \"to_libtorch\": %s, \"xgrad_peak_bytes\": %s, \"libtorch_peak_bytes\": %s, \"flops_per_second\": %s, \"minimal_bytes_per_second\": %s}",
      (k > 1 ? "," : ""), parts[1], parts[2], clock, rounds, or_null(floor), or_null(mine), or_null(torch), or_null(to_floor),
      or_null(to_torch), or_null(peak), or_null(torch_peak), or_null(flops), or_null(bytes)) > json
    # Bars: how many times xgrad's time the others take.
    if (torch != "") printf("\"%s, %s\"\t%s\t%s\n", parts[1], parts[2], 1 / to_torch, to_floor == "" ? "NaN" : 1 / to_floor) > chart
  }
  print "\n]" > json
}
