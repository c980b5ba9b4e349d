# test/lib/places.sh -- what the tests of databases in several places share: namespaces of
# their own for mounts, processes and network, places that are wired to one bridge, results.
#   . test/lib/places.sh; places_begin 'WHAT IS TESTED'
# It executes the test again inside, where it sets tmp, bad, build and PLACES_OUTER; the test
# then sets ns, the beginning of the names of its namespaces, and calls places_end at its end.
places_begin() { # WHAT [root: the user mysql is needed, whom a user namespace does not have]
    [ -z "${LARS_MODE:-}" ] || { echo "skip - $1: not under $LARS_MODE"; exit 0; }
    for p in mariadbd:mariadb-server wsrep_sst_mariabackup:mariadb-server mariadb-backup:mariadb-backup garbd:galera-arbitrator-4 socat:socat ip:iproute2 openssl:openssl; do
        PATH=$PATH:/usr/sbin:/sbin command -v ${p%:*} >/dev/null || { echo "skip - $1: skipped because there is no ${p%:*}; mend: docs/tools/deps test, which installs ${p#*:}"; exit 0; }
    done
    # Mounts, processes and network of its own: all of them end with the test, however it ends.
    if [ -z "${PLACES_OUTER:-}" ]; then
        # As root; as root of a user namespace; where /proc cannot be mounted, without its own processes.
        for how in '-m -p -f --kill-child --mount-proc' '-Urm -p -f --kill-child --mount-proc' -m -Urm; do
            case ${2:-}:$how in root:-U* | root:-m) continue ;; esac
            unshare $how -n sh -c 'mount -t tmpfs none /run && mkdir /run/netns && ip netns add try && ip netns exec try true' 2>/dev/null || continue
            export PLACES_OUTER=$$
            exec unshare $how -n sh "$0"
        done
        echo "skip - $1: skipped because network namespaces are not allowed here; mend: run as root"; exit 0
    fi
    mount -t tmpfs none /run && mkdir /run/netns || exit 1
    tmp=$(mktemp -d) bad=0
    build=$(cd "${BUILD:-build}" && pwd)
}
places_end() {
    for p in $(ip netns list | cut -d' ' -f1); do ip netns del $p 2>/dev/null; done
    kill $(jobs -p) 2>/dev/null
    rm -rf "$tmp" 2>/dev/null || { sleep 0.5; rm -rf "$tmp"; }
}

# --- results --------------------------------------------------------------------------
ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; bad=1; }
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$tmp/said" 2>&1; then ok "$what"; else not_ok "$what: status $?: $(tail -n 5 "$tmp/said")"; fi
}
expect() { # WHAT STATUS TEXT COMMAND...
    what=$1 want=$2 text=$3; shift 3
    "$@" >"$tmp/said" 2>&1; got=$?
    if [ $got = "$want" ] && { [ -z "$text" ] || grep -qF -e "$text" "$tmp/said"; }; then ok "$what"; else not_ok "$what: status $got, not $want with \"$text\": $(tail -n 5 "$tmp/said")"; fi
}
ms() { read -r up _ </proc/uptime; echo "${up%.*}${up#*.}0"; } # since the machine was started
within() { # SECONDS COMMAND...
    until_ms=$(($(ms) + $1 * 1000)); shift
    until "$@" >"$tmp/said" 2>&1; do [ "$(ms)" -lt $until_ms ] || return 1; sleep 0.05; done
}
seconds() { echo "$(($1 / 1000)).$(($1 % 1000 / 100)) s"; }

# --- places ---------------------------------------------------------------------------
hub() { ip netns add $ns-hub && ip -n $ns-hub link add br0 type bridge && ip -n $ns-hub link set br0 up; }
place() { # NAME ADDRESS
    ip netns add $ns-$1 && ip -n $ns-$1 link set lo up &&
        ip -n $ns-$1 link add eth0 type veth peer name up-$1 netns $ns-hub &&
        ip -n $ns-hub link set up-$1 master br0 up &&
        ip -n $ns-$1 link set eth0 up && ip -n $ns-$1 addr add $2/${prefix:-16} dev eth0
}
link() { ip -n $ns-hub link set up-$1 $2; }      # PLACE up|down
