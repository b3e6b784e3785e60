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
function bar(x) { return x == "" ? 0 : 1 / x }
function or_null(x) { return x == "" ? "null" : x }

BEGIN { FS = "\t" }
{
  key = $1 SUBSEP $2
  if (!(key in seen)) { seen[key] = 1; keys[++count] = key }
  if ($3 > rounds) rounds = $3
  split("time p10 p90 peak flops bytes", names, " ")
  for (i = 1; i <= 6; ++i) value[key, $3, $4, names[i]] = $(i + 4) + 0
}
# What the machine needs at least, in the unit of `time`: for the products or for the bytes, whichever takes longer.
# The rates are those of a step that took `time`.
function limit_of(threads, time, flops, bytes, share) {
  if (!(threads in peak_flops)) return ""
  share = flops / peak_flops[threads]
  if (bytes / peak_bytes[threads] > share) share = bytes / peak_bytes[threads]
  return share > 0 ? share * time : ""
}
function with_spread(key, side, time) {
  if (time == "") return "-"
  return number(time) " (" number(over_rounds(key, side, "p10")) " to " number(over_rounds(key, side, "p90")) ")"
}
END {
  # `peaks` has a line for each round: threads, FLOP/s, bytes/s. The highest is the machine's.
  while ((getline line < peaks) > 0) {
    split(line, parts, FS)
    if (parts[2] + 0 > peak_flops[parts[1]] + 0) peak_flops[parts[1]] = parts[2] + 0
    if (parts[3] + 0 > peak_bytes[parts[1]] + 0) peak_bytes[parts[1]] = parts[3] + 0
  }
  print "| workload | threads | limit us | floor us | xgrad us (p10 to p90) | libtorch us (p10 to p90) | oneDNN us (p10 to p90) | xgrad / floor | xgrad / libtorch | xgrad / oneDNN | xgrad MB | libtorch MB | oneDNN MB | memory ratio | GFLOP/s | GB/s |"
  print "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
  printf "[" > json
  printf "" > chart
  for (k = 1; k <= count; ++k) {
    key = keys[k]
    split(key, parts, SUBSEP)
    floor = over_rounds(key, "floors", "time"); mine = over_rounds(key, "xgrad", "time")
    torch = over_rounds(key, "libtorch", "time"); onednn = over_rounds(key, "onednn", "time")
    to_floor = over_rounds(key, "xgrad", "time", "floors"); to_torch = over_rounds(key, "xgrad", "time", "libtorch")
    to_onednn = over_rounds(key, "xgrad", "time", "onednn")
    peak = over_rounds(key, "xgrad", "peak"); torch_peak = over_rounds(key, "libtorch", "peak")
    onednn_peak = over_rounds(key, "onednn", "peak")
    flops = over_rounds(key, "xgrad", "flops"); bytes = over_rounds(key, "xgrad", "bytes")
    memory = torch_peak > 0 ? peak / torch_peak : ""
    limit = limit_of(parts[2], mine, flops, bytes)
    printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", parts[1], parts[2],
      number(limit), number(floor), with_spread(key, "xgrad", mine), with_spread(key, "libtorch", torch),
      with_spread(key, "onednn", onednn), ratio(to_floor), ratio(to_torch), ratio(to_onednn), megabytes(peak),
      megabytes(torch_peak), megabytes(onednn_peak), ratio(memory), billions(flops), billions(bytes))
    printf("%s\n  {\"workload\": \"%s\", \"threads\": %s, \"clock\": \"%s\", \"rounds\": %d, \"limit_us\": %s, \"floor_us\": %s, \"xgrad_us\": %s, \"libtorch_us\": %s, \"onednn_us\": %s, \"to_floor\": %s, \"to_libtorch\": %s, \"to_onednn\": %s, \"xgrad_peak_bytes\": %s, \"libtorch_peak_bytes\": %s, \"onednn_peak_bytes\": %s, \"flops_per_second\": %s, \"minimal_bytes_per_second\": %s}",
      (k > 1 ? "," : ""), parts[1], parts[2], clock, rounds, or_null(limit), or_null(floor), or_null(mine), or_null(torch),
      or_null(onednn), or_null(to_floor), or_null(to_torch), or_null(to_onednn), or_null(peak), or_null(torch_peak),
      or_null(onednn_peak), or_null(flops), or_null(bytes)) > json
    # Bars: how many times xgrad's time the others take.
    if (torch != "" || onednn != "")
      printf("\"%s, %s\"\t%s\t%s\t%s\n", parts[1], parts[2], bar(to_torch), bar(to_onednn), bar(to_floor)) > chart
  }
  print "\n]" > json
}
