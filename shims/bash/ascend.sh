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
_ascend_status=$'^HTTP/1\\.[01] (([1-5])[0-9][0-9])( [^\r\n]*)?\r\n' _ascend_line='^[0-9]+ [^ ]+ [^ ]+ [^ ]+$'

# ascend_authorize ACTION RESOURCE [PROPERTIES] [CONTEXT]: status 0 only if allowed. The last two are JSON objects.
ascend_authorize() {
  local LC_ALL=C agent began wait asked left end seconds body state=blind id risk reason code
  _ascend_start || return
  printf -v wait %.0f "${ASCEND_WAIT:-${ASCEND_DEADLINE:-5}}e6"
  [[ ! $_ascend_watching ]] || _ascend_state
  [[ $state != blocked ]] || { _ascend_refuse blocked 'The event stream: blocked.' halted; return; }
  [[ $state != unknown ]] || { _ascend_refuse blocked 'The event stream: unknown.' halts_unknown; return; }
  body="{\"subject\":$(_ascend_named "$agent"),\"action\":{\"name\":$(_ascend_json "$1")"
  body+=",\"properties\":${3:-"{}"}},\"resource\":$(_ascend_named "$2"),\"context\":${4:-"{}"}}"
  _ascend_decide "$end" '' /access/v1/evaluation "$body"
  while [[ $ASCEND_ERROR == pending ]]; do
    asked=${EPOCHREALTIME/[.,]/} id=$ASCEND_ID risk=$ASCEND_RISK reason=$ASCEND_REASON code=$ASCEND_CODE
    ((left = began + wait - asked, left >= 1500000)) || break
    ((seconds = (left - 500000) / 1000000, seconds = seconds > 55 ? 55 : seconds))
    _ascend_decide "$((asked + left))" "$id" "/v1/decisions/$id" '' -H "Prefer: wait=$seconds"
    [[ $ASCEND_ID ]] || ASCEND_ID=$id ASCEND_RISK=$risk ASCEND_REASON=$reason
    [[ $ASCEND_ERROR != timeout ]] || { ASCEND_ERROR=pending ASCEND_CODE=$code; break; }
    ((left = asked + 1000000 - ${EPOCHREALTIME/[.,]/}))
    [[ $ASCEND_ERROR != pending ]] || ((left <= 0)) || sleep "$(_ascend_seconds "$left")"
  done
  [[ ! $ASCEND_ERROR ]]
}

# ascend_report completed|failed [DETAILS]: tell once what became of the last decision. Status 0, or see ASCEND_ERROR.
ascend_report() {
  local LC_ALL=C agent began end raw details=${2:-"{}"}
  local -A field
  [[ ${ASCEND_ID:-} ]] || { ASCEND_ERROR=invalid; return 1; }
  _ascend_start || return
  details=${details#*\{}
  [[ ${details//[[:space:]]/} == \} ]] || details=",$details"
  _ascend_ask "$end" "/v1/decisions/$ASCEND_ID/outcome" "{\"outcome\":$(_ascend_json "$1")$details"
}

# ascend_watch: follow halts from now on. ASCEND_STATE is then clear, blocked, blind or unknown; status 0 if clear.
ascend_watch() {
  local LC_ALL=C agent began end state=unknown self=$BASHPID
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

_ascend_refuse() {
  ASCEND_ERROR=$1 ASCEND_REASON=$2 ASCEND_CODE=${3:-$1} ASCEND_RISK='' ASCEND_ID='' ASCEND_BODY=''
  return 1
}

_ascend_seconds() { printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)); }

_ascend_named() {
  local id=${1#"${1%%:*}"}
  printf '{"type":%s,"id":%s}' "$(_ascend_json "${1%%:*}")" "$(_ascend_json "${id#:}")"
}

_ascend_json() {
  local text=$1 number char
  text=${text//\\/\\\\} text=${text//\"/\\\"}
  if [[ $text == *[[:cntrl:]]* ]]; then
    for number in {1..31}; do
      printf -v char '\\x%02x' "$number"
      printf -v char %b "$char"
      text=${text//"$char"/"\\u00$(printf %02x "$number")"}
    done
  fi
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
  exec curl -q -sS -i -N -g --http1.1 --noproxy '*' --proto =http "${place[@]}" -H 'Connection: close' -H 'Expect:' \
    -H @<(printf %s "${ASCEND_TOKEN:+Authorization: Bearer ${ASCEND_TOKEN//[$'\r\n']/}}") "$@" "${address%/}$path"
}

# END PATH BODY [OPTION ...]: sets `field` and `raw` to a whole answer of status 200, else refuses.
_ascend_ask() {
  local end=$1 path=$2 body=$3 left=$(($1 - ${EPOCHREALTIME/[.,]/})) all status connected size line name value error
  shift 3
  [[ ! $body ]] || set -- "$@" -H 'Content-Type: application/json' --data-binary @-
  all=$(printf %s "$body" | _ascend_curl "$path" --max-time "$(_ascend_seconds $((left > 1000 ? left : 1000)))" \
    --max-filesize 1048576 -w '\n%{num_connects} %{size_header}' "$@" 2>/dev/null | head -c 1179648 | tr '\0' '?'
    printf ' %d' "${PIPESTATUS[1]}")
  # By position: searching a long text for where it ends takes bash the square of its length.
  line=${all:${#all} > 64 ? ${#all} - 64 : 0}
  line=${line##*$'\n'}
  read -r connected size status <<<"$line"
  [[ $size =~ ^[0-9]+$ ]] || { _ascend_refuse invalid 'The answer is too long.'; return; }
  case $connected,$status in
    *,7 | 0,*) _ascend_refuse unreachable 'There is no connection.'; return ;;
    *,28) _ascend_refuse timeout 'No whole answer in time.'; return ;;
  esac
  raw=${all:size:${#all} - size - ${#line} - 1} all=${all:0:size}
  [[ $size -le 65536 && $all == *$'\r\n\r\n' && $all =~ $_ascend_status ]] ||
    { _ascend_refuse invalid 'This is not HTTP/1.1.'; return; }
  case ${BASH_REMATCH[2]} in 4) error=rejected ;; 5) error=failed ;; *) error=invalid ;; esac
  name=${BASH_REMATCH[1]}
  [[ $name == 200 ]] || { _ascend_refuse $error "Status $name." "${error/#[rf]*/http_$name}"; return; }
  field=()
  while IFS= read -r line; do
    name=${line%%:*} value=${line#*:}
    [[ $line == *:* && $name =~ ^[A-Za-z0-9._-]+$ ]] || { _ascend_refuse invalid 'This is not HTTP/1.1.'; return; }
    value=${value%$'\r'}
    value=${value#"${value%%[![:blank:]]*}"} value=${value%"${value##*[![:blank:]]}"}
    [[ ! ${field["${name,,}"]+there} ]] || value=$'\r' # twice is none: it fits nothing
    field["${name,,}"]=$value
  done <<<"${all:${#BASH_REMATCH[0]}:size-${#BASH_REMATCH[0]}-4}"
  [[ $status == 0 && ${field[content-length]:-} == "${#raw}" ]] ||
    { _ascend_refuse invalid 'The answer is not whole, or its length is not told.'; return; }
  ASCEND_ERROR=''
}

# END ID PATH BODY [OPTION ...]: the same, as a decision; that of an id unless it is empty.
_ascend_decide() {
  local expected=$2 raw plain verdict code number risk begins='{"decision":false' duties=kept
  local -A field
  _ascend_ask "$1" "${@:3}" || return
  verdict=${field[x-ascend-verdict]:-} code=${field[x-ascend-code]:-} number=${field[x-ascend-id]-none}
  risk=${field[x-ascend-risk]:-}
  if [[ $verdict == allow ]]; then
    begins='{"decision":true'
    [[ ${ASCEND_ACCEPT_OBLIGATIONS:-} == yes || $raw == *'"obligations":[]'* ]] || duties=untold
    [[ ${ASCEND_ACCEPT_OBLIGATIONS:-} == yes || $raw != *'"obligations":[{'* ]] || duties=not_done
  fi
  [[ $verdict =~ ^(allow|pending|deny)$ && $raw == "$begins"*'}' && $duties != untold && $code && $code != $'\r' &&
    $number =~ ^[0-9]*$ && ($number || $verdict == deny) && (! $expected || $number == "$expected") &&
    $risk =~ ^([0-9]|[0-9][0-9]|100)?$ ]] ||
    { _ascend_refuse invalid 'Its parts do not fit together, or are of another decision.'; return; }
  _ascend_unquote "${field[x-ascend-reason]:-}"
  ASCEND_CODE=$code ASCEND_REASON=$plain ASCEND_RISK=$risk ASCEND_ID=$number ASCEND_BODY=$raw
  case $verdict,$duties in
    allow,kept) ASCEND_ERROR='' ;;
    allow,*) ASCEND_ERROR=obliged ASCEND_CODE=obligations ;;
    deny,*) ASCEND_ERROR=denied ;;
    *) ASCEND_ERROR=pending ;;
  esac
  [[ ! $ASCEND_ERROR ]]
}

# Sets `state` from what the follower wrote last: when, about the agent, about everybody.
_ascend_state() {
  local at own all silence
  state=unknown
  [[ $_ascend_watching ]] && kill -0 "$_ascend_watching" 2>/dev/null || return 0
  printf -v silence %.0f "${ASCEND_SILENCE:-15}e6"
  read -r at own all 2>/dev/null <"$_ascend_folder/state" && ((${EPOCHREALTIME/[.,]/} - at < silence)) || return 0
  case ",$own,$all," in
    *,blocked,*) state=blocked ;;
    *,unknown,*) ;;
    *,blind,*) state=blind ;;
    ,clear,clear,) state=clear ;;
  esac
}

# PARENT AGENT: keeps the state as long as the parent lives.
_ascend_follow() {
  local own all line part plain folder=$_ascend_folder
  while kill -0 "$1"; do
    own=unknown all=unknown part=status
    while IFS= read -r -t "${ASCEND_SILENCE:-15}" -n 8192 line && ((${#line} < 8192)) && kill -0 "$1"; do
      case $part,$line in
        'status,HTTP/1.'[01]' 200'[$' \r']*) part=head ;;
        head,$'\r') part=lines ;;
        head,* | lines,:*) ;;
        *) [[ $part == lines ]] && _ascend_take "$2" || break ;;
      esac
      _ascend_keep
    done < <(_ascend_curl /v1/events -G --data-urlencode "agent=$2" -H 'Accept: text/plain')
    kill $!
    own=unknown all=unknown
    _ascend_keep
    sleep 0.5
  done
  rm -rf "$folder"
}

# Whole, or not at all.
_ascend_keep() { printf '%s %s %s\n' "${EPOCHREALTIME/[.,]/}" "$own" "$all" >"$folder/new" && mv "$folder/new" "$folder/state"; }

_ascend_take() {
  [[ $line =~ $_ascend_line ]] || return
  local word about
  read -r _ word about _ <<<"$line"
  [[ $word != bye && $word != cut ]] || return
  _ascend_unquote "$about"
  [[ $plain == "$1" || $plain == '*' ]] || return 0
  [[ $word != partly ]] || word=clear
  [[ $word =~ ^(clear|blocked|blind)$ ]] || return
  [[ $plain == '*' ]] && all=$word || own=$word
}
