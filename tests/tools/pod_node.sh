# A node for tests: the root that stands for every image, and a kubelet that runs one pod in it. Called under unshare(1),
# with mounts, network and processes of its own; what it writes goes to memory, or to the folder of the test.
# Arguments: the repository, its venv's site-packages, the interpreter's folder, the test's folder, the pod's address.
set -eu
repository=$1 packages=$2 python=$3 work=$4 address=$5 version=$(basename "$(dirname "$2")")
mount --make-rprivate /
mount -t proc proc /proc
mkdir -p "$work/layers"
layers=$work/layers
mount -t tmpfs tmpfs "$layers"
mkdir $layers/new $layers/work $layers/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/new,workdir=$layers/work" $layers/root
root=$layers/root
mount --rbind /dev $root/dev
for folder in run tmp var/lib opt app; do
  mkdir -p $root/$folder
  mount -t tmpfs -o mode=755 tmpfs $root/$folder
done
. "$repository/tests/tools/installed.sh"
install_daemon
cp "$repository/shims/python/ascend_sidecar.py" "$repository/tests/tools/pod_agent.py" $root/app/
ip link set lo up
ip address add "$address/32" dev lo
exec "$python/bin/$version" "$repository/tests/tools/kubelet.py" "$work" "$root" "$address"
