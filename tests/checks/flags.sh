# What the checks give to compilers; sourced in the project's root. Outside headers are
# system headers here, so that only our own are judged.
# shellcheck shell=bash

apxs=${APXS:-$(command -v apxs || command -v apxs2)}

outside() { # outside PACKAGE...: what pkg-config says, -I as -isystem
    pkg-config --cflags "$@" | tr ' ' '\n' | sed -n -e 's/^-I/-isystem/p' -e '/^-[DU]/p'
}

mapfile -t FLAGS < <(outside json-c libcurl apr-1 apr-util-1)
# These two come with the features that need them.
for package in hiredis libjwt libcrypto; do
    if pkg-config --exists "$package"; then
        mapfile -t more < <(outside "$package")
        FLAGS+=("${more[@]}")
    fi
done
FLAGS+=(-std=gnu11 -D_GNU_SOURCE -Imod_llmq -isystem "$("$apxs" -q INCLUDEDIR)")

sources() { # sources .c|.sh...: files of the project so named; build/ is left out
    local suffix
    for suffix in "$@"; do
        find mod_llmq tests scripts -name "*$suffix" -type f
    done | sort
}
