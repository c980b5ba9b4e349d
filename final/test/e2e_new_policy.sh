#!/bin/sh
# The diffs of docs/ref/new-policy.md, applied to a copy of this tree, add one file, one line
# of the table and one of the Makefile; the copy builds and passes its test, and the
# simulator, larsctl and the agent have the policy.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - the page about a new policy: not under $LARS_MODE"; exit 0; }
cd "$(dirname "$0")/.." || exit 1
page=../docs/ref/new-policy.md; build=${BUILD:-build}; bad=0; agent=''
[ -f "$page" ] || { echo "skip - the page about a new policy: there are no docs in the parent folder"; exit 0; }
tmp=$(mktemp -d); new=$tmp/final
trap 'kill $agent 2>/dev/null; sh common/mariadb wipe "$tmp/db" >/dev/null 2>&1; rm -rf "$tmp"' EXIT
result() { # WHAT OK
    [ "$2" = 0 ] && echo "ok - $1" || { echo "not ok - $1: $(tail -n 5 "$tmp/out")"; bad=1; }
}
check() { what=$1; shift; "$@" >"$tmp/out" 2>&1; result "$what" $?; }

cp -Rp . "$new" && mkdir -p "$tmp/docs" && ln -s "$PWD/../docs/tools" "$tmp/docs/tools" || exit 1
# A block "@@" has no line numbers: its "-" lines are searched in the file and replaced by
# its "+" lines.
awk -v root="$new" '
    function apply() { if (old == "" && new == "") return
        if (fresh) { text = new; old = new = ""; return }
        at = index(text, old); if (old == "" || !at) { print "not found in " file ": " old; exit 1 }
        text = substr(text, 1, at - 1) new substr(text, at + length(old)); old = new = "" }
    function save() { if (file == "") return; apply(); printf "%s", text >file; close(file); file = "" }
    /^```diff$/ { on = 1; next }
    on && /^```$/ { save(); on = 0; next }
    on && /^--- / { fresh = $2 == "/dev/null"; text = ""; next }
    on && /^\+\+\+ b\// { file = root "/" substr($2, 3); while (!fresh && (getline line <file) > 0) text = text line "\n"; close(file); next }
    on && /^@@/ { apply(); next }
    on && /^-/ { old = old substr($0, 2) "\n"; next }
    on && /^\+/ { new = new substr($0, 2) "\n"; next }' "$page" >"$tmp/out" 2>&1
[ ! -s "$tmp/out" ]; result 'the diffs apply' $?

changed() { diff -rq src "$new/src"; diff -rq app "$new/app"; diff -rq tools "$new/tools"; diff -q Makefile "$new/Makefile"; }
changed | sed 's/ and .* differ$//; s/^Only in .*lb: /new /; s/^Files //' | sort | tr '\n' ' ' >"$tmp/out"
[ "$(cat "$tmp/out")" = 'Makefile new least.c src/lb/policies.c ' ]
result 'one new file; one line of the table and one of the Makefile' $?
diff src/lb/policies.c "$new/src/lb/policies.c" | grep -c '^>.*X(least)' >"$tmp/out"
[ "$(cat "$tmp/out")" = 1 ]; result 'the table has one more line' $?

bins="$build/larsctl $build/lars-agentd $build/lars-sim $build/test_pick"
check 'it builds' make -C "$new" -s BUILD="$build" $bins
check 'the test passes' env LARS_TEST_FILTER='t_least*' "$new/$build/test_pick"
grep -q 't_least_takes' "$tmp/out"; result 'the test ran' $?
check 'the simulator has a row' sh -c "'$new/$build/lars-sim' -t 4 speeds | grep -q '^| least: fewest calls in flight'"

printf '[agent]\nport = 0\n[choice]\nrules = 1/1=least\n' >"$tmp/agent.ini"
mkfifo "$tmp/fifo"
"$new/$build/lars-agentd" -c "$tmp/agent.ini" -d "$tmp/agent" >"$tmp/fifo" 2>"$tmp/out" & agent=$!
read -r line <"$tmp/fifo"; line=${line:-}
case $line in 'listening on '*) true ;; *) false ;; esac; result 'the agent accepts the name' $?
check 'larsctl lists it' sh -c "'$new/$build/larsctl' -o csv policy rules | grep '^least,fewest calls in flight'"
check 'a database starts' sh common/mariadb start "$tmp/db"
ctl() { "$1/$build/larsctl" -s "$tmp/db/sock" -o csv policy set 1 1 rule=least; }
ctl . >"$tmp/out" 2>&1; [ $? = 2 ] && grep -q 'none of scan' "$tmp/out"; result 'larsctl without the change refuses it' $?
ctl "$new" >"$tmp/out" 2>&1 && grep -q '^1,1,least,' "$tmp/out"; result 'larsctl accepts it' $?
exit $bad
