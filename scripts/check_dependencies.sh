#!/usr/bin/env bash
# Usage: scripts/check_dependencies.sh [folder of the repository] | --self-test
# Fails if an #include points against the house: which room, and which floor of core, may know which, who writes
# <xgrad/...>, and what a kernel file and the public headers may reach. Needs only bash and awk.
set -euo pipefail

rooms="core ops derivatives compile nn optim data io train profile"
outside="tests examples benchmarks"

check_tree() {
  (
    cd "$1"
    existing=()
    for folder in $rooms $outside; do
      if [[ -d $folder ]]; then
        existing+=("$folder")
      fi
    done
    # No process substitution: it needs /dev/fd, which a bare chroot does not have.
    listing=$(
      find . -maxdepth 1 -name '*.hpp' | sed 's|^\./||'
      find ${existing[@]+"${existing[@]}"} -type f \( -name '*.hpp' -o -name '*.cpp' \) | sort
    )
    if ((${#existing[@]} == 0)) || [[ -z $listing ]]; then
      echo "$1: no source files here"
      exit 1
    fi
    files=()
    while IFS= read -r file; do
      files+=("$file")
    done <<< "$listing"
    awk "$check_program" "${files[@]}" < /dev/null
  )
}

# shellcheck disable=SC2016  # the dollars are awk's
check_program='
BEGIN {
  # The floors of core, each on those below it.
  floors = split("array kernels formula graph", floor_names)
  for (i = 1; i <= floors; i++) height[floor_names[i]] = i
  allowed["core"] = " core "
  allowed["ops"] = " core ops "
  allowed["derivatives"] = " core ops derivatives "
  allowed["compile"] = " core ops derivatives compile "
  allowed["nn"] = " core ops derivatives nn "
  allowed["optim"] = " core ops derivatives optim "
  allowed["data"] = " core ops derivatives data "
  allowed["io"] = " core ops derivatives io "
  allowed["profile"] = " core ops derivatives io profile "
  allowed["train"] = " core ops derivatives compile nn optim data io profile train "
  # Inline code of these would be compiled once for each instruction set and merged by the linker.
  split("vector string map functional memory unordered_map set unordered_set deque list iostream sstream fstream " \
        "iomanip thread mutex", names)
  for (i in names) not_in_kernels[names[i]] = 1
  for (i = 1; i < ARGC; i++) exists[ARGV[i]] = 1
  bad = 0
}

function complain(where, text) {
  print where ": " text
  bad = 1
}

# The folder at the top of the path; empty for a file at the top of the repository.
function top_of(path) {
  return index(path, "/") ? substr(path, 1, index(path, "/") - 1) : ""
}

# "core/array/../x.hpp" becomes "core/x.hpp"; what climbs out of the repository keeps its "..".
function normalised(path,    n, parts, kept, depth, i, result) {
  n = split(path, parts, "/")
  depth = 0
  for (i = 1; i <= n; i++) {
    if (parts[i] == "." || parts[i] == "") continue
    if (parts[i] == ".." && depth > 0 && kept[depth] != "..") depth--
    else kept[++depth] = parts[i]
  }
  result = kept[1]
  for (i = 2; i <= depth; i++) result = result "/" kept[i]
  return result
}

# The floor of core that a file is on; empty for one that is on none.
function floor_of(path,    parts) {
  split(path, parts, "/")
  return parts[2] in height && parts[3] != "" ? parts[2] : ""
}

function check_between_floors(where, from, target,    on, to) {
  on = floor_of(from)
  to = floor_of(target)
  if (on != "" && to != "" && height[to] > height[on])
    complain(where, "core/" on " lies below core/" to " and must not know it (" target ")")
}

function check_between_rooms(where, from, target,    room, to, permitted) {
  room = top_of(from)
  to = top_of(target)
  if (room == "") {
    if (to != "" && !(to in allowed)) complain(where, "a header at the top may include the rooms only, not " target)
    return
  }
  permitted = allowed[room]
  if (room == "io" && from ~ /^io\/([^\/]*\/)*(onnx|[^\/]*export)[^\/]*$/) permitted = permitted "nn "
  if (index(permitted, " " to " ") == 0) {
    if (to == "") complain(where, "the library does not include its own umbrella header " target)
    else complain(where, room " must not know " to " (" target ")")
  } else if (room == "core" && to == "core") {
    check_between_floors(where, from, target)
  }
}

FNR == 1 {
  folder = FILENAME
  if (!sub(/\/[^\/]*$/, "", folder)) folder = ""
  room = top_of(FILENAME)
  in_library = room == "" || room in allowed
  host_depth = 0
  if (room == "core" && floor_of(FILENAME) == "") complain(FILENAME, "belongs to a floor of core: array, kernels, formula or graph")
}

# What stands between "#ifndef XGRAD_ISA" and its #endif is not there for kernel files.
/^[ \t]*#[ \t]*ifndef[ \t]+XGRAD_ISA[ \t]*$/ && host_depth == 0 { host_depth = 1; next }
/^[ \t]*#[ \t]*if/ && host_depth > 0 { host_depth++ }
/^[ \t]*#[ \t]*endif/ && host_depth > 0 { host_depth-- }

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
  where = FILENAME ":" FNR
  quoted = $0 ~ /include[ \t]*"/
  name = $0
  sub(/^[^"<]*["<]/, "", name)
  sub(/[">].*$/, "", name)

  if (!quoted) {
    if (in_library && name ~ /^xgrad\//) complain(where, "library files include each other by relative path, not <" name ">")
    if (top_of(name) in allowed) complain(where, "write <xgrad/" name ">, not <" name ">")
    if (in_library && name ~ /^(doctest|benchmark|CLI|fmt)\//) complain(where, "the library does not need <" name ">")
    if (name ~ /^xtensor\// && FILENAME != "xtensor.hpp" && FILENAME !~ /^core\/array\/(array\.hpp|print\.cpp)$/)
      complain(where, "xtensor moved <" name "> in 0.26; include " (in_library ? "core/array/array.hpp" : "<xgrad/xtensor.hpp>"))
    if (host_depth > 0) host_system_includes[FILENAME] = host_system_includes[FILENAME] " " name
    else system_includes[FILENAME] = system_includes[FILENAME] " " name
    next
  }

  target = normalised(folder == "" ? name : folder "/" name)
  if (in_library) {
    if (!(target in exists)) complain(where, "\"" name "\" is not the relative path of a library file")
    else check_between_rooms(where, FILENAME, target)
    if (host_depth > 0) host_includes[FILENAME] = host_includes[FILENAME] " " target
    else own_includes[FILENAME] = own_includes[FILENAME] " " target
  } else if (top_of(target) != room) {
    complain(where, room " reaches the library by <xgrad/...> only, not by \"" name "\"")
  }
}

# Everything that start includes, over any number of steps, in reached[].
function reach(start, is_kernel,    queue, first, last, n, parts, i, now) {
  split("", reached)
  split("", queue)
  first = last = 1
  queue[1] = start
  reached[start] = 1
  while (first <= last) {
    now = queue[first++]
    n = split(own_includes[now] (is_kernel ? "" : host_includes[now]), parts, " ")
    for (i = 1; i <= n; i++)
      if (!(parts[i] in reached)) {
        reached[parts[i]] = 1
        queue[++last] = parts[i]
      }
  }
}

END {
  for (k = 1; k < ARGC; k++) {
    start = ARGV[k]
    is_kernel = start ~ /_kernels\.cpp$/ && top_of(start) in allowed
    if (!is_kernel && start != "xgrad.hpp") continue
    reach(start, is_kernel)
    for (file in reached) {
      n = split(system_includes[file] (is_kernel ? "" : host_system_includes[file]), headers, " ")
      for (i = 1; i <= n; i++) {
        h = headers[i]
        if (is_kernel && ((h in not_in_kernels) || h ~ /^(xtensor|xtl)/))
          complain(file, "<" h "> must not be in a kernel file; " start " includes it")
        if (!is_kernel && h ~ /^(xsimd|xtensor-blas|xflens|minizip|nlohmann)\/|^(cblas|lapacke|zlib)\.h$/)
          complain(file, "<" h "> must not be in what xgrad.hpp includes")
      }
    }
  }
  exit bad
}'

# Each line breaks one rule in a tree that is otherwise right: file, the include, a piece of the complaint.
self_test() {
  local tree output failures=0
  tree=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$tree'" EXIT

  good_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{core/{array,kernels/simd,formula,graph},ops,derivatives,compile,nn,optim,data,io,train,profile,tests/ops,examples}
    echo '#include "nn/linear.hpp"' > "$tree/xgrad.hpp"
    echo '#include <xtensor/xarray.hpp>' > "$tree/core/array/array.hpp"
    echo '#include "../array/array.hpp"' > "$tree/core/graph/variable.hpp"
    echo '#include <xtensor/xview.hpp>' > "$tree/xtensor.hpp"
    printf '#include <xsimd/xsimd.hpp>\n#include "../../array/shape.hpp"\n' > "$tree/core/kernels/simd/pack.hpp"
    printf '#include <array>\n#ifndef XGRAD_ISA\n#if 1\n#endif\n#include "array.hpp"\n#include <vector>\n#endif\n' \
      > "$tree/core/array/shape.hpp"
    echo '#include "../kernels/simd/pack.hpp"' > "$tree/core/formula/formula.hpp"
    printf '#include "x_kernels.hpp"\n#include "../core/kernels/simd/pack.hpp"\n' > "$tree/ops/x_kernels.cpp"
    echo '#pragma once' > "$tree/ops/x_kernels.hpp"
    printf '#include <vector>\n  #  include "../core/graph/variable.hpp"\n' > "$tree/ops/x.hpp"
    echo '#include "../ops/x.hpp"' > "$tree/derivatives/grad.hpp"
    echo '#include "../derivatives/grad.hpp"' > "$tree/compile/compile.hpp"
    echo '#include "../derivatives/grad.hpp"' > "$tree/nn/linear.hpp"
    echo '#include "../core/graph/variable.hpp"' > "$tree/optim/sgd.hpp"
    echo '#include "../core/graph/variable.hpp"' > "$tree/data/loader.hpp"
    echo '#include "../core/graph/variable.hpp"' > "$tree/io/npz.hpp"
    echo '#include "../io/npz.hpp"' > "$tree/profile/profile.hpp"
    echo '#include "../nn/linear.hpp"' > "$tree/io/onnx_graph.cpp"
    printf '#include "../nn/linear.hpp"\n#include "../io/npz.hpp"\n#include "../profile/profile.hpp"\n' > "$tree/train/loop.hpp"
    printf '#include <xgrad/xgrad.hpp>\n#include "../table.hpp"\n' > "$tree/tests/ops/test_x.cpp"
    echo '#include <doctest/doctest.h>' > "$tree/tests/table.hpp"
    echo '#include <xgrad/xgrad.hpp>' > "$tree/examples/e.cpp"
  }

  if check_tree "$tree" > /dev/null; then
    echo "an empty tree was accepted"
    failures=1
  fi
  good_tree
  if ! output=$(check_tree "$tree"); then
    echo "a good tree was refused: $output"
    failures=1
  fi
  while IFS='|' read -r file include complaint; do
    good_tree
    echo "#include $include" >> "$tree/$file"
    if output=$(check_tree "$tree"); then
      echo "not caught: $file with $include"
      failures=1
    elif [[ $output != *"$complaint"* ]]; then
      echo "$file with $include: expected '$complaint', got: $output"
      failures=1
    fi
  done << 'TABLE'
core/graph/variable.hpp|"../../ops/x.hpp"|core must not know ops
core/array/shape.hpp|"../kernels/simd/pack.hpp"|core/array lies below core/kernels
core/kernels/simd/pack.hpp|"../../formula/formula.hpp"|core/kernels lies below core/formula
core/formula/formula.hpp|"../graph/variable.hpp"|core/formula lies below core/graph
core/array/array.hpp|"../graph/variable.hpp"|core/array lies below core/graph
core/memory.hpp|"array/array.hpp"|belongs to a floor of core
core/kernels/simd/pack.hpp|"../../../ops/x_kernels.hpp"|core must not know ops
ops/x.hpp|"../derivatives/grad.hpp"|ops must not know derivatives
derivatives/grad.hpp|"../nn/linear.hpp"|derivatives must not know nn
derivatives/grad.hpp|"../compile/compile.hpp"|derivatives must not know compile
compile/compile.hpp|"../nn/linear.hpp"|compile must not know nn
nn/linear.hpp|"../optim/sgd.hpp"|nn must not know optim
optim/sgd.hpp|"../nn/linear.hpp"|optim must not know nn
data/loader.hpp|"../nn/linear.hpp"|data must not know nn
io/npz.hpp|"../nn/linear.hpp"|io must not know nn
io/onnx_graph.cpp|"../optim/sgd.hpp"|io must not know optim
nn/linear.hpp|"../train/loop.hpp"|nn must not know train
profile/profile.hpp|"../train/loop.hpp"|profile must not know train
nn/linear.hpp|"../xgrad.hpp"|umbrella header
nn/linear.hpp|<xgrad/ops/x.hpp>|by relative path
nn/linear.hpp|"ops/x.hpp"|not the relative path
nn/linear.hpp|"../tests/table.hpp"|nn must not know tests
core/graph/variable.hpp|<doctest/doctest.h>|does not need
examples/e.cpp|<ops/x.hpp>|write <xgrad/ops/x.hpp>
examples/e.cpp|"../ops/x.hpp"|by <xgrad/...> only
tests/ops/test_x.cpp|"../../nn/linear.hpp"|by <xgrad/...> only
ops/x_kernels.cpp|<vector>|must not be in a kernel file
core/array/shape.hpp|<memory>|must not be in a kernel file
ops/x_kernels.cpp|"x.hpp"|must not be in a kernel file
core/graph/variable.hpp|<xsimd/xsimd.hpp>|in what xgrad.hpp includes
core/graph/variable.hpp|<xtensor/xview.hpp>|include core/array/array.hpp
tests/ops/test_x.cpp|<xtensor/xview.hpp>|include <xgrad/xtensor.hpp>
TABLE
  if ((failures == 0)); then
    echo "every planted mistake was caught"
  fi
  return "$failures"
}

if [[ ${1:-} == --self-test ]]; then
  self_test
else
  check_tree "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
  echo "the includes keep the house's order"
fi
