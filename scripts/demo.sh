#!/usr/bin/env bash
# Usage: scripts/demo.sh [options of train_digits]
#        scripts/demo.sh --course [options of the course's programs]
#        scripts/demo.sh --beyond [options of the programs beyond it]
# Installs what is missing, builds the digits example and runs it; results go to out/digits in the repository, among them
# report.html, which shows the training in a browser, also while it runs. With
# --course it runs every program of the course instead, in the order of docs/course.md; pictures and a page that
# shows them, index.html, go to out/course. With --beyond those of docs/beyond.md, into out/beyond.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=train_digits
data_sets=()
case ${1:-} in
  --course)
    target=course
    data_sets=(dataset-fashion-mnist)
    shift
    ;;
  --beyond)
    target=beyond
    shift
    ;;
esac
scripts/install_dependencies.sh ${data_sets[@]+"${data_sets[@]}"}

cmake --preset release
cmake --build --preset release --target "$target" -j "$(getconf _NPROCESSORS_ONLN)"
if [[ $target == train_digits ]]; then
  exec build/release/examples/train_digits "$@"
fi

mapfile -t programs < <(sed -n "s|.*(\.\./examples/$target/\([a-z_]*\)\.cpp).*|\1|p" "docs/$target.md")
folder=out/$target
mkdir -p "$folder"
page=$folder/index.html
title=$(sed -n '1s/^# //p' "docs/$target.md")
echo "<!doctype html><meta charset=\"utf-8\"><title>$title</title><h1>$title</h1>" > "$page"
missed=()
for program in "${programs[@]}"; do
  echo "== $program"
  "build/release/examples/$program" --out "$folder" "$@" 2>&1 | tee "$folder/$program.log" || missed+=("$program")
  {
    echo "<h2>$program</h2>"
    for picture in "$folder/$program"*.png; do
      [[ ! -e $picture ]] || echo "<p><img src=\"${picture##*/}\" style=\"max-width: 100%; max-height: 32em\"></p>"
    done
    echo "<pre>$(sed 's/&/\&amp;/g; s/</\&lt;/g' "$folder/$program.log")</pre>"
  } >> "$page"
done
echo "The pictures are in $page"
if ((${#missed[@]} > 0)); then
  echo "Missed a figure: ${missed[*]}" >&2
  exit 1
fi
