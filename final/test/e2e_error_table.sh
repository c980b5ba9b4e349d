#!/bin/sh
# The table of results in docs/ref/errors.md beside the code of the libraries: it has a row
# for each result that a header or lars_strerror() names, with the exception that C++,
# Python and Java throw for it and whether they call it retriable.
set -u
cd "$(dirname "$0")/.."
page=../docs/ref/errors.md; bad=0
[ -e "$page" ] || { echo 'skip - the table of results: no docs/ beside this folder'; exit 0; }
[ -z "${LARS_MODE:-}" ] || { echo "skip - the table of results: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
# RESULT C++ PYTHON JAVA RETRIABLE, one line for each row
awk -F ' *[|] *' '/^## / { on = /Results of the API/ } on && $2 ~ /^E[A-Z0-9]+$/ {
    gsub(/`/, ""); print $2, $3, $4, $5, $6 }' "$page" | sort >"$tmp/table"
same() { # WHAT: the lines of the code in wanted, beside those of the table in has
    if diff "$tmp/wanted" "$tmp/has" >"$tmp/diff"; then echo "ok - $1"; else echo "not ok - $1 (< code, > table): $(grep '^[<>]' "$tmp/diff" | tr '\n' ' ')"; bad=1; fi
}
column() { cut -d ' ' -f "1,$1" "$tmp/table" >"$tmp/has"; }
cat src/api/lars*.h src/api/lars_strerror.c | grep -oE -- '-E[A-Z0-9]+\>' | tr -d - | sort -u >"$tmp/results"
cp "$tmp/results" "$tmp/wanted"; cut -d ' ' -f 1 "$tmp/table" >"$tmp/has"
same 'each result of the headers and of lars_strerror() has one row'
# FILE FUNCTION DEFAULT PATTERN -> RESULT CLASS for each result: the case labels of FUNCTION
# before the line that has PATTERN and the class
classes() {
    awk -v name="$2" -v other="$3" -v pattern="$4" -v results="$tmp/results" '
        index($0, name) { on = 1 } on && /^ *}$|^}$/ && seen { exit }
        on && /case / { match($0, /E[A-Z0-9]+:/); c[substr($0, RSTART, RLENGTH - 1)] = 1; seen = 1 }
        on && match($0, pattern) { t = substr($0, RSTART, RLENGTH); sub(/.* /, "", t)
            for (i in c) class[i] = t; split("", c) }
        END { while ((getline r < results) > 0) print r, r in class ? class[r] : other }' "$1" | sort
}
retriable() { # FILE PATTERN -> RESULT yes|no: yes for those that the statement with PATTERN names
    awk -v pattern="$2" -v results="$tmp/results" '
        !end && $0 ~ pattern { on = 1 }
        on { t = $0; while (match(t, /E[A-Z0-9]+/)) { y[substr(t, RSTART, RLENGTH)] = 1; t = substr(t, RSTART + RLENGTH) }
            if (/;/) { on = 0; end = 1 } }
        END { while ((getline r < results) > 0) print r, r in y ? "yes" : "no" }' "$1" | sort
}
thrown=$(sed -n 's/^class \([a-z_]*\) : public \(std::exception\|error\) .*/lars::\1/p' api/cpp/lars.hpp | tr '\n' ' ')
sed "s/$/ ${thrown% }/" "$tmp/results" >"$tmp/wanted"; column 2
same 'the exception of C++ is that of lars.hpp'
classes api/python/py_error.c 'class_of(int rc)' Error 'return [A-Z][a-z][A-Za-z]*' | sed 's/ / lars./' >"$tmp/wanted"; column 3
same 'the class of Python is that of py_error.c'
classes api/java/org/lars/LarsException.java 'LarsException of(int' LarsException 'new [A-Za-z]+' >"$tmp/wanted"; column 4
same 'the class of Java is that of LarsException.java'
column 5
retriable api/cpp/lars.hpp 'return code_ == ' >"$tmp/wanted"; same 'retriable are those of lars.hpp'
retriable api/python/py_error.c 'bool may_pass =' >"$tmp/wanted"; same 'retriable are those of py_error.c'
retriable api/java/org/lars/LarsException.java 'return code == ' >"$tmp/wanted"; same 'retriable are those of LarsException.java'
exit $bad
