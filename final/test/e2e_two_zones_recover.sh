#!/bin/sh
# e2e_two_zones_recover.sh -- what deploy/two-zones/recover-all does and refuses, with a
# zone-db that plays the states of three places instead of running servers; and the position
# that zone-db itself finds in data, with a mariadbd that only names one; and that render keeps
# passwords out of arguments.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - recover-all: not under $LARS_MODE"; exit 0; }
tmp=$(mktemp -d) bad=0
trap 'rm -rf "$tmp"' EXIT
ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; bad=1; }
u=11111111-2222-3333-4444-555555555555
v=66666666-7777-8888-9999-000000000000

# $tmp/ZONE/state is the line of status, $tmp/ZONE/at the position; $tmp/did lists the commands
# that change something.
cat >"$tmp/zone-db" <<'EOF'
cmd=$1 z=${2##*/} d=$2
shift 2
[ -d "$d" ] || { echo "zone-db: $d is not there" >&2; exit 2; }
case $cmd in
status) cat "$d/state" ;;
recover-position) cat "$d/at" ;;
*)
    echo "$cmd $z${*:+ $*}" >>"${d%/*}/did"
    [ ! -e "$d/fails-$cmd" ] || { echo "zone-db: $cmd failed" >&2; exit 1; }
    case $cmd:$z in
    stop:c) echo "zone c arbiter not-running" >"$d/state"; [ ! -e "$d/next" ] || cp "$d/next" "$d/../a/state" ;;
    start:c) echo "zone c arbiter pid 3 primary" >"$d/state" ;;
    stop:*) echo "zone $z node not-running" >"$d/state"; [ ! -e "$d/at.stopped" ] || cp "$d/at.stopped" "$d/at" ;;
    *) echo "zone $z node pid 1 Synced Primary members 3 ready ON position $(cat "$d/at")" >"$d/state" ;;
    esac ;;
esac
EOF
printf 'zones = a b\narbiter = c\naddress_a = 10.0.0.1\naddress_b = 10.0.0.2\naddress_c = 10.0.0.3\nconf = %s/{zone}\nreach = env PLACE={zone} ADDRESS={address}\nzone_db = %s/zone-db\n' "$tmp" "$tmp" >"$tmp/values.ini"
dead() { # ZONE POSITION
    rm -rf "${tmp:?}/$1"
    mkdir "$tmp/$1"
    echo "zone $1 node not-running" >"$tmp/$1/state"
    echo "$2" >"$tmp/$1/at"
}
scene() { # POSITION_A POSITION_B: both nodes are down, the arbiter runs
    dead a "$1"; dead b "$2"; dead c -
    echo 'zone c arbiter pid 3 not-primary' >"$tmp/c/state"
    : >"$tmp/did"
}
recover() { sh deploy/two-zones/recover-all "$tmp/values.ini" "$@" >"$tmp/out" 2>&1; got=$?; }
expect() { # WHAT STATUS TEXT DONE
    did=$(paste -sd';' "$tmp/did")
    if [ $got != "$2" ]; then not_ok "$1: status $got, not $2: $(cat "$tmp/out")"
    elif ! grep -qF -e "$3" "$tmp/out"; then not_ok "$1: \"$3\" was not said: $(cat "$tmp/out")"
    elif [ "$did" != "$4" ]; then not_ok "$1: did \"$did\", not \"$4\""
    else ok "$1"; fi
}

scene $u:70 $u:69; recover
expect 'a dry run prints the plan and changes nothing' 0 '2. bootstrap zone a' ''
recover --for-real
expect 'the zone with more rows is bootstrapped, and knows the position of the other' 0 'recovered' "stop c kill;bootstrap a b=$u:69;start b;start c"
scene $u:69 $u:70; recover --for-real
expect 'also when it is the second' 0 'recovered' "stop c kill;bootstrap b a=$u:69;start a;start c"
scene $u:9 $u:10; recover --for-real
expect 'positions are compared as numbers' 0 'recovered' "stop c kill;bootstrap b a=$u:9;start a;start c"
scene $u:70 $u:70; recover --for-real
expect 'of equal positions the first zone begins' 0 'recovered' "stop c kill;bootstrap a b=$u:70;start b;start c"
scene $u:70 empty; recover --for-real
expect 'a zone without data gets a copy' 0 'recovered' "stop c kill;bootstrap a b=empty;add b;start c"
scene $u:70 $u:69; echo 'zone c arbiter not-running' >"$tmp/c/state"; recover --for-real
expect 'an arbiter that does not run is not stopped' 0 'recovered' "bootstrap a b=$u:69;start b;start c"
scene $u:70+ $u:69; recover --for-real
expect 'a zone that was refused as being ahead begins, and the other one gets a copy' 0 'recovered' "stop c kill;bootstrap a b=$u:69;add b discard;start c"
scene $u:70+ $u:75+; recover --for-real
expect 'of two that were refused the one with more rows begins' 0 'recovered' "stop c kill;bootstrap b a=$u:70+;add a discard;start c"
scene $u:70 $u:69; echo 'zone b node pid 8 no-answer' >"$tmp/b/state"; echo $u:75 >"$tmp/b/at.stopped"; echo >"$tmp/b/at"; recover
expect 'a dry run with a node that waits leaves the choice for later' 0 'or the one that is ahead then' ''
recover --for-real
expect 'a node that waits is stopped before its position is read' 0 'recovered' "stop c kill;stop b kill;bootstrap b a=$u:70;start a;start c"

scene $u:70 $u:69; echo "zone b node pid 8 Synced Primary members 2 ready ON position $u:69" >"$tmp/b/state"; recover --for-real
expect 'refused when a node is primary' 4 'zone b is in a primary component' ''
scene $u:70 $u:69; echo "zone a node pid 9 Synced Primary members 2 ready ON position $u:70" >"$tmp/c/next"; recover --for-real
expect 'a node that becomes primary meanwhile gets its arbiter back' 4 'zone a is in a primary component' 'stop c kill;start c'
scene $u:70 $v:69; recover
expect 'a dry run refuses histories that differ' 4 'they are two clusters' ''
recover --for-real
expect 'histories that differ are refused before anything is stopped' 4 'they are two clusters' ''
# Two rooms by weight have no arbiter.
sed -i 's/^arbiter = c/arbiter =/' "$tmp/values.ini"
scene $u:70 $u:71; rm -r "$tmp/c"; recover
expect 'without an arbiter a dry run speaks of none' 0 '1. bootstrap zone b' ''
if grep -q arbiter "$tmp/out"; then not_ok 'in no line'; else ok 'in no line'; fi
recover --for-real
expect 'without an arbiter the zone with more rows is bootstrapped, and the other one joins' 0 'recovered' "bootstrap b a=$u:70;start a"
scene $u:70 $u:69; rm -r "$tmp/c"; echo 'zone b node pid 8 no-answer' >"$tmp/b/state"; echo $u:75 >"$tmp/b/at.stopped"; echo >"$tmp/b/at"; recover --for-real
expect 'a node that waits is stopped there, too' 0 'recovered' "stop b kill;bootstrap b a=$u:70;start a"
scene $u:70 $u:69; rm -r "$tmp/c"; echo "zone b node pid 8 Synced Primary members 1 ready ON position $u:69" >"$tmp/b/state"; recover --for-real
expect 'refused without an arbiter when a node is primary' 4 'zone b is in a primary component' ''
sed -i 's/^arbiter =$/arbiter = c/' "$tmp/values.ini"
# A supervisor that waits to start a node again would do so in the middle.
echo 'unit = lars-zone-db.service' >>"$tmp/values.ini"
scene $u:70 $u:69; echo 'zone c arbiter not-running' >"$tmp/c/state"; recover
expect 'a dry run names the units that it stops' 0 '3. stop lars-zone-db.service in zone b' ''
recover --for-real
expect 'a unit is stopped also when its program does not run' 0 'recovered' "stop c kill;stop a kill;stop b kill;bootstrap a b=$u:69;start b;start c"
sed -i '/^unit/d' "$tmp/values.ini"
scene $u:70 $u:69; rm -r "$tmp/b"; recover --for-real
expect 'refused when a zone cannot be reached' 4 "zone b cannot be reached" ''
scene $u:70 $u:69; rm -r "$tmp/c"; recover --for-real
expect 'refused when the place of the arbiter cannot be reached' 4 'zone c cannot be reached' ''
scene empty empty; recover --for-real
expect 'refused when no zone has data' 4 'no zone has data' ''
scene $u:70 'not a position'; recover --for-real
expect 'a position that is none ends it' 1 'zone b does not tell its position' ''
scene $u:70 $u:69; touch "$tmp/b/fails-start"; recover --for-real
expect 'when the second zone does not join, the arbiter is started all the same' 1 'zone a takes writes, but; zone b does not join' "stop c kill;bootstrap a b=$u:69;start b;start c"
scene $u:70 $u:69; touch "$tmp/a/fails-bootstrap"; recover --for-real
expect 'when the first zone cannot begin, no other is started' 1 'zone a cannot begin' "stop c kill;bootstrap a b=$u:69"
recover --anything
expect 'an unknown option is refused' 2 'Exit status' "stop c kill;bootstrap a b=$u:69"
sed 's/^arbiter.*//' "$tmp/values.ini" >"$tmp/v" && sh deploy/two-zones/recover-all "$tmp/v" >"$tmp/out" 2>&1; got=$?
expect 'values without an arbiter are refused' 2 'has no line "arbiter = ..."' "stop c kill;bootstrap a b=$u:69"

# render: votes that differ where there is no arbiter.
votes() { for z in a b; do sed -n 's/^wsrep_provider_options = "pc.weight=\([0-9]*\);evs.*/\1/p' "$tmp/made/$z/db.cnf"; done | paste -sd' '; }
render() { sh deploy/two-zones/render "$tmp/w" "$tmp/made" >"$tmp/out" 2>&1; got=$?; }
: >"$tmp/did"
sed 's/^arbiter = .*/arbiter =/' deploy/two-zones/values.ini >"$tmp/w"; render
expect 'render wants a heavy zone where there is no arbiter' 2 'heavy_zone = "" is none of the zones a b' ''
echo 'heavy_zone = b' >>"$tmp/w"; render
expect 'and renders two zones by weight' 0 'no arbiter, heavy zone b' ''
if [ "$(votes)" = '1 2' ] && grep -qx 'arbiter =' "$tmp/made/a/zone.ini" && [ ! -e "$tmp/made/c" ]; then ok 'the vote of the heavy zone outweighs the other'; else not_ok "the votes: $(votes)"; fi
sh deploy/two-zones/render deploy/two-zones/values.ini "$tmp/with" >"$tmp/out" 2>&1; got=$?
expect 'with an arbiter' 0 'arbiter c' ''
if grep -q pc.weight "$tmp/with/a/db.cnf"; then not_ok 'all votes are equal'; else ok 'all votes are equal'; fi

# zone-db: the position in the data of a node.
mkdir "$tmp/bin" "$tmp/n"
for p in mariadb mariadb-backup wsrep_sst_mariabackup socat ss; do printf '#!/bin/sh\n' >"$tmp/bin/$p"; done
cat >"$tmp/bin/mariadbd" <<EOF
#!/bin/sh
echo run >>"$tmp/n/runs"
read -r seq <"$tmp/n/seq"
for a; do case \$a in --log-error=*) echo "[Note] WSREP: Recovered position: $u:\$seq" >"\${a#*=}" ;; esac; done
EOF
echo 640 >"$tmp/n/seq"
chmod +x "$tmp"/bin/*
printf 'role = node\nzone = a\ncluster = x\nuser = %s\naddress = 10.0.0.1\nport = 3310\nfolder = %s/n/db\nothers = b=10.0.0.2\narbiter = c=10.0.0.3\n' "$(id -un)" "$tmp" >"$tmp/n/zone.ini"
echo "wsrep_provider = $tmp/bin/socat" >"$tmp/n/db.cnf"
node() { # UUID SEQNO LOG
    rm -rf "$tmp/n/db"; mkdir -p "$tmp/n/db/data/mysql" "$tmp/n/db/run"
    printf 'uuid:    %s\nseqno:   %s\nsafe_to_bootstrap: 0\n' "$1" "$2" >"$tmp/n/db/data/grastate.dat"
    echo "$3" >"$tmp/n/db/run/error.log"
}
at() { # WHAT POSITION
    said=$(PATH=$tmp/bin:$PATH sh deploy/two-zones/zone-db recover-position "$tmp/n" 2>&1)
    if [ "$said" = "$2" ]; then ok "$1"; else not_ok "$1: $said"; fi
}
z=00000000-0000-0000-0000-000000000000
node $u 77 ''; at 'a node that was stopped: its file has the position' $u:77
node $u -1 ''; at 'a node that was killed: the position is in the data' $u:640
: >"$tmp/n/runs"; at 'it is known when it is asked for again' $u:640
if [ -s "$tmp/n/runs" ]; then not_ok 'and the data were not read again'; else ok 'and the data were not read again'; fi
echo 641 >"$tmp/n/seq"; touch "$tmp/n/db/data/ib_logfile0"; at 'a server that was started since has changed it' $u:641
echo 642 >"$tmp/n/seq"; : >"$tmp/n/db/position"; at 'a file of it that is damaged is not believed' $u:642
echo 640 >"$tmp/n/seq"
node $z -1 ''; at 'a node that was voted out, or has half a copy, counts as empty' empty
node $z -1 '[ERROR] WSREP: Reversing history: 642 -> 640'; at 'a node that was refused as being ahead keeps its position' $u:640+
PATH=$tmp/bin:$PATH sh deploy/two-zones/zone-db start "$tmp/n" >"$tmp/out" 2>&1; got=$?; : >"$tmp/did"
expect 'and does not start, because a copy would replace its rows' 4 'mend: recover-all' ''
touch "$tmp/n/db/data/sst_in_progress"; at 'unless a copy was coming in' empty
rm -r "$tmp/n/db/data"; at 'without data there is none' empty

# zone-db: an arbiter that does not take its leave.
sed -i 's/^role = node/role = arbiter/' "$tmp/n/zone.ini"
printf '#!/bin/sh\ntrap "" TERM\nwhile :; do read -r x <%s/fifo; done\n' "$tmp" >"$tmp/bin/garbd"
chmod +x "$tmp/bin/garbd"; mkfifo "$tmp/fifo"
LARS_ZONE_DB=$tmp/n/db PATH=$tmp/bin:$PATH "$tmp/bin/garbd" & pid=$!
echo $pid >"$tmp/n/db/pid"
i=0; until [ "$(cat /proc/$pid/comm)" = garbd ] || [ $i = 200 ]; do i=$((i + 1)); done
PATH=$tmp/bin:$PATH sh deploy/two-zones/zone-db stop "$tmp/n" kill >"$tmp/out" 2>&1; got=$?; : >"$tmp/did"
expect 'an arbiter that holds to members that are dead is killed, because it has no data' 0 'after 1 s and gets SIGKILL' ''
if kill -0 $pid 2>/dev/null && ! grep -q '^State:.*Z' /proc/$pid/status; then not_ok 'and has ended'; kill -9 $pid; else ok 'and has ended'; fi

if command -v systemd-analyze >/dev/null; then
    mkdir "$tmp/unit"; cp deploy/two-zones/zone-db "$tmp/unit/"; chmod 755 "$tmp/unit/zone-db"
    sed "s|^ExecStart=/usr/share/lars/two-zones/|ExecStart=$tmp/unit/|" deploy/two-zones/lars-zone-db.service >"$tmp/unit/lars-zone-db.service"
    said=$(systemd-analyze verify "$tmp/unit/lars-zone-db.service" 2>&1 | grep lars-zone-db)
    if [ -z "$said" ]; then ok 'systemd accepts the unit'; else not_ok "systemd accepts the unit: $said"; fi
fi

# Everyone can see the arguments of a process: each program that render starts writes its own down.
mkdir "$tmp/path"
for p in sed awk grep cut tr cat cp cmp chgrp chmod head mkdir od openssl rm tail; do
    printf '#!/bin/sh\necho "$0 $*" >>"%s/argv"\nexec "%s" "$@"\n' "$tmp" "$(command -v $p)" >"$tmp/path/$p"
    chmod +x "$tmp/path/$p"
done
LARS_SQL=$PWD/common/sql PATH=$tmp/path:$PATH sh deploy/two-zones/render deploy/two-zones/values.ini "$tmp/zones" >"$tmp/said" 2>&1 || not_ok "render: $(tail -n 3 "$tmp/said")"
sed -n 's/^[a-z_]* = //p' "$tmp/zones/passwords" >"$tmp/secrets"
if [ "$(wc -l <"$tmp/secrets")" -ge 8 ] && grep -q 'openssl x509' "$tmp/argv" && grep -qF -f "$tmp/secrets" "$tmp/zones/a/db.cnf" && ! grep -F -f "$tmp/secrets" "$tmp/argv" >"$tmp/said"; then
    ok 'render passes no password in the arguments of a program'
else
    not_ok "render passes no password in the arguments of a program: $(head -n 2 "$tmp/said")"
fi
exit $bad
