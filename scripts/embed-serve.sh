#!/bin/sh
# embed-serve.sh FILE... -- FILE.sql... - C source on standard output: the files of the page as bytes
# (src/serve/asset.h), and the queries of pagemeter serve as strings (src/serve/reader.h).
set -eu

type_of() {
    case $1 in
    *.html) echo 'text/html; charset=utf-8' ;;
    *.css) echo 'text/css; charset=utf-8' ;;
    *.js) echo 'text/javascript; charset=utf-8' ;;
    *.json) echo 'application/json; charset=utf-8' ;;
    *.svg) echo 'image/svg+xml' ;;
    *)
        echo "embed-serve.sh: what is $1?" >&2
        exit 1
        ;;
    esac
}

echo '/* made by scripts/embed-serve.sh */'
echo '#include "serve/asset.h"'
echo '#include "serve/reader.h"'
n=0 list=
while [ "$1" != -- ]; do
    type=$(type_of "$1")
    path=/$(basename "$1")
    [ "$path" != /index.html ] || path=/
    echo "static const unsigned char file_${n}[] = {"
    od -An -v -tu1 "$1" | sed 's/  */,/g; s/^,//; s/$/,/'
    echo '};'
    list="$list    {\"$path\", \"$type\", file_$n, sizeof file_$n},
"
    n=$((n + 1))
    shift
done
shift
printf 'const struct asset serve_assets[] = {\n%s    {NULL, NULL, NULL, 0},\n};\n' "$list"
echo 'const struct sql_file serve_sql[] = {'
for file in "$@"; do
    echo "    {\"$(basename "$file" .sql)\","
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^.*$/    "&\\n"/' "$file"
    echo '    },'
done
echo '    {NULL, NULL},'
echo '};'
