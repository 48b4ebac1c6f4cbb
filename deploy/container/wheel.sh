#!/bin/sh
# Build the wheel into the folder $1. The same sources give the same bytes: its times are SOURCE_DATE_EPOCH.
set -eu
PIP_CONSTRAINT=constraints.txt /opt/build/bin/python -m pip wheel --quiet --no-deps --no-cache-dir --wheel-dir "$1" .
