#!/bin/sh
# e2e_syscalls.sh -- counts the system calls of the server with strace.  Nothing is timed, so
# the figures are the same on every machine.
set -u
build=${BUILD:-build}; log=$(mktemp); trap 'rm -f "$log" "$log".*' EXIT
skip() { echo "skip - system calls per message: $1"; exit 0; }
[ -z "${LARS_MODE:-}" ] || skip "not under $LARS_MODE"
command -v strace >/dev/null || skip "strace is missing; to fix: sudo apt-get install strace"
rc=0

calls() { awk -v c="$1" '$NF == c { print $4; found = 1 } END { if (!found) print 0 }' "$log"; }
most() { # WHAT CALL LIMIT
    n=$(calls "$2")
    if [ "$n" -le "$3" ]; then echo "ok - $1: $n calls of $2, at most $3"
    else echo "not ok - $1: $n calls of $2, at most $3"; rc=1; fi
}
run() { # CONNECTIONS DEPTH MESSAGES
    : >"$log.out"                       # else the address of the run before may still be in it
    strace -f -c -S name -o "$log" sh -c "echo \$\$ >$log.pid; exec $build/echo_server -p 0" >"$log.out" 2>"$log.err" &
    tracer=$!; n=0
    until grep -q 'listening on' "$log.out"; do
        n=$((n + 1))
        kill -0 $tracer 2>/dev/null || { grep -q 'ermitted' "$log.err" && skip "strace is not permitted here"; cat "$log.err"; exit 1; }
        [ $n -lt 400 ] || { echo "not ok - the server under strace prints its address"; exit 1; }
        sleep 0.05
    done
    port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$log.out")
    "$build/qps" -p "$port" -c "$1" -d "$2" -n "$3" -t 60 >"$log.qps" || { echo "not ok - the load ran"; cat "$log.qps"; exit 1; }
    kill "$(cat "$log.pid")"; wait $tracer
    sent=$(sed -n 's/.* messages=\([0-9]*\) .*/\1/p' "$log.qps")
}
# The allowance of 60 covers starting and stopping: the shell, the loader, accept.
run 1 1 2000
most "one message at a time: one read for each" read $((sent + 60))
most "one message at a time: one write for each" write $((sent + 60))
most "one message at a time: one epoll_wait for each" epoll_wait $((sent + 60))
most "a message does not change the registered events" epoll_ctl 60
most "a message does not query the number of readable bytes" ioctl 5
run 1 8 4000
most "eight messages in flight share reads" read $((sent + 60))
most "eight messages in flight share writes" write $((sent + 60))
run 20 4 4000
most "twenty connections share calls of epoll_wait" epoll_wait $((sent + 60))
most "twenty connections do not change their registered events" epoll_ctl 100
exit $rc
