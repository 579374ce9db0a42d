#!/bin/sh
# Installs the project into a folder of an image or a server: install.sh PART TARGET
#   dependencies  the packages, in TARGET/.venv, compared with the hashes of locks/runtime.txt
#   project       the package, its console scripts, the settings and, if Java is installed, the jars
# Run it from the root of the sources. It needs Python 3.11 with venv.
set -eu
part=$1
target=$2
pip="$target/.venv/bin/pip install --no-cache-dir --disable-pip-version-check"

case $part in
dependencies)
  python3 -m venv "$target/.venv"
  $pip --require-hashes --requirement locks/runtime.txt
  ;;
project)
  $pip --no-deps --no-build-isolation .
  cp -R dagster.yaml workspace.yaml deploy "$target"
  if command -v java >/dev/null; then
    (cd "$target" && .venv/bin/amazon-reviews jars && chmod -R a+rX .jars)
  else
    echo 'no Java, so no jars: AMAZON_REVIEWS_ENGINE=spark will not run' >&2
  fi
  ;;
*)
  echo "install.sh: $part is neither dependencies nor project" >&2
  exit 2
  ;;
esac
