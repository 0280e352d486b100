#!/usr/bin/env bash
# install.sh MODULE APXS [DESTDIR]: put the module where httpd looks for modules, its
# configuration where a2enmod looks for it, and llmqctl, which lies beside the module, with
# its manual page under /usr. Called by `make install`.
set -euo pipefail
cd "$(dirname "$0")/.."

module=$1 apxs=$2 dest=${3:-}
libexec=$("$apxs" -q LIBEXECDIR)
sysconf=$("$apxs" -q SYSCONFDIR)
available=$dest$sysconf/mods-available

install -D -m 644 "$module" "$dest$libexec/mod_llmq.so"
echo "$dest$libexec/mod_llmq.so"
install -D -m 755 "$(dirname "$module")/llmqctl" "$dest/usr/sbin/llmqctl"
install -D -m 644 docs/llmqctl.1 "$dest/usr/share/man/man1/llmqctl.1"
echo "$dest/usr/sbin/llmqctl"
# Debian keeps a file pair for each module; elsewhere one file to include.
if [ -d "$sysconf/mods-available" ] || [ -n "$dest" ]; then
    install -D -m 644 conf/llmq.load "$available/llmq.load"
    sed -i "s#/usr/lib/apache2/modules#$libexec#" "$available/llmq.load"
    [ -e "$available/llmq.conf" ] || install -D -m 644 conf/llmq.conf "$available/llmq.conf"
    echo "$available/llmq.load $available/llmq.conf"
else
    install -D -m 644 conf/llmq.conf "$dest$sysconf/extra/llmq.conf"
    echo "$dest$sysconf/extra/llmq.conf"
fi
# The embedded database belongs to the user of the children.
install -d -m 750 "$dest/var/lib/llmq"
if [ -z "$dest" ] && [ "$(id -u)" = 0 ] && id www-data >/dev/null 2>&1; then
    chown www-data: /var/lib/llmq
fi
[ -n "$dest" ] || echo "now: a2enmod llmq && apachectl configtest && apachectl graceful"
