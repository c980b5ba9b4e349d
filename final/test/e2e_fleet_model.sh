#!/bin/sh
# The model of a fleet: the same seed gives the same lines, another one others, and its
# figures are those of docs/ref/scale-model.md.
set -u
cd "$(dirname "$0")/.."
build=${BUILD:-build}; bad=0
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { what=$1; shift; if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what"; head -n 20 "$tmp/out"; bad=1; fi; }
model() { "$build/fleet_model" -a 50 -n 2000 -m 100 -u 10 -d 2 -r 2 -k 100 "$@" | sed '/^# Memory/,$d'; }
model -s 1 >"$tmp/1"; model -s 1 >"$tmp/same"; model -s 2 >"$tmp/other"
check 'it prints a section for each part' [ "$(grep -c '^# ' "$tmp/1")" = 6 ]
check 'each line has a label and a value' sh -c "! grep -vE '^# |^[^	]+	[^	]+\$' '$tmp/1'"
check 'the same seed gives the same lines' cmp "$tmp/1" "$tmp/same"
check 'another seed gives others' sh -c "! cmp -s '$tmp/1' '$tmp/other'"
refused() { "$build/fleet_model" "$@" >"$tmp/why" 2>&1; code=$?; cat "$tmp/why"; [ $code = 2 ]; }
check 'more modules of an agent than there are: refused' refused -m 10 -n 100 -u 11
check 'the only lars-dnsd cannot be lost' refused -d 1 -l 5 -a 5 -n 100 -m 10 -u 5
if [ -f ../docs/ref/scale-model.md ] && [ -z "${LARS_MODE:-}" ]; then
    check 'the page has the figures of the model' env BUILD="$build" sh bench/fleet-model check
fi
exit $bad
