#!/bin/sh
# e2e_two_zones_db.sh -- a MariaDB node in each of two zones and an arbiter in a third place,
# by the scripts of deploy/two-zones, in network namespaces: a fresh cluster, a zone that is
# lost and comes back, both databases killed under load and recovered.  Rows that were
# acknowledged are compared with what both nodes store.
#   ROUNDS=N   lose a zone N times, in turns b and a, and kill both databases after each fifth
# Gaps and times are printed as "figure: ..."; only deadlines of polling are asserted.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/lib/places.sh
places_begin "two zones' databases"
rounds=${ROUNDS:-1} ns=lzdb$PLACES_OUTER
finish() {
    # Before the folder is deleted: the servers would write into it.
    for f in "$tmp"/[abc]/db/pid; do [ ! -s "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null; done
    places_end
}
trap finish EXIT
trap 'exit 1' INT TERM
give_up() { not_ok "$1: $(tail -n 5 "$tmp/said")"; for z in a b c; do echo "== $z"; tail -n 25 "$tmp/$z/db/run/"*.log; done; exit 1; }
in_zone() { z=$1; shift; ip netns exec $ns-$z "$@"; }
db() { z=$1 cmd=$2; shift 2; in_zone $z sh deploy/two-zones/zone-db $cmd "$tmp/$z/conf" "$@"; }
sql() { timeout 15 mariadb --no-defaults --socket="$tmp/$1/db/run/sock" --user=root -NBe "$2"; } # as administrator
members() { db "$1" status | grep -q "members $2 "; }

# One bridge, to which the three places are wired.
wires() { hub && place a 10.77.1.1 && place b 10.77.2.1 && place c 10.77.3.1; }
address() { if [ $1 = a ]; then echo 10.77.1.1; else echo 10.77.2.1; fi; }
other() { if [ $1 = a ]; then echo b; else echo a; fi; }

# Start a writer in zone $1: its own node first.  It is called $2.
write_in() {
    ip netns exec $ns-$1 "$build/ledger_writer" -d "$(address $1):3310,$(address $(other $1)):3310" -P "$tmp/password" -w $2 -l "$tmp/$2.log" -r 100 -s 600 >"$tmp/$2.sum" 2>&1 &
    eval "pid_$2=$!"
}
stop_writer() { eval "kill \$pid_$1; wait \$pid_$1"; }
acks() { grep -c '^ack' "$tmp/$1.log"; }
acked() { [ "$(acks $1)" -ge $2 ]; }
last_ack() { awk '/^ack/ { t = $3 } END { print t + 0 }' "$tmp/$1.log"; }
acked_after() { [ "$(last_ack $1)" -gt $2 ]; }    # WRITER MS
gap_after() { # WRITER MS -> the longest time between two of its acknowledgements since then
    awk -v from=$2 '/^ack/ { if (last && $3 > from && $3 - last > gap) gap = $3 - last; last = $3 } END { print gap + 0 }' "$tmp/$1.log"
}
ledger() { # WHAT WRITER...: both nodes have what was acknowledged, and the same
    what=$1 logs=''; shift
    for w; do logs="$logs $tmp/$w.log"; done
    check "$what" in_zone a "$build/ledger_check" -d 10.77.1.1:3310,10.77.2.1:3310 -P "$tmp/password" $logs
    sed 's/^/  /' "$tmp/said"
    awk '{ for (i = 1; i <= NF; i++) { split($i, p, "="); if (p[1] == "lost") lost += p[2]; if (p[1] == "acknowledged" && $1 ~ /10.77.1.1/) n += p[2] } } END { print n + 0, lost + 0 }' "$tmp/said" >>"$tmp/ledger"
}
pid_in() { cat "$tmp/$1/db/pid"; }
dead() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.*Z' "/proc/$1/status"; }

# A zone is lost: first its wire, and while it is alone it is asked; then its processes.
lose() { # ROUND ZONE
    lost=$2 kept=$(other $2)
    write_in $kept kept$1
    write_in $lost lost$1
    within 10 acked kept$1 50 && within 10 acked lost$1 50 || give_up "round $1: both zones write"
    link $lost down
    t0=$(last_ack kept$1) began=$(ms)
    if within 10 acked_after kept$1 $((t0 + 1000)); then ok "round $1: zone $lost is cut off, zone $kept writes again"; else give_up "round $1: zone $kept writes within 10 s"; fi
    within 10 not_primary $lost || give_up "round $1: zone $lost knows that it is alone"
    n=$(acks lost$1)
    if [ $1 = 1 ]; then isolated $lost; fi
    sql $lost "INSERT INTO lars_ledger.Entry VALUES ('refused', $1, 0)" >"$tmp/said" 2>&1
    got=$?
    if [ $got != 0 ] && grep -q 1047 "$tmp/said"; then ok "round $1: the isolated zone takes no write, with error 1047"; else not_ok "round $1: a write in the isolated zone: status $got, $(cat "$tmp/said")"; fi
    if [ "$(acks lost$1)" = "$n" ]; then ok "round $1: and acknowledged none"; else not_ok "round $1: $(($(acks lost$1) - n)) writes were acknowledged in the isolated zone"; fi
    dies=$(pid_in $lost)
    kill -9 "$dies"
    within 5 dead "$dies"
    link $lost up
    back=$(ms)
    check "round $1: zone $lost starts after it was killed" db $lost start
    back=$(($(ms) - back))
    log="$tmp/$lost/db/run/error.log"
    if grep -qE "$ist" "$log" && ! grep -qE "$sst" "$log"; then ok "round $1: it came back by IST, not by SST"; else not_ok "round $1: IST $(grep -cE "$ist" "$log"), SST $(grep -cE "$sst" "$log")"; fi
    within 10 members $kept 3 || not_ok "round $1: three members again"
    within 15 acked lost$1 $((n + 50)) || not_ok "round $1: the writer of zone $lost writes again"
    stop_writer kept$1; stop_writer lost$1
    echo "figure: round $1, zone $lost lost: longest gap in zone $kept $(gap_after kept$1 $((t0 - 200))) ms; back $(seconds $back) after its start"
    ledger "round $1: no acknowledged row is lost" kept$1 lost$1
}
not_primary() { [ "$(sql $1 "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'wsrep_cluster_status'")" = non-Primary ]; }
isolated() { # ZONE: what it says
    expect "an isolated zone says so" 3 'non-Primary' db $1 status; shown
    expect "and what to do" 3 'mend: ' db $1 status
    expect "its data can be read" 0 '' in_zone $1 timeout 15 mariadb --no-defaults --socket="$tmp/$1/db/run/sock" --user=root -NBe 'SET SESSION wsrep_dirty_reads = 1; SELECT COUNT(*) FROM lars_ledger.Entry'
}

# Both databases are killed while both zones write.
kill_both() { # ROUND
    write_in a both_a$1; write_in b both_b$1
    within 10 acked both_a$1 50 && within 10 acked both_b$1 50 || give_up "round $1: both zones write"
    pa=$(pid_in a) pb=$(pid_in b)
    kill -9 "$pa" "$pb"
    within 5 dead "$pa" && within 5 dead "$pb"
    na=$(acks both_a$1) began=$(ms)
    if [ $1 = 1 ]; then
        expect 'both databases killed: a dry run of recover-all has a plan' 0 'bootstrap zone' sh deploy/two-zones/recover-all "$tmp/values.ini"; shown
        expect 'and starts nothing' 1 'not-running' db a status
        began=$(ms)
    fi
    check "round $1: recover-all" sh deploy/two-zones/recover-all "$tmp/values.ini" --for-real
    sed 's/^/  /' "$tmp/said"
    took=$(($(ms) - began))
    within 30 acked both_a$1 $((na + 50)) || give_up "round $1: zone a writes again"
    took_ack=$(gap_after both_a$1 0)
    within 30 members a 3 || not_ok "round $1: three members after recover-all"
    stop_writer both_a$1; stop_writer both_b$1
    echo "figure: round $1, both databases killed: recover-all took $(seconds $took); longest gap of the writer in zone a $took_ack ms"
    ledger "round $1: both databases killed, no acknowledged row is lost" both_a$1 both_b$1
}

wires >"$tmp/said" 2>&1 || give_up 'network namespaces'
user=mysql
[ "$(awk 'NR == 1 { print $3 }' /proc/self/uid_map)" != 1 ] || user=root  # no other user is known
chmod o+x "$tmp" "${TMPDIR:-/tmp}" # user mysql reads its files below
sed -e "s|^cluster = .*|cluster = $ns|; s|^folder = .*|folder = $tmp/{zone}/db|; s|^conf = .*|conf = $tmp/{zone}/conf|; s|^user = .*|user = $user|" \
    -e "s|^reach = .*|reach = ip netns exec $ns-{zone}|; s|^zone_db = .*|zone_db = $PWD/deploy/two-zones/zone-db|" \
    -e 's|^gcache = .*|gcache = 32M|; s|^log_file = .*|log_file = 16M|; s|^buffer_pool = .*|buffer_pool = 32M|; s|^start_s = .*|start_s = 90|; s|^stop_s = .*|stop_s = 20|' \
    deploy/two-zones/values.ini >"$tmp/values.ini"
check 'render' sh deploy/two-zones/render "$tmp/values.ini" "$tmp/out"
for z in a b c; do mkdir "$tmp/$z"; chmod 755 "$tmp/$z"; cp -a "$tmp/out/$z" "$tmp/$z/conf"; done
# Zone a is run by a supervisor: this plays the systemctl of its host.
mkdir "$tmp/bin"
cat >"$tmp/bin/systemctl" <<EOF
#!/bin/sh
echo "\$*" >>"$tmp/a/systemctl"
case \$1 in
start) setsid sh "$PWD/deploy/two-zones/zone-db" run "$tmp/a/conf" >>"$tmp/a/unit.log" 2>&1 </dev/null & ;;
stop) read -r pid <"$tmp/a/db/pid" && kill "\$pid" 2>/dev/null
    while grep -q '^State:.*[^Z] (' "/proc/\$pid/status" 2>/dev/null; do sleep 0.1; done ;;
esac
EOF
chmod +x "$tmp/bin/systemctl"
PATH=$tmp/bin:$PATH
echo 'unit = lars-zone-db.service' >>"$tmp/a/conf/zone.ini"
head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$tmp/password"
# Galera calls its script for a copy in both cases, so only these lines tell them apart.
ist='WSREP: IST received: [0-9a-f]' sst='WSREP_SST.*(Proceeding with SST|Moving the backup to)'

expect 'a start without data is refused' 4 'no data' db a start
expect 'a bootstrap without the position of the other zone is refused' 4 'position of zone b is not given' db a bootstrap
began=$(ms)
shown() { sed 's/^/  /' "$tmp/said"; }
check 'zone a begins a cluster' db a bootstrap b=empty; shown
{ db c start; } >"$tmp/c.said" 2>&1 & arbiter=$!
check 'zone b is added' db b add; shown
wait $arbiter; check 'the arbiter starts' [ $? = 0 ]; sed 's/^/  /' "$tmp/c.said"
within 10 members a 3 || give_up 'three members'
echo "figure: a fresh cluster of two nodes and an arbiter: $(seconds $(($(ms) - began)))"
check 'zone a was started by its supervisor' grep -qx 'start lars-zone-db.service' "$tmp/a/systemctl"
check 'and the arguments of this start hold for no other' [ ! -e "$tmp/a/db/next" ]
expect 'status of a zone' 0 'Synced Primary members 3 ready ON' db b status
expect 'status of the arbiter' 0 'primary' db c status
expect 'a zone that runs cannot be bootstrapped' 4 'runs already' db b bootstrap a=empty
expect 'recover-all refuses while a node is primary' 4 'in a primary component' sh deploy/two-zones/recover-all "$tmp/values.ini" --for-real
check 'replication is encrypted' grep -q 'ssl://10.77.2.1:4567' "$tmp/a/db/run/error.log"
check 'the copy of the data was encrypted' grep -q 'openssl based encryption' "$tmp/b/db/run/error.log"
check 'a zone that is added gets a whole copy' grep -qE "$sst" "$tmp/b/db/run/error.log"
check 'b has the schema' sql b 'SELECT version FROM lars_dns.RouteVersion'
lars() { sed -n 's/^lars = //p' "$tmp/out/passwords"; }
expect 'user lars may change rows, from the other zone' 0 '' in_zone a mariadb --no-defaults -h 10.77.2.1 -P 3310 -u lars -p"$(lars)" -e 'DELETE FROM lars_dns.RouteHold'
expect 'and may not change tables' 1 'denied' in_zone a mariadb --no-defaults -h 10.77.2.1 -P 3310 -u lars -p"$(lars)" -e 'CREATE TABLE lars_dns.x (i INT)'
{ "$build/ledger_writer" --schema; echo "CREATE USER ledger@'10.77.%' IDENTIFIED BY '$(cat "$tmp/password")'; GRANT SELECT, INSERT ON lars_ledger.* TO ledger@'10.77.%';"; } >"$tmp/ledger.sql"
check 'the table of the ledger' sh -c "timeout 20 mariadb --no-defaults --socket='$tmp/a/db/run/sock' --user=root <'$tmp/ledger.sql'"

i=0
while [ $i -lt $rounds ] && [ $bad = 0 ]; do
    i=$((i + 1))
    if [ $((i % 2)) = 1 ]; then lose $i b; else lose $i a; fi
    [ $i != 1 ] && [ $((i % 5)) != 0 ] || kill_both $i
done
awk '{ n += $1; lost += $2 } END { printf "figure: %d rows acknowledged in all, %d lost\n", n, lost }' "$tmp/ledger"
for z in b c a; do check "zone $z stops" db $z stop; done
expect 'the zone that was stopped last may begin again' 0 'a cluster of this node alone' db a bootstrap
check 'and stops' db a stop
exit $bad
