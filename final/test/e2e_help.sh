#!/bin/sh
# Every program explains itself: --help and --version on standard output with exit code 0,
# an unknown option is one line on standard error with another code, and --describe has the
# rows that man pages and completion are made from.
set -u
cd "$(dirname "$0")/.."
build=${BUILD:-build}; bad=0; tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
version=$(sed -n 's/^#define LARS_VERSION "\(.*\)"$/\1/p' src/base/version.h)
programs=$(sed -n 's/^\(APPS\|PROGS\) *:= *//p' Makefile)
run() { timeout 60 "$build/$@" >"$tmp/out" 2>"$tmp/err" </dev/null; code=$?; }
check() { what="$1"; shift; if "$@"; then echo "ok - $what"; else echo "not ok - $what"; cat "$tmp/out" "$tmp/err" | head -n 5; bad=1; fi; }
quiet() { [ ! -s "$tmp/$1" ]; }
wide() { ! awk 'length($0) > 80 { found = 1 } END { exit !found }' "$tmp/out"; }
check 'the Makefile lists programs' [ "$(echo $programs | wc -w)" -ge 12 ]
for p in $programs; do
    for o in --help -h; do
        run $p $o
        check "$p $o exits with 0 and nothing on standard error" eval '[ $code = 0 ] && quiet err'
        check "$p $o begins with its usage and has both options" eval \
            'head -n 1 "$tmp/out" | grep -q "^Usage: $p" && grep -q -e "-h, --help" "$tmp/out" && grep -q -e "-V, --version" "$tmp/out"'
        check "$p $o fits a terminal" wide
    done
    for o in --version -V; do
        run $p $o
        check "$p $o is its name and version" eval '[ $code = 0 ] && [ "$(cat "$tmp/out")" = "$p $version" ] && quiet err'
    done
    run $p --no-such-option
    check "$p names an unknown option in one line" eval \
        '[ $code = 2 ] && quiet out && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -q "^$p: --no-such-option: .*see $p --help" "$tmp/err"'
    [ $p != example ] || continue     # the API in one page: without tables
    run $p --describe
    check "$p --describe has its program, options and exit codes" eval \
        '[ $code = 0 ] && grep -q "^program	$p	$version	" "$tmp/out" && grep -q "^option	-h	--help	" "$tmp/out" && grep -q "^exit	0	" "$tmp/out"'
    check "$p --describe: every option is in --help" eval \
        '"$build/$p" --help >"$tmp/help"; awk -F"\t" "\$1 == \"option\" { print \$3 }" "$tmp/out" | while read -r o; do grep -q -e " $o\b" "$tmp/help" || exit 1; done'
done
for p in lars-dnsd lars-reportd lars-agentd larsctl; do
    run $p -c conf/$p.ini --print-config
    check "conf/$p.ini has every key, with the comments of $p --print-config" cmp -s "$tmp/out" conf/$p.ini
    run $p --describe
    check "$p --describe has every key of its configuration" eval \
        '[ "$(grep -c "^config" "$tmp/out")" = "$(grep -c "^[a-z_]* = " conf/$p.ini)" ]'
done
run larsctl --help; cp "$tmp/out" "$tmp/help"
run larsctl --describe
check 'every command is in larsctl --help' eval \
    'awk -F"\t" "\$1 == \"command\" { print \$2 }" "$tmp/out" | while read -r c; do grep -q "^  $c\b" "$tmp/help" || exit 1; done'
exit $bad
