#!/bin/sh
# e2e_stalled_log.sh -- the daemons write to a pipe that is full and that no process reads:
# they start, answer on their HTTP port, and end when they are asked to.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - a stalled log: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); rc=0 pid=
trap 'kill -9 $pid 2>/dev/null; rm -rf "$tmp"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; rc=1; fi; }
within() { n=0; until "$@" >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 200 ] || return 1; sleep 0.1; done; }
ended() { ! [ -e "/proc/$pid" ] || grep -q '^State:.*Z' "/proc/$pid/status"; }
answers() { # by the HTTP port, whose log level larsctl shows
    printf '[larsctl]\nhttp = 127.0.0.1:%s\n' $http >"$tmp/larsctl.ini"
    LARSCTL=$tmp/larsctl.ini build/larsctl log | grep -q info
}

mkfifo "$tmp/log"
exec 3<>"$tmp/log"
dd if=/dev/zero of="$tmp/log" bs=4096 count=64 oflag=nonblock 2>/dev/null # until it is full
printf '[dnsd]\nport = 0\n[db]\nsocket = %s/none\n[http]\nlisten = 127.0.0.1:19885\n' "$tmp" >"$tmp/lars-dnsd.ini"
printf '[reportd]\nport = 0\n[db]\nsocket = %s/none\n[http]\nlisten = 127.0.0.1:19886\n' "$tmp" >"$tmp/lars-reportd.ini"
printf '[agent]\nport = 0\ndir = %s\n[http]\nlisten = 127.0.0.1:19887\n' "$tmp/a" >"$tmp/lars-agentd.ini"
mkdir "$tmp/a"
http=19884
for d in lars-dnsd lars-reportd lars-agentd; do
    http=$((http + 1))
    build/$d -c "$tmp/$d.ini" >&3 2>&3 & pid=$!
    within answers; say $? "$d with a log that is not read answers"
    kill "$pid"; within ended; say $? "$d with a log that is not read ends"
    wait "$pid"; say $? "$d ends well"
done
exit $rc
