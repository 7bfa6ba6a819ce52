#!/bin/sh
# embed.sh OUT.h OUT.c - make the SQL files of the repository C strings.
#
# sql/store/*.sql: each "-- :name X" block becomes the macro SQL_X. The files of schema/sqlite/,
# schema/sqlite/balloon/, schema/sqlite/billing/ and sql/audit/ become the tables sql_migrations, sql_balloon_migrations, sql_billing_migrations and
# sql_audits, in the order of their names.
set -eu
out_h=$1 out_c=$2

escape() {
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^.*$/    "&\\n"/' "$@"
}

{
    echo '/* made by scripts/embed.sh from sql/store/ */'
    for file in sql/store/*.sql; do
        awk '
            /^-- :name / { if (name != "") print ""; name = $3; printf "#define SQL_%s", name; next }
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
    table sql_audits sql/audit/*.sql
} >"$out_c"
