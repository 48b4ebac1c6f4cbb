# Ask the ascend-sidecar daemon before an agent acts. One file to source; bash 5.0 and curl 7.84 or later.
#
#   export ASCEND_AGENT_ID=bot
#   ascend_authorize payments.send account:42 '{"amount": 5}' && send_it
#
# What came of it: ASCEND_ERROR, _CODE, _REASON, _RISK, _ID, _BODY. Whatever is not a whole answer of the daemon that
# says allow is not allowed. Limits in seconds: ASCEND_DEADLINE, _WAIT, _SILENCE; ASCEND_ACCEPT_OBLIGATIONS=yes.
# The contract: shims/README.md.
# shellcheck shell=bash disable=SC2034,SC2154

_ascend_watching='' _ascend_folder=''
_ascend_fits='^((allow|pending) [0-9]+|deny [0-9]*) ([0-9]|[0-9][0-9]|100)?$'
_ascend_line='^[^ ]+ ([^ ]+) ([^ ]+) [^ ]+$'

# ascend_authorize ACTION RESOURCE [PROPERTIES] [CONTEXT]: status 0 only if allowed. The last two are JSON objects.
ascend_authorize() {
  local LC_ALL=C agent began end wait seconds body state=blind asked=''
  _ascend_start || return
  printf -v wait %.0f "${ASCEND_WAIT:-${ASCEND_DEADLINE:-5}}e6"
  [[ ! $_ascend_watching ]] || _ascend_state
  [[ $state != blocked ]] || { _ascend_refuse blocked 'The event stream: blocked.' halted; return; }
  [[ $state != unknown ]] || { _ascend_refuse blocked 'The event stream: unknown.' halts_unknown; return; }
  body="{\"subject\":$(_ascend_named "$agent"),\"action\":{\"name\":$(_ascend_json "$1")"
  body+=",\"properties\":${3:-"{}"}},\"resource\":$(_ascend_named "$2"),\"context\":${4:-"{}"}}"
  _ascend_decide "$end" /access/v1/evaluation "$body" || return
  while [[ $ASCEND_ERROR == pending ]]; do
    ((seconds = (began + wait - ${EPOCHREALTIME/[.,]/}) / 1000000 - 1, seconds >= 1)) || break
    ((seconds <= 55)) || seconds=55
    asked=$ASCEND_ID
    _ascend_decide "$((began + wait))" "/v1/decisions/$asked" '' -H "Prefer: wait=$seconds" || break
    [[ $ASCEND_ERROR != pending ]] || sleep 1
  done
  [[ ! $ASCEND_ERROR ]]
}

# ascend_report completed|failed [DETAILS]: tell once what became of the last decision. Status 0, or see ASCEND_ERROR.
ascend_report() {
  local LC_ALL=C agent began end told raw asked='' details=${2:-"{}"}
  [[ ${ASCEND_ID:-} ]] || { ASCEND_ERROR=invalid; return 1; }
  _ascend_start || return
  details=${details#*\{}
  [[ ${details//[[:space:]]/} == \} ]] || details=",$details"
  _ascend_ask "$end" "/v1/decisions/$ASCEND_ID/outcome" "{\"outcome\":$(_ascend_json "$1")$details" && ASCEND_ERROR=''
}

# ascend_watch: follow halts from now on. ASCEND_STATE is then clear, blocked, blind or unknown; status 0 if clear.
ascend_watch() {
  local LC_ALL=C agent began end state self=$BASHPID
  _ascend_start || return
  if [[ ! $_ascend_watching ]]; then
    _ascend_folder=$(mktemp -d) || return
    _ascend_follow "$self" "$agent" </dev/null >/dev/null 2>&1 &
    _ascend_watching=$!
    disown "$_ascend_watching"
  fi
  while _ascend_state; [[ $state == unknown ]] && ((${EPOCHREALTIME/[.,]/} < end)); do sleep 0.02; done
  ASCEND_STATE=$state
  [[ $state == clear ]]
}

# ascend_is_blocked: status 0 if it is to stop: halted, or not known not to be. Instant: it reads one small file.
ascend_is_blocked() {
  local LC_ALL=C state
  _ascend_state
  [[ $state != clear ]]
}

# ascend_close: end the watch; everything is blocked until the next one.
ascend_close() {
  [[ ! $_ascend_watching ]] || kill "$_ascend_watching" 2>/dev/null
  [[ ! $_ascend_folder ]] || rm -rf "$_ascend_folder"
  _ascend_watching='' _ascend_folder=''
}

# Sets `agent`, `began` and `end`, both in microseconds.
_ascend_start() {
  agent=${ASCEND_AGENT_ID:-} began=${EPOCHREALTIME/[.,]/}
  [[ $agent ]] || { _ascend_refuse invalid 'ASCEND_AGENT_ID is not set.'; return; }
  [[ $agent == *:* ]] || agent="agent:$agent"
  printf -v end %.0f "${ASCEND_DEADLINE:-5}e6"
  ((end += began))
}

# ERROR REASON [CODE]; what is not an answer to a wait leaves what is known of it.
_ascend_refuse() {
  [[ ${asked:-} ]] ||
    ASCEND_ERROR=$1 ASCEND_REASON=$2 ASCEND_CODE=${3:-$1} ASCEND_RISK='' ASCEND_ID='' ASCEND_BODY=''
  return 1
}

_ascend_named() {
  local id=${1#"${1%%:*}"}
  printf '{"type":%s,"id":%s}' "$(_ascend_json "${1%%:*}")" "$(_ascend_json "${id#:}")"
}

_ascend_json() {
  local text=${1//\\/\\\\} escape
  text=${text//\"/\\\"}
  while [[ $text =~ [[:cntrl:]] ]]; do
    printf -v escape '\\u%04x' "'${BASH_REMATCH[0]}"
    text=${text//"${BASH_REMATCH[0]}"/"$escape"}
  done
  printf '"%s"' "$text"
}

# Sets `plain`; what is not percent-encoded well is left as it comes.
_ascend_unquote() {
  plain=${1//\\/\\\\}
  printf -v plain %b "${plain//%/\\x}" 2>/dev/null
}

# Becomes curl. The token is on no command line.
_ascend_curl() {
  local address=${ASCEND_SIDECAR:-unix:/run/ascend-sidecar/sidecar.sock} path=$1 place=()
  [[ $address != unix:* ]] || place=(--unix-socket "${address#unix:}") address=http://localhost
  shift
  exec curl -q -s -N -g --http1.1 --noproxy '*' --proto =http "${place[@]}" -H 'Connection: close' -H 'Expect:' \
    -H @<(printf %s "${ASCEND_TOKEN:+Authorization: Bearer ${ASCEND_TOKEN//[$'\r\n']/}}") "$@" "${address%/}$path"
}

# END PATH BODY [OPTION ...]: sets `raw` to the body of a whole answer of 200, `told` to the rest as curl puts it;
# else refuses. The body comes last, and nothing long is searched: bash takes the square of its length for that.
_ascend_ask() {
  local left=$(($1 - ${EPOCHREALTIME/[.,]/})) path=$2 body=$3 limit field all code
  shift 3
  [[ ! $body ]] || set -- "$@" -H 'Content-Type: application/json' --data-binary @-
  printf -v limit '%d.%06d' $((left > 1000 ? left / 1000000 : 0)) $((left > 1000 ? left % 1000000 : 1000))
  all=$({
    raw=$(printf %s "$body" | _ascend_curl "$path" --ignore-content-length --max-time "$limit" "$@" \
      -w '%{stderr}%{exitcode} %{num_connects} %{http_code} %{header_json}' 2>&3 | head -c 1048576) || :
    printf '\r%s' "$raw"
  } 2>/dev/null 3>&1 | head -c 1179648)
  told=${all::65536}
  told=${told%%$'\r'*}
  raw=${all:${#told}+1}
  _ascend_field content-length
  code=${told%% \{*}
  case $code in
    7\ * | *\ 0\ *) _ascend_refuse unreachable 'There is no connection.' ;;
    28\ *) _ascend_refuse timeout 'No whole answer in time.' ;;
    *\ 4??) _ascend_refuse rejected 'It has not decided.' "http_${code##* }" ;;
    *\ 5??) _ascend_refuse failed 'It has not decided.' "http_${code##* }" ;;
    0\ *\ 200) [[ $field == "${#raw}" ]] || _ascend_refuse invalid 'The answer is not whole, or has no length.' ;;
    *) _ascend_refuse invalid 'This is no whole answer of the daemon.' ;;
  esac
}

# NAME: sets `field` to that of `told`; empty if it is not there, or twice: which one counts is nobody's guess.
_ascend_field() {
  local once="\"$1\":\\[\"([^\"\\\\]*)(\\\\r)?\"\\]"
  [[ $told =~ $once ]] && field=${BASH_REMATCH[1]} || field=''
}

# The same, as a decision; that of `asked` unless it is empty. Status 0 if it is one.
_ascend_decide() {
  local told raw name field verdict id risk code reason plain begins='{"decision":false'
  _ascend_ask "$@" || return
  for name in verdict id risk code reason; do
    _ascend_field "x-ascend-$name"
    printf -v "$name" %s "$field"
  done
  [[ $verdict != allow ]] || begins='{"decision":true'
  [[ "$verdict $id $risk" =~ $_ascend_fits && $code && $id == "${asked:-$id}" && $raw == "$begins"*'}' ]] ||
    { _ascend_refuse invalid 'Its parts do not fit together, or are of another decision.'; return; }
  _ascend_unquote "$reason"
  ASCEND_ERROR=$verdict ASCEND_CODE=$code ASCEND_REASON=$plain ASCEND_RISK=$risk ASCEND_ID=$id ASCEND_BODY=$raw
  case $verdict in
    deny) ASCEND_ERROR=denied ;;
    allow)
      ASCEND_ERROR=''
      [[ ${ASCEND_ACCEPT_OBLIGATIONS:-} == yes || ($raw == *'"obligations":[]'* && $raw != *'"obligations":[{'*) ]] ||
        ASCEND_ERROR=obliged ASCEND_CODE=obligations ;;
  esac
}

# Sets `state` from what the follower wrote last: when, about the agent, about everybody.
_ascend_state() {
  local at own all silence
  state=unknown
  [[ $_ascend_watching ]] && kill -0 "$_ascend_watching" 2>/dev/null || return 0
  printf -v silence %.0f "${ASCEND_SILENCE:-15}e6"
  read -r at own all 2>/dev/null <"$_ascend_folder/state" && ((${EPOCHREALTIME/[.,]/} - at < silence)) || return 0
  case $own,$all in
    *blocked*) state=blocked ;;
    *unknown*) ;;
    *blind*) state=blind ;;
    clear,clear) state=clear ;;
  esac
}

# PARENT AGENT: keeps the state as long as the parent lives.
_ascend_follow() {
  local own all line plain folder=$_ascend_folder
  while kill -0 "$1"; do
    own=unknown all=unknown
    {
      _ascend_next && [[ $line =~ ^HTTP/1\.[01]\ 200[\ $'\r'] ]] && {
        while _ascend_next && [[ $line != $'\r' ]]; do :; done
        while _ascend_next && kill -0 "$1" && _ascend_take "$2"; do _ascend_keep; done
      }
    } < <(_ascend_curl /v1/events -i -G --data-urlencode "agent=$2" -H 'Accept: text/plain')
    kill $!
    own=unknown all=unknown
    _ascend_keep
    sleep 0.5
  done
  rm -rf "$folder"
}

_ascend_next() { IFS= read -r -t "${ASCEND_SILENCE:-15}" -n 8192 line; }

# Whole, or not at all.
_ascend_keep() {
  printf '%s %s %s\n' "${EPOCHREALTIME/[.,]/}" "$own" "$all" >"$folder/new" && mv "$folder/new" "$folder/state"
}

_ascend_take() {
  [[ $line != :* ]] || return 0
  [[ $line =~ $_ascend_line ]] || return
  local word=${BASH_REMATCH[1]/#partly/clear}
  _ascend_unquote "${BASH_REMATCH[2]}"
  [[ $plain == "$1" || $plain == [*-] ]] || return 0
  [[ $word =~ ^(clear|blocked|blind)$ ]] || return
  case $plain in
    '*') all=$word ;;
    "$1") own=$word ;;
  esac
}
