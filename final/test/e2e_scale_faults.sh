#!/bin/sh
# e2e_scale_faults.sh -- make run with its autoscaler, while two parts at once are gone: a
# gateway and the database; a lars-slotd and the Report Service; the leader and the
# database; a zone and a DNSService.  No other node ends, none runs twice, and nothing is
# scaled down, from the fault until all is back.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - make run: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); rc=0
export LARS_RUN=$tmp/run LARS_DNSD=30778 LARS_REPORTD=30779 LARS_PORT=30888 LARS_NODES=30001 LARS_HTTP=30980 LARS_CONSOLE=30990 LARS_GATEWAY=30080 LARS_SHOWCASE=30100 LARS_SECONDS=400
export LARSCTL=$LARS_RUN/larsctl.ini
trap 'sh common/run stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; rc=1; fi; }
sql() { sh common/mariadb sql "$LARS_RUN/db" "$1"; }
runs() { [ -e "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
within() { # SECONDS COMMAND... -> true as soon as it succeeds
    n=$(($1 * 10)); shift
    until "$@"; do n=$((n - 1)); [ $n -gt 0 ] || return 1; sleep 0.1; done
}
pid_of() { cat "$LARS_RUN/$1.pid"; }
kill_part() { kill -9 "$(pid_of "$1")"; within 10 sh -c "! [ -e /proc/$(pid_of "$1") ] || grep -q '^State:.*Z' /proc/$(pid_of "$1")/status"; }
again() { # NAME PROGRAM CONFIG
    "build/$2" -c "$LARS_RUN/$3" >>"$LARS_RUN/$1.log" 2>&1 </dev/null & echo $! >"$LARS_RUN/$1.pid"
}
db_stops() { kill -STOP "$(cat "$LARS_RUN/db/pid")"; } # it answers nothing, as a host that hangs
db_goes_on() { kill -CONT "$(cat "$LARS_RUN/db/pid")"; }
nodes() { grep -lz "^$LARS_RUN/showcase-$1.ini$" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | sort; }
# The seconds that pass while nothing happens are counted by lars-autoscaler or by the log
# of a program: a fault lasts until what follows from it has been seen.
logged_after() { tail -n "+$(($2 + 1))" "$LARS_RUN/$1.log" | grep -q "$3"; }
lines() { wc -l <"$LARS_RUN/$1.log"; }
metric() { curl -s --max-time 5 "127.0.0.$([ "$1" = a ] && echo 1 || echo 2):$2/metrics" | awk -v m="$3" '$1 == m { print $2 }'; }
leads() { [ "$(metric "$1" $((LARS_HTTP + 8)) lars_autoscaler_leader)" = 1 ]; }
leader() { for z in a b; do leads $z && echo $z && return; done; }
rounds() { metric "$1" $((LARS_HTTP + 8)) lars_autoscaler_rounds_total; }
more_rounds() { [ "$(rounds "$1" | cut -d. -f1)" -ge "$2" ]; }
pass_rounds() { r=$(rounds "$1" | cut -d. -f1); within 60 more_rounds "$1" $((r + $2)); }
no_down() { [ "$(sql "SELECT COUNT(*) FROM lars_dns.ScaleDecision WHERE wanted < was")" = 0 ]; }
wanted() { sql "SELECT wanted FROM lars_dns.ScaleDecision WHERE modid = 3 ORDER BY id DESC LIMIT 1"; }
no_doubles() { [ "$(nodes "$1" | wc -l)" = "$(sql "SELECT COUNT(*) FROM lars_dns.ScaleSlot WHERE host = 'host-$1' AND pid > 0")" ]; }
all_alive() { for p in $1; do runs "$p" || return 1; done; }
serves() { [ "$(curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://127.0.0.$1:$LARS_GATEWAY/zh/")" = 200 ]; }
leads_any() { [ -n "$(leader)" ]; }

sh common/run start >"$tmp/out" 2>&1; say $? "run returns when every program is healthy"
[ $rc = 0 ] || { cat "$tmp/out"; exit 1; }
within 30 leads_any; say $? "one lars-autoscaler decides"
within 30 no_doubles a && within 30 no_doubles b; say $? "the nodes of both zones run"
before="$(nodes a) $(nodes b)"; [ -n "$(nodes a)" ] && [ -n "$(nodes b)" ]; say $? "there are nodes in both zones"
want=$(wanted); l=$(leader)

# --- a gateway and the database ---
at=$(lines lars-autoscaler-$l)
db_stops; kill_part lars-gateway-b
within 60 logged_after lars-autoscaler-$l "$at" 'db.down'; say $? "gateway and database: the autoscaler cannot decide"
all_alive "$before"; say $? "gateway and database: no node ends"
serves 1; say $? "gateway and database: the other gateway serves"
db_goes_on; again lars-gateway-b lars-gateway gateway-b.ini
within 60 leads_any; pass_rounds "$(leader)" 5; say $? "gateway and database: decisions go on"
all_alive "$before" && no_down && [ "$(wanted)" -ge "$want" ]; say $? "gateway and database: nothing was scaled down"
within 30 serves 2; say $? "gateway and database: the killed gateway is back"

# --- a lars-slotd and the Report Service of its zone ---
kill_part lars-slotd-a; kill_part lars-reportd-a
pass_rounds "$(leader)" 8; say $? "slotd and reportd: decisions go on"
all_alive "$before" && no_down; say $? "slotd and reportd: no node ends"
again lars-reportd-a lars-reportd reportd-a.ini; again lars-slotd-a lars-slotd slotd-a.ini
within 60 no_doubles a; say $? "slotd and reportd: the nodes are known again, and none runs twice"
all_alive "$before" && no_down && [ "$(wanted)" -ge "$want" ]; say $? "slotd and reportd: nothing was scaled down"

# --- the leader and the database ---
l=$(leader); o=$([ "$l" = a ] && echo b || echo a); at=$(lines lars-autoscaler-$o)
db_stops; kill_part lars-autoscaler-$l
within 60 logged_after lars-autoscaler-$o "$at" 'db.down'; say $? "leader and database: the other one cannot take over"
all_alive "$before"; say $? "leader and database: no node ends"
db_goes_on
within 60 leads $o; say $? "leader and database: the other one leads when the database is back"
pass_rounds $o 5
all_alive "$before" && no_down && [ "$(wanted)" -ge "$want" ]; say $? "leader and database: nothing was scaled down"
again lars-autoscaler-$l lars-autoscaler autoscaler-$l.ini

# --- a zone, and the DNSService of the other ---
in_a=$(nodes a)
for p in lars-slotd-b lars-gateway-b lars-agentd-b lars-reportd-b lars-dnsd-b; do kill_part $p; done
[ "$o" = a ] || { kill_part lars-autoscaler-b; within 60 leads a; }
kill -9 $(nodes b); kill_part lars-dnsd-a
l=$(leader); pass_rounds "$l" 10; say $? "zone and dnsd: decisions go on"
all_alive "$in_a"; say $? "zone and dnsd: the nodes of the other zone run on"
serves 1; say $? "zone and dnsd: the gateway of the other zone serves"
no_down && [ "$(wanted)" -ge "$want" ]; say $? "zone and dnsd: nothing is scaled down"
again lars-dnsd-a lars-dnsd dnsd-a.ini; again lars-dnsd-b lars-dnsd dnsd-b.ini; again lars-reportd-b lars-reportd reportd-b.ini
again lars-agentd-b lars-agentd agentd-b.ini; again lars-slotd-b lars-slotd slotd-b.ini; again lars-gateway-b lars-gateway gateway-b.ini
fills() { [ "$(sql "SELECT COUNT(*) FROM lars_dns.ScaleSlot WHERE host = 'host-b' AND state = 'ready'")" -ge "$want" ]; }
within 90 fills && within 30 no_doubles b; say $? "zone and dnsd: the zone has its nodes again, and none runs twice"
all_alive "$in_a" && no_down; say $? "zone and dnsd: nothing was scaled down"
sql "SELECT COUNT(*), SUM(wanted > was), SUM(wanted < was), MAX(fence) FROM lars_dns.ScaleDecision" | awk '{ print "decisions " $1 ", up " $2 ", down " $3 ", fence " $4 }'
exit $rc
