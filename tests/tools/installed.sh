# Puts the daemon as a virtual environment into /opt/ascend-sidecar of $root, over this machine's interpreter ($python, of
# $version) and packages ($packages), with the source of $repository. $layers is a folder in memory.
install_daemon() {
  mkdir -p $root/opt/python $root/opt/ascend-sidecar/bin $root/opt/ascend-sidecar/lib/$version/site-packages
  mount --bind "$python" $root/opt/python
  echo /opt/python/lib > $root/etc/ld.so.conf.d/python.conf
  ldconfig -r $root
  mkdir $layers/lib
  cp -rL "$repository/sidecar" $layers/lib/sidecar
  mount -t overlay overlay -o "lowerdir=$layers/lib:$packages" $root/opt/ascend-sidecar/lib/$version/site-packages
  ln -s /opt/python/bin/$version $root/opt/ascend-sidecar/bin/python
  ln -s python $root/opt/ascend-sidecar/bin/python3
  echo 'home = /opt/python/bin' > $root/opt/ascend-sidecar/pyvenv.cfg
  cat > $root/opt/ascend-sidecar/bin/ascend-sidecar <<'EOF'
#!/opt/ascend-sidecar/bin/python
from sidecar.cli.main import main
main()
EOF
  chmod 755 $root/opt/ascend-sidecar/bin/ascend-sidecar
}
