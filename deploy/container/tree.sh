#!/bin/sh
# Lay out in $2 all files of the image, with the wheel that lies in $1, and beside $2 the empty folders that the daemon
# owns. The same inputs give the same tree: no caches, no byte code, and every time is SOURCE_DATE_EPOCH.
set -eu
wheel=$1 tree=$2 here=deploy/container
mkdir -p "$tree/usr/bin" "$tree/usr/sbin" "$tree/usr/lib" "$tree/usr/lib64" "$tree/tmp"
mkdir -m 700 "${tree%/*}/state"
mkdir -m 755 "${tree%/*}/run"
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$tree/$folder"; done

# The interpreter and what it links to, from Debian's packages; their scripts are not run, so that no shell is needed.
debs=$(mktemp -d)
(cd "$debs" && xargs apt-get download --quiet --quiet) < "$here/packages.txt"
for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$tree"; done
rm -rf "$tree/usr/share/man" "$tree/usr/share/locale" "$tree/usr/share/lintian" "$tree/usr/share/binfmts" \
  "$tree/home" "$tree/root" "$tree/etc/update-motd.d" "$tree/etc/issue" "$tree/etc/issue.net"
find "$tree/usr/share/doc" ! -type d ! -name copyright -delete
mkdir -p "$tree/etc/ssl/certs"
cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
echo 'ascend-sidecar:x:65532:65532::/var/lib/ascend-sidecar:/nonexistent' > "$tree/etc/passwd"
echo 'ascend-sidecar:x:65532:' > "$tree/etc/group"

# The daemon, in a virtual environment without pip.
/usr/bin/python3.11 -m venv --without-pip /opt/ascend-sidecar
/opt/build/bin/python -m pip --python /opt/ascend-sidecar/bin/python install --quiet --no-compile --no-cache-dir \
  --only-binary :all: --constraint constraints.txt "$wheel"/*.whl
# Where the wheel lay is the build's business.
find /opt/ascend-sidecar -name direct_url.json -delete
ln -sf /usr/bin/python3.11 /opt/ascend-sidecar/bin/python3
rm -f /opt/ascend-sidecar/bin/[Aa]ctivate*
mkdir -p "$tree/opt" "$tree/usr/share/sbom"
cp -a /opt/ascend-sidecar "$tree/opt/"
/usr/bin/python3.11 "$here/sbom.py" /opt/ascend-sidecar/lib/python3.11/site-packages "$debs" "$SOURCE_DATE_EPOCH" \
  > "$tree/usr/share/sbom/ascend-sidecar.cdx.json"
find "$tree" -name __pycache__ -prune -exec rm -rf {} +
chmod 1777 "$tree/tmp"
find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
