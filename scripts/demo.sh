#!/usr/bin/env bash
# Usage: scripts/demo.sh [options of train_digits]
# Installs what is missing, builds the digits example and runs it; results go to out/digits in the repository.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh

cmake --preset release
cmake --build --preset release --target train_digits -j "$(getconf _NPROCESSORS_ONLN)"
exec build/release/examples/train_digits "$@"
