#!/usr/bin/env bash
# Install what is missing from Debian's packages, or say which those are.
#
#   scripts/setup.sh [build|test|bench]...      default: build
#
# build  compile the module and run it on SQLite (all that scripts/demo.sh needs)
# test   build, and everything that scripts/test.sh runs
# bench  build, and everything that scripts/bench.sh runs
#
# As root, missing packages are installed with apt-get; otherwise the line to run is
# printed and the exit status is 1. Nothing is done when nothing is missing.
set -euo pipefail

build=(gcc libc6-dev make pkg-config apache2-bin apache2-dev libapr1-dev libaprutil1-dev
    libaprutil1-dbd-sqlite3 libjson-c-dev libcurl4-openssl-dev libhiredis-dev libjwt-dev libssl-dev curl jq procps util-linux)
database=(libaprutil1-dbd-pgsql postgresql)
test=("${database[@]}" check clang clang-format clang-tidy cppcheck libclang-rt-dev shellcheck sqlite3
    chromium chromium-driver nodejs redis-server prometheus
    python3 python3-pytest python3-pytest-xdist python3-requests python3-psycopg2
    python3-jsonschema python3-yaml pyflakes3)
bench=("${database[@]}" wrk nginx-light libnginx-mod-nchan)

wanted=("${build[@]}")
for group in "$@"; do
    case $group in
    build) ;;
    test) wanted+=("${test[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    *)
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
        exit 2
        ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh knows Debian only. Install what these packages hold: ${wanted[*]}" >&2
    exit 1
fi

missing=()
for package in "${wanted[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] ||
        missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Missing packages. As root, run:" >&2
    echo "apt-get install --no-install-recommends ${missing[*]}"
    exit 1
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A fresh machine may be at its daily updates, and a mirror away for a moment.
options=(-qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5)
apt-get "${options[@]}" update
apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}"
