#!/bin/sh
# e2e_front_hooks.sh -- the hooks of deploy/hooks/front: what they make of ipvsadm
# and of a file, that each command may be repeated, and what they refuse.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - hooks for gateways: not under $LARS_MODE"; exit 0; }
dir=$(mktemp -d) bad=0
trap 'rm -rf "$dir"' EXIT
hooks=$PWD/deploy/hooks/front
mkdir "$dir/bin"
ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; bad=1; }
# expect WHAT STATUS COMMAND...
expect() {
    what=$1 want=$2
    shift 2
    "$@" >"$dir/out" 2>&1
    got=$?
    if [ "$got" = "$want" ]; then ok "$what"; else not_ok "$what: status $got, not $want: $(cat "$dir/out")"; fi
}
is() { # WHAT WANTED FOUND
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: wanted \"$2\", found \"$3\""; fi
}
says() { # WHAT TEXT: of the last command
    if grep -qF -e "$2" "$dir/out"; then ok "$1"; else not_ok "$1: $(cat "$dir/out")"; fi
}
hook() {
    PATH=$dir/bin:$PATH LARS_FRONT_CONF=$dir/conf "$hooks/$program" "$@"
}

# --- both ---
program=lars-front-lvs
rm -f "$dir/conf"
expect 'a configuration that is not there is named' 78 hook start g3
says 'with its path' "$dir/conf cannot be read"
cat >"$dir/conf" <<C
# a comment
state = $dir/state
start = $dir/bin/starter --host {host}   # of a host
host g3 = 192.0.2.7
host g8 = 192.0.2.8
host g6 = 2001:db8::7
host bad = \$(reboot)
C
printf '#!/bin/sh\necho "$@" >>%s/started\n[ ! -f %s/broken ]\n' "$dir" "$dir" >"$dir/bin/starter"
chmod 755 "$dir/bin/starter"
for wrong in '' 'start' 'start g3 1' 'announce g3' 'announce g3 x' 'announce g3 -1' 'withdraw g3' 'stop g3 1' 'announce g3 1 2' \
    'announce -g3 1' 'announce ../g3 1' 'announce g3;id 1' 'announce g3 1111111111111111111'; do
    # the words of the case
    # shellcheck disable=SC2086
    expect "refused: \"$wrong\"" 78 hook $wrong
done
expect 'a host that is not configured is refused' 78 hook start g9
says 'with what is missing' 'there is no line "host g9 = ADDRESS"'
expect 'an address that is none is refused' 78 hook start bad
expect 'the command of a start is run' 0 hook start g3
expect 'a start may be repeated' 0 hook start g3
is 'with the name of the host' "--host g3
--host g3" "$(cat "$dir/started")"
: >"$dir/broken"
expect 'a start that fails is tried later' 75 hook start g3
rm "$dir/broken"

# --- lars-front-lvs ---
# An ipvsadm whose table is a file of lines "VIRTUAL REAL WEIGHT".
cat >"$dir/bin/ipvsadm" <<C
#!/bin/sh
t=$dir/table
[ ! -f $dir/broken ] || exit 1
echo "\$*" >>$dir/ipvs
case \$1 in
-L) echo "Prot LocalAddress:Port Scheduler Flags"; awk -v v="\$4" '\$1 == v { print "  -> " \$2 " Route " \$3 " 0 0" }' \$t ;;
-a) grep -qF "\$3 \$5 " \$t && exit 1; echo "\$3 \$5 \$8" >>\$t ;;
-e) grep -qF "\$3 \$5 " \$t || exit 1
    awk -v v="\$3" -v r="\$5" -v w="\$8" '\$1 == v && \$2 == r { \$3 = w } { print }' \$t >\$t.new; mv \$t.new \$t ;;
*) exit 1 ;;
esac
C
chmod 755 "$dir/bin/ipvsadm"
: >"$dir/table"
expect 'without a service nothing can be announced' 78 hook announce g3 1
cat >>"$dir/conf" <<C
service = -t 192.0.2.1:80
service = -t 192.0.2.1:443
weight = 50
C
expect 'a gateway is announced' 0 hook announce g3 5
is 'behind each service' "192.0.2.1:80 192.0.2.7:80 50
192.0.2.1:443 192.0.2.7:443 50" "$(cat "$dir/table")"
is 'by these command lines' "-a -t 192.0.2.1:80 -r 192.0.2.7:80 -g -w 50
-a -t 192.0.2.1:443 -r 192.0.2.7:443 -g -w 50" "$(grep -v -e -L "$dir/ipvs")"
expect 'announced again' 0 hook announce g3 5
is 'it is there once' 2 "$(wc -l <"$dir/table" | tr -d ' ')"
expect 'a gateway is withdrawn' 0 hook withdraw g3 6
is 'by the weight 0' "192.0.2.1:80 192.0.2.7:80 0
192.0.2.1:443 192.0.2.7:443 0" "$(cat "$dir/table")"
expect 'withdrawn again' 0 hook withdraw g3 6
expect 'an IPv6 address is announced' 0 hook announce g6 6
is 'in brackets' '192.0.2.1:80 [2001:db8::7]:80 50' "$(grep 2001 "$dir/table" | head -n 1)"
expect 'a lower fence is refused' 1 hook announce g3 5
says 'as that of a former leader' 'the fence 5 is below 6'
is 'and changes nothing' 0 "$(grep -c '192.0.2.7:80 50' "$dir/table")"
expect 'one that was never announced is withdrawn without a change' 0 hook withdraw g8 7
is 'and adds nothing' 0 "$(grep -c '192.0.2.8' "$dir/table")"
expect 'a gateway with an IPv6 address is withdrawn' 0 hook withdraw g6 7
: >"$dir/broken"
expect 'an ipvsadm that fails is tried later' 75 hook announce g3 7
rm "$dir/broken"
expect 'and works then' 0 hook announce g3 7
is 'with the weight back' 2 "$(grep -c '192.0.2.7.* 50' "$dir/table")"
sed -i 's/^service = -t 192.0.2.1:443/service = -t 192.0.2.1:443 -s rr/' "$dir/conf"
expect 'a service with more words is refused' 78 hook announce g3 8
sed -i 's/^service = -t 192.0.2.1:443.*//' "$dir/conf"
( exec 9>"$dir/state/lock"; flock 9; : >"$dir/locked"; while [ ! -f "$dir/unlock" ]; do sleep 0.05; done ) &
while [ ! -f "$dir/locked" ]; do sleep 0.05; done
hook announce g3 9 >"$dir/out" 2>&1 &
waits=$!
: >"$dir/unlock"
wait "$waits"
is 'a command waits for another one' 0 $?
wait

# --- lars-front-file ---
program=lars-front-file
expect 'without a file nothing can be announced' 78 hook announce g3 20
cat >>"$dir/conf" <<C
file = $dir/zone
line = www 60 IN A {address} ; {host}
serial = yes
reload = $dir/bin/reload zone
C
printf '#!/bin/sh\n[ ! -f %s/broken ] || exit 1\necho "$@" >>%s/reloaded\n' "$dir" "$dir" >"$dir/bin/reload"
chmod 755 "$dir/bin/reload"
expect 'a file that is not there is not made' 78 hook announce g3 20
cat >"$dir/zone" <<'C'
@ IN SOA ns root ( 2027050100 ; serial
    3600 )
www 60 IN A 192.0.2.2 ; g1
www 60 IN A 192.0.2.77 ; g3
C
chmod 640 "$dir/zone"
expect 'a line is added' 0 hook announce g3 20
is 'at the end' 'www 60 IN A 192.0.2.7 ; g3' "$(tail -n 1 "$dir/zone")"
is 'with the next serial' '@ IN SOA ns root ( 2027050101 ; serial' "$(head -n 1 "$dir/zone")"
is 'and the mode of the file' 640 "$(stat -c %a "$dir/zone")"
is 'the reload is run' 'zone' "$(cat "$dir/reloaded")"
expect 'announced again' 0 hook announce g3 20
is 'nothing is reloaded' 1 "$(wc -l <"$dir/reloaded" | tr -d ' ')"
is 'and nothing written' 5 "$(wc -l <"$dir/zone" | tr -d ' ')"
: >"$dir/broken"
expect 'a reload that fails is tried later' 75 hook withdraw g3 21
rm "$dir/broken"
expect 'and is made up for' 0 hook withdraw g3 21
is 'the line is gone' 0 "$(grep -c '192[.]0[.]2[.]7 ' "$dir/zone")"
is 'the others stay' 2 "$(grep -c '^www' "$dir/zone")"
is 'the reload was run once more' 2 "$(wc -l <"$dir/reloaded" | tr -d ' ')"
is 'no file is left beside' zone "$(cd "$dir" && ls -d zone*)"
expect 'a lower fence is refused by the file, too' 1 hook announce g3 20
is 'and changes nothing' 0 "$(grep -c '192[.]0[.]2[.]7 ' "$dir/zone")"
sh -n "$hooks/front-common" && ok 'front-common is a POSIX script' || not_ok 'front-common'
if command -v dash >/dev/null; then
    for p in lars-front-lvs lars-front-file; do dash -n "$hooks/$p" && ok "$p" || not_ok "$p"; done
fi
exit $bad
