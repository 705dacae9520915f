#!/bin/sh
# Installs redis-server with the package manager named in $1. No package may start a service: Keyplan starts servers of
# its own, and one on 6379 that nobody asked for would be found by every program that looks there.
set -eu

policy=/usr/sbin/policy-rc.d
saved=/usr/sbin/policy-rc.d.before-keyplan
mark='written by Keyplan, removed after the installation'

# Debian packages ask this file before they start anything. A file left by a run that was killed is not an original.
deny_services() {
  if [ -e "$policy" ] && [ ! -e "$saved" ] && ! grep -q "$mark" "$policy"; then mv "$policy" "$saved"; fi
  trap allow_services EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" >"$policy"
  chmod 755 "$policy"
}

allow_services() {
  if [ -e "$saved" ]; then mv -f "$saved" "$policy"; else rm -f "$policy"; fi
}

case "$1" in
apt-get)
  # One at a time, so that nobody saves the file of another as the original.
  exec 9</usr/sbin
  flock 9
  if command -v redis-server >/dev/null; then exit 0; fi
  deny_services
  export DEBIAN_FRONTEND=noninteractive
  # One unreachable source need not be the one with Redis.
  apt-get -q -o DPkg::Lock::Timeout=300 update || true
  apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends redis-server
  # Nor at the next boot.
  if command -v systemctl >/dev/null; then systemctl disable --quiet redis-server.service || true; fi
  ;;
dnf) dnf install -y redis || dnf install -y valkey-compat-redis ;;
apk) apk add --no-cache redis ;;
brew) brew install redis ;;
*)
  echo "install-redis.sh: no way to install with \"$1\"" >&2
  exit 64
  ;;
esac
