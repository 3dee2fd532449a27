#!/bin/sh
# Brings a bare Debian machine to where `npm start` works, or with --tests `npm test`: node modules, a Node that is
# new enough, Debian packages. Does nothing, quickly, where all is there. Exits with 78 when it cannot go on.
set -eu
cd "$(dirname "$0")/.."

say() { echo "set-up: $*" >&2; }
give_up() { say "$*"; exit 78; }

# 1. Node modules, again whenever package-lock.json changed.
stamp=node_modules/.set-up-stamp
lock=$(cksum <package-lock.json)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$lock" ]; then
  command -v npm >/dev/null 2>&1 || give_up "npm is missing; install Node.js, which brings it: apt-get install nodejs npm"
  say "installing node modules"
  npm ci --silent --no-audit --no-fund || give_up "Cannot install node modules; see why with: npm ci"
  echo "$lock" >"$stamp"
fi

# 2. A Node that is new enough. npm 10 leaves node_modules/.bin/node out when a sibling of another architecture was skipped.
new_enough() {
  version=$("$1" -v 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -ge 24 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 18 ]; }
}
if ! new_enough node_modules/.bin/node; then
  case $(uname -sm) in
    "Linux x86_64") arch=x64 ;;
    "Linux aarch64") arch=arm64 ;;
    *) arch= ;;
  esac
  [ -z "$arch" ] || npm rebuild --ignore-scripts --silent "node-linux-$arch" >/dev/null || true
  new_enough node_modules/.bin/node || new_enough node ||
    give_up "Cannot find Node.js 22.18 or newer (this is $(node -v 2>/dev/null || echo none)); install one: npm install --global node@24"
fi

# 3. Debian packages.
programs_of_postgresql() { [ -x "$1/postgres" ] && [ -x "$1/initdb" ] && [ -x "$1/pg_dump" ] && [ -x "$1/pg_restore" ]; }
any_postgresql() {
  for folder in /usr/lib/postgresql/*/bin; do
    major=${folder#/usr/lib/postgresql/}
    major=${major%/bin}
    case $major in *[!0-9]*) continue ;; esac
    if [ "$major" -ge 13 ] && programs_of_postgresql "$folder"; then return 0; fi
  done
  return 1
}
missing=
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing ${2:-$1}"; }

if [ "${1:-}" = --tests ]; then
  programs_of_postgresql /usr/lib/postgresql/15/bin || missing="$missing postgresql-15 postgresql-client-15"
  for program in strace faketime patchelf openssl; do need "$program"; done
else
  any_postgresql || missing="$missing postgresql"
fi
for program in zstd pigz tar; do need "$program"; done
need setpriv util-linux
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 ||
  give_up "This is no Debian (no apt-get); install what its packages of these names hold, then try again:$missing"
if [ "$(id -u)" -ne 0 ]; then
  say "These Debian packages are missing:$missing"
  give_up "Install them, then try again: sudo apt-get install --no-install-recommends$missing"
fi

say "installing Debian packages:$missing"
# Without this, postgresql-common would make and start a cluster that nobody asked for.
case $missing in
  *postgresql*)
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      mkdir -p /etc/postgresql-common
      echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    ;;
esac
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# $missing is a list of words.
# shellcheck disable=SC2086
if ! { apt-get -q -o DPkg::Lock::Timeout=300 update &&
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  give_up "Cannot install Debian packages:$missing"
fi
