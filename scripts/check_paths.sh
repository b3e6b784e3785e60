#!/usr/bin/env bash
# Usage: scripts/check_paths.sh [folder of the repository] | --self-test
# Fails if a page or a comment names a file that is not there. On a page: what stands in backticks, links and pictures,
# and tests by ctest's names for them. On pages and in comments: headers in <xgrad/...>, and paths that begin with one of
# the repository's folders and end as files do. In backticks on the pages about the code itself (docs/architecture.md,
# docs/adding-*.md): also names that no source has. Needs only bash and awk.
set -euo pipefail

check_tree() {
  (
    cd "$1"
    # No process substitution: it needs /dev/fd, which a bare chroot does not have.
    listing=$(find . \( -path ./build -o -path ./out -o -name .git \) -prune -o -type f -print | sed 's|^\./||' | sort)
    readers=()
    while IFS= read -r file; do
      case $file in
        CHANGELOG.md | data/files/*) ;; # the one tells of what was, the other of elsewhere
        *.md | *.hpp | *.cpp) readers+=("$file") ;;
      esac
    done <<< "$listing"
    if ((${#readers[@]} == 0)); then
      echo "$1: no pages and no sources here"
      exit 1
    fi
    awk "$check_program" - "${readers[@]}" <<< "$listing"
  )
}

# shellcheck disable=SC2016  # the dollars are awk's
check_program='
function complain(text) {
  print FILENAME ":" FNR ": " text
  bad = 1
}

# A file, a folder, or a pattern with * that at least one of them fits.
function is_there(path,    pattern, one) {
  sub(/\/$/, "", path)
  if (path in exists) return 1
  if (!index(path, "*")) return 0
  pattern = path
  gsub(/\./, "\\.", pattern)
  gsub(/\*+/, "[^/]*", pattern)
  for (one in exists)
    if (one ~ "^" pattern "$") return 1
  return 0
}

function folder_of(path) {
  return sub(/\/[^\/]*$/, "", path) ? path : ""
}

# "docs/../core/x.hpp" becomes "core/x.hpp".
function normalised(path) {
  while (path ~ /(^|\/)[^\/.][^\/]*\/\.\.\//) sub(/[^\/.][^\/]*\/\.\.\//, "", path)
  sub(/^\.\//, "", path)
  return path
}

# The pieces of `text` that fit `pattern`, in found[1..].
function find_all(text, pattern,    count) {
  split("", found)
  count = 0
  while (match(text, pattern)) {
    found[++count] = substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART + RLENGTH)
  }
  return count
}

function check_backticks(line,    n, i, word) {
  n = find_all(line, "`[^`]+`")
  for (i = 1; i <= n; i++) {
    word = substr(found[i], 2, length(found[i]) - 2)
    sub(/ .*/, "", word)
    if (word ~ /^[A-Za-z.][A-Za-z0-9_.*\/-]*$/ && index(word, "/") && (substr(word, 1, index(word, "/") - 1) in tops) &&
        !is_there(word) && !is_there("tests/" word ".cpp") && !is_there("tests/" word ".cmake"))
      complain("`" word "` is not there")
  }
}

# Names in backticks, to be looked for when every source has been read.
function note_names(line,    n, i, k, count, names) {
  n = find_all(line, "`[^`]+`")
  for (i = 1; i <= n; i++) {
    if (found[i] ~ /[\/.][a-z*]+`$|\// ) continue
    count = split(found[i], names, /[^A-Za-z0-9_]+/)
    for (k = 1; k <= count; k++)
      if (names[k] ~ /^[A-Za-z_]..+$/ && !(names[k] in named)) named[names[k]] = FILENAME ":" FNR
  }
}

function check_links(line,    n, i, target) {
  gsub(/`[^`]*`/, "", line)
  n = find_all(line, "\\]\\([^)]+\\)|src=\"[^\"]+\"")
  for (i = 1; i <= n; i++) {
    target = found[i]
    sub(/^\]\(|^src="/, "", target)
    sub(/[#)"].*$/, "", target)
    if (target == "" || target ~ /^[a-z]+:/) continue
    target = normalised(folder_of(FILENAME) == "" ? target : folder_of(FILENAME) "/" target)
    if (!is_there(target)) complain("the link to " target " leads nowhere")
  }
}

# "core/array/test_memory" is how ctest calls tests/core/array/test_memory.cpp.
function check_tests(line,    n, i, name) {
  n = find_all(line, "[A-Za-z0-9_./]*test_[a-z0-9_]+[A-Za-z0-9_./-]*")
  for (i = 1; i <= n; i++) {
    name = found[i]
    if (name !~ /^[a-z_]+(\/[a-z_]+)*\/test_[a-z0-9_]+$/ || name ~ /^tests\//) continue
    if (!is_there("tests/" name ".cpp")) complain("there is no test " name)
  }
}

function check_headers(line,    n, i, name) {
  n = find_all(line, "<xgrad/[A-Za-z0-9_/]+\\.hpp>")
  for (i = 1; i <= n; i++) {
    name = substr(found[i], 8, length(found[i]) - 8)
    if (!is_there(name)) complain("there is no <xgrad/" name ">")
  }
}

function check_words(line,    n, i, path) {
  n = find_all(line, "[A-Za-z0-9_./<-]*/[A-Za-z0-9_.*/-]+\\.(hpp|cpp|md|sh|py|cmake|txt)")
  for (i = 1; i <= n; i++) {
    path = found[i]
    if (path ~ /^[A-Za-z.]/ && (substr(path, 1, index(path, "/") - 1) in tops) && !is_there(path))
      complain(path " is not there")
  }
}

BEGIN { bad = 0 }

FILENAME ~ /\.[hc]pp$/ {
  count = split($0, parts, /[^A-Za-z0-9_]+/)
  for (i = 1; i <= count; i++) known[parts[i]] = 1
}

# First the list of what there is: files, and the folders that hold them.
FILENAME == "-" || FILENAME == "" {
  for (path = $0; path != ""; path = folder_of(path)) exists[path] = 1
  if (index($0, "/")) tops[substr($0, 1, index($0, "/") - 1)] = 1
  next
}

FNR == 1 { in_program = 0 }
FILENAME ~ /\.md$/ && /^ *```/ { in_program = !in_program }

FILENAME ~ /\.md$/ && !in_program {
  check_backticks($0)
  check_links($0)
  check_tests($0)
  check_headers($0)
  if (FILENAME ~ /^docs\/(architecture|adding-.*)\.md$/) note_names($0)
  next
}

# Programs: what they include on pages, and what comments say.
in_program { check_headers($0) }
match($0, /\/\/[^"]*$/) {
  comment = substr($0, RSTART + 2)
  check_headers(comment)
  check_words(comment)
}

END {
  for (name in named)
    if (!(name in known)) {
      print named[name] ": no source has the name " name
      bad = 1
    }
  exit bad
}'

# Each line breaks one rule in a tree that is otherwise right: file, the line to add, a piece of the complaint.
# shellcheck disable=SC2016  # backticks are Markdown's
self_test() {
  local tree output failures=0
  tree=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$tree'" EXIT

  good_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{core/graph,docs/images,tests/core/graph,build/core}
    printf '# x\n`core/graph/node.hpp`, `core/graph/`, `core/`, `core/graph/*.hpp`, `core/graph/node.hpp --all`\n' > "$tree/README.md"
    printf '`a/b`, `dy / core`, `build/core/x`, `--core/x`, core/graph/test_node, `core/graph/test_node`\n' >> "$tree/README.md"
    printf '[page](docs/page.md#top) <img src="docs/images/a.png"> [far](https://example.org/core/x.hpp)\n' >> "$tree/README.md"
    printf '[up](../README.md) ![a](images/a.png) `tests/core/graph/test_node.cpp`\n```cpp\n#include <xgrad/core/graph/node.hpp>\nf([](auto x) {});\n```\n`f([](auto x) {})`\n' \
      > "$tree/docs/page.md"
    printf '`Node::visit(x)`, `{.far = true}`\n' > "$tree/docs/architecture.md"
    printf 'struct Node { void visit(bool far = true); };\n' > "$tree/core/graph/node.cpp"
    echo 'png' > "$tree/docs/images/a.png"
    printf '// As core/graph/node.hpp says, and https://example.org/docs/x.md; a/b.hpp is no folder of ours.\n' > "$tree/core/graph/node.hpp"
    printf 'open("core/none.hpp");  // a string is no comment\n' > "$tree/tests/core/graph/test_node.cpp"
    printf 'It was in `core/gone.hpp`.\n' > "$tree/CHANGELOG.md"
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
  while IFS='|' read -r file line complaint; do
    good_tree
    echo "$line" >> "$tree/$file"
    if output=$(check_tree "$tree"); then
      echo "not caught: $line in $file"
      failures=1
    elif [[ $output != *"$complaint"* ]]; then
      echo "$line in $file: expected '$complaint', got: $output"
      failures=1
    fi
  done << 'TABLE'
README.md|See `core/node.hpp`.|`core/node.hpp` is not there
README.md|See `core/graphs/`.|`core/graphs/` is not there
README.md|See `core/graph/*.txt`.|`core/graph/*.txt` is not there
README.md|Run `core/run.sh --fast`.|`core/run.sh` is not there
README.md|[page](docs/pages.md)|the link to docs/pages.md leads nowhere
docs/page.md|[page](README.md)|the link to docs/README.md leads nowhere
docs/page.md|![a](images/b.png)|the link to docs/images/b.png leads nowhere
README.md|<img src="docs/images/b.png">|the link to docs/images/b.png leads nowhere
docs/page.md|made so, core/test_node|there is no test core/test_node
docs/page.md|#include <xgrad/core/node.hpp>|there is no <xgrad/core/node.hpp>
docs/architecture.md|See `Node::leave`.|docs/architecture.md:2: no source has the name leave
docs/adding-a-node.md|Call `Nodes`.|no source has the name Nodes
core/graph/node.hpp|// Write <xgrad/core.hpp>.|there is no <xgrad/core.hpp>
core/graph/node.hpp|int x;  // as core/node.hpp has it|core/node.hpp is not there
tests/core/graph/test_node.cpp|// See docs/pages.md.|docs/pages.md is not there
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
  echo "every file that pages and comments name is there"
fi
