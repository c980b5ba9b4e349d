#!/bin/sh
# e2e_zone_fence.sh -- larsctl zone fence on a Galera cluster of two nodes looks a second time
# before SHUTDOWN.  The socket of the database that is to stop is a link which appears late,
# so what changes while the fence waits for it is up to the test.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - zone fence: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; tmp=$(mktemp -d /tmp/larszf.XXXXXX); bad=0 fence=
export LARS_GALERA=30661
trap '[ -z "$fence" ] || kill $fence 2>/dev/null; sh test/lib/galera wipe "$tmp/g" >/dev/null 2>&1; rm -rf "$tmp"' EXIT
trap 'exit 130' TERM INT HUP
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 500 "$tmp/out")"; bad=1; fi
}
at() { s=$1; shift; mariadb --no-defaults --socket="$tmp/g/$s/sock" --user="$(id -un)" lars_dns -N -e "$*"; } # NODE SQL
soon() { end=$(($(date +%s) + 20)); until "$@"; do [ "$(date +%s)" -lt $end ] || return 1; sleep 0.1; done; }
runs() { grep -q "^State:[[:blank:]]*[^ZX]" "/proc/$(cat "$tmp/g/$1/pid" 2>/dev/null)/status" 2>/dev/null; } # NODE
gone() { ! runs "$1" && [ ! -e "$tmp/g/$1/sock" ]; }
members() { [ "$(at "$1" "SELECT GROUP_CONCAT(variable_value ORDER BY variable_name) FROM information_schema.global_status WHERE variable_name IN ('wsrep_cluster_size', 'wsrep_ready')")" = "$2,ON" ]; } # NODE N
isolated() { [ "$(at "$1" "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'wsrep_cluster_status'")" != Primary ]; }
state() { got=$(at "$1" "SELECT COALESCE(MAX(state), 'none') FROM ZoneState WHERE zone = '$2'"); [ "$got" = "$3" ] || { echo "state of $2: $got"; return 1; }; } # NODE ZONE STATE
ctl() { "$build/larsctl" -c "$tmp/ctl.ini" "$@"; }
uses() { # NODE ZONE: larsctl is connected to NODE; the database of ZONE is behind a link
    rm -f "$tmp/link"
    printf '[larsctl]\nsql = %s/common/sql\n[db]\nsocket = %s/g/%s/sock\nuser = lars\npassword = lars\n[zone]\ndatabases = %s=%s/link\n' "$PWD" "$tmp" "$1" "$2" "$tmp" >"$tmp/ctl.ini"
}
begins() { # NODE ZONE: a fence of ZONE, which waits for the link
    ctl -y zone fence "$2" >"$tmp/fence" 2>&1 & fence=$!
    soon state "$1" "$2" fenced
}
ends() { # CODE TEXT: the link leads to NODE by now
    wait $fence; got=$?; fence=
    [ $got = "$1" ] && grep -qF "$2" "$tmp/fence" || { echo "exit status $got, not $1"; cat "$tmp/fence"; return 1; }
}
appears() { ln -s "$tmp/g/$1/sock" "$tmp/link"; } # NODE

sh test/lib/galera start "$tmp/g" >"$tmp/out" 2>&1 || { echo "not ok - the cluster starts: $(tail -c 500 "$tmp/out")"; exit 1; }
at a "INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES (1, 1, INET_ATON('10.0.0.1'), 80, 'a'), (1, 1, INET_ATON('10.0.0.2'), 80, 'b')"

uses a b
check 'zone b is fenced, and its database is not in reach' begins a b
check 'another operator returns the zone' ctl -y zone return b
appears b
check 'the fence ends with status 1 and names the reason' ends 1 'b is no longer fenced: another operator has changed it, and its database was not stopped'
check 'and the way to stop it' grep -q 'stop it on its host: ' "$tmp/fence"
check 'the database of b takes part' members a 2
check 'the state of the zone is that of the other operator' state a b none

uses a b
check 'zone b is fenced again' begins a b
appears a
check 'the address of the zone is that of our own database: status 1' ends 1 'is the one that larsctl is connected to'
check 'both databases take part' members a 2
check 'the zone is returned' ctl -y zone return b

# b has one vote of three, so it loses its majority, and a keeps it.
uses b a
check 'zone a is fenced from b' begins b a
at b "SET GLOBAL wsrep_provider_options = 'gmcast.isolate = 1'"
check 'b is cut off meanwhile' soon isolated b
appears a
check 'a database that is cut off fences no other one: status 1' ends 1 'nothing was fenced: the database of this zone is isolated'
check 'a keeps running' members a 1
at b "SET GLOBAL wsrep_provider_options = 'gmcast.isolate = 0'"
check 'b is back' soon members b 2
check 'the zone is returned from there' ctl -y zone return a

uses a b
check 'zone b is fenced, and nothing changes meanwhile' begins a b
appears b
check 'the fence ends with status 0' ends 0 'the database of the zone was stopped'
check 'the database of b has ended' soon gone b
check 'a takes writes alone' members a 1
check 'zone b is fenced in the table' state a b fenced

uses b a
check 'our own database is not in reach: status 3 and no change' sh -c '"$0" -c "$1" -y zone fence a; [ $? = 3 ]' "$build/larsctl" "$tmp/ctl.ini"
check 'a keeps running' members a 1
exit $bad
