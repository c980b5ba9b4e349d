#!/bin/sh
# e2e_fleet_galera.sh -- the databases that `larsctl fleet render` has configured, as real
# MariaDB nodes with Galera: two rooms with an arbiter in a third place, then two rooms by
# weight.  Each host is a network, a mount and a process namespace, in which the rendered
# files are at their own paths.  An operator's machine has the rendered larsctl.ini: zone
# fence over a link that is cut, zone promote after the heavier room was lost, recover-all.
# Times are printed as "figure: ..."; only deadlines of polling are asserted.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/lib/places.sh
places_begin 'the databases of a fleet' root
ns=lfdb$PLACES_OUTER prefix=8
trap places_end EXIT
trap 'exit 1' INT TERM
give_up() {
    not_ok "$1: $(tail -n 5 "$tmp/said")"
    for h in a1 b1 c1; do echo "== $h"; tail -n 25 "$tmp/$h/db/run/"*.log; done
    exit 1
}
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: wanted \"$2\", found \"$3\""; fi; }
shown() { sed 's/^/  /' "$tmp/said"; }
top=$PWD

# --- hosts ----------------------------------------------------------------------------
# The folders of hosts exist in this mount namespace only; each host has others at them.
chmod 755 "$tmp"
cp -a /etc "$tmp/etc" && mount --bind "$tmp/etc" /etc && mount -t tmpfs -o mode=755 none /var/lib &&
    mkdir -p /etc/lars /var/lib/lars /var/lib/lars-db || exit 1
switch_on() { # HOST: a bare machine, or one that was switched off, with its disk
    mkdir -p "$tmp/$1/etc" "$tmp/$1/db" "$tmp/$1/lib"
    ip netns exec $ns-$1 unshare -m -p -f --kill-child --mount-proc sh -c '
        mount --bind "$0/etc" /etc/lars && mount --bind "$0/db" /var/lib/lars-db && mount --bind "$0/lib" /var/lib/lars &&
        echo up >"$0/up"; while :; do sleep 0.2; done' "$tmp/$1" >"$tmp/$1/boot" 2>&1 &
    eval "init_$1=$!"
    within 10 [ -s "$tmp/$1/up" ] || give_up "host $1 is up: $(cat "$tmp/$1/boot")"
}
switch_off() { # HOST
    eval "kill -9 \$init_$1; wait \$init_$1" 2>/dev/null
    rm -f "$tmp/$1/up"
}
on() { # HOST COMMAND...
    h=$1; shift
    eval "first=\$init_$h"
    nsenter -t "$(cat "/proc/$first/task/$first/children" | cut -d' ' -f1)" -m -n -p -- "$@"
}
put_files() { # HOST: what larsctl fleet install copies there, of the database and larsctl
    while read -r mode owner group from to; do
        case $to in /etc/lars/db/* | /etc/lars/larsctl.ini) ;; *) continue ;; esac
        getent group "$group" >/dev/null || group=root
        install -D -m "$mode" -o "$owner" -g "$group" "$out/$1/$from" "$tmp/$1/etc/${to#/etc/lars/}" || return 1
    done <"$out/$1/files"
    chmod 755 "$tmp/$1/etc" "$tmp/$1/etc/db" && [ ! -e "$tmp/$1/etc/db/tls" ] || chmod 755 "$tmp/$1/etc/db/tls"
}
# The systemctl of all hosts.  It runs what the rendered unit would run, and notes what it is
# asked; it does not start a program again.
mkdir "$tmp/bin"
cat >"$tmp/bin/systemctl" <<EOF
#!/bin/sh
echo "\$*" >>/var/lib/lars-db/systemctl
case \$1 in
start) setsid sh "$top/deploy/two-zones/zone-db" run /etc/lars/db >>/var/lib/lars-db/unit.log 2>&1 </dev/null & ;;
stop) read -r pid </var/lib/lars-db/pid && kill "\$pid" 2>/dev/null
    while grep -q '^State:.*[^Z] (' "/proc/\$pid/status" 2>/dev/null; do sleep 0.1; done ;;
esac
EOF
chmod 755 "$tmp/bin/systemctl"
PATH=$tmp/bin:$PATH
db() { h=$1 cmd=$2; shift 2; on $h sh "$top/deploy/two-zones/zone-db" $cmd /etc/lars/db "$@"; }
sql() { on $1 timeout 15 mariadb --no-defaults --socket=/var/lib/lars-db/run/sock --user=root -NBe "$2"; }
members() { db "$1" status | grep -q "Synced Primary members $2 "; }
not_primary() { [ "$(sql $1 "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'wsrep_cluster_status'")" = non-Primary ]; }
insert() { sql $1 "INSERT INTO lars_dns.RouteData (modid, cmdid, serverip, serverport, zone) VALUES (9, 9, INET_ATON('10.0.9.9'), $2, 'a')"; }
rows() { sql $1 'SELECT COUNT(*) FROM lars_dns.RouteData WHERE modid = 9'; }
stopped() { db $1 status | grep -q 'not-running$'; }
state() { sql a1 "SELECT state FROM lars_dns.ZoneState WHERE zone = '$1'"; }

# --- the fleet ------------------------------------------------------------------------
mkdir -p "$tmp/fleet/conf" && cp deploy/fleet/*.ini "$tmp/fleet/" && cp conf/*.ini "$tmp/fleet/conf/" && cp -r deploy/two-zones "$tmp/two-zones" || exit 1
# Small databases, and another way to reach a host than ssh: settings of an operator.
sed -i -e 's|^gcache = .*|gcache = 32M|; s|^log_file = .*|log_file = 16M|; s|^buffer_pool = .*|buffer_pool = 32M|; s|^start_s = .*|start_s = 90|; s|^stop_s = .*|stop_s = 20|' \
    -e "s|^reach = .*|reach = sh $tmp/reach {address}|; s|^zone_db = .*|zone_db = $top/deploy/two-zones/zone-db|" "$tmp/fleet/database.ini"
printf '[larsctl]\nfleet = %s/fleet\n' "$tmp" >"$tmp/render.ini"
render() { LARS_SQL=$top/common/sql timeout 120 "$build/larsctl" -c "$tmp/render.ini" fleet render "$1" "$out"; }
ctl() { ip netns exec $ns-op timeout 150 "$build/larsctl" -c "$out/_fleet/operator/larsctl.ini" -r test "$@"; }
on_host() { h=$1; shift; on $h timeout 60 "$build/larsctl" -c /etc/lars/larsctl.ini -r test "$@"; }
write_reach() { # the ssh of recover-all: ADDRESS COMMAND...
    { echo 'a=$1; shift; case $a in'
    for h in "$@"; do
        eval "first=\$init_$h"
        echo "$(sed -n "/^\[host $h\]/,/^roles/s/^address = //p" "$roster")) exec nsenter -t $(cut -d' ' -f1 "/proc/$first/task/$first/children") -m -n -p -- \"\$@\" ;;"
    done
    echo '*) echo "reach: $a is no host" >&2; exit 255 ;; esac'; } >"$tmp/reach"
}

hub && place a1 10.0.1.11 && place a2 10.0.1.12 && place b1 10.0.2.11 && place b2 10.0.2.12 && place c1 10.0.3.11 && place op 10.0.9.5 || exit 1

# --- two rooms and an arbiter ----------------------------------------------------------
roster=$top/deploy/fleet/fleet.ini out=$tmp/arbiter
check 'a fleet with an arbiter is rendered' render "$roster"
for h in a1 b1 c1; do switch_on $h; check "$h has its files" put_files $h; done
check 'the database of a1 begins, with the rendered files at their own paths' db a1 bootstrap b=empty; shown
asked() { grep -v '^is-' "$tmp/$1/db/systemctl" | tr '\n' ';'; }
is 'by the unit that render has made' 'start lars-db.service;' "$(asked a1)"
{ db c1 start; } >"$tmp/c.said" 2>&1 & arbiter=$!
check 'that of b1 copies its data' db b1 add; shown
wait $arbiter; check 'the arbiter starts' [ $? = 0 ]
within 10 members a1 3 || give_up 'three members'
check 'both nodes are in one cluster, by TLS' eval 'members b1 3 && grep -q "ssl://10.0.2.11:4567" "$tmp/a1/db/run/error.log"'
for z in a b; do
    n=1; [ $z = a ] || n=2
    sql a1 "INSERT INTO lars_dns.RouteData (modid, cmdid, serverip, serverport, zone) VALUES (1, 1, INET_ATON('10.0.$n.12'), 8001, '$z'), (1, 1, INET_ATON('10.0.$n.13'), 8001, '$z')"
done
expect 'larsctl of the operator sees both' 0 'an arbiter: any one of them may be lost' ctl zone status; shown
check 'a row of a is in b' eval 'insert a1 1 && within 5 eval "[ \"\$(rows b1)\" = 1 ]"'
link b1 down
within 10 not_primary b1 || give_up 'room b knows that it is alone'
check 'room a writes while the link is cut' within 10 insert a1 2
expect 'room b refuses writes' 1 1047 insert b1 3
began=$(ms)
{ ctl -y zone fence b; echo "status $?"; } >"$tmp/fence" 2>&1 & fence=$!
within 20 eval '[ "$(state b)" = fenced ]' || give_up "room b is fenced: $(cat "$tmp/fence")"
ok 'zone fence over the cut link: the room is drained'
expect 'its database, which cannot be reached, still refuses writes' 1 1047 insert b1 3
link b1 up; up=$(ms)
within 40 stopped b1 || give_up "the database of b stops as soon as the link is up: $(cat "$tmp/fence")"
echo "figure: the database of b was stopped $(seconds $(($(ms) - up))) after the link was up"
wait $fence; sed 's/^/  /' "$tmp/fence"
check 'zone fence has stopped it' grep -q '^status 0' "$tmp/fence"
check 'and the server ended in order' grep -q 'Shutdown complete' "$tmp/b1/db/run/error.log"
expect 'it takes no writes' 1 '' insert b1 3
check 'room a writes' insert a1 4
expect 'the room returns' 0 'zone-db start' ctl -y zone return b
check 'and its database by zone-db start' db b1 start; shown
within 10 members a1 3 || give_up 'three members again'
is_in_b() { [ "$(rows b1)" = 3 ]; }
check 'with all rows' within 5 is_in_b

# The operator reaches the database of b, and neither a nor the arbiter does.
expect 'rows of b are there' 0 '' rows b1
for to in 10.0.1.11 10.0.3.11; do on b1 ip route add blackhole $to/32; done
within 10 not_primary b1 || give_up 'room b knows that it is alone'
began=$(ms)
expect 'zone fence of a database that is isolated and can be reached' 0 'was stopped' ctl -y zone fence b; shown
echo "figure: zone fence of an isolated database that can be reached took $(seconds $(($(ms) - began)))"
check 'the database of b has ended' within 5 stopped b1
for to in 10.0.1.11 10.0.3.11; do on b1 ip route del $to/32; done
expect 'the room returns again' 0 'zone-db start' ctl -y zone return b
check 'and its database again' db b1 start
within 10 members a1 3 || give_up 'three members again'

# The link stays away for as long as the command tries; the operator gives it again.
link b1 down
within 10 not_primary b1 || give_up 'room b knows that it is alone'
expect 'zone fence says what to do when the link stays away' 1 'stop it on its host' ctl -y zone fence b; shown
is 'the room is fenced for programs' fenced "$(state b)"
link b1 up
within 20 members b1 3 || give_up 'the database of b is back by itself'
expect 'the same command once more stops it' 0 'was stopped' ctl -y zone fence b; shown
check 'the database of b has ended' within 5 stopped b1
for h in b1 a1 c1; do db $h stop >"$tmp/said" 2>&1; switch_off $h; mv "$tmp/$h" "$tmp/$h.arbiter"; done

# --- two rooms, and the vote of a outweighs that of b -----------------------------------
roster=$tmp/weight.ini out=$tmp/weight
sed -e 's/^quorum = .*/quorum = weight\nheavy_zone = a/' -e '/^\[host c1\]/,$d' deploy/fleet/fleet.ini >"$roster"
check 'a fleet by weight is rendered' render "$roster"
for h in a1 b1; do switch_on $h; check "$h has its files" put_files $h; done
check 'the database of a1 begins' db a1 bootstrap b=empty; shown
check 'that of b1 copies its data' db b1 add; shown
within 10 members a1 2 || give_up 'two members'
for z in a b; do
    n=1; [ $z = a ] || n=2
    sql a1 "INSERT INTO lars_dns.RouteData (modid, cmdid, serverip, serverport, zone) VALUES (1, 1, INET_ATON('10.0.$n.12'), 8001, '$z'), (1, 1, INET_ATON('10.0.$n.13'), 8001, '$z')"
done
expect 'larsctl of the operator shows that the weight decides' 0 'pc.weight 2 of 3): two rooms without an arbiter' ctl zone status; shown
expect 'a room that writes is not promoted' 1 'takes writes already' on_host b1 -n zone promote b
check 'a row of a' insert a1 1
link b1 down
within 10 not_primary b1 || give_up 'room b knows that it is alone'
check 'the heavier room writes alone' within 10 insert a1 2
expect 'the other one refuses writes' 1 1047 insert b1 3
link b1 up
within 20 members a1 2 || give_up 'two members again'
expect 'zone fence stops the lighter room' 0 'was stopped' ctl -y zone fence b; shown
check 'it has ended' within 5 stopped b1
check 'the heavier room writes' insert a1 3
expect 'the room returns' 0 'zone-db start' ctl -y zone return b
check 'and its database' db b1 start
within 10 members a1 2 || give_up 'two members again'

# The heavier room: first its database only, then all of it.
switch_off a1; link a1 down
within 10 not_primary b1 || give_up 'room b knows that it is alone'
expect 'the database of the heavier room is lost: the other one refuses writes' 1 1047 insert b1 4
expect 'and is not promoted while a host there answers' 1 '10.0.1.12 answers ping: its zone may live and write' on_host b1 zone promote b confirm=b; shown
expect 'it still refuses writes' 1 1047 insert b1 4
link a2 down
expect 'no host there answers: the promotion wants the name of the room' 4 'give confirm=b' on_host b1 -y zone promote b; shown
expect 'it still refuses writes' 1 1047 insert b1 4
began=$(ms)
expect 'zone promote' 0 'takes writes' on_host b1 zone promote b confirm=b; shown
check 'writes are back' insert b1 4
echo "figure: zone promote took $(seconds $(($(ms) - began)))"
check 'it is recorded before and after' eval '[ "$(grep -c "zone promote zone=b who=.* \(begins\|done\) reason=test" "$tmp/b1/lib/zone-record")" = 2 ]'
is 'and in the audit' 1 "$(sql b1 "SELECT COUNT(*) FROM lars_dns.Audit WHERE action = 'zone promote'")"
is 'no row is lost' 4 "$(rows b1)"
link a1 up; link a2 up
switch_on a1
check 'the heavier room comes back as a member' db a1 start; shown
within 10 members b1 2 || give_up 'two members again'
check 'and writes' insert a1 5
is 'with the rows of the time without it' 5 "$(rows a1)"

# Both databases are killed while a row after the other is written in a.
write_reach a1 b1
recover() { sh deploy/two-zones/recover-all "$out/_fleet/db/values.ini" "$@"; }
expect 'recover-all refuses while a node is primary' 4 'in a primary component' recover --for-real
n=100; while insert a1 $n 2>/dev/null; do echo $n; n=$((n + 1)); done >"$tmp/acked" &
within 20 eval '[ "$(wc -l <"$tmp/acked")" -ge 20 ]' || give_up 'rows are written'
for h in a1 b1; do on $h sh -c 'kill -9 "$(cat /var/lib/lars-db/pid)"'; done
wait $!
began=$(ms)
expect 'both databases killed, no arbiter: a dry run has a plan' 0 'bootstrap zone' recover; shown
if grep -q arbiter "$tmp/said"; then not_ok 'without a word of an arbiter'; else ok 'without a word of an arbiter'; fi
for h in a1 b1; do : >"$tmp/$h/db/systemctl"; done
check 'recover-all' recover --for-real; shown
for h in a1 b1; do is "the unit of $h was stopped before, and runs the database again" 'stop lars-db.service;start lars-db.service;' "$(asked $h)"; done
echo "figure: both databases killed, by weight: synced $(seconds $(($(ms) - began))) after the kill, with a dry run before"
check 'two members write' eval 'members a1 2 && members b1 2 && insert b1 6'
expect 'and the weight decides as before' 0 'pc.weight 2 of 3): two rooms without an arbiter' ctl zone status
lacks() { sql $1 'SELECT serverport FROM lars_dns.RouteData WHERE modid = 9' | grep -vxF -f - "$tmp/acked"; }
is "none of $(wc -l <"$tmp/acked") acknowledged rows is lost" '' "$(lacks a1; lacks b1)"
exit $bad
