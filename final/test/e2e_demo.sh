#!/bin/sh
# e2e_demo.sh -- larsctl demo zone-loss on what make run starts: calls go to the other zone
# and come back; nothing is left at the end, after Ctrl-C, and after kill -9 and demo undo.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - larsctl demo: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); rc=0; demo=
export LARS_RUN=$tmp/run LARS_DNSD=31578 LARS_REPORTD=31579 LARS_PORT=31588 LARS_NODES=31501 LARS_HTTP=31580 LARS_CONSOLE=31595 LARS_SITE=no LARS_SECONDS=600
export LARSCTL=$LARS_RUN/larsctl.ini
ctl=$PWD/build/larsctl # a whole path, which no other process has
trap '[ -z "$demo" ] || kill -KILL $demo 2>/dev/null; sh common/run stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 600 "$tmp/out")"; rc=1; fi
}
within() { # SECONDS COMMAND... -> true as soon as it succeeds
    end=$(($(date +%s) + $1)); shift
    until "$@"; do [ "$(date +%s)" -lt $end ] || return 1; sleep 0.1; done
}
sql() { sh common/mariadb sql "$LARS_RUN/db" "$1"; }
routes() { [ "$(sql 'SELECT COUNT(*) FROM lars_dns.RouteData WHERE modid = 4294900001')" = "$1" ]; }
others() { sql 'SELECT modid, cmdid, serverip, serverport, weight, zone, state FROM lars_dns.RouteData WHERE modid <> 4294900001 ORDER BY 1, 2, 3, 4; SELECT * FROM lars_dns.ModulePolicy ORDER BY 1, 2; SELECT COUNT(*) FROM lars_dns.Drill'; }
nodes() { [ "$(grep -lz "^$ctl$" /proc/[0-9]*/cmdline 2>/dev/null | wc -l)" = "$1" ]; }
says() { # CODE TEXT COMMAND...
    want=$1 text=$2; shift 2; "$@" >"$tmp/said" 2>&1; got=$?; cat "$tmp/said"; [ $got = "$want" ] && grep -qF -- "$text" "$tmp/said"
}
begin() { : >"$tmp/demo"; "$ctl" demo zone-loss "$@" >"$tmp/demo" 2>&1 & demo=$!; }
shown() { grep -qE -- "$1" "$tmp/demo"; }
ended() { wait $demo; got=$?; demo=; cat "$tmp/demo"; [ $got = "$1" ]; }
# SECOND COLUMN: a number of the table: 3 to 5 of zone a, 6 to 8 of zone b
cell() { awk -v s="$1" -v c="$2" '$2 == "s" && $1 == s { print $c }' "$tmp/demo"; }

check 'the system starts' sh common/run start
[ $rc = 0 ] || exit 1
others >"$tmp/before"
check 'a zone that is not there is a wrong argument' says 2 'the zones are a and b' "$ctl" demo zone-loss c
check '-n does nothing' says 2 'nothing was changed' "$ctl" -n demo zone-loss
sed 's/^agents = .*/agents = 127.0.0.1:31588/' "$LARSCTL" >"$tmp/one.ini"
check 'one zone is not enough' says 1 'of two zones in [larsctl] agents, and 1 are there' "$ctl" -c "$tmp/one.ini" demo zone-loss
sed 's/^agents = .*/agents = 192.0.2.1:31588/' "$LARSCTL" >"$tmp/far.ini"
check 'agents of other machines are not used' says 1 'is not of this machine' "$ctl" -c "$tmp/far.ini" demo zone-loss
check 'none of these has added a route' routes 0

begin
check 'a demonstration begins' within 20 shown '^ +1 s '
check 'it has four routes' routes 4
check 'and four nodes' nodes 5
check 'a second one does not begin' says 1 'a demonstration runs' "$ctl" demo zone-loss
check 'and its routes cannot be removed' says 1 'a demonstration runs' "$ctl" demo undo
check 'the zone is lost' within 30 shown 'zone b: all its nodes are killed'
check 'no row of Drill is written' sh -c "[ \"\$(sh common/mariadb sql '$LARS_RUN/db' 'SELECT COUNT(*) FROM lars_dns.Drill')\" = 0 ]"
check 'it ends well' ended 0
check 'calls of zone b stayed in it before' [ "$(cell 7 7)" -ge 40 ]
check 'and none went to zone a' [ "$(cell 7 6)" = 0 ]
check 'then all of them went to zone a' [ "$(cell 19 6)" -ge 40 ]
check 'and none failed any more' [ "$(cell 19 8)" = 0 ]
check 'calls of zone a were not touched' [ "$(awk '$2 == "s" { f += $5 } END { print f }' "$tmp/demo")" = 0 ]
check 'at the end zone b has calls again' [ "$(awk '$2 == "s" && $1 > 20 { n += $7 } END { print n }' "$tmp/demo")" -gt 0 ]
check 'no route is left' routes 0
check 'no node is left' nodes 0
others >"$tmp/after"
check 'the other modules are as before' diff "$tmp/before" "$tmp/after"

begin a
check 'another one, of zone a' within 20 shown '^ +1 s '
kill -INT $demo
check 'Ctrl-C ends it' ended 1
check 'it says so' shown 'the demonstration was ended early'
check 'no route is left' routes 0
check 'no node is left' nodes 0

begin
check 'one that is killed' within 20 shown '^ +1 s '
kill -KILL $demo; wait $demo 2>/dev/null; demo=
check 'its nodes end with it' within 10 nodes 0
check 'its routes are left' routes 4
check 'they keep another one from beginning' says 1 'remove them with larsctl demo undo' "$ctl" demo zone-loss
check 'demo undo removes them' says 0 'nothing of a demonstration is left' "$ctl" demo undo
check 'all of them' routes 0
check 'again it has nothing to do' says 0 'nothing of a demonstration is left' "$ctl" demo undo

# The database is gone when the demonstration wants to remove its routes.
begin
check 'one without a database at its end' within 20 shown '^ +1 s '
sh common/mariadb stop "$LARS_RUN/db" >/dev/null
kill -INT $demo
check 'it ends' ended 1
check 'it says what is left' shown 'use larsctl demo undo'
check 'no node is left' nodes 0
BARE=1 sh common/mariadb start "$LARS_RUN/db" >/dev/null
check 'demo undo removes the rest' within 20 "$ctl" demo undo
check 'all of it' routes 0
others >"$tmp/after"
check 'the other modules are as before' diff "$tmp/before" "$tmp/after"
exit $rc
