#!/bin/sh
# e2e_syscalls.sh -- counts the server's system calls with strace: nothing is timed, so the
# figures are the same on every machine.
set -u
build=${BUILD:-build}; log=$(mktemp); trap 'rm -f "$log" "$log".*' EXIT
skip() { echo "skip - system calls per message: $1"; exit 0; }
[ -z "${LARS_MODE:-}" ] || skip "not under $LARS_MODE"
command -v strace >/dev/null || skip "no strace; mend: sudo apt-get install strace"
rc=0

calls() { awk -v c="$1" '$NF == c { print $4; found = 1 } END { if (!found) print 0 }' "$log"; }
most() { # WHAT CALL LIMIT
    n=$(calls "$2")
    if [ "$n" -le "$3" ]; then echo "ok - $1: $n calls of $2, at most $3"
    else echo "not ok - $1: $n calls of $2, at most $3"; rc=1; fi
}
run() { # CONNECTIONS DEPTH MESSAGES
    strace -f -c -S name -o "$log" sh -c "echo \$\$ >$log.pid; exec $build/echo_server -p 0" >"$log.out" 2>"$log.err" &
    tracer=$!; n=0
    until grep -q 'listening on' "$log.out"; do
        n=$((n + 1))
        kill -0 $tracer 2>/dev/null || { grep -q 'ermitted' "$log.err" && skip "strace is not permitted here"; cat "$log.err"; exit 1; }
        [ $n -lt 400 ] || { echo "not ok - the server under strace says where it listens"; exit 1; }
        sleep 0.05
    done
    port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$log.out")
    "$build/qps" -p "$port" -c "$1" -d "$2" -n "$3" -t 60 >"$log.qps" || { echo "not ok - the load ran"; cat "$log.qps"; exit 1; }
    kill "$(cat "$log.pid")"; wait $tracer
    sent=$(sed -n 's/.* messages=\([0-9]*\) .*/\1/p' "$log.qps")
}
# 60: what starting and stopping costs (the loader, the shell, accept)
run 1 1 2000
most "one message at a time, one read each" read $((sent + 60))
most "one message at a time, one write each" write $((sent + 60))
most "one wait for each message" epoll_wait $((sent + 60))
most "the hot path does not change what it waits for" epoll_ctl 60
most "nor asks how much there is" ioctl 5
run 1 8 4000
most "eight messages under way share a read" read $((sent + 60))
most "and a write" write $((sent + 60))
run 20 4 4000
most "twenty connections share a wait" epoll_wait $((sent + 60))
most "and none is armed again" epoll_ctl 100
exit $rc
