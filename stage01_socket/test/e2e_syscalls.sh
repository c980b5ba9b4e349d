#!/bin/sh
# e2e_syscalls.sh -- counts the system calls of the server with strace.  Nothing is timed, so
# the figures are the same on every machine.
set -u
build=${BUILD:-build}; log=$(mktemp); trap 'rm -f "$log" "$log".*' EXIT
skip() { echo "skip - system calls per message: $1"; exit 0; }
[ -z "${LARS_MODE:-}" ] || skip "not under $LARS_MODE"
command -v strace >/dev/null || skip "strace is missing; to fix: sudo apt-get install strace"

strace -f -c -S name -o "$log" sh -c "echo \$\$ >$log.pid; exec $build/echo_server -p 0" >"$log.out" 2>"$log.err" &
srv=$!
n=0
until grep -q 'listening on' "$log.out"; do
    n=$((n + 1)); [ $n -lt 400 ] || { kill "$(cat "$log.pid")"; echo "not ok - the server under strace prints its address"; cat "$log.err"; exit 1; }
    kill -0 $srv 2>/dev/null || { grep -q 'ermitted' "$log.err" && skip "strace is not permitted here"; cat "$log.err"; exit 1; }
    sleep 0.05
done
port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$log.out")
messages=1000
yes 'sixty-three characters and a newline make a message of 64 bytes' 2>/dev/null | head -n $messages |
    "$build/echo_client" -p "$port" >"$log.got"
got=$(wc -l <"$log.got")
kill "$(cat "$log.pid")"; wait $srv 2>/dev/null
calls() { awk -v c="$1" '$NF == c { print $4; found = 1 } END { if (!found) print 0 }' "$log"; }
[ "$got" = $((messages + 1)) ] || { echo "not ok - all messages came back: $got lines"; exit 1; }
r=$(calls read) w=$(calls write)
# The allowance of 40 reads covers the shell, the dynamic loader and the end of the stream;
# that of 10 writes covers the greeting and "listening on".
if [ "$r" -le $((messages + 40)) ] && [ "$w" -le $((messages + 10)) ]; then
    echo "ok - one read and one write per message ($r reads, $w writes, $messages messages)"
else
    echo "not ok - one read and one write per message: $r reads, $w writes, $messages messages"; exit 1
fi
