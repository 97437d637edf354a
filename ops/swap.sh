#!/bin/bash
# Moves the selector to the other colour: the network alias `matrix-mcp` goes from one container to the other.
#
#   ops/swap.sh                  tells which colour has the alias, and whether each is ready
#   ops/swap.sh blue|green       swaps to that colour
#   ops/swap.sh --dry-run green  prints what it would do, changes nothing
#
# The new colour must be ready before anything is touched. Afterwards the selector must answer with it; if it does
# not, everything is put back and the exit code is 1. Swapping to the colour that is already active repairs a lost or
# doubled alias. New requests wait for the moment that it takes; those under way to the old colour just then are cut
# off. Needs the docker command and curl on the host.
set -euo pipefail

NET=matrix_net
ALIAS=matrix-mcp
SELECTOR=matrix-selector
WAIT_S=${MATRIX_SWAP_WAIT_S:-30}

say() { echo "swap: $*"; }
fail() {
  echo "swap: $*" >&2
  exit 1
}

dry_run=
act() {
  if [ -n "$dry_run" ]; then say "would run: $*"; else "$@" >/dev/null; fi
}

is_running() { [ "$(docker inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }
aliases_of() {
  docker inspect -f "{{with index .NetworkSettings.Networks \"$NET\"}}{{range .Aliases}}{{println .}}{{end}}{{end}}" "$1" 2>/dev/null || true
}
is_attached() { docker inspect -f "{{if index .NetworkSettings.Networks \"$NET\"}}yes{{end}}" "$1" 2>/dev/null | grep -q yes; }
has_alias() { aliases_of "$1" | grep -qx "$ALIAS"; }

# Where a container's port is published on this host, as host:port.
published() { docker port "$1" "$2/tcp" 2>/dev/null | head -n 1 | sed 's/^0\.0\.0\.0:/127.0.0.1:/; s/^\[::\]:/127.0.0.1:/'; }
get() { curl --silent --fail --max-time 5 "http://$1$2" 2>/dev/null; }
is_ready() {
  local address
  address=$(published "matrix-$1" 3910)
  [ -n "$address" ] && get "$address" /health/ready >/dev/null
}

# Through the selector: ready, and where the status may be read, of the right colour. Three times in a row.
selector_answers() {
  local address status
  address=$(published "$SELECTOR" 3912)
  [ -n "$address" ] || return 1
  for _ in 1 2 3; do
    get "$address" /health/ready >/dev/null || return 1
    status=$(get "$address" /matrix/api/status || true)
    [ -z "$status" ] || grep -q "\"deploy_color\": *\"$1\"" <<<"$status" || return 1
  done
}

within() {
  local end=$((SECONDS + WAIT_S))
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.5
  done
}

# An alias cannot be changed in place: the container leaves the network and comes back. Its database is on another.
attach() {
  local container=matrix-$1 option=()
  [ "$2" = with ] && option=(--alias "$ALIAS")
  if is_attached "$container"; then act docker network disconnect "$NET" "$container"; fi
  act docker network connect --alias "$1" "${option[@]}" "$NET" "$container"
}

show() {
  local colour
  for colour in blue green; do
    say "$colour: $(is_running "matrix-$colour" && echo running || echo 'not running'),$(is_ready $colour && echo ' ready' || echo ' not ready')$(has_alias "matrix-$colour" && echo ", has the alias $ALIAS")"
  done
}

old=
new=
undo() {
  trap - ERR INT TERM
  say 'putting everything back' >&2
  if [ -n "$old" ]; then attach "$old" with || true; fi
  attach "$new" without || true
  [ -z "$old" ] || within selector_answers "$old" || fail "NOT put back: the selector does not answer with $old; see ops/runbook.md"
  fail "${1:-the swap was interrupted}; ${old:-nothing} is active as before"
}

swap() {
  local other
  new=$1
  other=$([ "$new" = blue ] && echo green || echo blue)
  docker network inspect "$NET" >/dev/null 2>&1 || fail "there is no network $NET; is the compose project up?"
  is_running "$SELECTOR" || fail "$SELECTOR is not running"
  is_running "matrix-$new" || fail "matrix-$new is not running; start it first"
  within is_ready "$new" || fail "matrix-$new is not ready within ${WAIT_S} s (/health/ready); nothing was changed"
  if has_alias "matrix-$other"; then old=$other; fi

  trap 'undo' INT TERM
  trap 'undo "a docker command failed"' ERR
  say "$new gets the alias"
  has_alias "matrix-$new" || attach "$new" with
  if [ -n "$old" ]; then
    say "$old gives it up"
    attach "$old" without
  fi
  if [ -n "$dry_run" ]; then
    say 'would ask the selector and put everything back if it did not answer'
    return
  fi
  within selector_answers "$new" || undo "the selector does not answer with $new within ${WAIT_S} s"
  trap - ERR INT TERM
  # Streams that are open still lead to the old colour; a reload ends them, and browsers connect again by themselves.
  docker exec "$SELECTOR" caddy reload --force --config /etc/caddy/Caddyfile >/dev/null 2>&1 ||
    say 'open streams stay with the old colour until they end (the selector did not reload)'
  say "$new is active${old:+; $old may be updated now}"
}

if [ "${1:-}" = --dry-run ]; then
  dry_run=yes
  shift
fi
for tool in docker curl; do command -v "$tool" >/dev/null || fail "the command $tool is missing"; done
docker version >/dev/null 2>&1 || fail 'the Docker engine does not answer; is it running, and may this user use it?'
case ${1:-} in
  blue | green) swap "$1" ;;
  '') show ;;
  *) fail "expected blue or green, came \"$1\"" ;;
esac
