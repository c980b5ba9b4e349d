#!/bin/sh
# The table of routes in docs/ref/console.md beside src/web/router.c: the same methods, paths
# and roles, in the same order.  Each code of an error in src/web is on the page as well.
set -u
cd "$(dirname "$0")/.."
page=../docs/ref/console.md; bad=0
[ -e "$page" ] || { echo 'skip - the routes of the console: no docs/ beside this folder'; exit 0; }
[ -z "${LARS_MODE:-}" ] || { echo "skip - the routes of the console: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
same() { # WHAT
    if diff "$tmp/code" "$tmp/page" >"$tmp/diff"; then echo "ok - $1"; else echo "not ok - $1 (< code, > page): $(grep '^[<>]' "$tmp/diff" | tr '\n' ' ')"; bad=1; fi
}
grep -oE '"[A-Z]+", V1 "[^"]*", SESSION_[A-Z]+,' src/web/router.c | tr -d '",' | sed 's/ V1//; s/SESSION_//' | tr 'A-Z' 'a-z' >"$tmp/code"
awk -F ' *[|] *' '/^## / { on = /^## Routes/ } on && $2 ~ /^[A-Z]+$/ { print $2, $3, $4 }' "$page" | tr 'A-Z' 'a-z' >"$tmp/page"
same 'the page has the routes of router.c, with their roles'
if [ "$(wc -l <"$tmp/code")" = "$(grep -c '^    {"[A-Z]*", ' src/web/router.c)" ]; then echo 'ok - each row of router.c was read'; else echo 'not ok - each row of router.c was read'; bad=1; fi
{ grep -ohE 'reply_problem\([^;]*' src/web/*.c | tr -d '\n'; cat src/web/*.c | tr -d '\n' | grep -oE 'reply_problem\([^;]*;'; } |
    grep -oE '[0-9]+, *(rc == -EIO \? )?"[a-z_]+"( : "[a-z_]+")?' | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u >"$tmp/codes"
sed -n 's/^    \[OPS_[A-Z_]*\] = "\([a-z_]*\)".*/\1/p' src/ops/ops.c | grep -vx done >>"$tmp/codes"
printf "wrong_role\nmethod_not_allowed\n" >"$tmp/known"
for c in $(sort -u "$tmp/codes" "$tmp/known"); do
    if grep -q "^|.*\`$c\`" "$page"; then echo "ok - the page explains $c"; else echo "not ok - the page explains $c"; bad=1; fi
done
exit $bad
