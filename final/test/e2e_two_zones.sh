#!/bin/sh
# e2e_two_zones.sh -- two-zones/start builds two zones in network namespaces; an isolated zone
# takes no writes and the other one does; a zone that is killed comes back without a lost row;
# after stop, and after a start that was interrupted or killed, nothing is left.
# Run by make nightly: it takes minutes.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - two zones: not under $LARS_MODE"; exit 0; }
[ "$(id -u)" = 0 ] || { echo 'skip - two zones: root is needed, because network namespaces are made'; exit 0; }
for p in ip nft mariadbd mariadb-backup garbd socat; do
    command -v $p >/dev/null || [ -x /usr/sbin/$p ] || { echo "skip - two zones: no program $p; mend: sh docs/tools/deps two-zones"; exit 0; }
done
PATH=$PATH:/usr/sbin
export LARS_TZ=lars-e2e LARS_TZ_NET=10.93 LARS_TZ_CALLS=100 LARS_TZ_VISITS=20
tmp=$(mktemp -d); rc=0
trap 'sh two-zones/stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM INT
say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; rc=1; fi; }
within() { # SECONDS COMMAND... -> true as soon as it succeeds
    end=$(($(date +%s) + $1)); shift
    until "$@"; do [ "$(date +%s)" -lt $end ] || return 1; sleep 0.2; done
}
runs() { [ -e "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
all_pids() { for n in $(ip netns list | awk '{ print $1 }' | grep "^$LARS_TZ-"); do ip netns pids "$n"; done; }
nothing() { # PIDS... -> is nothing left of the system, and none of these processes?
    for p; do ! runs "$p" || { echo "process $p: $(tr '\0' ' ' <"/proc/$p/cmdline")"; return 1; }; done
    ! ip netns list | grep "^$LARS_TZ-" || return 1
    ! ip -o link show | grep "$LARS_TZ-op" || return 1
    ! grep "/$LARS_TZ" /proc/mounts || return 1
    ! ls -d "/var/lib/$LARS_TZ" "/dev/shm/$LARS_TZ" 2>/dev/null || return 1
    ! grep -lzF "/var/lib/$LARS_TZ/" /proc/[0-9]*/cmdline 2>/dev/null
}
sql() { # ZONE SQL
    timeout 8 mariadb --no-defaults --socket="/var/lib/$LARS_TZ/db/$1/run/sock" --user=root --connect-timeout=3 -NBe "$2" 2>&1
}
note() { sql "$1" "INSERT INTO lars_dns.ModIDConfig (modid, content) VALUES ($2, 'x')"; }
refuses() { case $(note "$1" "$2") in *'ERROR 1047 '* | *'ERROR 1180 '*) ;; *) return 1 ;; esac; }
takes() { note "$1" "$2" >/dev/null; }
healthy() { sh two-zones/status >"$tmp/status" 2>&1; }

sh two-zones/stop >"$tmp/out" 2>&1; say $? 'stop without a start is no error'
LARS_TZ=Lars sh two-zones/start >"$tmp/out" 2>&1; [ $? = 2 ] && grep -q 'mend: another name' "$tmp/out"; say $? 'a wrong name is refused'
for s in TERM KILL; do # while the database of the second zone copies its data
    sh two-zones/start >"$tmp/out" 2>&1 & start=$!
    within 60 grep -q 'the database of zone b' "$tmp/out"; say $? "a start that will get SIG$s has begun"
    left=$(all_pids)
    kill -s $s $start; wait $start 2>/dev/null
    [ $s = TERM ] || sh two-zones/stop >"$tmp/out" 2>&1; say $? "a start that got SIG$s is undone"
    within 5 nothing $left; say $? "nothing is left after SIG$s"
done

sh two-zones/start >"$tmp/out" 2>"$tmp/err"; say $? 'start returns when every program is healthy'
[ $rc = 0 ] || { cat "$tmp/out" "$tmp/err"; exit 1; }
healthy; say $? 'status shows that all is healthy'
sh two-zones/start 2>&1 | grep -q 'runs already'; say $? 'a second start changes nothing'
LARS_TZ=lars-e2f sh two-zones/start >"$tmp/out" 2>&1; [ $? = 1 ] && grep -q 'mend: other ones: LARS_TZ_NET' "$tmp/out"; say $? 'another system with the same addresses is refused'
[ -e "/var/lib/lars-e2f" ] && say 1 'the refused system leaves no file' || say 0 'the refused system leaves no file'
curl -s --max-time 5 --cacert "/var/lib/$LARS_TZ/dbconf/ca/ca.crt" "https://$LARS_TZ_NET.2.1:8090/" | grep -qi '<!doctype html'; say $? 'this machine reaches the console of zone b'
sh two-zones/host b3 larsctl route list >"$tmp/out" 2>&1 && grep -q "$LARS_TZ_NET.1.1" "$tmp/out"; say $? 'larsctl in a host shows the routes'

takes a 701 && within 5 sh -c "[ \"\$(mariadb --no-defaults --socket=/var/lib/$LARS_TZ/db/b/run/sock --user=root -NBe 'SELECT COUNT(*) FROM lars_dns.ModIDConfig WHERE modid = 701')\" = 1 ]"; say $? 'a row of zone a is in zone b'
sh two-zones/net cut b
within 20 refuses b 702; say $? 'zone b refuses writes while its link is cut'
within 20 takes a 703; say $? 'zone a takes writes meanwhile'
healthy; [ $? = 1 ] && grep -q 'link of b is down' "$tmp/status"; say $? 'status shows the fault'
sh two-zones/net heal
within 90 healthy; say $? 'all is healthy after the link is back'
[ "$(sql b 'SELECT GROUP_CONCAT(modid ORDER BY modid) FROM lars_dns.ModIDConfig WHERE modid BETWEEN 701 AND 709')" = 701,703 ]; say $? 'zone b has exactly the rows that were acknowledged'

bash two-zones/drill zone-killed zone-returns >"$tmp/out" 2>"$tmp/err"; say $? 'a killed zone comes back and no acknowledged row is lost'
[ $rc = 0 ] || cat "$tmp/out" "$tmp/err"
[ "$(grep -c '^| zone b killed\|^| return of' "$tmp/out")" = 2 ]; say $? 'the drill prints a row for each fault'

left=$(all_pids)
sh two-zones/stop >"$tmp/out" 2>&1; say $? 'stop succeeds'
nothing $left; say $? 'nothing is left'
sh two-zones/stop >"$tmp/out" 2>&1 && grep -q 'nothing was there' "$tmp/out"; say $? 'a second stop is no error'
exit $rc
