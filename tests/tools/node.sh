# A node for tests: containerd and a kubelet in a process and a mount namespace of their own, so that all that they
# start and mount ends with them. Called under unshare(1).
# Arguments: the programs, the node's folder with config.toml and kubelet.yaml, the images' files, the node's name.
set -eu
tools=$1 folder=$2 images=$3 name=$4
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/log

# The kubelet and CNI set these for a whole machine; here they set files that only they see.
set_aside() { # a file of /proc/sys, what it is to hold
  mkdir -p "/run/sys/${1%/*}"
  echo "$2" > "/run/sys/$1"
  mount --bind "/run/sys/$1" "/proc/sys/$1"
}
set_aside vm/overcommit_memory 1
set_aside kernel/panic 10
set_aside kernel/panic_on_oops 1
set_aside kernel/keys/root_maxkeys 1000000
set_aside kernel/keys/root_maxbytes 25000000
set_aside net/ipv4/ip_forward 1

export PATH="$tools/node/usr/bin:$tools/node/usr/sbin:$PATH"
containerd --config "$folder/config.toml" > "$folder/containerd.log" 2>&1 &
socket=/run/containerd/containerd.sock
for _ in $(seq 600); do [ -S $socket ] && ctr version > /dev/null 2>&1 && break; sleep 0.1; done
for image in "$images"/*.tar; do ctr --namespace k8s.io images import --no-unpack "$image"; done
exec "$tools/kubelet" --config="$folder/kubelet.yaml" --kubeconfig="$folder/kubelet.kubeconfig" \
  --root-dir="$folder/kubelet" --cert-dir="$folder/certificates" --hostname-override="$name" --v=2
