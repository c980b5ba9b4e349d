#!/bin/sh
# e2e_db_endpoints.sh -- [db] endpoints with two real MariaDB servers, a preferred and another
# one: lars-dnsd, lars-reportd, lars-console, lars-autoscaler and larsctl go on with the other
# when the first is killed, is silent, refuses connections or is read-only; each write is done
# once; and all of them come back.  The servers know nothing of each other, so the test sees
# which of them each program uses.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - endpoints of the database: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; tmp=$(mktemp -d /tmp/larsep.XXXXXX); bad=0; pids=
trap 'kill -CONT $(cat "$tmp/a/pid" 2>/dev/null) 2>/dev/null; for p in $pids; do kill -KILL $p 2>/dev/null; done; for s in a b; do sh common/mariadb wipe "$tmp/$s" >/dev/null 2>&1; done; rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 500 "$tmp/out")"; bad=1; fi
}
soon() { # COMMAND... -> true as soon as it succeeds
    end=$(($(date +%s) + 40)); until "$@"; do [ "$(date +%s)" -lt $end ] || return 1; sleep 0.1; done
}
at() { s=$1; shift; mariadb --no-defaults --socket="$tmp/$s/sock" --user="$(id -un)" lars_dns -N -e "$*"; } # SERVER SQL
is() { got=$(at "$1" "$2"); [ "$got" = "$3" ] || { echo "$2: $got"; return 1; }; } # SERVER SQL VALUE
unused() { is "$1" "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'lars'" 0; }
used() { [ "$(at "$1" "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'lars'")" -ge 8 ]; }
start() { # PROGRAM -> in the background, with $tmp/PROGRAM.ini
    "$build/lars-$1" -c "$tmp/$1.ini" >"$tmp/$1.log" 2>&1 & pids="$pids $!"
}
port() { sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$tmp/$1.log" | head -n 1; }
listens() { [ -n "$(port "$1")" ]; }
ctl() { "$build/larsctl" -c "$tmp/ctl.ini" "$@"; }
# Each route is of a module of its own: the guard of lars-dnsd holds what a module loses.
adds() { ctl -y route add "$1" 1 "10.0.0.$1:80"; } # N
route() { "$build/route_get" -p "$(port dnsd)" -n 1 "$1" 1 >"$tmp/route" 2>&1; grep -qF "10.0.0.$1:80" "$tmp/route" || { cat "$tmp/route"; return 1; }; } # N
COUNTED='SELECT succ_cnt FROM ServerCallStatus'
reports() { "$build/report_send" -p "$(port reportd)" -s "$1" -n 1 1 1 10.0.0.1:80; }
# SERVER N: a report of N calls gets there, and is counted once
reports_to() {
    reports "$2" || return 1
    soon is "$1" "$COUNTED" "$2"
}
once() { # SERVER N: the route is there once, with one row of the audit, and not at the other
    case $1 in a) o=b ;; *) o=a ;; esac
    is "$1" "SELECT CONCAT((SELECT COUNT(*) FROM RouteData WHERE serverip = INET_ATON('10.0.0.$2')), (SELECT COUNT(DISTINCT audit_id) FROM RouteLog WHERE ip = INET_ATON('10.0.0.$2')))" 11 || return 1
    [ "${3:-}" = alone ] || is $o "SELECT COUNT(*) FROM RouteData WHERE serverip = INET_ATON('10.0.0.$2')" 0
}
leads() { is "$1" "SELECT COUNT(*) FROM Lease WHERE name IN ('scale', 'keeper', 'alarms') AND holder > 0 AND until_at > NOW(3)" 3; }
logs_in() { # SERVER N: a user that is only there can log in
    word=$("$build/larsctl" -c "$tmp/$1.ini" user add "user.$1$2" admin) || return 1
    code=$(curl -s -m 20 -o "$tmp/body" -w '%{http_code}' -H 'Content-Type: application/json' -H "Origin: http://127.0.0.1:$(port console)" -d "{\"user\":\"user.$1$2\",\"password\":\"$word\"}" "http://127.0.0.1:$(port console)/api/v1/session")
    [ "$code" = 200 ] || { echo "$code $word"; cat "$tmp/body"; return 1; }
    is "$1" "SELECT COUNT(*) FROM Session WHERE user = 'user.$1$2'" 1
}
n_user=10
logs_in_anew() { n_user=$((n_user + 1)); logs_in "$1" $n_user; } # SERVER: as logs_in, with another user each time

for s in a b; do
    BARE=1 sh common/mariadb start "$tmp/$s" >/dev/null || { echo "not ok - server $s starts"; exit 1; }
    at $s "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, INET_ATON('10.0.0.1'), 80)"
    printf '[db]\nsocket = %s/%s/sock\n' "$tmp" $s >"$tmp/$s.ini"
done
at b 'UPDATE RouteVersion SET version = version + 1000' # one version is never two states
db="[db]\nendpoints = $tmp/a/sock $tmp/b/sock\nuser = lars\npassword = lars\n"
mkdir "$tmp/routes" "$tmp/pages"
printf "[dnsd]\nport = 0\n${db}[guard]\ndir = $tmp/routes\n[http]\nlisten =\n" >"$tmp/dnsd.ini"
printf "[reportd]\nport = 0\n$db[http]\nlisten =\n" >"$tmp/reportd.ini"
printf "[console]\nport = 0\npages = $tmp/pages\n$db[db_read]\nuser = lars\npassword = lars\n[http]\nlisten =\n" >"$tmp/console.ini"
printf "$db[http]\nlisten =\n" >"$tmp/autoscaler.ini"
printf "[larsctl]\nsql = $PWD/common/sql\n$db" >"$tmp/ctl.ini"
for p in dnsd reportd console autoscaler; do start $p; done
for p in dnsd reportd console; do check "lars-$p starts" soon listens $p; done
check 'all of them use the first server' soon used a
check 'the leases are taken there' soon leads a
check 'none of them uses the second one' unused b
check 'lars-dnsd has the route' soon route 1
check 'larsctl changes the first one' adds 2
check 'once' once a 2

kill -KILL "$(cat "$tmp/a/pid")"
check 'the first server is killed: lars-dnsd answers from memory' route 1
check 'larsctl changes the other one' adds 3
check 'once' once b 3 alone
check 'lars-dnsd gives the change out' soon route 3
check 'lars-reportd writes there' reports_to b 7
check 'the leases are taken there' soon leads b
check 'the console logs a user in there' logs_in b 1
check 'all of them use it' soon used b
check 'lars-dnsd says so once for a connection' grep -q 'db.endpoint.*number=2' "$tmp/dnsd.log"

check 'the first server is back: the leases are taken there again' sh -c "BARE=1 sh common/mariadb start $tmp/a"
check 'larsctl changes it again' adds 4
check 'once' once a 4
check 'lars-dnsd comes back to it' soon route 4
check 'and says so' grep -q 'db.endpoint.*number=1' "$tmp/dnsd.log"
check 'lars-reportd and lars-autoscaler come back to it' soon leads a
check 'the console comes back to it' soon logs_in_anew a # each of its threads when its time has come
sends_to() { reports "$2" && for i in 1 2 3 4 5; do sleep 0.2; is "$1" "$COUNTED" "$2" && return 0; done; return 1; } # its connection goes back when it has work
check 'so do reports' soon sends_to a 8

kill -STOP "$(cat "$tmp/a/pid")"
check 'the first server is silent: lars-dnsd answers from memory' route 4
check 'larsctl changes the other one' adds 5
check 'lars-reportd writes there' reports_to b 9
check 'all of them use it' soon used b
check 'lars-dnsd gives the change out' soon route 5
check 'the leases are taken there' soon leads b
check 'no alarm is raised, because the other server works' is b "SELECT COUNT(*) FROM Alarm WHERE kind = 'database'" 0
kill -CONT "$(cat "$tmp/a/pid")"
check 'the change was made once' once b 5
check 'the first server answers again: lars-dnsd comes back to it' soon route 4
check 'lars-reportd and lars-autoscaler come back to it' soon leads a

at a 'SET GLOBAL read_only = 1'
check 'the first server is read-only: larsctl changes the other one' adds 6
check 'once' once b 6
check 'lars-reportd writes there' reports_to b 11
at a 'SET GLOBAL read_only = 0; SET GLOBAL max_connections = 10'
for i in 1 2 3 4 5 6 7 8 9 10; do mariadb --no-defaults --socket="$tmp/a/sock" --user=lars --password=lars -e 'DO SLEEP(60)' >/dev/null 2>&1 & pids="$pids $!"; done
full() { mariadb --no-defaults --socket="$tmp/a/sock" --user=lars --password=lars -e 'SELECT 1' 2>&1 | grep -q 1040; }
check 'the first server is full' soon full
check 'the first server has too many connections: larsctl changes the other one' adds 7
check 'once' once b 7
exit $bad
