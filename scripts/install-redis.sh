#!/bin/sh
# install-redis.sh [MANAGER [POLICY]]
#
# Installs redis-server with a package manager: the one named, else the first of apt-get, dnf, apk and brew that is
# there. Becomes root through sudo where that asks nothing. No package may start a service: Keyplan starts servers of
# its own, and one on 6379 that nobody asked for would be found by every program that looks there. POLICY is the file
# that Debian packages ask before they start anything; /usr/sbin/policy-rc.d unless told otherwise.
#
# Ends with one line that says what to do, and a code of sysexits, where it cannot.
set -eu

manager=${1:-}
policy=${2:-/usr/sbin/policy-rc.d}
saved=$policy.before-keyplan
mark='written by Keyplan, removed after the installation'

give_up() {
  echo "redis-server is missing$2" >&2
  exit "$1"
}

if [ -z "$manager" ]; then
  for candidate in apt-get dnf apk brew; do
    if command -v "$candidate" >/dev/null; then manager=$candidate && break; fi
  done
  if [ -z "$manager" ]; then
    give_up 69 ', and there is no apt-get, dnf, apk or brew to install it with; install Redis 7.0 or newer by hand.'
  fi
  chosen=yes
fi

case "$manager" in
apt-get) by_hand='apt-get install redis-server' ;;
dnf) by_hand='dnf install redis' ;;
apk) by_hand='apk add redis' ;;
brew) by_hand='brew install redis' ;;
*) give_up 64 ", and \"$manager\" is not apt-get, dnf, apk or brew." ;;
esac

if [ "${chosen:-}" = yes ]; then
  echo "Installing redis-server with $manager, without starting a service …"
  # Homebrew refuses to work for root, the others for anyone else.
  if [ "$manager" != brew ] && [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then give_up 77 ". Install it with:  sudo $by_hand"; fi
    exec sudo -n sh "$0" "$manager" "$policy"
  fi
fi

# A file left by a run that was killed is not an original.
deny_services() {
  if [ -e "$policy" ] && [ ! -e "$saved" ] && ! grep -q "$mark" "$policy"; then mv "$policy" "$saved"; fi
  denied=yes
  printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" >"$policy"
  chmod 755 "$policy"
}

finish() {
  status=$?
  if [ "${denied:-}" = yes ]; then
    if [ -e "$saved" ]; then mv -f "$saved" "$policy"; else rm -f "$policy"; fi
  fi
  if [ "$status" != 0 ]; then give_up 69 ": $manager failed. Install it with:  $by_hand"; fi
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

case "$manager" in
apt-get)
  # One at a time, so that nobody saves the file of another as the original.
  exec 9<"$(dirname "$policy")"
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
esac
