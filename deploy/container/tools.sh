#!/bin/sh
# What the build needs and the image does not have.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet --quiet
apt-get install --quiet --quiet --yes --no-install-recommends ca-certificates python3 python3-venv
python3 -m venv /opt/build
