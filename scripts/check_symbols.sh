#!/usr/bin/env bash
# Usage: scripts/check_symbols.sh <build folder> | --self-test [compiler]
# Kernel files are compiled once for each instruction set. A function that two of those objects (or one and the rest of
# the library) both define is merged by the linker, which may keep the AVX-512 copy for every processor. This finds such
# symbols: everything that nm shows as defined and visible to the linker. Exit code 77: nothing to say for this build.
set -euo pipefail

# Landing pads of exceptions and clang's terminate handler: the same few scalar instructions in every object.
harmless='^(DW\.ref\.|__clang_call_terminate$)'

# check_lists <list of objects> ...: each list is one group, named by its file; no symbol may be in two groups.
check_lists() {
  local list group object
  for list in "$@"; do
    group=$(basename "$list" .txt)
    while IFS= read -r object; do
      if [[ -n $object ]]; then
        nm --defined-only --extern-only "$object" | awk -v group="$group" -v object="$object" \
          'NF == 3 && $2 != "U" { print group "\t" object "\t" $3 }'
      fi
    done < "$list"
  done | awk -F '\t' -v harmless="$harmless" '
    $3 ~ harmless { next }
    !($3 in group_of) { group_of[$3] = $1; object_of[$3] = $2; next }
    group_of[$3] != $1 && !(($3, $1) in told) {
      told[$3, $1] = 1
      print $3 "\n    " object_of[$3] "\n    " $2
      count++
    }
    END {
      if (count) print count " symbol(s) that objects of different instruction sets share"
      exit count > 0
    }' | if command -v c++filt > /dev/null; then c++filt; else cat; fi
}

check_build() {
  local build=$1 lists
  if grep -q -- '-fsanitize' "$build/CMakeCache.txt"; then
    echo "skipped: sanitizers add symbols of their own to every object"
    return 77
  fi
  lists=("$build"/objects/kernels_*.txt)
  if [[ ! -f ${lists[0]} ]]; then
    echo "skipped: this build has no kernel files"
    return 77
  fi
  check_lists "${lists[@]}" "$build/objects/library.txt"
  echo "no symbol is shared between instruction sets"
}

self_test() {
  local compiler=${1:-c++} folder output
  folder=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$folder'" EXIT
  (
    cd "$folder"
    echo 'template <class T> [[gnu::noinline]] T twice(T x) { return x + x; }
          struct ISA {}; int NAME(int x) { return twice(x); }' > shared.cpp
    echo 'struct ISA { int x; }; template <class T> [[gnu::noinline]] int twice(T t) { return t.x + t.x; }
          int NAME(int x) { return twice(ISA{x}); }' > tagged.cpp
    for isa in baseline avx2; do
      for kind in shared tagged; do
        "$compiler" -O2 -c "-DISA=$isa" "-DNAME=f_$isa" "$kind.cpp" -o "$kind.$isa.o"
        echo "$kind.$isa.o" > "${kind}_$isa.txt"
      done
    done
    check_lists tagged_baseline.txt tagged_avx2.txt || { echo "good objects were refused"; exit 1; }
    if output=$(check_lists shared_baseline.txt shared_avx2.txt); then
      echo "a shared template was not caught"
      exit 1
    fi
    if [[ $output != *twice* || $output != *shared.avx2.o* ]]; then
      echo "the report does not name the symbol and the object: $output"
      exit 1
    fi
    echo "a shared symbol was caught, a tagged one was not blamed"
  )
}

case ${1:-} in
  --self-test) self_test "${2:-}" ;;
  '')
    echo "usage: scripts/check_symbols.sh <build folder> | --self-test [compiler]" >&2
    exit 2
    ;;
  *) check_build "$1" ;;
esac
