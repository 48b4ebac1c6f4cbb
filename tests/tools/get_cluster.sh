#!/usr/bin/env bash
# Puts what `make e2e` runs into a folder: etcd and Kubernetes, built from their sources, of which each module is checked
# against tests/cluster/tools/go.sum; containerd, runc and the CNI plugins, as Debian signs them. About 10 minutes on two
# cores.
set -euo pipefail
folder=$1 here=$(cd "$(dirname "$0")/../cluster/tools" && pwd)
. "$(dirname "$0")/debs.sh"
rm -rf "$folder"
mkdir -p "$folder"

# Two compilers at a time: with more, a small machine runs out of memory at the link.
export GOFLAGS="-mod=readonly -trimpath -buildvcs=false -p=2" CGO_ENABLED=0 GOWORK=off
cd "$here"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
stamp=k8s.io/component-base/version
stamps="-X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}"
for program in kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet; do
  go build -ldflags "-s -w $stamps" -o "$folder/$program" "k8s.io/kubernetes/cmd/$program"
done
go build -ldflags "-s -w" -o "$folder/etcd" go.etcd.io/etcd/server/v3
cc -static -O2 -DVERSION="$version" -o "$folder/pause" \
  "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c"

cd "$folder"
for package in containerd runc containernetworking-plugins; do unpack_deb "$package" node; done
for program in bin/containerd sbin/runc lib/cni/ptp; do test -x "node/usr/$program"; done
