#!/bin/sh
# docs/ref/new-policy.md does what it says: its diffs apply to this tree, build, pass their
# test and give their row.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - the page about a new policy: not under $LARS_MODE"; exit 0; }
cd "$(dirname "$0")/.."
page=../docs/ref/new-policy.md; bad=0
[ -f "$page" ] || { echo "skip - no docs beside this folder"; exit 0; }
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(tail -n 3 "$tmp/out")"; bad=1; fi; }
cp -r src app tools test "$tmp"
# Blocks "@@" name no lines: "-" lines are looked for, and replaced by the "+" lines.
awk -v root="$tmp" '
    function apply() { if (old == "" && new == "") return
        at = index(text, old); if (old == "" || !at) { print "not found in " file ": " old; exit 1 }
        text = substr(text, 1, at - 1) new substr(text, at + length(old)); old = new = "" }
    function save() { if (file == "") return; apply(); printf "%s", text >file; close(file); file = "" }
    /^```diff$/ { on = 1; next }
    on && /^```$/ { save(); on = 0; next }
    on && /^--- a\// { file = root "/" substr($2, 3); text = ""; while ((getline line <file) > 0) text = text line "\n"; close(file); next }
    on && /^\+\+\+ / { next }
    on && /^@@/ { apply(); next }
    on && /^-/ { old = old substr($0, 2) "\n"; next }
    on && /^\+/ { new = new substr($0, 2) "\n"; next }' "$page" >"$tmp/said" || bad=1
what='the diffs apply'; check test ! -s "$tmp/said"
cc() { ${CC:-gcc} -std=c11 -D_GNU_SOURCE -pthread -O1 -Wall -Wextra -Werror -Wno-missing-field-initializers -I"$tmp/src" "$@"; }
base=$(for f in rnd mono log err conf opts opts_help; do echo "$tmp/src/base/$f.c"; done)
lb=$(for f in pick health zone_breaker controller classic; do echo "$tmp/src/lb/$f.c"; done)
what='the test builds'; check cc -I"$tmp/test" -o "$tmp/t" "$tmp/test/test_pick.c" $lb $base -lcmocka -linih -lm
what='the test passes'; check env LARS_TEST_FILTER='t_least*' "$tmp/t"
grep -q 't_least_takes' "$tmp/out" && echo 'ok - it ran' || { echo 'not ok - it ran'; bad=1; }
what='the simulator builds'; check cc -o "$tmp/sim" "$tmp/tools/lars-sim.c" "$tmp"/src/sim/*.c $lb $base -linih -lm
what='it has the row'; check sh -c "'$tmp/sim' -t 4 speeds | grep -q '^| least: fewest calls under way'"
what='the agent takes the name'; check cc -fsyntax-only "$tmp/src/agent_data/dataplane.c"
exit $bad
