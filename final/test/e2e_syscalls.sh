#!/bin/sh
# e2e_syscalls.sh -- counts the system calls of DNSService with strace.  It measures no time,
# so the limits hold on every machine.
set -u
build=${BUILD:-build}; log=$(mktemp); trap 'rm -f "$log" "$log".*' EXIT
skip() { echo "skip - system calls per answer: $1"; exit 0; }
[ -z "${LARS_MODE:-}" ] || skip "not run under $LARS_MODE"
command -v strace >/dev/null || skip "no strace; mend: sudo apt-get install strace"
rc=0

calls() { awk -v c="$1" '$NF ~ "^(" c ")$" { n += $4 } END { print n + 0 }' "$log"; }
most() { # WHAT CALL|CALL LIMIT
    n=$(calls "$2")
    if [ "$n" -le "$3" ]; then echo "ok - $1: $n calls of $2, at most $3"
    else echo "not ok - $1: $n calls of $2, at most $3"; rc=1; fi
}
strace -f -c -S name -o "$log" sh -c "echo \$\$ >$log.pid; exec $build/lars-dnsd -m -p 0" >"$log.out" 2>"$log.err" &
tracer=$!; n=0
until grep -q 'route.table' "$log.err" && grep -q 'listening on' "$log.out"; do
    n=$((n + 1))
    kill -0 $tracer 2>/dev/null || { grep -q 'ermitted' "$log.err" && skip "strace is not permitted here"; cat "$log.err"; exit 1; }
    [ $n -lt 400 ] || { echo "not ok - DNSService under strace has its routes"; exit 1; }
    sleep 0.05
done
port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$log.out")
"$build/dns_bench" -p "$port" -c 1 -n 2000 -t 60 >"$log.bench" || { echo "not ok - dns_bench ran"; cat "$log.bench"; exit 1; }
kill "$(cat "$log.pid")"; wait $tracer
some() { # WHAT CALL LEAST: so that a limit is one of the call that is made
    n=$(calls "$2")
    if [ "$n" -ge "$3" ]; then echo "ok - $1: $n calls of $2, at least $3"
    else echo "not ok - $1: $n calls of $2, at least $3"; rc=1; fi
}
sent=$(sed -n 's/.* messages=\([0-9]*\) .*/\1/p' "$log.bench")
some "answers are received and sent" sendto "$sent"
most "one receive per answer" recvfrom $((sent + 100))
most "one send per answer" sendto $((sent + 100))
most "answers do not use read" read 100
most "answers do not use write" write 100
most "answers do not change the watched events" epoll_ctl 60
exit $rc
