#!/bin/bash
# Installs from Debian's packages what the tests use and this machine lacks. `npm test` calls it first.
#
#   ops/test-deps.sh           installs what is missing; says nothing and asks no server when all is there
#   ops/test-deps.sh --check   only names what is missing, exits 1 if anything is
#
# Needs root and apt to install. Services of the packages are neither started nor left enabled: the tests start
# servers of their own, in temporary directories.
set -euo pipefail
# Debian keeps servers where only root's PATH looks.
PATH=$PATH:/usr/sbin:/sbin

fail() {
  echo "test-deps: $*" >&2
  exit 1
}

# A test of each package: what the tests run, not the package's name, so that other sources of it count as well.
has() { command -v "$1" >/dev/null; }
has_faketime() { compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null; }
has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }
# Inside an image that holds nothing else, only the static one runs. (ldd fails on it.)
has_static_busybox() { [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; }

missing_packages() {
  { has dockerd && has docker; } || echo docker.io # a private engine: the docker family, the swap
  has_static_busybox || echo busybox-static # the one image that engine has
  has_postgres || echo postgresql # the external database
  has openssl || echo openssl # certificates
  { has ip && has tc; } || echo iproute2 # network namespaces of the wan family
  has iptables || echo iptables # random packet loss where the kernel has no netem
  has ping || echo iputils-ping
  has dnsmasq || echo dnsmasq-base # a name server in such a namespace
  { has sysctl && has ps; } || echo procps
  { has setpriv && has unshare; } || echo util-linux # processes without rights, or with a network of their own
  has caddy || echo caddy # the blue/green selector
  has curl || echo curl # ops/swap.sh asks with it
  has chromium || echo chromium # the board as a person sees it
  has_faketime || echo libfaketime # a wall clock that is stepped
  has shellcheck || echo shellcheck # the scripts in ops/
}

# Without this, installing a server starts it. A policy that is there already is the administrator's: it stays.
policy=/usr/sbin/policy-rc.d
log=
made_policy=
clean_up() {
  [ -z "$made_policy" ] || rm -f "$policy"
  [ -z "$log" ] || rm -f "$log"
}
trap clean_up EXIT

forbid_starting() {
  [ -e "$policy" ] && return
  made_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

units_of() {
  case $1 in
    docker.io) echo docker.service docker.socket containerd.service ;;
    postgresql) echo postgresql.service ;;
    caddy) echo caddy.service ;;
  esac
}

# Of the packages that this run installed; units that were there before keep their state.
disable_units() {
  has systemctl || return 0
  local package unit
  for package in "$@"; do
    for unit in $(units_of "$package"); do systemctl --quiet disable "$unit" >>"$log" 2>&1 || true; done
  done
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 </dev/null && return
  tail -n 30 "$log" >&2
  fail "apt-get $1 failed; its last words are above"
}

mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -gt 0 ] || exit 0
[ "${1:-}" != --check ] || fail "missing: ${missing[*]}"
has apt-get || fail "missing: ${missing[*]}. This machine has no apt-get; install what these Debian packages hold."
[ "$(id -u)" = 0 ] || fail "missing: ${missing[*]}. Run as root: apt-get install ${missing[*]}"

echo "test-deps: installing ${missing[*]}"
log=$(mktemp)
forbid_starting
apt update
apt install --yes --no-install-recommends "${missing[@]}"
disable_units "${missing[@]}"
mapfile -t missing < <(hash -r; missing_packages)
[ ${#missing[@]} -eq 0 ] || fail "installed, but still not usable: ${missing[*]}"
