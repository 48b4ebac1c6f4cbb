# The Bash shim in a loop, for the vectors.
# shellcheck shell=bash

. "${BASH_SOURCE%/*}/ascend.sh"

say() {
  local out='' one
  for one in "$@"; do
    one=${one//[$'\t\r\n']/ }
    out+=$'\t'${one:--}
  done
  printf '%s\n' "${out#$'\t'}"
}

blocked() { ascend_is_blocked && say blocked yes || say blocked no; }

await() {
  local end=$((${EPOCHREALTIME/./} + 10000000))
  while ((${EPOCHREALTIME/./} < end)); do
    if ascend_is_blocked; then came=yes; else came=no; fi
    [[ $came != "$1" ]] || break
    sleep 0.01
  done
  say blocked "$came"
}

while IFS= read -r line; do
  given=()
  while [[ $line ]]; do
    one=${line%%$'\t'*}
    line=${line#"$one"} line=${line#$'\t'}
    [[ $one == - ]] && one=''
    given+=("$one")
  done
  case ${given[0]} in
    open)
      ASCEND_SIDECAR=${given[1]} ASCEND_AGENT_ID=${given[2]} ASCEND_TOKEN=${given[3]} ASCEND_DEADLINE=${given[4]}
      ASCEND_WAIT=${given[5]} ASCEND_SILENCE=${given[6]} ASCEND_ACCEPT_OBLIGATIONS=no
      [[ ${given[7]} == accept ]] && ASCEND_ACCEPT_OBLIGATIONS=yes
      say ok ;;
    authorize)
      ascend_authorize "${given[1]}" "${given[2]}" "${given[3]}" "${given[4]}" && came=allowed || came=refused
      say decision "$came" "$ASCEND_ERROR" "$ASCEND_CODE" "$ASCEND_ID" "$ASCEND_RISK" "$ASCEND_REASON" ;;
    report) ascend_report "${given[1]}" "${given[2]}"; say reported "$ASCEND_ERROR" ;;
    watch) ascend_watch; say watching "$ASCEND_STATE" ;;
    blocked) blocked ;;
    await) await "${given[1]}" ;;
    close) ascend_close; say closed ;;
  esac
done
