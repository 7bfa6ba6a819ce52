#!/bin/sh
# embed.sh OUT.h OUT.c - make the SQL files of the repository C strings.
#
# sql/store/*.sql: each "-- :name X" block becomes the macro SQL_X; of sql/store/postgres/ it is SQL_PG_X. Each folder of schema/sqlite/,
# sql/audit/, sql/reports/ and sql/questions/ becomes a table (src/store/sql_files.h), in the order of
# the names of its files.
set -eu
out_h=$1 out_c=$2

escape() {
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^.*$/    "&\\n"/' "$@"
}

{
    echo '/* made by scripts/embed.sh from sql/store/ */'
    for file in sql/store/*.sql sql/store/postgres/*.sql; do
        case $file in sql/store/postgres/*) prefix=SQL_PG_ ;; *) prefix=SQL_ ;; esac
        awk -v prefix="$prefix" '
            /^-- :name / { if (name != "") print ""; name = $3; printf "#define %s%s", prefix, name; next }
            name == "" || /^[[:space:]]*$/ || /^--/ { next }
            { gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf " \\\n    \"%s\\n\"", $0 }
            END { print "" }' "$file"
    done
} >"$out_h"

table() { # table NAME FILE...
    name=$1
    shift
    echo "const struct sql_file ${name}[] = {"
    for file in "$@"; do
        [ -e "$file" ] || continue
        base=$(basename "$file" .sql)
        echo "    {\"$base\","
        escape "$file"
        echo '    },'
    done
    echo '    {NULL, NULL},'
    echo '};'
}

{
    echo '/* made by scripts/embed.sh from schema/ and sql/ */'
    echo '#include <stddef.h>'
    echo '#include "store/sql_files.h"'
    table sql_migrations schema/sqlite/*.sql
    table sql_balloon_migrations schema/sqlite/balloon/*.sql
    table sql_billing_migrations schema/sqlite/billing/*.sql
    table sql_ship_migrations schema/sqlite/ship/*.sql
    table sql_pg_migrations schema/postgres/*.sql
    table sql_pg_audits sql/audit/postgres/*.sql sql/audit/billing/postgres/*.sql sql/audit/manifest/postgres/*.sql sql/audit/manifest/postgres/*.sql
    table sql_audits sql/audit/*.sql
    table sql_billing_audits sql/audit/billing/*.sql
    table sql_manifest_audits sql/audit/manifest/*.sql
    table sql_reports sql/reports/*.sql
    table sql_billing_reports sql/reports/billing/*.sql
    table sql_questions sql/questions/*.sql
    table sql_billing_questions sql/questions/billing/*.sql
} >"$out_c"
