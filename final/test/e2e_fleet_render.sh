#!/bin/sh
# e2e_fleet_render.sh -- larsctl fleet check and render on the example of deploy/fleet: each
# program accepts its file, certificates pass openssl, a host has no key of another one, a
# second render changes nothing, and exchange, removal and faults do what they say.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - fleet render: not under $LARS_MODE"; exit 0; }
# The checks of the programs bind the addresses of the example, in a network of their own.
if [ "${1:-}" != inside ]; then
    unshare -n true 2>/dev/null || { echo "skipped: the whole test, because network namespaces need root"; exit 0; }
    exec unshare -n sh "$0" inside
fi
ip link set lo up
for a in 1.11 1.12 1.13 2.11 2.12 2.13 3.11; do ip addr add "10.0.$a/32" dev lo; done
build=$(cd "${BUILD:-build}" && pwd)
dir=$(mktemp -d) bad=0
rooms=''
trap '[ -z "$rooms" ] || kill $rooms 2>/dev/null; rm -rf "$dir"' EXIT
ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; [ ! -s "$dir/text" ] || head -n 5 "$dir/text"; bad=1; }
check() { what=$1; shift; if ( "$@" ) >"$dir/text" 2>&1; then ok "$what"; else not_ok "$what"; fi; }
# The templates of an installation, and what the paths of an installation are here.
mkdir -p "$dir/fleet/conf" "$dir/lib"
cp deploy/fleet/*.ini "$dir/fleet/"; cp conf/*.ini "$dir/fleet/conf/"; cp -r deploy/two-zones "$dir/two-zones"
printf '[larsctl]\nfleet = %s/fleet\n' "$dir" >"$dir/larsctl.ini"
LARS_SQL=$PWD/common/sql; export LARS_SQL
roster=$dir/fleet.ini out=$dir/out
cp deploy/fleet/fleet.ini "$roster"
ctl() { timeout 120 "$build/larsctl" -c "$dir/larsctl.ini" "$@" >"$dir/out.txt" 2>"$dir/err.txt"; code=$?; cat "$dir/out.txt" "$dir/err.txt" >"$dir/text"; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: wanted \"$2\", found \"$3\""; fi; }
says() { # WHAT CODE TEXT: of the last larsctl
    if [ "$code" = "$2" ] && grep -qF -e "$3" "$dir/text"; then ok "$1"; else not_ok "$1: code $code, wanted $2 and \"$3\""; fi
}
sums() { ( cd "$out" && find . -type f ! -name lock | LC_ALL=C sort | xargs sha256sum; find . -type d | LC_ALL=C sort; ); }
key_of() { openssl pkey -in "$1" -pubout 2>/dev/null; }
hosts='a1 a2 a3 b1 b2 b3 c1'

# --- check ---
ctl fleet check deploy/fleet/fleet.ini
is 'check accepts the example' 0 "$code"
is 'its table has a row for each host' 8 "$(wc -l <"$dir/out.txt")"
check 'and what a2 reaches' grep -q '^a2 .*a1:3306,7778,7779 a3:8001-8008 b1:3306,7778,7779 ' "$dir/out.txt"
sed -e 's/^zone = c/zone = b/' -e 's/^name = .*/name = Expo/' deploy/fleet/fleet.ini >"$dir/wrong.ini"
ctl fleet check "$dir/wrong.ini"
is 'faults end with code 2' 2 "$code"
is 'and nothing on standard output' 0 "$(wc -c <"$dir/out.txt")"
check 'each with file, line, what and how to mend it' [ "$(grep -c "^$dir/wrong.ini:[0-9]*: .*; \(write\|move\) " "$dir/err.txt")" = 2 ]
ctl fleet check "$dir/none.ini"
says 'a file that is not there is named' 2 "$dir/none.ini cannot be read: No such file"
ctl fleet render "$dir/wrong.ini" "$out"
says 'render writes nothing when there are faults' 2 'wrong.ini:'
check 'not even the folder' [ ! -e "$out" ]

# --- render ---
ctl fleet render "$roster" "$out"
says 'render writes the example' 0 '21 certificates issued, 0 revoked'
check 'every file is of the owner alone' [ -z "$(find "$out" -type f ! -perm 0600)" ]
check 'and so is every folder' [ -z "$(find "$out" -type d ! -perm 0700)" ]
is 'each host has a folder' "$(echo _fleet $hosts)" "$(echo $(ls "$out"))"
for h in $hosts; do
    check "$h: each line of its list names a file, and each file for the host is in it" eval \
        '! awk "NF != 5 || \$5 !~ /^\/etc\// { print }" "$out/$h/files" | grep . && for f in $(cut -d" " -f4 "$out/$h/files"); do [ -s "$out/$h/$f" ] || exit 1; done && [ "$(($(wc -l <"$out/$h/files") + 3))" = "$(find "$out/$h" -type f | wc -l)" ]'
done
# What a program finds at its paths on a host, at other paths here.
here() { # HOST FILE PROGRAM -> the configuration with the paths of this machine
    role=${3#lars-}; case $3 in lars-agentd) role=agent ;; lars-slotd) role=slots ;; esac
    sed -e "s#/run/credentials/$3.service/tls#$out/$1/tls/$role#; s#/run/credentials/$3.service/gateway.key#$out/$1/gateway.key#" \
        -e "s#/run/credentials/$3.service/#$out/$1/tls/#; s#/etc/lars/#$out/$1/conf/#; s#/usr/share/lars/site#$PWD/site/pages#" \
        -e "s#/usr/share/lars/console#$PWD/web/dist#; s#/usr/sbin/#$build/#" \
        -e "s#/var/l[io][bg]/lars[a-z-]*#$dir/lib#; s#/run/lars\$#$dir/lib#; s#/dev/shm/lars#$dir/lib/shm#" "$2"
}
for h in $hosts; do
    for f in "$out/$h"/conf/*lars-*.ini "$out/$h"/conf/showcase-*.ini; do
        [ -e "$f" ] || continue
        p=${f##*/}; p=${p%.ini}; case $p in showcase-slots) p=showcase-node ;; esac
        here "$h" "$f" "$p" >"$dir/$p.ini"
        if [ $p = lars-slotd ]; then
            here "$h" "$out/$h/conf/slot-modules.ini" x >"$dir/slot-modules.ini"
            sed -i "s#^modules = .*#modules = $dir/slot-modules.ini#" "$dir/$p.ini"
        fi
        check "$h: $p accepts ${f##*/}" timeout 20 "$build/$p" -c "$dir/$p.ini" --check-config
        check "$h: ${f##*/} has every key" eval \
            '"$build/$p" -c "$dir/$p.ini" --print-config | sed "s/ = .*//" >"$dir/keys"; sed "s/ = .*//" "$f" | cmp -s - "$dir/keys"'
    done
done
check 'larsctl accepts the file of the operator' "$build/larsctl" -c "$out/_fleet/operator/larsctl.ini" --check-config
check 'agents of zone b ask zone b first' eval 'grep -q "^ip = 10.0.2.11$" "$out/b3/conf/lars-agentd.ini" && grep -q "^others = 10.0.1.11:7778$" "$out/b3/conf/lars-agentd.ini"'
password() { sed -n "s/^$1 = //p" "$out/_fleet/db/passwords"; }
check 'programs have the password that the database gives their user' eval \
    'for u in lars lars_web lars_scale; do grep -q "$(password $u)" "$out/a1/db/setup.sql" && grep -q "^password = $(password $u)$" "$out"/a1/conf/*.ini || exit 1; done'
lacks_fence() { ! grep -rlF -e "$(password lars_fence)" "$out"/?? | grep -v '^[^ ]*/[ab]1/db/setup.sql$' | grep .; }
ini_has() { awk -v want="$2" '/^\[/ { s = $0 } s " " $0 == want { n++ } END { exit n != 1 }' "$1"; }
check 'larsctl of the operator knows both databases' ini_has "$out/_fleet/operator/larsctl.ini" '[zone] databases = a=10.0.1.11:3306 b=10.0.2.11:3306'
check 'and as whom it may stop one' eval 'ini_has "$out/_fleet/operator/larsctl.ini" "[zone] user = lars_fence" && ini_has "$out/_fleet/operator/larsctl.ini" "[zone] password = $(password lars_fence)"'
is 'which only a machine of operators may do' "ALTER USER lars_fence@'10.0.9.5' IDENTIFIED BY '$(password lars_fence)' ACCOUNT UNLOCK;" "$(grep 'ALTER USER lars_fence' "$out/b1/db/setup.sql")"
check 'with a password that no host has elsewhere' lacks_fence
check 'a host without a database has no password of users other than the site' [ -z "$(grep -lF -e "$(password lars)" -e "$(password lars_web)" -e "$(password lars_ctl)" -r "$out/a2" "$out/a3" "$out/c1")" ]
# The firewall of a1 in a network of its own, and real connections to it from another one.
at() { nsenter -t "$1" -n sh -c "$2"; }
room() { # -> the process that holds a network of its own
    unshare -n sh -c 'ip link set lo up; exec sleep 60' >/dev/null 2>&1 & rooms="$rooms $!"
    t=0; until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ] || [ $t = 500 ]; do t=$((t + 1)); sleep 0.01; done
    made=$!
}
passes() { # FROM PORT SECONDS -> a file in $dir/through when the connection is made
    ! at $away "exec socat -u OPEN:/dev/null TCP:10.0.1.11:$2,bind=$1,connect-timeout=$3" 2>/dev/null || : >"$dir/through/$1:$2"
}
firewall_passes() {
    room; here=$made; room; away=$made
    ip link add v0 netns $here type veth peer name v1 netns $away
    at $here "ip addr add 10.0.1.11/8 dev v0; ip link set v0 up; nft -f '$out/a1/firewall.nft'"
    at $away 'for a in 2.11 2.12 9.5 9.9; do ip addr add 10.0.$a/8 dev v1; done; ip link set v1 up'
    nsenter -t $here -n "$build/lars-node" 10.0.1.11:7778 10.0.1.11:3306 10.0.1.11:4567 10.0.1.11:8090 10.0.1.11:2222 >"$dir/node.log" 2>&1 & rooms="$rooms $!"
    t=0; until [ "$(grep -c '^listening' "$dir/node.log")" = 5 ] || [ $t = 500 ]; do t=$((t + 1)); sleep 0.01; done
    mkdir "$dir/through"; tries=''
    # b1, b2, a machine of operators, one that is none of them; 2222 is no port of ours.  A
    # connection that is let in is made at once, and waits only on a busy machine.
    wanted='10.0.2.11:2222 10.0.2.11:3306 10.0.2.11:4567 10.0.2.11:7778 10.0.2.11:8090 10.0.2.12:2222 10.0.2.12:3306 10.0.2.12:7778 10.0.2.12:8090 10.0.9.5:2222 10.0.9.5:7778 10.0.9.9:2222 10.0.9.9:8090'
    for t in $wanted; do passes ${t%:*} ${t#*:} 20 & tries="$tries $!"; done
    for t in 10.0.2.12:4567 10.0.9.5:4567 10.0.9.9:3306 10.0.9.9:4567 10.0.9.9:7778; do passes ${t%:*} ${t#*:} 1 & tries="$tries $!"; done
    wait $tries
    is 'through a firewall that is loaded the hosts that need a port reach it, and no others' "$wanted" "$(ls "$dir/through" | tr '\n' ' ' | sed 's/ $//')"
    kill $rooms; wait $rooms 2>/dev/null; rooms=''
}
if command -v nft >/dev/null && command -v socat >/dev/null; then
    for h in $hosts; do check "$h: nft accepts the firewall" nft -c -f "$out/$h/firewall.nft"; done
    nft -f "$out/a1/firewall.nft" && nft -f "$out/a1/firewall.nft"
    is 'a firewall that is loaded twice is there once' 1 "$(nft list ruleset | grep -c 'tcp dport 7778 drop')"
    nft flush ruleset
    firewall_passes
else
    echo 'skipped: the firewalls are not loaded, because nft or socat is not installed'
fi

# --- certificates ---
cat "$out/_fleet/ca.crt" "$out/_fleet/crl.pem" >"$dir/trust.pem"
n=0
for c in "$out"/*/tls/*.crt "$out"/_fleet/operator/tls/larsctl.crt; do
    case $c in */ca.crt) continue ;; esac
    n=$((n + 1)) r=${c##*/}; r=${r%.crt} h=${c%/tls/*}; h=${h##*/}
    ip=$(sed -n "/^\[host $h\]/,/^roles/s/^address = //p" "$roster")
    openssl x509 -in "$c" -noout -ext subjectAltName >"$dir/san" 2>&1
    check "$h: openssl accepts the certificate of $r, which names role, machine and address" eval \
        'openssl verify -crl_check -CAfile "$dir/trust.pem" "$c" && grep -q "URI:urn:lars:role:$r, URI:urn:lars:machine:1${ip:+, IP Address:$ip}\$" "$dir/san" && [ "$(openssl x509 -in "$c" -noout -pubkey)" = "$(key_of "${c%.crt}.key")" ]'
done
is 'there are as many as the index has' "$n" "$(wc -l <"$out/_fleet/index")"
for k in $(cd "$out" && ls ??/tls/*.key ??/db/tls/*.key); do
    h=${k%%/*} line=$(sed -n 2p "$out/$k")
    check "$k is in no other folder of a host" [ -z "$(grep -rlF -e "$line" "$out"/?? | grep -v "^$out/$h/")" ]
done
check 'no host has the key of the CA' [ -z "$(grep -rlF -e "$(sed -n 2p "$out/_fleet/ca.key")" -e "$(sed -n 2p "$out/_fleet/db/ca/ca.key")" "$out"/??)" ]
for h in a1 b1 c1; do check "$h: the scripts of the database know the unit that the host gets" eval 'grep -qx "unit = lars-db.service" "$out/$h/db/zone.ini" && grep -qx "0644 root root systemd/lars-db.service /etc/systemd/system/lars-db.service" "$out/$h/files"'; done
is 'and recover-all knows it' lars-db.service "$(sed -n 's/^unit = //p' "$out/_fleet/db/values.ini")"
for h in a1 b1 c1; do check "$h: the database's certificate is of its CA" openssl verify -CAfile "$out/_fleet/db/ca/ca.crt" "$out/$h/db/tls/node.crt"; done

# --- again ---
sums >"$dir/first"
ctl fleet render "$roster" "$out"
says 'a second render says so' 0 'nothing has changed'
sums >"$dir/second"
check 'and changes no byte' cmp "$dir/first" "$dir/second"
rm "$out/a3/conf/lars-agentd.ini"; chmod 644 "$out/b1/tls/dnsd.key"; echo x >>"$out/c1/services"
ctl fleet render "$roster" "$out"
says 'what was removed, opened or changed by hand is put back' 0 '3 files written or removed, 0 certificates issued, 0 revoked'
sums >"$dir/second"
check 'as it was' cmp "$dir/first" "$dir/second"
check 'with its mode' [ -z "$(find "$out" -type f ! -perm 0600)" ]

# --- another machine ---
serials() { awk -v h="$1" '$2 == h { print $1 }' "$out/_fleet/index" | LC_ALL=C sort; }
revoked() { openssl crl -in "$out/_fleet/crl.pem" -noout -text | sed -n 's/^ *Serial Number: //p' | LC_ALL=C sort; }
serials b2 >"$dir/old"; key_of "$out/b2/tls/agent.key" >"$dir/agent"; key_of "$out/b1/tls/agent.key" >"$dir/other"; key_of "$out/b1/db/tls/node.key" >"$dir/node"
cp "$out/b2/tls/agent.crt" "$dir/old.crt"
sed -i '/^\[host b2\]/a machine = 2' "$roster"
ctl fleet render "$roster" "$out"
says 'a machine that was exchanged gets new certificates' 0 '3 certificates issued, 3 revoked'
is 'those of the old one are in the list' "$(cat "$dir/old")" "$(revoked)"
check 'with other keys' eval '! key_of "$out/b2/tls/agent.key" | cmp -s - "$dir/agent"'
check 'the keys of other hosts stay' eval 'key_of "$out/b1/tls/agent.key" | cmp -s - "$dir/other" && key_of "$out/b1/db/tls/node.key" | cmp -s - "$dir/node"'
check 'each host has the list' eval 'for h in a1 a2 a3 b1 b2 b3; do cmp "$out/_fleet/crl.pem" "$out/$h/tls/crl.pem" || exit 1; done'
cat "$out/_fleet/ca.crt" "$out/_fleet/crl.pem" >"$dir/trust.pem"
check 'openssl refuses the old one' eval 'openssl verify -crl_check -CAfile "$dir/trust.pem" "$dir/old.crt" 2>&1 | grep -q "certificate revoked"'
check 'and accepts the new one' openssl verify -crl_check -CAfile "$dir/trust.pem" "$out/b2/tls/agent.crt"
key_of "$out/b1/db/tls/node.key" >"$dir/node"; key_of "$out/a1/db/tls/node.key" >"$dir/other"
sed -i '/^\[host b1\]/a machine = 2' "$roster"
ctl fleet render "$roster" "$out"
check 'a database on another machine has another key' eval '[ $code = 0 ] && ! key_of "$out/b1/db/tls/node.key" | cmp -s - "$dir/node" && key_of "$out/a1/db/tls/node.key" | cmp -s - "$dir/other"'

# --- a host and a role less ---
serials b3 >"$dir/old"; revoked >"$dir/before"
echo mine >"$out/b3/notes"
sed -i -e '/^\[host b3\]/,/^slots/d' "$roster"
sed -i '/^\[host a3\]/,/^slots/s/^roles = .*/roles = agent site/' "$roster"
cp "$out/a3/tls/slots.crt" "$dir/old.crt"
ctl fleet render "$roster" "$out"
says 'a host that was removed is named' 0 '1 hosts removed'
check 'its keys are gone, and what the operator had put there is not' [ "$(find "$out/b3" -type f)" = "$out/b3/notes" ]
check 'its certificates are revoked' [ -z "$(revoked | LC_ALL=C comm -23 "$dir/old" -)" ]
check 'so is that of a role that was removed' eval 'revoked | grep -qx "$(openssl x509 -in "$dir/old.crt" -noout -serial | sed "s/serial=//")"'
check 'whose files are gone as well' [ ! -e "$out/a3/tls/slots.key" -a ! -e "$out/a3/conf/lars-slotd.ini" -a -s "$out/a3/conf/showcase-node.ini" ]
ctl fleet render "$roster" "$out"
says 'then nothing changes' 0 'nothing has changed'

# --- refusals ---
flock "$out/_fleet/lock" "$build/larsctl" -c "$dir/larsctl.ini" fleet render "$roster" "$out" >"$dir/text" 2>&1; code=$?
says 'two at once are refused' 1 'another larsctl renders into'
mkdir "$dir/full" && echo x >"$dir/full/x"
ctl fleet render "$roster" "$dir/full"
says 'a folder with other files is refused' 1 'has files and was not rendered'
mkdir "$dir/a b"
ctl fleet render "$roster" "$dir/a b/out"
says 'a blank in the name of the folder is refused' 1 'has a blank or a semicolon in its name'
sed 's/^name = .*/name = other/' "$roster" >"$dir/other.ini"
ctl fleet render "$dir/other.ini" "$out"
says 'the folder of another fleet is refused' 1 'belongs to "Lars fleet expo"'
sed -e 's/^quorum = .*/quorum = weight\nheavy_zone = a/' -e '/^\[host c1\]/,$d' deploy/fleet/fleet.ini >"$dir/weight.ini"
w=$dir/weight
ctl fleet render "$dir/weight.ini" "$w"
says 'databases without an arbiter are rendered' 0 '21 certificates issued, 0 revoked'
is 'the vote of the heavy zone outweighs the other' '2 1' "$(for h in a1 b1; do sed -n 's/^wsrep_provider_options = "\(.*;\)*pc.weight=\([0-9]*\);.*/\2/p' "$w/$h/db/db.cnf"; done | tr '\n' ' ' | sed 's/ $//')"
is 'the rest of the options is that of the script' 1 "$(sed 's/pc.weight=2;//' "$w/a1/db/db.cnf" | grep -c '^wsrep_provider_options = "evs.*pc.recovery=yes')"
check 'the two know each other' eval 'for h in a1 b1; do grep -q "^wsrep_cluster_address = gcomm://10.0.1.11,10.0.2.11$" "$w/$h/db/db.cnf" || exit 1; done'
check 'the values for recover-all name no arbiter and the heavy zone' eval 'grep -qx "arbiter = " "$w/_fleet/db/values.ini" && grep -qx "heavy_zone = a" "$w/_fleet/db/values.ini"'
check 'and no arbiter, whose keys are nowhere' eval 'for h in a1 b1; do grep -qx "arbiter =" "$w/$h/db/zone.ini" || exit 1; done; [ "$(ls "$w/_fleet/db" | tr "\n" " ")" = "a b ca passwords values.ini " ]'
check 'each database host has what zone promote needs' eval 'for h in a1 b1; do grep -qx lars-ctl "$w/$h/packages" || exit 1; done; ini_has "$w/b1/conf/larsctl.ini" "[zone] databases = b=/var/lib/lars-db/run/sock"; ini_has "$w/b1/conf/larsctl.ini" "[zone] hosts = a=10.0.1.11 a=10.0.1.12 a=10.0.1.13 b=10.0.2.12 b=10.0.2.13"'
check 'which larsctl accepts' "$build/larsctl" -c "$w/b1/conf/larsctl.ini" --check-config
check 'and only the group of operators may read there' grep -qx '0640 root lars-ctl conf/larsctl.ini /etc/lars/larsctl.ini' "$w/b1/files"
check 'and no other host' [ ! -e "$w/a2/conf/larsctl.ini" ]
ctl fleet render "$dir/weight.ini" "$w"
says 'a second render of it changes nothing' 0 'nothing has changed'
sed 's/\bb\b/none/; s/zone = b/zone = none/' "$dir/weight.ini" >"$dir/none.ini"
ctl fleet render "$dir/none.ini" "$dir/none"
check 'a zone may be called none' eval '[ $code = 0 ] && [ -s "$dir/none/b1/db/db.cnf" ]'
sums >"$dir/first"
mv "$dir/fleet/conf/lars-dnsd.ini" "$dir/dnsd.ini"; grep -v '^zone =' "$dir/dnsd.ini" >"$dir/fleet/conf/lars-dnsd.ini"
ctl fleet render "$roster" "$out"
says 'a template of another version is named' 1 'lars-dnsd.ini has no key [dnsd] zone'
mv "$dir/dnsd.ini" "$dir/fleet/conf/lars-dnsd.ini"; mv "$dir/two-zones/render" "$dir/r"
ctl fleet render "$roster" "$out"
says 'the script of the database is needed' 1 'two-zones/render cannot be read'
printf 'echo "it failed; mend: this" >&2; exit 1\n' >"$dir/two-zones/render"
ctl fleet render "$roster" "$out"
says 'and its last line is the reason' 1 'it failed; mend: this'
mv "$dir/r" "$dir/two-zones/render"; mv "$dir/two-zones/db.cnf.in" "$dir/r"; grep -v '^wsrep_provider_options' "$dir/r" >"$dir/two-zones/db.cnf.in"
ctl fleet render "$dir/weight.ini" "$w"
says 'scripts in which the weight has no place are named' 1 'db.cnf.in has no @WEIGHT@'
mv "$dir/r" "$dir/two-zones/db.cnf.in"; rm -f "$out/_fleet/db/log"
sums >"$dir/second"
check 'none of them has changed a file' cmp "$dir/first" "$dir/second"
exit $bad
