#!/bin/sh
# e2e_together.sh -- faults that come together, on the system of `make run`: 200 calls a second
# in each of two zones with three nodes.  For each fault two things are checked: how many calls
# failed in all, and that none of the last three seconds has a failed call.  A fault that costs
# more than its bound is repeated once, because on a busy machine the seconds are longer.
# Two systems run side by side, with ports of their own, because most of the time is waiting;
# only the fault whose rate is measured runs alone.
#   SCENARIO="name ..."   only these, one after the other; LANE=1 with the other ports
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - faults together: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d); rc=0
if [ -z "${SCENARIO:-}" ]; then
    trap 'kill $other 2>/dev/null; rm -rf "$tmp"' EXIT
    LANE=1 SCENARIO='zone two node_then_zone agent_and_zone agent_and_five' sh "$0" >"$tmp/other" 2>&1 & other=$!
    SCENARIO='one five agent_then_zone stopped_agent_and_zone stopped_agent_and_five six' sh "$0" || rc=1
    wait $other || rc=1
    other=; cat "$tmp/other"
    SCENARIO=frozen sh "$0" || rc=1   # alone: it measures the rate of the callers
    exit $rc
fi
lane=$((${LANE:-0} * 100))
export LARS_RUN=$tmp/run LARS_DNSD=$((17778 + lane)) LARS_REPORTD=$((17779 + lane)) LARS_PORT=$((18888 + lane)) LARS_NODES=$((18001 + lane)) LARS_HTTP=$((19880 + lane)) LARS_CONSOLE=$((19890 + lane)) LARS_SECONDS=120
wanted() { case " $SCENARIO " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
revived=
trap 'sh common/run stop >/dev/null 2>&1; for p in $revived; do kill -9 $p 2>/dev/null; done; rm -rf "$tmp"' EXIT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; rc=1; fi; }
pid() { cat "$LARS_RUN/$1.pid"; }
end() { for p in "$@"; do kill -9 "$(pid "$p")"; done; }
sql() { sh common/mariadb sql "$LARS_RUN/db" "$1"; }
lines() { grep -c ' s  ok ' "$LARS_RUN/lars-traffic-$1.log"; }

# The lines of zone $1 behind the first $2, at most $3 of them: COLUMN SUM for ok, failed,
# overload and no node; a failed call is one of the last three.
after() { grep ' s  ok ' "$LARS_RUN/lars-traffic-$1.log" | tail -n +$(($2 + 1)) | head -n "$3"; }
sum_of() { sed 's/no node/none/; s/from file/file/; s|/s||g' | awk '{ for (i = 1; i < NF; i++) s[$i] += $(i + 1) } END { print s["ok"] + 0, s["failed"] + s["overload"] + s["none"] }'; }
await() { # ZONE LINES -> until the caller has printed so many lines; at most 60 s
    n=0; until [ "$(lines "$1")" -ge "$2" ]; do n=$((n + 1)); [ $n -lt 600 ] || return 1; sleep 0.1; done
}
begin() { la=$(lines a); lb=$(lines b); }
more() { await a $((la + $1)) && await b $((lb + $1)); } # so many seconds since begin

start() {
    sh common/run stop >/dev/null 2>&1
    LARS_SITE=no sh common/run start >"$tmp/out" 2>&1 || { cat "$tmp/out"; say 1 "make run"; exit 1; }
    begin; more 3; begin
}

one() { end node-1.2; }
two() { end node-1.2 node-1.3; }
zone() { end node-1.1 node-1.2 node-1.3; }
five() { end node-1.2 node-1.3 node-2.1 node-2.2 node-2.3; }
node_then_zone() { end node-1.2; more 4; end node-2.1 node-2.2 node-2.3 lars-agentd-b lars-dnsd-b lars-reportd-b; }
agent_and_zone() { end lars-agentd-a node-1.1 node-1.2 node-1.3; }
stopped_agent_and_zone() { kill -STOP "$(pid lars-agentd-a)"; end node-1.1 node-1.2 node-1.3; }
agent_and_five() { end lars-agentd-a node-1.1 node-1.2 node-1.3 node-2.1 node-2.2; }
stopped_agent_and_five() { kill -STOP "$(pid lars-agentd-a)"; end node-1.1 node-1.2 node-1.3 node-2.1 node-2.2; }
agent_then_zone() { end lars-agentd-a; more 2; end node-1.1 node-1.2 node-1.3; }

# FAULT SECONDS MOST ZONES WORDS: breaks the system, and counts until SECONDS after the begin.
try() {
    start; "$1"; more "$2"
    failed=0 late=0
    for z in $4; do
        [ $z = a ] && from=$la || from=$lb
        failed=$((failed + $(after $z $from "$2" | sum_of | cut -d' ' -f2)))
        late=$((late + $(after $z $from "$2" | tail -n 3 | sum_of | cut -d' ' -f2)))
    done
    [ $failed -le "$3" ] && [ $late = 0 ]
}
fault() {
    wanted "$1" || return 0
    try "$@" || { echo "# $1: $failed failed, $late of them in the last 3 s; repeated"; try "$@"; }
    say $? "$5: $failed calls failed (at most $3), $late of the last 3 s"
}

fault one 9 3 'a b' "a killed node"
fault two 9 6 'a b' "two killed nodes of a zone"
fault zone 9 9 'a b' "all nodes of a zone"
fault five 10 20 'a b' "five of six nodes"
fault node_then_zone 13 15 a "a node, and 4 s later the whole other zone"
fault agent_then_zone 11 0 b "the agent and then the nodes of a zone, for the callers of the other one"
# Without an agent the callers choose alone, and each node that is out takes one call of a user
# 1 s, 5 s and 21 s after the fault.  In 13 s each of three nodes has 3 failures that eject it
# and 2 trials: 15 failed calls; with a call in flight of the other thread of the caller 18.
fault agent_and_zone 13 18 a "the agent and all nodes of a zone at once"
fault stopped_agent_and_zone 13 18 a "a stopped agent and all nodes of its zone at once"
fault agent_and_five 13 40 a "the agent, all nodes of its zone and two of the other one at once"
fault stopped_agent_and_five 13 40 a "a stopped agent, all nodes of its zone and two of the other one"

# All six nodes; then all back.  While none is up callers get overload, and each node is tried
# ten times a second; 3 s after the last one listens every node is called.
revive() {
    for z in 1 2; do for n in 1 2 3; do
        at="127.0.$z.$n:$LARS_NODES"
        [ $n = 1 ] && at="$at 127.0.$z.1:$((LARS_NODES + 1)) 127.0.$z.1:$((LARS_NODES + 2))"
        build/lars-node $at >"$tmp/node-$z.$n" 2>&1 & revived="$revived $!"
    done; done
}
all_available() { # every node of the agent's zone and of the other one is up in both agents
    for z in a b; do
        build/larsctl plane 1 1 "$LARS_RUN/$z" | grep -qE 'down|ejected|on trial' && return 1
    done; return 0
}
if wanted six; then
    start; end node-1.1 node-1.2 node-1.3 node-2.1 node-2.2 node-2.3; more 6
    [ "$(after a $la 6 | tail -n 2 | sed 's|/s||g' | awk '{ o += $8 } END { print (o > 0) }')" = 1 ]; say $? "with every node down callers get overload and not only failures"
    revive; begin; more 4
    all_available; say $? "all six are called again within 3 s after they listen"
    [ "$(after a $la 9 | tail -n 1 | sum_of | cut -d' ' -f2)" = 0 ]; say $? "and no call fails any more"
    for p in $revived; do kill -9 $p; done; revived=
fi

# The nodes of zone a are stopped, and checked by TCP, which their kernel answers.
if wanted frozen; then
    start; sql "UPDATE ModulePolicy SET probe = ''"; begin; more 4; begin
    for n in 1 2 3; do kill -STOP "$(pid node-1.$n)"; done
    more 18
    done_calls=$(after a $((la + 4)) 14 | sum_of | cut -d' ' -f1)
    [ "$done_calls" -ge $((200 * 14 * 97 / 100)) ]; say $? "with stopped nodes behind a TCP check callers keep 97 % of their rate: $done_calls of $((200 * 14)) calls"
    [ "$(after b $lb 18 | sum_of | cut -d' ' -f2)" = 0 ]; say $? "callers of the other zone meet none of them"
    for n in 1 2 3; do kill -CONT "$(pid node-1.$n)"; done
fi
sh common/run stop >/dev/null; say $? "stop succeeds"
exit $rc
