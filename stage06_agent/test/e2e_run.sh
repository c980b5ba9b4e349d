#!/bin/sh
# e2e_run.sh -- make run and make stop: all parts start, the table is exact, nothing is left;
# a port that is taken is reported together with the way to choose another one.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - make run: not run under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); rc=0
export LARS_RUN=$tmp/run LARS_DNSD=27778 LARS_REPORTD=27779 LARS_PORT=28888
trap 'sh common/run stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; rc=1; fi; }

build=${BUILD:-build}
$build/lars-dnsd -m -p $LARS_DNSD >"$tmp/holder" 2>&1 & holder=$!
n=0; until grep -q 'listening on' "$tmp/holder" || [ $n -ge 100 ]; do n=$((n + 1)); sleep 0.1; done
sh common/run start >"$tmp/out" 2>&1; [ $? = 1 ] && grep -q 'lars-dnsd ended' "$tmp/out" && grep -q 'LARS_DNSD=' "$tmp/out"
say $? "a taken port is reported with the variables that choose others"
[ $rc = 0 ] || cat "$tmp/out"
kill $holder; wait $holder 2>/dev/null
[ ! -e "$LARS_RUN" ]; say $? "a start that failed leaves nothing"

sh common/run start >"$tmp/out" 2>&1; say $? "start waits until all parts are healthy"
[ $rc = 0 ] || { cat "$tmp/out"; exit 1; }
made=$(sed -n 's/^calls 300 ok \([0-9]*\) failed \([0-9]*\) overload 0$/\1 \2/p' "$tmp/out")
[ -n "$made" ]; say $? "the simulator made 300 calls"
sum=$(sh common/mariadb sql "$LARS_RUN/db" 'SELECT SUM(succ_cnt), SUM(err_cnt) FROM ServerCallStatus WHERE modid = 1 AND cmdid = 1')
[ "$(echo $sum)" = "$((${made% *} + 3)) ${made#* }" ]; say $? "the table shows exactly the calls made"
pids=$(cat "$LARS_RUN"/*.pid "$LARS_RUN/db/pid")
sh common/run start | grep -q 'running already'; say $? "a second start changes nothing"
sh common/run stop >/dev/null; say $? "stop succeeds"
left=0; for p in $pids; do [ -e "/proc/$p" ] && ! grep -q '^State:.*Z' "/proc/$p/status" 2>/dev/null && left=1; done
say $left "no process is left"
[ ! -e "$LARS_RUN" ]; say $? "no file is left"
exit $rc
