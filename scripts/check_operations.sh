#!/usr/bin/env bash
# Usage: scripts/check_operations.sh [folder of the repository] | --self-test
# Holds the operations of ops/ to their one rule: a struct that computes (it has a name and a forward) keeps nothing but
# what the operation was told (no values, indices, masks, buffers, pointers, nothing mutable), its forward is const, and
# it has one vjp for plain and recorded sweeps. Nothing asks which of the two a sweep is, unless it is listed here, and
# nobody keeps a list of operations by hand. Needs only bash and awk.
set -euo pipefail

# file | what adds a share in place on a plain sweep alone
allowed='
'

check_tree() {
  (
    cd "$1"
    shopt -s nullglob
    sources=(ops/*.hpp ops/*.cpp)
    if ((${#sources[@]} == 0)); then
      echo "$1: no ops/ here"
      exit 1
    fi
    awk -v allowed="$allowed" "$check_program" "${sources[@]}"
  )
}

# shellcheck disable=SC2016  # the dollars are awk's
check_program='
function complain(line, text) {
  print FILENAME ":" line ": " text
  bad = 1
}

BEGIN {
  bad = 0
  count = split(allowed, lines, "\n")
  for (i = 1; i <= count; ++i) if (split(lines[i], part, " *[|] *") > 1) may[part[1]] = 1
}

FNR == 1 { inside = 0 }
{ code = $0; sub(/\/\/.*/, "", code) }

code ~ /Backward<(const )?(Dense|Variable)</ { complain(FNR, "a vjp for one kind of sweep; write one for any V") }
code ~ /is_plain/ && !(FILENAME in may) { complain(FNR, "asks whether the sweep is plain; make the fused kernel an operation") }
code ~ /operation_names|names_of</ { complain(FNR, "a list of operations kept by hand; they register themselves") }

# What a struct holds, judged when it ends: it is an operation only if it has a name and a forward.
/^(template .*)?struct [A-Za-z_]+/ && code !~ /;[ ]*$/ {
  inside = 1
  named = computes = fields = 0
}
inside {
  if (code ~ /std::string_view name/) named = 1
  if (code ~ /^  [^ (][^(]* forward\(/ && code !~ /^  return /) { computes = 1; signature = ""; started = FNR; open = 1 }
  if (open) {
    signature = signature code
    if (code ~ /[{;][ ]*$/ || code ~ /[{].*[}]/) {
      open = 0
      if (signature !~ /\)[ ]*const/) held[++fields] = started ": forward changes the operation; make it const"
    }
  }
  if (code ~ /^  [A-Za-z_:][A-Za-z0-9_:<>, *&]* [a-z_]+( = [^()]*|[{].*[}])?;[ ]*$/ && code !~ /^  (using|static|friend|return|typename|struct) /) {
    if (code ~ /(Dense<|memory::Buffer|Indices|Mask|Value |Variable<|Array<|\*)/) held[++fields] = FNR ": keeps a value; make it an input or an output"
    if (code ~ /mutable /) held[++fields] = FNR ": keeps something mutable"
  }
}
inside && /^};/ {
  inside = 0
  if (named && computes)
    for (i = 1; i <= fields; ++i) {
      line = held[i]
      sub(/:.*/, "", line)
      text = held[i]
      sub(/^[0-9]+: /, "", text)
      complain(line, text)
    }
}

END { exit bad }'

# Each line breaks one rule in a source that is otherwise right: the line, a piece of the complaint.
self_test() {
  local tree output failures=0
  tree=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$tree'" EXIT
  mkdir -p "$tree/ops"

  # source <member> <forward> <vjp>
  source_with() {
    {
      printf 'namespace xgrad {\nstruct Options {\n  Indices labels;\n};\n'
      printf 'struct Roll : Over {\n  static constexpr std::string_view name = "roll";\n  std::size_t axis = 0, shift = 0;\n'
      printf '  AxisList<bool> axes;\n%s\n  template <class T>\n%s\n    Dense<T> result(x.shape);\n    return result;\n  }\n' "$1" "$2"
      printf '  template <class V>\n%s\n    const V dy = b.gradient();\n  }\n};\n}\n%s\n' "$3" "$4"
    } > "$tree/ops/arrange.cpp"
  }
  local forward='  Dense<T> forward(const Dense<T>& x) const {' vjp='  void vjp(Backward<V>& b) const {'
  if check_tree "$tree" > /dev/null; then
    echo "an empty tree was accepted"
    failures=1
  fi
  source_with '  double p = 0;  // no Mask' "$forward" "$vjp" ''
  if ! output=$(check_tree "$tree"); then
    echo "a good tree was refused: $output"
    failures=1
  fi
  expect() {
    if output=$(check_tree "$tree"); then
      echo "not caught: $1"
      failures=1
    elif [[ $output != *"$1"* ]]; then
      echo "expected '$1', got: $output"
      failures=1
    fi
  }
  for member in '  Indices places;' '  Mask mask;' '  memory::Buffer row_data;' '  Dense<std::int64_t> labels;' \
    '  memory::Buffer* report = nullptr;' '  const double* table;'; do
    source_with "$member" "$forward" "$vjp" ''
    expect 'arrange.cpp:9: keeps a value'
  done
  source_with '  mutable bool ready = false;' "$forward" "$vjp" ''
  expect 'keeps something mutable'
  source_with '' '  Dense<T> forward(const Dense<T>& x) {' "$vjp" ''
  expect 'forward changes the operation'
  source_with '' "$forward" '  void vjp(Backward<Dense<T>>& b) const {' ''
  expect 'a vjp for one kind of sweep'
  source_with '' "$forward" "$vjp" 'if constexpr (Backward<V>::is_plain) return;'
  expect 'asks whether the sweep is plain'
  source_with '' "$forward" "$vjp" 'return names_of<kernels::List<Roll>>();'
  expect 'kept by hand'
  if ((failures == 0)); then
    echo "every planted mistake was caught"
  fi
  return "$failures"
}

if [[ ${1:-} == --self-test ]]; then
  self_test
else
  check_tree "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
  echo "every operation keeps to the rule"
fi
