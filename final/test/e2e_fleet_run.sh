#!/bin/sh
# e2e_fleet_run.sh -- larsctl fleet install, status, upgrade, swap, backup, restore and
# collect against hosts that are folders: an ssh of the test runs each command with the root
# of the host, and apt-get, systemctl, curl and the database are programs of the test.  What
# real hosts do with it is shown by `make fleet-test`.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - larsctl fleet: not under $LARS_MODE"; exit 0; }
w=$(mktemp -d) bad=0
trap 'rm -rf "$w"' EXIT
ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; bad=1; }
expect() { # WHAT STATUS COMMAND...
    what=$1 want=$2
    shift 2
    "$@" >"$w/out" 2>&1
    got=$?
    if [ "$got" = "$want" ]; then ok "$what"; else not_ok "$what: status $got, not $want: $(cat "$w/out")"; fi
}
says() { # WHAT TEXT: of the last command
    if grep -qF -e "$2" "$w/out"; then ok "$1"; else not_ok "$1: $(cat "$w/out")"; fi
}
is() { # WHAT WANTED FOUND
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: wanted \"$2\", found \"$3\""; fi
}
has_not() { # WHAT TEXT FILE...
    t=$1 x=$2; shift 2
    if grep -qaF -e "$x" "$@" 2>/dev/null; then not_ok "$t"; else ok "$t"; fi
}
for n in ssh-keygen openssl flock; do
    command -v $n >/dev/null || { echo "skipped: larsctl fleet, because $n is absent; mend: docs/tools/deps"; exit 0; }
done
build=${BUILD:-build}
printf '[larsctl]\nfleet = %s/deploy/fleet\n' "$PWD" >"$w/ctl.ini"
fleet() { PATH=$w/bin:$PATH TMPDIR=$w LARS_FLEET_HEALTH_S=1 LARSCTL_PROGRAM=$w/bin/larsctl timeout 120 "$build/larsctl" -c "$w/ctl.ini" fleet "$@"; }
me=$(id -un) group=$(id -gn)
hosts='a1 b1 c1'

# --- programs of the operator's machine -------------------------------------------------------
mkdir -p "$w/bin"
cat >"$w/bin/ssh" <<S
#!/bin/sh
while :; do case \$1 in -O) exit 0 ;; -G) echo 'port 22'; exit 0 ;; -F | -o | -l) shift 2 ;; -*) shift ;; *) break ;; esac; done
h=\$1; shift
[ ! -e $w/\$h.away ] || { echo "ssh: connect to host \$h port 22: Connection timed out" >&2; exit 255; }
[ ! -e $w/\$h.says ] || { cat $w/\$h.says >&2; exit 255; }
[ ! -e $w/\$h.other-key ] || { echo 'Host key verification failed.' >&2; exit 255; }
echo "\$h \$*" >>$w/ssh.log
c=\$(echo "\$*" | sed 's#/var/lib/lars-fleet#$w/'\$h'/var/lib/lars-fleet#g; s#sudo -n##')
if [ -e $w/\$h.damage ]; then case "\$*" in *' receive '*) rm $w/\$h.damage; { head -c 2000; } >$w/cut; LARS_FLEET_ROOT=$w/\$h exec sh -c "\$c" <$w/cut ;; esac; fi
LARS_FLEET_ROOT=$w/\$h exec sh -c "\$c"
S
ssh-keygen -q -t ed25519 -N '' -f "$w/hostkey"
cat >"$w/bin/ssh-keyscan" <<S
#!/bin/sh
for last; do :; done
echo "# \$last"; echo "\$last \$(cut -d' ' -f1,2 $w/hostkey.pub)"
S
printf '#!/bin/sh\necho "$*" >>%s/larsctl.log\ncase "$*" in *"node list"*) printf "ip,zone,modules,up,states\\n127.9.2.1,b,1,1,%%s\\n" "$(cat %s/node-state)" ;; esac\n' "$w" "$w" >"$w/bin/larsctl"
echo up >"$w/node-state"
chmod 755 "$w/bin"/*
is 'no real ssh is called' "$w/bin/ssh $w/bin/ssh-keyscan" "$(PATH=$w/bin:$PATH; echo "$(command -v ssh) $(command -v ssh-keyscan)")"
[ $bad = 0 ] || exit 1

# --- hosts ------------------------------------------------------------------------------------
new_machine() { # NAME: what a bare server has
    rm -rf "${w:?}/$1"
    mkdir -p "$w/$1/bin" "$w/$1/etc" "$w/$1/var/lib" "$w/$1/usr/sbin" "$w/$1/run/units" "$w/$1/usr/share/lars/two-zones" "$w/$1/log"
    printf 'ID=debian\nVERSION_CODENAME=bookworm\n' >"$w/$1/etc/os-release"
    cd "$w/$1/bin" || exit 1
    printf '#!/bin/sh\necho amd64\n' >dpkg
    printf '#!/bin/sh\necho 1.0\n' >dpkg-query
    printf '#!/bin/sh\necho "$*" >>%s/log/apt\ncase "$*" in *install*) [ ! -e %s/apt-fails ] || { echo "E: Unable to correct problems"; exit 100; } ;; esac\n' "$w/$1" "$w/$1" >apt-get
    printf '#!/bin/sh\nexit 0\n' >systemd-tmpfiles
    printf '#!/bin/sh\nexit 0\n' >useradd
    cat >systemctl <<S
#!/bin/sh
c=\$1; shift; [ "\${1-}" != --quiet ] || shift
case \$c in
is-active) if [ -e $w/$1/run/\$1.up ]; then echo active; else echo inactive; exit 3; fi ;;
start | restart) [ ! -e $w/$1/\$1.fails ] || exit 1; echo "\$c \$1" >>$w/$1/log/starts; echo "$1 \$1" >>$w/order; : >$w/$1/run/\$1.up ;;
stop) rm -f $w/$1/run/\$1.up ;;
esac
S
    cat >curl <<S
#!/bin/sh
case "\$*" in *http_code*) cat $w/$1/body 2>/dev/null; echo; cat $w/$1/code 2>/dev/null || printf 200 ;; *metrics*) echo "lars_up 1" ;; esac
S
    cat >mariadb <<S
#!/bin/sh
case "\$*" in *COUNT*) cat $w/rows 2>/dev/null || echo 0 ;; *) cat >>$w/sql ;; esac
S
    printf '#!/bin/sh\ncat %s/dump\n' "$w" >mariadb-dump
    chmod 755 ./*
    cat >../usr/share/lars/two-zones/zone-db <<S
echo "$1 \$1 \$3 \$4" >>$w/order
case \$1 in
status) if [ -e $w/$1/run/lars-db.up ] || [ -e $w/$1/db-runs ]; then echo "zone x node synced"; else echo "zone x node not-running"; exit 1; fi ;;
recover-position) cat $w/$1/position 2>/dev/null || echo empty ;;
bootstrap | add | start) : >$w/$1/db-runs; echo "11111111-1111-1111-1111-111111111111:5" >$w/$1/position ;;
stop) rm -f $w/$1/db-runs ;;
esac
S
    for p in lars-dnsd lars-agentd showcase-node; do printf '#!/bin/sh\n! grep -q "^wrong" "$2" || { echo "line 1 is wrong"; exit 2; }\n' >"../usr/sbin/$p"; chmod 755 "../usr/sbin/$p"; done
    cd - >/dev/null || exit 1
}
folder() { # NAME UNIT...: what render writes
    h=$1 d=$w/fleet/$1; shift
    mkdir -p "$d/conf" "$d/db"
    : >"$d/files"; : >"$d/services"; echo lars-server >"$d/packages"
    for u; do
        echo "$u" >>"$d/services"
        [ "$u" != lars-db ] || { echo galera-arbitrator-4 >>"$d/packages"; continue; }
        printf '[db]\npassword = s3cret-of-db\n[http]\nlisten = 127.0.0.1:9880\n' >"$d/conf/$u.ini"
        echo "0640 $me $group conf/$u.ini /etc/lars/$u.ini" >>"$d/files"
    done
    printf 'others = %s\n' "$(case $h in a1) echo b=127.9.2.1 ;; *) echo a=127.9.1.1 ;; esac)" >"$d/db/zone.ini"
    printf "CREATE USER x@localhost;\nALTER USER x@localhost IDENTIFIED BY 'pw-of-setup';\n" >"$d/db/setup.sql"
    printf '[mysqld]\nsocket = %s/sock\nwsrep_sst_auth = sst:sst-secret\n' "$w" >"$d/db/db.cnf"
    for f in zone.ini setup.sql db.cnf; do echo "0600 $me $group db/$f /etc/lars/db/$f" >>"$d/files"; done
}
mkdir -p "$w/fleet/_fleet/db"
cat >"$w/fleet/_fleet/roster.ini" <<'I'
[fleet]
name = t   ; a comment
[host a1]
zone = a
address = 127.9.1.1
roles = db, dnsd agent
machine = 1
[host b1]
zone = b
address=127.9.2.1
roles = db dnsd site
; b1 has no number: it is 1
[host c1]
zone = c
address = 127.9.3.1
roles = arbiter
I
printf 'lars = password-of-lars\n' >"$w/fleet/_fleet/db/passwords"
printf '01 a1 1 dnsd 2028-01-01T00:00:00Z valid\n' >"$w/fleet/_fleet/index"
folder a1 lars-db lars-dnsd lars-agentd; folder b1 lars-db lars-dnsd showcase-node; folder c1 lars-db
for h in $hosts; do new_machine $h; done
make_bundle() { # FILE VERSION [OS]
    b=$w/b/bundle; rm -rf "$w/b"; mkdir -p "$b/packages" "$b/sql"
    printf 'Package: lars-server\nVersion: %s\n\nPackage: galera-arbitrator-4\nVersion: 26\n\nPackage: curl\nVersion: 7\n\nPackage: openssl\nVersion: 3\n' "$2" >"$b/packages/Packages"
    head -c 4000 /dev/zero >"$b/packages/x.deb"
    for f in schema triggers site; do echo "-- $f $2" >"$b/sql/$f.sql"; done
    printf 'bundle=1\nversion=%s\nos=%s\narch=amd64\n' "$2" "${3:-debian bookworm}" >"$b/MANIFEST"
    (cd "$b" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + >SHA256SUMS)
    tar -cf "$1" -C "$w/b" bundle
}
make_bundle "$w/one.tar" 1.0; make_bundle "$w/two.tar" 2.0; make_bundle "$w/ubuntu.tar" 1.0 'ubuntu noble'
f=$w/fleet

# --- use ----------------------------------------------------------------------------------------
for wrong in '' install 'install x' status 'swap x y' 'nothing x' 'backup x y' 'trust x'; do
    # the words of the case
    # shellcheck disable=SC2086
    expect "wrong use: \"$wrong\"" 2 fleet $wrong
done
sed 's/deploy/nowhere/' "$w/ctl.ini" >"$w/other.ini"
expect 'without the program larsctl says so' 1 "$build/larsctl" -c "$w/other.ini" fleet status "$f"
says 'and how to mend it' 'cannot be read; mend: install the package lars-ctl, or correct [larsctl] fleet'
expect 'a folder that was not rendered' 2 fleet status "$w"
says 'is named' 'mend: larsctl fleet render'
expect 'a file that is no bundle' 2 fleet install "$f" "$w/hostkey"
expect 'a host that is not there' 2 fleet status "$f" z9
expect 'the key of a host is shown' 0 fleet trust "$f" a1
says 'with what to compare it with' 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub'
expect 'another key is refused' 1 fleet trust "$f" a1 SHA256:AAAA
is 'and not pinned' '' "$(cat "$f/_fleet/known_hosts" 2>/dev/null)"
key=$(ssh-keygen -lf "$w/hostkey.pub" | cut -d' ' -f2)
for h in $hosts; do expect "the key of $h is pinned" 0 fleet trust "$f" $h "$key"; done
is 'one line for each' 3 "$(grep -c ssh-ed25519 "$f/_fleet/known_hosts")"

# --- install ------------------------------------------------------------------------------------
expect 'a bundle for another system is refused' 1 fleet install "$f" "$w/ubuntu.tar"
says 'with what differs' 'os is "debian bookworm" and the bundle is for "ubuntu noble"'
: >"$w/a1.damage"
expect 'a bundle that arrives damaged is refused' 1 fleet install "$f" "$w/one.tar"
says 'with the sums' 'arrived damaged'
: >"$w/b1.away"
expect 'a host that is away is red' 1 fleet install "$f" "$w/one.tar"
says 'with its address' 'RED b1: machine and clock: no connection by ssh'
expect 'without the other database it is not known whether the cluster is new' 1 fleet install "$f" "$w/one.tar" a1 c1
says 'so none is made' 'cannot be asked whether it has data'
rm "$w/b1.away"; : >"$w/b1.other-key"
expect 'another host key is red' 1 fleet install "$f" "$w/one.tar"
says 'with what that means' 'has another host key than b1 had'
rm "$w/b1.other-key"
: >"$w/a1/apt-fails"
expect 'packages that cannot be installed stop it' 1 fleet install "$f" "$w/one.tar"
says 'with what apt said' 'E: Unable to correct problems'
is 'no service has begun' '' "$(grep lars- "$w/order" 2>/dev/null)"
rm "$w/a1/apt-fails"; printf 503 >"$w/b1/code"; printf 'no routes \033[2J yet' >"$w/b1/body"
expect 'it continues to the first red' 1 fleet install "$f" "$w/one.tar"
says 'which is named with what it said' 'RED b1: lars-dnsd: lars-dnsd is not healthy after 1 s: /healthz at 127.0.0.1:9880 answers 503: no routes [2J yet'
is 'the order: a new cluster in the first zone, the arbiter, a copy, each under its unit' 'a1 bootstrap b=empty |c1 lars-db|b1 add  |a1 stop  |a1 lars-db|b1 stop  |b1 lars-db|' \
    "$(grep -v 'status\|recover\|dnsd' "$w/order" | tr '\n' '|')"
is 'what comes after the red one has not begun' '' "$(grep lars-agentd "$w/order")"
rm "$w/b1/code"; : >"$w/order"
expect 'after the mend it is finished' 0 fleet install "$f" "$w/one.tar"
says 'with a time' 'installed: a1 b1 c1, in'
is 'only what was missing begins' 'a1 lars-agentd|b1 showcase-node|' "$(grep 'lars-\|showcase' "$w/order" | tr '\n' '|')"
: >"$w/order"; : >"$w/a1/log/apt"; : >"$w/ssh.log"
expect 'a second install' 0 fleet install "$f" "$w/one.tar"
is 'starts nothing' '' "$(grep lars- "$w/order")"
is 'and copies no bundle' '' "$(grep 'receive [0-9a-f]' "$w/ssh.log")"
is 'apt reads the bundle and nothing else' 2 "$(grep -c "Dir::Etc::SourceParts=/dev/null" "$w/a1/log/apt")"
says_apt=$(grep -c 'lars-server=1.0' "$w/a1/log/apt"); is 'ours in its version' 1 "$says_apt"
is 'the mode of a file is that of the render' 640 "$(stat -c %a "$w/a1/etc/lars/lars-dnsd.ini")"
is 'the policy that stops services is gone' no "$(if [ -e "$w/a1/usr/sbin/policy-rc.d" ]; then echo yes; else echo no; fi)"
echo '; changed' >>"$f/a1/conf/lars-dnsd.ini"; : >"$w/order"
expect 'a changed configuration' 0 fleet install "$f" "$w/one.tar"
is 'restarts its program only' 'a1 lars-dnsd' "$(grep lars- "$w/order")"
cp "$f/a1/conf/lars-dnsd.ini" "$w/keep"; echo 'wrong' >>"$f/a1/conf/lars-dnsd.ini"
expect 'a wrong configuration is red before the restart' 1 fleet install "$f" "$w/one.tar"
says 'with the line' 'RED a1: lars-dnsd: /etc/lars/lars-dnsd.ini is wrong: line 1 is wrong'
cp "$w/keep" "$f/a1/conf/lars-dnsd.ini"
cp "$f/b1/files" "$w/keep"; echo "0644 $me $group conf/lars-dnsd.ini /etc/passwd" >>"$f/b1/files"
expect 'a file for a place that is not ours is refused' 1 fleet install "$f" "$w/one.tar" b1
says 'with its line' '/etc/passwd" of files is wrong'
cp "$w/keep" "$f/b1/files"
# Two that share no folder: the hosts know who works with them.
claim=$w/a1/var/lib/lars-fleet/claim
is 'a command that has ended leaves no claim' no "$(if [ -e "$claim" ]; then echo yes; else echo no; fi)"
echo "$(cat /proc/sys/kernel/random/boot_id) $(($(cut -d. -f1 /proc/uptime) - 60)) zoe:desk:/expo" >"$claim"
expect 'while another operator works with a host' 1 fleet install "$f" "$w/one.tar"
says 'with the name' 'RED a1: machine and clock: another operator (zoe:desk:/expo) works with this host since 6'
says 'and what to do' 'rm /var/lib/lars-fleet/claim'
is 'the claim of the other one stays' zoe:desk:/expo "$(cut -d' ' -f3 "$claim")"
echo "$(cat /proc/sys/kernel/random/boot_id) $(($(cut -d. -f1 /proc/uptime) - 20000)) zoe:desk:/expo" >"$claim"
exec 5>>"$f/_fleet/lock"; flock 5
expect 'no install while the folder is rendered' 1 fleet install "$f" "$w/one.tar"
says 'with the reason' 'larsctl fleet render writes into'
exec 5>&-
# The folder of a1 without a role, as the render before last has put it there.
: >"$w/a1/etc/passwd"; cp -r "$f/a1" "$w/keep-a1"
printf 'lars-db\nlars-dnsd\n' >"$f/a1/services"; sed -i '/agentd/d' "$f/a1/files"
: >"$w/a1/apt-fails"
expect 'a render without a role is sent, and not put in place' 1 fleet install "$f" "$w/one.tar"
expect 'again' 1 fleet install "$f" "$w/one.tar"
rm "$w/a1/apt-fails"
expect 'then it is put in place, since a claim of long ago has ended' 0 fleet install "$f" "$w/one.tar"
is 'the file of the role that was removed is gone' no "$(if [ -e "$w/a1/etc/lars/lars-agentd.ini" ]; then echo yes; else echo no; fi)"
is 'its program runs no more' no "$(if [ -e "$w/a1/run/lars-agentd.up" ]; then echo yes; else echo no; fi)"
cp "$f/a1/services" "$w/keep"; echo lars-dnsd >"$f/a1/services"
expect 'a database that runs is not stopped with its role' 1 fleet install "$f" "$w/one.tar"
says 'but by the operator' 'systemctl disable --now lars-db on this host'
echo "0644 $me $group conf/lars-dnsd.ini /etc/passwd" >>"$f/a1/files"; cp "$w/keep" "$f/a1/services"
expect 'a wrong list' 1 fleet install "$f" "$w/one.tar"
rm -r "$f/a1"; mv "$w/keep-a1" "$f/a1"
expect 'and the right one again' 0 fleet install "$f" "$w/one.tar"
is 'files that the wrong list names are not removed' yes "$(if [ -e "$w/a1/etc/passwd" ]; then echo yes; else echo no; fi)"
# A host that is not what it was: it gives out members and links that lead elsewhere.
hs() { h=$1; shift; LARS_FLEET_ROOT=$w/$h sh deploy/fleet/host-script "$@"; }
mkdir -p "$w/evil/conf"; cp "$f/c1/files" "$f/c1/services" "$w/evil/"; echo x >"$w/evil/x"
tar -cf "$w/evil.tar" -P --transform 's#^x$#../../../../out#' -C "$w/evil" files services x
expect 'a member with .. is refused' 1 hs c1 receive-config <"$w/evil.tar"
is 'and lands nowhere' '' "$(find "$w" -name out -path '*c1*')"
ln -s "$w/hostkey" "$w/evil/conf/x"; echo "0644 $me $group conf/x /etc/lars/x" >>"$w/evil/files"
tar -cf "$w/evil.tar" -C "$w/evil" files services conf
expect 'a link is taken as it is' 0 hs c1 receive-config <"$w/evil.tar"
expect 'and what it leads to is not copied' 1 hs c1 configure
is 'secrets are not readable for others, whatever the archive says' 700 "$(chmod 755 "$w/evil"; tar -cf - -C "$w/evil" . | hs c1 receive-config; stat -c %a "$w/c1/var/lib/lars-fleet/config")"
# A machine that lost its power while packages were installed.
printf '#!/bin/sh\n# larsctl fleet, while it installs\nexit 101\n' >"$w/a1/usr/sbin/policy-rc.d"
sed -i "s/-- schema/-- grant/" "$w/sql"; echo "GRANT SELECT ON x.* TO y@'127.9.9.9';" >>"$f/a1/db/setup.sql"
expect 'a new client of the database' 0 fleet install "$f" "$w/one.tar"
is 'may connect' "GRANT SELECT ON x.* TO y@'127.9.9.9';" "$(grep y@ "$w/sql")"
is 'the policy that was left is gone' no "$(if [ -e "$w/a1/usr/sbin/policy-rc.d" ]; then echo yes; else echo no; fi)"
expect 'again' 0 fleet install "$f" "$w/one.tar"
is 'is loaded once' 1 "$(grep -c y@ "$w/sql")"
# Both databases moved at once would begin an empty cluster.
rm -f "$w"/?1/run/lars-db.up "$w"/?1/position
cp -r "$f" "$w/keep-f"; mkdir -p "$w/c1/var/lib/lars-db/data"; : >"$w/c1/var/lib/lars-db/data/grastate.dat"; rm -f "$w/c1/etc/lars/db/zone.ini"
sed -i '/zone.ini/d' "$f/c1/files"
expect 'no new cluster while a host without the role has data' 1 fleet install "$f" "$w/one.tar" a1 b1
says 'with its name' 'no database runs and c1 has data'
rm -r "$f" "$w/c1/var/lib/lars-db"; mv "$w/keep-f" "$f"
for h in a1 b1; do echo 11111111-1111-1111-1111-111111111111:5 >"$w/$h/position"; done
rm -f "$w"/?1/run/lars-db.up
expect 'databases that have all stopped are no new cluster' 1 fleet install "$f" "$w/one.tar"
says 'with the command that recovers' "two-zones/recover-all $f/_fleet/db/values.ini"
for h in $hosts; do : >"$w/$h/run/lars-db.up"; done
expect 'all is well again' 0 fleet install "$f" "$w/one.tar"

# --- status -------------------------------------------------------------------------------------
expect 'status of a healthy fleet' 0 fleet status "$f"
is 'a line for each unit' 7 "$(grep -c ' ok$' "$w/out")"
: >"$w/c1.away"; printf 503 >"$w/b1/code"; printf '\033]0;x\007 no|routes \033[31m' >"$w/b1/body"
expect 'status of a sick one' 1 fleet status "$f"
says 'an away host' 'c1           c        -'
says 'a sick unit' 'RED /healthz at 127.0.0.1:9880 answers 503'
has_not 'what a host prints cannot command the terminal' "$(printf '\033')" "$w/out"
printf '%s\n' 'closed \0033]0;x' >"$w/b1.says"
expect 'status again' 1 fleet status "$f" b1
has_not 'not even by text that a shell makes a command of' "$(printf '\033')" "$w/out"
expect 'nor may a red line' 1 fleet install "$f" "$w/one.tar" b1
has_not 'of an installation' "$(printf '\033')" "$w/out"
says 'which has it as it is' 'closed \0033]0;x'
rm "$w/b1.says"
rm "$w/c1.away" "$w/b1/code"

# --- upgrade ------------------------------------------------------------------------------------
printf 503 >"$w/b1/code"; : >"$w/order"
expect 'no upgrade of what is red already' 1 fleet upgrade "$f" "$w/two.tar"
says 'with its name' 'RED b1: all healthy before'
rm "$w/b1/code"
mkdir -p "$f/_fleet/operator"; : >"$f/_fleet/operator/larsctl.ini"; : >"$w/larsctl.log"
# The program of the new version is sick on a1.
cat >"$w/a1/bin/apt-get" <<S
#!/bin/sh
case "\$*" in *lars-server=2.0*) echo '# two' >>$w/a1/usr/sbin/lars-dnsd; printf 503 >$w/a1/code ;; esac
S
expect 'an upgrade stops at the first red' 1 fleet upgrade "$f" "$w/two.tar"
says 'says where' 'RED a1: lars-dnsd: lars-dnsd is not healthy'
says 'and how to go back' 'to go back: larsctl fleet upgrade'
says 'and who may have no calls meanwhile' 'larsctl node undrain 127.9.1.1 gives them back'
is 'the other room is as it was' '' "$(grep 'b1 lars-' "$w/order")"
is 'the schema came first' '-- schema 2.0' "$(grep schema "$w/sql" | tail -n 1)"
rm "$w/a1/code"; printf '#!/bin/sh\n' >"$w/a1/bin/apt-get"
expect 'it continues after the mend' 0 fleet upgrade "$f" "$w/two.tar"
says 'to the end' 'upgraded: a1 b1 c1, in'
is 'a1 has none, and what was drained gets calls again' no "$(if [ -e "$f/_fleet/drained" ]; then echo yes; else echo no; fi)"
is 'nodes of a host get no new calls meanwhile, and get calls again' 'node drain 127.9.2.1|node undrain 127.9.2.1|' "$(grep -o 'node \(un\)*drain.*' "$w/larsctl.log" | tr '\n' '|')"
for s in drained '"drained,up"' zone_drained; do
    echo "$s" >"$w/node-state"; : >"$w/larsctl.log"
    expect "an upgrade while nodes are $s" 0 fleet upgrade "$f" "$w/two.tar"
    is 'leaves them as the operator wants them' '' "$(grep 'node \(un\)*drain' "$w/larsctl.log")"
done
echo drained >"$w/node-state"; echo b1 >"$f/_fleet/drained"
expect 'an upgrade after one that was interrupted' 0 fleet upgrade "$f" "$w/two.tar"
is 'gives back what that one had drained' 'node undrain 127.9.2.1|' "$(grep -o 'node \(un\)*drain.*' "$w/larsctl.log" | tr '\n' '|')"

# --- backup, unpack, restore --------------------------------------------------------------------
printf 'CREATE TABLE x (n INT);\nINSERT INTO x VALUES (1);\n-- Dump completed\n' >"$w/dump"
for k in mine other; do openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$k -keyout "$w/$k.key" -out "$w/$k.crt" 2>/dev/null; done
expect 'a backup needs a certificate' 2 fleet backup "$f" "$w/backup" "$w/mine.key"
expect 'a backup' 0 fleet backup "$f" "$w/backup" "$w/mine.crt"
says 'says what it has' '1 tables'
says 'and its sum, to be compared later' "$(sha256sum <"$w/backup" | cut -d' ' -f1)"
has_not 'no password can be read in it' password-of-lars "$w/backup"
is 'its mode' 600 "$(stat -c %a "$w/backup")"
expect 'the folder of it' 0 fleet unpack "$w/backup" "$w/mine.key" "$w/again"
is 'is the folder' '' "$(diff -r "$f" "$w/again" 2>&1 | grep -v lock-run)"
expect 'a folder that cannot be written is no success' 1 fleet unpack "$w/backup" "$w/mine.key" "$w/hostkey/again"
says 'with what to do' 'mend: another place, or make space'
expect 'it overwrites nothing' 2 fleet unpack "$w/backup" "$w/mine.key" "$w/again"
expect 'another key does not open it' 1 fleet unpack "$w/backup" "$w/other.key" "$w/no"
n=$(stat -c %s "$w/backup" 2>/dev/null || echo 0); n=$((n / 2))
cp "$w/backup" "$w/tampered"; printf 'XX' | dd of="$w/tampered" bs=1 seek=$n conv=notrunc 2>/dev/null
expect 'a changed byte is noticed' 1 fleet unpack "$w/tampered" "$w/mine.key" "$w/no"
head -c $n "$w/backup" >"$w/short"
expect 'a lost end is noticed' 1 fleet unpack "$w/short" "$w/mine.key" "$w/no"
is 'and nothing of it is used' no "$(if [ -e "$w/no" ]; then echo yes; else echo no; fi)"
echo 7 >"$w/rows"
expect 'no restore over rows' 1 fleet restore "$f" "$w/backup" "$w/mine.key"
says 'with their number' 'holds 7 rows'
is 'and the programs that write run on' yes "$(if [ -e "$w/a1/run/lars-dnsd.up" ]; then echo yes; else echo no; fi)"
rm "$w/rows"
expect 'a restore' 0 fleet restore "$f" "$w/backup" "$w/mine.key"
says 'is compared to the byte' 'equal to the backup of'
is 'writers run again' 'a1 lars-dnsd' "$(grep 'a1 lars-dnsd' "$w/order" | tail -n 1)"
printf 'CREATE TABLE x (n INT);\n-- Dump completed\n' >"$w/dump"
expect 'a restore that lost a row is noticed' 1 fleet restore "$f" "$w/backup" "$w/mine.key"
says 'with the file to compare' 'differ from the backup'
printf 'CREATE TABLE x (n INT);\n' >"$w/dump"
expect 'half a dump is no backup' 1 fleet backup "$f" "$w/half" "$w/mine.crt"
is 'and leaves no file' no "$(if [ -e "$w/half" ]; then echo yes; else echo no; fi)"

# --- collect ------------------------------------------------------------------------------------
echo 'connect as lars with s3cret-of-db failed; sst-secret; pw-of-setup' >"$w/a1/run/units/lars-dnsd.log"
expect 'collect' 0 fleet collect "$f" "$w/support.tar"
mkdir "$w/s"; tar -xf "$w/support.tar" -C "$w/s"; for h in $hosts; do mkdir "$w/s/$h"; tar -xzf "$w/s/collect/$h.tar.gz" -C "$w/s/$h"; done
if grep -q 'connect as lars with \*\*\* failed' "$w/s/a1/host/log/lars-dnsd.log"; then ok 'the log is there, its secrets are not'; else not_ok "log: $(cat "$w/s/a1/host/log/lars-dnsd.log")"; fi
for s in s3cret-of-db sst-secret pw-of-setup password-of-lars; do is "no $s in all that was collected" '' "$(grep -rl "$s" "$w/s")"; done
is 'configuration and metrics are there' 2 "$(find "$w/s/a1" -name lars-dnsd.ini -o -name lars-dnsd -path '*metrics*' | wc -l)"
echo '-----BEGIN PRIVATE KEY-----' >>"$w/a1/run/units/lars-dnsd.log"; rm "$w/support.tar"
expect 'a private key in a log is not given out' 1 fleet collect "$f" "$w/support.tar"
says 'with the reason' 'a private key is in what was collected'
is 'the other hosts are in it' 'b1.tar.gz c1.tar.gz' "$(tar -tf "$w/support.tar" | grep -o '..\.tar\.gz' | tr '\n' ' ' | sed 's/ $//')"
echo 'password-of-lars' >"$w/b1/run/units/lars-dnsd.log"; rm "$w/support.tar"
expect 'a password that only the operator knows is found, too' 1 fleet collect "$f" "$w/support.tar" b1
is 'and nothing is written' no "$(if [ -e "$w/support.tar" ]; then echo yes; else echo no; fi)"

# --- swap ---------------------------------------------------------------------------------------
expect 'no swap without a revoked certificate' 2 fleet swap "$f" "$w/two.tar" b1
says 'with how to make one' 'let machine of [host b1] grow by one'
printf '02 b1 1 dnsd 2028-01-01T00:00:00Z revoked\n03 b1 2 dnsd 2028-01-01T00:00:00Z valid\n' >>"$f/_fleet/index"
sed -i 's/^; b1 has no number.*/machine = 2/' "$f/_fleet/roster.ini"
expect 'the old machine is not taken for the new one' 1 fleet swap "$f" "$w/two.tar" b1
says 'with its number' 'this is the machine that b1 was before'
new_machine b1; : >"$w/order"; : >"$w/c1.away"
expect 'a second host that is lost' 1 fleet swap "$f" "$w/two.tar" b1
says 'has its way' 'when a second host is lost, too: larsctl fleet install'
expect 'which is one' 0 fleet install "$f" "$w/two.tar" a1 b1
rm "$w/c1.away"; new_machine b1; : >"$w/order"
expect 'a new machine is taken in' 0 fleet swap "$f" "$w/two.tar" b1
says 'with a time' 'swapped: b1, in'
is 'its database is copied from the others' 'b1 add' "$(grep -o 'b1 add' "$w/order")"
is 'the number of the machine is there' 'b1 2' "$(cat "$w/b1/var/lib/lars-fleet/config/name")"
mkdir "$w/x"; cp -r "$w/b1/var/lib/lars-fleet/config/name" "$w/x"; echo 'a1 1' >"$w/b1/var/lib/lars-fleet/config/name"
expect 'a machine that is another host is refused' 1 fleet install "$f" "$w/two.tar" b1
says 'with its name' 'is host a1 of a fleet'

sed -i 's/^\[host c1\]/[host c1;reboot]/' "$f/_fleet/roster.ini"
expect 'a name that is none reaches no command line' 2 fleet status "$f"
exit $bad
