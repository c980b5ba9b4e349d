#!/bin/sh
# e2e_scale.sh -- make run with its autoscaler: the number of the site's nodes follows the
# visits; a crowd of eight times as many visitors loses no request; a killed node is
# replaced; a killed lars-slotd loses and doubles no node; a killed leader is followed by
# the other lars-autoscaler; make stop leaves no process.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - make run: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); rc=0
export LARS_RUN=$tmp/run LARS_DNSD=31778 LARS_REPORTD=31779 LARS_PORT=31888 LARS_NODES=31001 LARS_HTTP=31980 LARS_CONSOLE=31990 LARS_GATEWAY=31080 LARS_SHOWCASE=31100 LARS_SECONDS=240
export LARSCTL=$LARS_RUN/larsctl.ini
trap 'sh common/run stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; rc=1; fi; }
sql() { sh common/mariadb sql "$LARS_RUN/db" "$1"; }
runs() { [ -e "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
within() { # SECONDS COMMAND... -> true as soon as it succeeds
    n=$(($1 * 10)); shift
    until "$@"; do n=$((n - 1)); [ $n -gt 0 ] || return 1; sleep 0.1; done
}
up() { sql "SELECT COUNT(*) FROM lars_dns.RouteData WHERE modid = 3 AND state = 'up' AND zone = '$1'"; }
up_at_least() { [ "$(up a)" -ge "$1" ] && [ "$(up b)" -ge "$1" ]; }
up_at_most() { [ "$(up a)" -le "$1" ] && [ "$(up b)" -le "$1" ]; }
pids_of_nodes() { grep -lz "^$LARS_RUN/showcase-$1.ini$" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | sort; }
ready() { sql "SELECT COUNT(*) FROM lars_dns.ScaleSlot WHERE state = 'ready' AND host = 'host-$1'"; }
no_doubles() { [ "$(pids_of_nodes "$1" | wc -l)" = "$(sql "SELECT COUNT(*) FROM lars_dns.ScaleSlot WHERE host = 'host-$1'")" ]; }

sh common/run start >"$tmp/out" 2>&1; say $? "run returns when every program is healthy"
[ $rc = 0 ] || { cat "$tmp/out"; exit 1; }
up_at_least 2; say $? "each zone has the least number of nodes"
within 20 sh -c '[ "$(curl -s --max-time 5 -o /dev/null -w "%{http_code}" http://127.0.0.1:31080/zh/)" = 200 ]'
say $? "the gateway shows the site"

build/lars-load -u http://127.0.0.1:31080/ -p "$LARS_RUN/paths" -r 30 -s 40 -f 5=8,30=1 -E 0 -j "$tmp/load.json" >"$tmp/load" 2>&1 & load=$!
within 30 up_at_least 5; say $? "eight times the visits: at least five nodes in each zone"
victim=$(sql "SELECT pid FROM lars_dns.ScaleSlot WHERE host = 'host-b' AND slot = 1")
kill -9 "$victim"
within 30 sh -c "! grep -q '^$victim\$' <<EOF
\$(sh common/mariadb sql $LARS_RUN/db \"SELECT pid FROM lars_dns.ScaleSlot WHERE host = 'host-b' AND state = 'ready'\")
EOF"; say $? "a killed node is no longer listed as ready"
wait $load; grep -q ' failed 0 ' "$tmp/load" && ! grep -qE '^ +[0-9]+ s .* failed [1-9]' "$tmp/load"
say $? "no request of the crowd fails, also while a node is killed"
tail -n 2 "$tmp/load"
sql "SELECT COUNT(*) FROM lars_dns.ScaleDecision WHERE modid = 3 AND rule = 'urgent'" | grep -qv '^0$'; say $? "the decision is recorded with its rule"

before=$(pids_of_nodes a)
kill -9 "$(cat "$LARS_RUN/lars-slotd-a.pid")"
after=$(pids_of_nodes a); [ -n "$after" ] && [ "$before" = "$after" ]; say $? "the nodes outlive a killed lars-slotd"
build/lars-slotd -c "$LARS_RUN/slotd-a.ini" >"$LARS_RUN/slotd-again.log" 2>&1 & echo $! >"$LARS_RUN/lars-slotd-a.pid"
within 20 sh -c "grep -q 'slots\|listening\|started' $LARS_RUN/slotd-again.log"
within 20 no_doubles a; say $? "the next lars-slotd finds them, and starts none twice"

leader=$(for z in a b; do curl -s "127.0.0.$([ $z = a ] && echo 1 || echo 2):$((LARS_HTTP + 8))/metrics" | grep -q '^lars_autoscaler_leader 1' && echo $z; done)
[ -n "$leader" ]; say $? "one lars-autoscaler decides"
other=$([ "$leader" = a ] && echo b || echo a); oip=$([ "$other" = a ] && echo 1 || echo 2)
kill -9 "$(cat "$LARS_RUN/lars-autoscaler-$leader.pid")"
leads() { curl -s "127.0.0.$oip:$((LARS_HTTP + 8))/metrics" | grep -q '^lars_autoscaler_leader 1'; }
within 30 leads; led=$?; say $led "the other one decides after the lease of a killed one has ended"
[ $led = 0 ] || { # what it did instead
    echo "  killed: $leader; left: $other, pid $(cat "$LARS_RUN/lars-autoscaler-$other.pid")"
    sql "SELECT *, NOW(3) FROM lars_dns.Lease; SHOW FULL PROCESSLIST"
    curl -s --max-time 5 "127.0.0.$oip:$((LARS_HTTP + 8))/metrics" | grep -v '^#'
    tail -n 20 "$LARS_RUN/lars-autoscaler-$other.log"
}
within 100 up_at_most 3; say $? "nodes go when the crowd has gone"
up_at_least 2; say $? "the least number stays"

pids="$(cat "$LARS_RUN"/*.pid) $(pids_of_nodes a) $(pids_of_nodes b)"
sh common/run stop >/dev/null; say $? "stop succeeds"
left=0; for p in $pids; do runs "$p" && left=1; done
say $left "no process is left"
[ ! -e "$LARS_RUN" ]; say $? "no file is left"
exit $rc
