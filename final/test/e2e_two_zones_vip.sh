#!/bin/sh
# e2e_two_zones_vip.sh -- the files of deploy/two-zones/keepalived: keepalived accepts them, and
# an address moves between two hosts, in network namespaces, when the check of its holder
# fails and when the wire is cut.  A kernel without ip_vs cannot
# forward by LVS, so the virtual_server part is only read here, and the daemons run with --vrrp.
set -u
cd "$(dirname "$0")/.." || exit 1
[ -z "${LARS_MODE:-}" ] || { echo "skip - addresses that move: not under $LARS_MODE"; exit 0; }
for p in keepalived:keepalived socat:socat ip:iproute2; do
    PATH=$PATH:/usr/sbin:/sbin command -v ${p%:*} >/dev/null || { echo "skip - addresses that move: skipped because there is no ${p%:*}; mend: docs/tools/deps test, which installs ${p#*:}"; exit 0; }
done
PATH=$PATH:/usr/sbin:/sbin
if [ -z "${VIP_OUTER:-}" ]; then
    # As root; where /proc cannot be mounted, without its own processes.  In a user namespace
    # keepalived refuses programs, whose owner is not the root of that namespace.
    for how in '-m -p -f --kill-child --mount-proc' -m; do
        unshare $how -n sh -c 'mount -t tmpfs none /run && mkdir /run/netns && ip netns add try && ip netns exec try true' 2>/dev/null || continue
        export VIP_OUTER=$$
        exec unshare $how -n sh "$0"
    done
    echo 'skip - addresses that move: skipped because network namespaces are not allowed here; mend: run as root'; exit 0
fi
mount -t tmpfs none /run && mkdir /run/netns || exit 1
tmp=$(mktemp -d) bad=0 ns=lvip$VIP_OUTER
trap 'kill $(jobs -p) 2>/dev/null; for h in 1 2 3 hub; do ip netns del $ns-$h 2>/dev/null; done; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; tail -n 8 "$tmp"/*.log; bad=1; }
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/said" 2>&1; then ok "$what"; else not_ok "$what: status $?: $(tail -n 5 "$tmp/said")"; fi
}
ms() { read -r up _ </proc/uptime; echo "${up%.*}${up#*.}0"; }
within() { # SECONDS COMMAND...
    until_ms=$(($(ms) + $1 * 1000)); shift
    until "$@" >/dev/null 2>&1; do [ "$(ms)" -lt $until_ms ] || return 1; sleep 0.05; done
}
host() { h=$1; shift; ip netns exec $ns-$h "$@"; }
ip netns add $ns-hub && ip -n $ns-hub link add br0 type bridge && ip -n $ns-hub link set br0 up || exit 1
for h in 1 2 3; do                        # two hosts and a client
    ip netns add $ns-$h && ip -n $ns-$h link set lo up &&
        ip -n $ns-$h link add eth0 type veth peer name up-$h netns $ns-hub &&
        ip -n $ns-hub link set up-$h master br0 up &&
        ip -n $ns-$h link set eth0 up && ip -n $ns-$h addr add 10.77.1.$h/16 dev eth0 || exit 1
done
cat >"$tmp/values.ini" <<EOF
vips = dns
interface = eth0
vip_dns = 10.77.0.100/16
hosts_dns = 10.77.1.1 10.77.1.2
check_dns = $(command -v socat) -u OPEN:/dev/null TCP:127.0.0.1:9880
EOF
check 'render' sh deploy/two-zones/keepalived/render "$tmp/values.ini" "$tmp/out"
{ cat "$tmp/values.ini"; echo 'lvs_dns = 7778'; } >"$tmp/lvs.ini"
sh deploy/two-zones/keepalived/render "$tmp/lvs.ini" "$tmp/lvs" 2>/dev/null
sed -e 's/^;\([vhclsi]\)/\1/' -e 's|/usr/bin/curl.*|/bin/true|' deploy/two-zones/values.ini >"$tmp/all.ini"
check 'the addresses of values.ini' sh deploy/two-zones/keepalived/render "$tmp/all.ini" "$tmp/all"
for f in "$tmp"/out/*.conf "$tmp"/lvs/*.conf "$tmp"/all/*.conf; do
    check "keepalived accepts ${f#"$tmp/"}" host 1 keepalived -t -l -f "$f"
done
sed 's/priority .*/priority many/' "$tmp/out/10.77.1.1.conf" >"$tmp/wrong.conf"
if host 1 keepalived -t -l -f "$tmp/wrong.conf" >"$tmp/said" 2>&1; then not_ok 'keepalived refuses a priority that is no number'; else ok 'keepalived refuses a priority that is no number'; fi
wrong() { # WHAT LINE: in place of the line with the same key
    sed "s|^${2%% *} = .*|$2|" "$tmp/values.ini" >"$tmp/wrong.ini"
    sh deploy/two-zones/keepalived/render "$tmp/wrong.ini" "$tmp/none" >"$tmp/said" 2>&1; got=$?
    if [ $got = 2 ] && grep -q 'mend: ' "$tmp/said" && [ ! -e "$tmp/none" ]; then ok "render refuses $1"; else not_ok "render refuses $1: status $got: $(cat "$tmp/said")"; fi
}
wrong 'an address that is none' 'vip_dns = 10.77.0.300'
wrong 'a host that is none' 'hosts_dns = 10.77.1.1 10.77.1'
wrong 'a check that would end its line' 'check_dns = /bin/true"}'
wrong 'an interface of other characters' 'interface = eth0 {'

start() { # HOST
    ip netns exec $ns-$1 keepalived --vrrp -n -l -D -f "$tmp/out/10.77.1.$1.conf" -p "$tmp/$1.pid" -r "$tmp/$1v.pid" >"$tmp/$1.log" 2>&1 &
    eval "daemon_$1=$!"
}
well() { # HOST: the service that the check and the client ask
    ip netns exec $ns-$1 socat TCP-LISTEN:9880,reuseaddr,fork OPEN:/dev/null >"$tmp/well.log" 2>&1 &
    eval "well_$1=$!"
}
holds() { ip -n $ns-$1 -4 -br addr show eth0 | grep -q '10\.77\.0\.100/'; }
only() { holds $1 && ! holds $2; }
entered_backup() { grep -q 'Entering BACKUP STATE' "$tmp/2.log"; }
answers() { host 3 timeout 2 socat -u OPEN:/dev/null TCP:10.77.0.100:9880,connect-timeout=1; }
moved() { # WHAT FROM TO: the client reaches the address again
    began=$(ms)
    if within 15 holds $3 && within 15 answers; then ok "$1, and the client reaches it"; else not_ok "$1"; fi
    echo "figure: $1: reachable again after $(($(ms) - began)) ms"
}
well 1; well 2
# The one that is there first keeps it for the delay of preemption, so the second comes later.
start 1
check 'the first host takes the address' within 15 holds 1
start 2
if within 15 entered_backup && only 1 2; then ok 'the first host has the address, the second has not'; else not_ok 'the first host has the address, the second has not'; fi
check 'the client reaches it' within 5 answers
kill -9 $well_1                           # socat, which answers the check
moved 'a failed check moves the address' 1 2
if within 5 only 2 1; then ok 'the host whose check fails gives it up'; else not_ok 'the host whose check fails gives it up'; fi
well 1
ip -n $ns-hub link set up-2 down
moved 'a cut wire moves the address' 2 1
ip -n $ns-hub link set up-2 up
if within 15 only 1 2; then ok 'after the cut one host has it'; else not_ok 'after the cut one host has it'; fi
exit $bad
