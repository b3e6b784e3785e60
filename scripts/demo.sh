#!/usr/bin/env bash
# Usage: scripts/demo.sh [options of train_digits]
#        scripts/demo.sh --course [options of the course's programs]
# Installs what is missing, builds the digits example and runs it; results go to out/digits in the repository. With
# --course it runs every program of the course instead, in the order of docs/course.md; pictures and a page that
# shows them, index.html, go to out/course.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=train_digits
if [[ ${1:-} == --course ]]; then
  target=course
  shift
fi
scripts/install_dependencies.sh

cmake --preset release
cmake --build --preset release --target "$target" -j "$(getconf _NPROCESSORS_ONLN)"
if [[ $target == train_digits ]]; then
  exec build/release/examples/train_digits "$@"
fi

mapfile -t programs < <(sed -n 's|.*(\.\./examples/course/\([a-z_]*\)\.cpp).*|\1|p' docs/course.md)
folder=out/course
mkdir -p "$folder"
page=$folder/index.html
echo '<!doctype html><meta charset="utf-8"><title>The course</title><h1>The course</h1>' > "$page"
missed=()
for program in "${programs[@]}"; do
  echo "== $program"
  "build/release/examples/$program" --out "$folder" "$@" 2>&1 | tee "$folder/$program.txt" || missed+=("$program")
  {
    echo "<h2>$program</h2>"
    for picture in "$folder/$program"*.png; do
      [[ ! -e $picture ]] || echo "<p><img src=\"${picture##*/}\" style=\"max-width: 100%; max-height: 32em\"></p>"
    done
    echo "<pre>$(sed 's/&/\&amp;/g; s/</\&lt;/g' "$folder/$program.txt")</pre>"
  } >> "$page"
done
echo "The pictures are in $page"
if ((${#missed[@]} > 0)); then
  echo "Missed a figure: ${missed[*]}" >&2
  exit 1
fi
