#!/usr/bin/env bash
# Usage: scripts/docs.sh
# Builds the pages of docs into out/docs/, a site that needs no network: out/docs/index.html. Installs Sphinx where it is
# missing (Debian and Ubuntu). Fails if a public symbol has no page, on a warning of Sphinx, and on a link that leads
# nowhere. The programs on the pages are compiled and run by the tests (scripts/test.sh, scripts/reference.py --run).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh python3-sphinx furo python3-myst-parser

scripts/reference.py --check
rm -rf out/docs
scripts/docs_site.py --stage out/docs-source
sphinx-build -q -W --keep-going -b html -d out/docs-cache out/docs-source out/docs
rm -rf out/docs/.buildinfo out/docs/objects.inv
scripts/docs_site.py --check out/docs
echo "out/docs/index.html"
