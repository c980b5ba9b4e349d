#!/bin/sh
# e2e_run.sh -- make run starts two zones with exact totals, which survive a killed node and
# the killed services of a zone; make stop leaves no process and no file; a port that is
# taken is reported.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - make run: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); rc=0
export LARS_RUN=$tmp/run LARS_DNSD=27778 LARS_REPORTD=27779 LARS_PORT=28888 LARS_NODES=28001 LARS_HTTP=29880 LARS_CONSOLE=29890 LARS_GATEWAY=28080 LARS_SHOWCASE=28100 LARS_SECONDS=120
trap 'sh common/run stop >/dev/null 2>&1; kill ${hog:-} 2>/dev/null; rm -rf "$tmp"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; rc=1; fi; }
sql() { sh common/mariadb sql "$LARS_RUN/db" "$1"; }
runs() { [ -e "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
within() { # COMMAND... -> true as soon as it succeeds, at most 20 s
    n=0; until "$@"; do n=$((n + 1)); [ $n -lt 200 ] || return 1; sleep 0.1; done
}
well() { for z in a b; do tail -n 1 "$LARS_RUN/lars-traffic-$z.log" | grep -qE 'ok +[1-9][0-9]*/s  failed +0/s .* no node +0/s' || return 1; done; }
made() { cat "$LARS_RUN"/lars-traffic-?.log | awk '/^calls/ { ok += $4; bad += $6; n++ } END { if (n == 2) print ok, bad }'; }
ended() { [ -n "$(made)" ]; }
in_table() { # OK FAILED, with the six calls that asked whether all is well
    [ "$(echo $(sql 'SELECT COALESCE(SUM(succ_cnt), 0), COALESCE(SUM(err_cnt), 0) FROM ServerCallStatus WHERE modid = 1'))" = "$(($1 + 6)) $2" ]
}

sh common/run start >"$tmp/out" 2>&1; say $? "run returns when every program is healthy"
[ $rc = 0 ] || { cat "$tmp/out"; exit 1; }
grep -q '127.0.0.2:27778' "$tmp/out"; say $? "run prints the address of each program"
# The page is made by docs/tools/metrics, which is run by hand.
missing() { for p in 0 1 2 3; do curl -s "127.0.0.1:$((LARS_HTTP + p))/metrics"; done | sed -n 's/^# TYPE \(lars_\(dnsd\|reportd\|agentd\|console\)_[a-z_]*\) .*/\1/p' | sort -u |
    while read -r m; do grep -q "^| $m |" ../docs/ref/metrics.md || echo "$m"; done; }
if [ -f ../docs/ref/metrics.md ]; then
    [ "$(curl -s "127.0.0.1:$LARS_HTTP/metrics" | grep -c '^# TYPE lars_dnsd_')" -gt 5 ] && [ -z "$(missing)" ]
    say $? "docs/ref/metrics.md has every metric; mend: make run, docs/tools/metrics"
fi
pids=$(cat "$LARS_RUN"/*.pid "$LARS_RUN/db/pid")
sh common/run start | grep -q 'running already'; say $? "a second run changes nothing"

page() { [ "$(curl -s --max-time 5 -o "$tmp/page" -w '%{http_code}' "http://127.0.0.$1:28080/$2/")" = 200 ] && grep -q '/exhibit\|/e/\|href=' "$tmp/page"; }
page 1 zh && page 2 zh && page 1 en && page 2 en; say $? "the gateways of both zones show the site"
kill -9 "$(sql "SELECT MIN(pid) FROM lars_dns.ScaleSlot WHERE host = 'host-a' AND state = 'ready'")"
bad=0; for i in 1 2 3 4 5 6 7 8 9 10; do # each with a target of its own, which no cache has
    [ "$(curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://127.0.0.1:28080/en/?n=$i")" = 200 ] || bad=1
done
say $bad "a killed node of the site loses no request"

kill -9 "$(cat "$LARS_RUN/node-1.2.pid")"
within grep -q 'node.out.* node=127.0.1.2:.*state="down"' "$LARS_RUN/lars-agentd-a.log"; say $? "the agent takes a killed node out"
kill -9 "$(cat "$LARS_RUN/lars-dnsd-a.pid")" "$(cat "$LARS_RUN/lars-reportd-a.pid")"
sql "DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.2')"
within well; say $? "its removal reaches zone a from the dnsd of zone b"
build/lars-dnsd -c "$LARS_RUN/dnsd-a.ini" >"$LARS_RUN/again.log" 2>&1 & again=$!
within sh -c 'grep "server.first" "$LARS_RUN/lars-agentd-a.log" | grep -q ":$LARS_DNSD:"'; say $? "the agent of zone a returns to its restarted dnsd"
kill $again; wait $again 2>/dev/null
kill "$(cat "$LARS_RUN/lars-traffic-a.pid")" "$(cat "$LARS_RUN/lars-traffic-b.pid")"
within ended; say $? "the callers end and print how many calls they made"
within in_table $(made); say $? "the table counts exactly these calls"

kill -s RTMIN "$(cat "$LARS_RUN/lars-gateway-a.pid")"
successor() { sed -n 's/.*gateway.upgrade .*done: pid \([0-9]*\) .*/\1/p' "$LARS_RUN/lars-gateway-a.log"; }
within sh -c 'grep -q "gateway.upgrade .*done: pid" "$LARS_RUN/lars-gateway-a.log"'; say $? "the gateway of zone a is replaced"
pids="$pids $(successor)"
sh common/run stop >/dev/null; say $? "stop succeeds"
left=0; for p in $pids; do runs "$p" && left=1; done
say $left "no process is left"
[ ! -e "$LARS_RUN" ]; say $? "no file is left"

build/lars-node 127.0.0.2:27779 >"$tmp/hog" 2>&1 & hog=$!
within grep -q listening "$tmp/hog"
sh common/run start >"$tmp/out" 2>&1; [ $? = 1 ]; say $? "run fails when a port is taken"
grep -q 'cannot listen on 127.0.0.2:27779: Address already in use (EADDRINUSE); another program has the port: `ss -ltnup` shows which' "$tmp/out"; say $? "run names the port and what to do"
[ ! -e "$LARS_RUN" ]; say $? "the failed run leaves no file"
exit $rc
