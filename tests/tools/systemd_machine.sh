# A machine for tests: a systemd of its own as process 1, in namespaces of its own (mounts, processes, network, cgroup),
# over this machine's files, of which it changes none: what it writes goes to memory. Called under unshare(1).
# Arguments: the repository, its venv's site-packages, the interpreter's folder.
set -eu
repository=$1 packages=$2 python=$3 version=$(basename "$(dirname "$2")")
mount --make-rprivate /
layers=/mnt
mount -t tmpfs tmpfs $layers
mkdir $layers/new $layers/work $layers/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/new,workdir=$layers/work" $layers/root
root=$layers/root

mount -t proc proc $root/proc
mount -t sysfs -o ro sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
for folder in dev run tmp var/log var/lib opt etc/systemd/system etc/credstore; do
  mkdir -p $root/$folder
  mount -t tmpfs -o mode=755 tmpfs $root/$folder
done
chmod 1777 $root/tmp
for device in null zero full random urandom tty; do
  touch $root/dev/$device
  mount --bind /dev/$device $root/dev/$device
done
mkdir $root/dev/shm $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
mount -t tmpfs tmpfs $root/dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts $root/dev/pts

# As the page on systemd installs it: a virtual environment in /opt/ascend-sidecar.
. "$repository/tests/tools/installed.sh"
install_daemon

# Of the system's own units those that ours stand on, and none that would look for hardware.
kept=$layers/kept
mkdir $kept
for unit in basic.target sysinit.target sockets.target shutdown.target umount.target timers.target paths.target \
  slices.target local-fs.target local-fs-pre.target final.target exit.target multi-user.target \
  systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket; do
  cp /lib/systemd/system/$unit $kept/
done
mkdir $kept/sysinit.target.wants
ln -s ../systemd-journald.service $kept/sysinit.target.wants/
mount --bind $kept $root/lib/systemd/system
mount -t tmpfs tmpfs $root/lib/systemd/system-generators
mkdir -p $root/src/deploy
cp -r "$repository/deploy/systemd" $root/src/deploy/
ip link set lo up
cd $root
mkdir -p .outside
pivot_root . .outside
umount -l /.outside
# systemd.exec(5), CREDENTIALS: mounts made aside for a service have to reach it.
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/lib/systemd/systemd --system --unit=multi-user.target --show-status=no
