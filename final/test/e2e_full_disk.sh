#!/bin/sh
# e2e_full_disk.sh -- the disks of lars-dnsd's and lars-agentd's files are full: both log it,
# keep working, and write their files when there is space again.  A disk is a tmpfs of a name
# space of its own, which not every machine allows.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - full disks: not under $LARS_MODE"; exit 0; }
if [ -z "${FULL_DISK:-}" ]; then
    for how in -m -Urm; do
        unshare $how sh -c 'mount -t tmpfs -o size=64k none /mnt' 2>/dev/null && FULL_DISK=1 exec unshare $how sh "$0"
    done
    echo 'skip - full disks: unshare and mount are not allowed here'; exit 0
fi
tmp=$(mktemp -d); rc=0 dnsd= agentd= reportd=
trap 'kill -9 $dnsd $agentd $reportd 2>/dev/null; sh common/mariadb wipe "$tmp/db" >/dev/null 2>&1; umount "$tmp/guard" "$tmp/a" 2>/dev/null; rm -rf "$tmp"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; tail -n 5 "$tmp"/*.log; rc=1; fi; }
within() { n=0; until "$@" >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ] || return 1; sleep 0.1; done; }
sql() { sh common/mariadb sql "$tmp/db" "$1"; }
logged() { grep -q "$2" "$tmp/$1.log"; }
fill() { dd if=/dev/zero of="$1/fill" bs=1k 2>/dev/null; [ "$(df --output=avail "$1" | tail -1)" -eq 0 ]; }
calls() { build/simulator -n 200 9 "$1" >"$tmp/calls" 2>&1; }
written() { grep -q "$2" "$1"; }
counted() { [ "$(sql 'SELECT COALESCE(SUM(succ_cnt), 0) FROM lars_dns.ServerCallStatus WHERE modid = 9 AND cmdid = 2' | tail -1)" -ge 200 ]; }

mkdir "$tmp/guard" "$tmp/a" "$tmp/shm"
mount -t tmpfs -o size=64k none "$tmp/guard" && mount -t tmpfs -o size=1m none "$tmp/a"
sh common/mariadb start "$tmp/db" >/dev/null; say $? 'the database starts'
sql "INSERT INTO lars_dns.RouteData (modid, cmdid, serverip, serverport) VALUES (9, 1, INET_ATON('127.0.9.1'), 80)"
printf '[dnsd]\nport = 17738\n[db]\nsocket = %s/db/sock\n[guard]\ndir = %s/guard\n' "$tmp" "$tmp" >"$tmp/dnsd.ini"
printf '[reportd]\nport = 17739\n[db]\nsocket = %s/db/sock\n' "$tmp" >"$tmp/reportd.ini"
printf '[agent]\nport = 18838\ndir = %s/a\n[dnsserver]\nport = 17738\n[reporter]\nport = 17739\n[shm]\ndir = %s/shm\n' "$tmp" "$tmp" >"$tmp/agentd.ini"
export LARS_PORT=18838 LARS_DIR="$tmp/a"
build/lars-dnsd -c "$tmp/dnsd.ini" >"$tmp/dnsd.log" 2>&1 & dnsd=$!
build/lars-agentd -c "$tmp/agentd.ini" >"$tmp/agentd.log" 2>&1
[ $? = 1 ] && logged agentd 'outbox.*No space left on device'; say $? 'lars-agentd does not start without space for its outbox, and says so'
mount -o remount,size=32m "$tmp/a"
build/lars-agentd -c "$tmp/agentd.ini" >"$tmp/agentd.log" 2>&1 & agentd=$!
within calls 1; say $? 'the system works before'

mkdir "$tmp/a/slots"
fill "$tmp/guard" && fill "$tmp/a"; say $? 'the disks are full'
printf '[slots]\nstate_dir = %s/a/slots\nmodules = /dev/null\n' "$tmp" >"$tmp/slotd.ini"
build/lars-slotd -c "$tmp/slotd.ini" >"$tmp/slotd.log" 2>&1
[ $? = 1 ] && logged slotd 'files of the slots in .*/a/slots, .slots. state_dir: No space left on device'; say $? 'lars-slotd does not start without space for its files, and says so'
i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); echo "(2, $i, INET_ATON('127.0.9.2'), 80)"; done | paste -sd, |
    sed 's/^/INSERT INTO lars_dns.RouteData (modid, cmdid, serverip, serverport) VALUES /' | sh common/mariadb sql "$tmp/db"
sql "INSERT INTO lars_dns.RouteData (modid, cmdid, serverip, serverport) VALUES (9, 2, INET_ATON('127.0.9.3'), 80)"
within logged dnsd 'route.file.*ENOSPC'; say $? 'lars-dnsd logs that its file cannot be written'
within calls 2; say $? 'a new module reaches callers'
within logged agentd '\(file.write\|route.file\).*ENOSPC'; say $? 'lars-agentd logs that its file cannot be written'
calls 1; say $? 'calls are answered and counted while the disks are full'
kill -0 $dnsd && kill -0 $agentd; say $? 'both run'

rm "$tmp/guard/fill" "$tmp/a/fill"
mount -o remount,size=4m "$tmp/guard"
sql "UPDATE lars_dns.RouteData SET weight = 90 WHERE modid = 9"
within written "$tmp/guard/dnsd.routes" '127\.0\.9\.3'; say $? 'lars-dnsd writes its file when there is space'
build/lars-reportd -c "$tmp/reportd.ini" >"$tmp/reportd.log" 2>&1 & reportd=$!
calls 2
within counted; say $? 'calls reach the database'
for d in $agentd $dnsd $reportd; do kill $d; wait $d; say $? "a service ends well"; done
# It writes at most once a minute, and at its end.
written "$tmp/a/routes" '127\.0\.9\.3'; say $? 'lars-agentd writes its file when there is space'
exit $rc
