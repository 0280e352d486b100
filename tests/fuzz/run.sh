#!/usr/bin/env bash
# run.sh [TARGET...]           fuzz each target FUZZ_SECONDS (60) with clang and libFuzzer
# run.sh --replay [TARGET...]  build with $CC against libllmq.a and replay the corpus
#
# New inputs and crashes go to $BUILD/fuzz/TARGET, never into the committed corpus.
# BUILD (build), SAN ("", address, thread), CC, APXS as in the Makefile.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/fuzz
build=${BUILD:-build}
san=${SAN:-}
apxs=${APXS:-$(command -v apxs || command -v apxs2)}
packages=(json-c libcurl hiredis libjwt libssl libcrypto apr-1 apr-util-1)
read -ra flags <<<"-std=gnu11 -g -pthread -Wall -Wextra -Werror -Imod_llmq -I$here \
    -D_GNU_SOURCE $("$apxs" -q CPPFLAGS) $(pkg-config --cflags "${packages[@]}")"
read -ra libs <<<"$(pkg-config --libs "${packages[@]}") -lpthread -lm"

replay=
if [[ ${1:-} == --replay ]]; then
    replay=yes
    shift
fi
targets=("$@")
if ((${#targets[@]} == 0)); then
    for file in "$here"/fuzz_*.c; do
        name=${file##*/fuzz_}
        targets+=("${name%.c}")
    done
fi

replay_target() { # replay_target NAME
    local name=$1 out=$build/${san:-release}
    local sanflags=()
    case $san in
    address) sanflags=("-fsanitize=address,undefined" -fno-sanitize-recover=undefined) ;;
    thread) sanflags=(-fsanitize=thread) ;;
    esac
    mkdir -p "$out/fuzz"
    "${CC:-cc}" -O1 "${flags[@]}" "${sanflags[@]}" -o "$out/fuzz/$name" \
        "$here/fuzz_$name.c" "$here/standalone.c" "$out/libllmq.a" "${libs[@]}"
    "$out/fuzz/$name" "$here/corpus/$name"
}

fuzz_target() { # fuzz_target NAME
    local name=$1 out=$build/fuzz dict=$here/dict/$1
    local options=("-max_total_time=${FUZZ_SECONDS:-60}" -timeout=10 -max_len=4096)
    [[ ! -f $dict ]] || options+=("-dict=$dict")
    mkdir -p "$out/$name"
    # APR's rings are made of macros that clang does not like.
    clang -O1 "${flags[@]}" -Wno-null-pointer-subtraction -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=undefined -o "$out/fuzz_$name" "$here/fuzz_$name.c" \
        mod_llmq/base/*.c mod_llmq/core/*.c mod_llmq/backend/*.c \
        mod_llmq/bus/*.c "${libs[@]}"
    "$out/fuzz_$name" "${options[@]}" -artifact_prefix="$out/$name-" \
        "$out/$name" "$here/corpus/$name"
}

for name in "${targets[@]}"; do
    if [[ $replay ]]; then
        replay_target "$name"
    else
        fuzz_target "$name"
    fi
done
