#!/usr/bin/env bash
# Usage: scripts/install_dependencies.sh [more packages]
# Installs what building, testing and the demo need and what is not there yet. Debian and Ubuntu only; elsewhere it
# says which packages to install and stops. XGRAD_INSTALL=no skips all of it, for those who bring their own.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache
  libxtensor-dev libxtensor-blas-dev libxsimd-dev libopenblas-dev zlib1g-dev
  libminizip-dev nlohmann-json3-dev
  doctest-dev libbenchmark-dev libcli11-dev libfmt-dev valgrind
  gnuplot-nox graphviz fonts-dejavu-core python3
  "$@"
)

if [[ ${XGRAD_INSTALL:-yes} == no ]]; then
  exit 0
fi

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
  cat >&2 << 'MESSAGE'
xgrad's scripts install packages on Debian and Ubuntu only. Install these, then run again with XGRAD_INSTALL=no:
  conda-forge: conda install -c conda-forge cxx-compiler cmake ninja ccache xtensor xtensor-blas xsimd openblas zlib \
                 minizip nlohmann_json doctest benchmark cli11 fmt gnuplot graphviz
  Homebrew:    brew install cmake ninja ccache xtensor xsimd openblas zlib minizip nlohmann-json doctest google-benchmark cli11 fmt gnuplot graphviz
               and xtensor-blas (headers only) from https://github.com/xtensor-stack/xtensor-blas
MESSAGE
  exit 2
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null || true)
  if [[ $status != installed ]]; then
    missing+=("$package")
  fi
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

as_root=()
if (($(id -u) != 0)); then
  if ! command -v sudo > /dev/null; then
    echo "Missing packages: ${missing[*]}. Neither root nor sudo here: have them installed, then run again." >&2
    exit 2
  fi
  as_root=(sudo)
fi

echo "Installing: ${missing[*]}"
${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q update
${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
