# Unpacks a package of Debian's, $1, into the folder $2, where there is apt; without installing it, and not as root.
unpack_deb() {
  command -v apt-get >/dev/null || return 0
  mkdir -p lists/partial archives/partial
  # Lists of our own where the system's are missing or old, so that nothing needs root.
  own=(-o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/archives")
  apt-get download -qq "$1" 2>/dev/null ||
    { apt-get "${own[@]}" update -qq && apt-get "${own[@]}" download -qq "$1"; } || true
  for deb in "$1"_*.deb; do
    [ -e "$deb" ] && dpkg -x "$deb" "$2"
  done
  rm -rf "$1"_*.deb lists archives
}
