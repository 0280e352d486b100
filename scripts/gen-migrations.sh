#!/usr/bin/env bash
# Turn sql/DIALECT/NNNN_name.sql files into the C table that store_schema.h declares.
set -euo pipefail

table() { # table DIALECT FILE...
    local dialect=$1 file base
    shift
    printf 'static const llmq_migration_t migrations_%s[] = {\n' "$dialect"
    for file in "$@"; do
        [[ $file == sql/$dialect/* ]] || continue
        base=$(basename "$file" .sql)
        printf '    {%d, "%s",\n' "$((10#${base%%_*}))" "$base"
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
        printf '    },\n'
    done
    printf '    {0, NULL, NULL}};\n\n'
}

printf '/* Generated from sql/ by scripts/gen-migrations.sh. */\n#include "store/store_schema.h"\n\n'
table sqlite3 "$@"
table pgsql "$@"
cat <<'C'
const llmq_migration_t *const llmq_store_schema_migrations[LLMQ_DIALECT_COUNT] = {
    [LLMQ_DIALECT_SQLITE3] = migrations_sqlite3,
    [LLMQ_DIALECT_PGSQL] = migrations_pgsql,
};
C
