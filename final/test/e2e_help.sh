#!/bin/sh
# Tests the options that all programs share.  --help and --version print on standard output
# and exit with 0.  An unknown option is reported in one line on standard error with exit
# code 2.  --describe prints the rows from which the manual pages and the shell completion
# are made.
set -u
cd "$(dirname "$0")/.."
build=${BUILD:-build}; bad=0; tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
version=$(sed -n 's/^#define LARS_VERSION "\(.*\)"$/\1/p' src/base/version.h)
programs=$(sed -n 's/^\(APPS\|PROGS\) *[:+]= *//p' Makefile gateway.mk scale.mk)
run() { timeout 60 "$build/$@" >"$tmp/out" 2>"$tmp/err" </dev/null; code=$?; }
check() { what="$1"; shift; if "$@"; then echo "ok - $what"; else echo "not ok - $what"; cat "$tmp/out" "$tmp/err" | head -n 5; bad=1; fi; }
quiet() { [ ! -s "$tmp/$1" ]; }
wide() { ! awk 'length($0) > 80 { found = 1 } END { exit !found }' "$tmp/out"; }
check 'the Makefile, gateway.mk and scale.mk list the programs that make builds' [ "$(echo $programs | tr ' ' '\n' | sort)" = "$(make -s --no-print-directory BUILD="$build" --eval 'all_programs: ; @printf "%s\n" $(APPS) $(PROGS)' all_programs | sort)" ]
check 'there are at least sixteen' [ "$(echo $programs | wc -w)" -ge 16 ]
for p in $programs; do
    for o in --help -h; do
        run $p $o
        check "$p $o exits with 0 and nothing on standard error" eval '[ $code = 0 ] && quiet err'
        check "$p $o begins with the usage and names --help and --version" eval \
            'head -n 1 "$tmp/out" | grep -q "^Usage: $p" && grep -q -e "-h, --help" "$tmp/out" && grep -q -e "-V, --version" "$tmp/out"'
        check "$p $o prints no line of more than 80 columns" wide
    done
    for o in --version -V; do
        run $p $o
        check "$p $o prints the name and the version of the program" eval '[ $code = 0 ] && [ "$(cat "$tmp/out")" = "$p $version" ] && quiet err'
    done
    run $p --no-such-option
    check "$p reports an unknown option in one line and exits with 2" eval \
        '[ $code = 2 ] && quiet out && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -q "^$p: --no-such-option: .*see $p --help" "$tmp/err"'
    [ $p != example ] || continue     # example is a short program without option tables
    run $p --describe
    check "$p --describe has rows for the program, its options and its exit codes" eval \
        '[ $code = 0 ] && grep -q "^program	$p	$version	" "$tmp/out" && grep -q "^option	-h	--help	" "$tmp/out" && grep -q "^exit	0	" "$tmp/out"'
    check "$p --help has every option of --describe" eval \
        '"$build/$p" --help >"$tmp/help"; awk -F"\t" "\$1 == \"option\" { print \$3 }" "$tmp/out" | while read -r o; do grep -q -e " $o\b" "$tmp/help" || exit 1; done'
done
for p in $(sed -n 's/^APPS *[:+]= *//p' Makefile gateway.mk scale.mk); do
    run $p -c conf/$p.ini --print-config
    check "conf/$p.ini has every key, with the comments of $p --print-config" cmp -s "$tmp/out" conf/$p.ini
    run $p --describe
    check "$p --describe has every key of its configuration" eval \
        '[ "$(grep -c "^config" "$tmp/out")" = "$(grep -c "^[a-z_0-9]* = " conf/$p.ini)" ]'
done
run larsctl -c /dev/null --print-config; grep '^http = ' "$tmp/out" >"$tmp/http"
for f in $(grep -l '^\[http\]' conf/lars-*.ini); do
    at=$(sed -n '/^\[http\]/,/^\[/s/^listen = //p' $f)
    check "larsctl doctor and log ask $f at $at" eval '[ -n "$at" ] && grep -qw "$at" "$tmp/http"'
done
run larsctl --help; cp "$tmp/out" "$tmp/help"
run larsctl --describe
check 'larsctl --help has every command of --describe' eval \
    'awk -F"\t" "\$1 == \"command\" { print \$2 }" "$tmp/out" | while read -r c; do grep -q "^  $c\b" "$tmp/help" || exit 1; done'
# A page of the operators may only name commands that there are: those in `...` and those
# that begin a line of a block.  "larsctl NOUN" alone may also stand for all of NOUN.
if [ -d ../docs ]; then
    awk -F"\t" '$1 == "command" { print $2 }' "$tmp/out" | sort -u >"$tmp/commands"
    for page in ../docs/zh/operate/*.md ../docs/en/operate/*.md; do
        { grep -oE '`larsctl [^`]*`' "$page" | tr -d '`'; grep -E '^larsctl ' "$page"; } |
            sed -E 's/ -r "[^"]*"//; s/ -(o|c) [^ ]+//; s/ -[ny]( |$)/\1/g; s/^larsctl +(watch +)?//' |
            awk -v have="$tmp/commands" 'BEGIN { while ((getline l < have) > 0) { all[l] = 1; split(l, w, " "); noun[w[1]] = 1 } }
                $1 == "" || $1 ~ /^-/ || $1 == "help" { next }
                !($1 in noun) || ($2 ~ /^[a-z][a-z-]*$/ && !(($1 " " $2) in all) && !($1 in all)) { print "larsctl " $1 " " $2 }' >"$tmp/bad"
        check "$page names only commands of larsctl" eval '[ ! -s "$tmp/bad" ] || { cp "$tmp/bad" "$tmp/out"; false; }'
    done
fi
for c in 'example x 1' 'example 1 4294967296' 'example -1 1' 'example 1 0x1' \
    'route_get 1 x' 'route_get 1x 1' 'simulator x 1' 'simulator 1 1 101' 'simulator 1 1 9%' \
    'report_send 1 x 10.0.0.1:80' "report_send '' 1 10.0.0.1:80"; do
    eval "run $c"
    check "$c is refused with the reason and code 2" eval \
        '[ $code = 2 ] && quiet out && grep -Eq "^[a-z_]+: .*(is not a number from 0 to|expected MODID)" "$tmp/err"'
done
export LARS_PORT=1 LARS_DIR=/nonexistent
for p in example simulator; do
    run $p 1 1
    check "$p without an agent prints the sentence of lars_strerror" eval \
        '[ $code = 1 ] && grep -q "the agent does not answer, and its file does not have the module" "$tmp/err"'
done
exit $bad
