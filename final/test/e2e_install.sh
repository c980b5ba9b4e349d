#!/bin/sh
# Tests `make install` into a folder.  All files are there, the configuration is the one that
# the programs print, the systemd units restrict the daemons, the manual pages can be read
# and the shell completion offers options and commands.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - make install: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; bad=0
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
check() { # WHAT COMMAND...: prints the result of COMMAND under the name WHAT
    what=$1; shift
    if "$@" >"$tmp/out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 400 "$tmp/out")"; bad=1; fi
}
d=$tmp/root
check 'make install' make -s BUILD="$build" install DESTDIR="$d" PREFIX=/usr
for f in usr/sbin/lars-dnsd usr/sbin/lars-reportd usr/sbin/lars-autoscaler usr/sbin/lars-agentd usr/sbin/lars-console usr/sbin/lars-gateway usr/sbin/lars-slotd usr/sbin/showcase-node usr/bin/larsctl usr/bin/showcase-import usr/bin/lars-load \
    usr/include/lars.h usr/include/lars_retry.h usr/include/lars_nowait.h usr/include/lars_status.h usr/include/lars_tally.h usr/include/lars.hpp \
    usr/lib/liblars.so usr/lib/liblars.so.1 usr/lib/liblars.a usr/lib/pkgconfig/lars.pc \
    usr/lib/cmake/lars/larsConfig.cmake usr/lib/cmake/lars/larsConfigVersion.cmake \
    usr/share/lars/sql/schema.sql usr/share/lars/sql/triggers.sql usr/share/lars/sql/sample.sql usr/share/lars/sql/users.sql usr/share/lars/sql/site.sql usr/share/lars/drills/kill-nodes usr/share/lars/drills/surge.ini usr/share/lars/drills/kill-node.ini usr/share/lars/drills/slow-node.ini usr/share/lars/drills/paths usr/share/lars/fleet/fleet.ini usr/share/lars/fleet/database.ini usr/share/lars/fleet/gateway-rules.ini usr/share/lars/fleet/slot-modules.ini usr/share/lars/fleet/conf/lars-dnsd.ini usr/share/lars/fleet/conf/larsctl.ini usr/share/lars/monitoring/prometheus.yml usr/share/lars/monitoring/lars-rules.yml usr/share/lars/monitoring/lars-dashboard.en.json usr/share/lars/monitoring/lars-dashboard.zh.json usr/share/lars/hooks/k8s/lars-hook-k8s usr/share/lars/hooks/k8s/site.yaml usr/share/lars/hooks/front/lars-front-lvs usr/share/lars/hooks/front/lars-front-file usr/share/lars/hooks/front/front-common usr/share/lars/fleet/lars-fleet usr/share/lars/fleet/host-script usr/share/lars/fleet/fleet-common usr/share/lars/fleet/fleet-pack usr/share/lars/fleet/fleet-keep usr/share/lars/two-zones/render usr/share/lars/two-zones/zone-db usr/share/lars/two-zones/zone-common usr/share/lars/two-zones/recover-all usr/share/lars/two-zones/values.ini usr/share/lars/two-zones/db.cnf.in usr/share/lars/two-zones/garbd.cfg.in usr/share/lars/two-zones/lars-zone-db.service usr/share/lars/two-zones/keepalived/render usr/share/lars/console usr/share/lars/site/layout.html usr/share/lars/site/samples/exhibits.csv usr/share/lars/site/samples/pictures/rice.svg \
    etc/lars/lars-dnsd.ini etc/lars/lars-reportd.ini etc/lars/lars-autoscaler.ini etc/lars/lars-agentd.ini etc/lars/lars-console.ini etc/lars/lars-gateway.ini etc/lars/lars-slotd.ini etc/lars/showcase-node.ini etc/lars/larsctl.ini etc/lars/showcase-import.ini etc/lars/lars-load.ini \
    usr/lib/sysusers.d/lars-server.conf usr/lib/sysusers.d/lars-agent.conf usr/lib/sysusers.d/lars-ctl.conf usr/lib/sysusers.d/lars-console.conf usr/lib/sysusers.d/lars-gateway.conf usr/lib/sysusers.d/lars-site.conf usr/lib/sysusers.d/lars-slot.conf \
    usr/lib/tmpfiles.d/lars-server.conf usr/lib/tmpfiles.d/lars-agent.conf usr/lib/tmpfiles.d/lars-ctl.conf usr/lib/tmpfiles.d/lars-console.conf usr/lib/tmpfiles.d/lars-gateway.conf usr/lib/tmpfiles.d/lars-site.conf usr/lib/tmpfiles.d/lars-slot.conf \
    etc/logrotate.d/lars-server etc/logrotate.d/lars-agent etc/logrotate.d/lars-console etc/logrotate.d/lars-gateway etc/logrotate.d/lars-site etc/logrotate.d/lars-slot; do
    check "$f" test -e "$d/$f"
done
mkdir "$tmp/conf"
check 'make conf writes the files of conf/' sh -c "make -s BUILD='$build' conf CONFDIR='$tmp/conf' && diff -r conf '$tmp/conf'"
echo '; mine' >"$d/etc/lars/lars-dnsd.ini"
check 'a second install keeps the configuration' sh -c "make -s BUILD='$build' install DESTDIR='$d' PREFIX=/usr && grep -q mine '$d/etc/lars/lars-dnsd.ini'"
check 'with PREFIX=/usr/local larsctl.ini names the folder of the SQL scripts there' sh -c "make -s BUILD='$build' install-system DESTDIR='$tmp/local' PREFIX=/usr/local && grep -qx 'sql = /usr/local/share/lars/sql' '$tmp/local/etc/lars/larsctl.ini'"
check 'and lars-console.ini that of the pages' grep -qx 'pages = /usr/local/share/lars/console' "$tmp/local/etc/lars/lars-console.ini"
check 'a unit writes no core file of passwords' grep -qx LimitCORE=0 "$d/usr/lib/systemd/system/lars-console.service"
check 'only lars-dnsd owns a folder in /var/lib' sh -c "! grep -l /var/lib '$d'/usr/lib/tmpfiles.d/*.conf '$d'/usr/lib/sysusers.d/*.conf | grep -v lars-server"
# The pages are those of web/dist, and nothing of an earlier version stays.
pages() { # OPTION...: install-pages in a copy of the files that it needs
    make -s -C "$tmp/copy" BUILD="$tmp/copy/build" install-pages DESTDIR="$tmp/pages" PREFIX=/usr "$@"
}
mkdir -p "$tmp/copy/web" "$tmp/pages/usr/share/lars/console/assets" && cp -r Makefile ./*.mk src deploy common site "$tmp/copy/"
touch "$tmp/pages/usr/share/lars/console/assets/old-1.js"
check 'without built pages a line tells how to build them' sh -c "make -s -C '$tmp/copy' install-pages DESTDIR='$tmp/none' PREFIX=/usr | grep -q 'make web'"
mkdir -p "$tmp/copy/web/dist/assets" && touch "$tmp/copy/web/dist/index.html" "$tmp/copy/web/dist/assets/new-2.js"
check 'built pages are installed' pages
check 'index.html and assets/' test -e "$tmp/pages/usr/share/lars/console/index.html" -a -e "$tmp/pages/usr/share/lars/console/assets/new-2.js"
check 'the assets of an earlier version are gone' test ! -e "$tmp/pages/usr/share/lars/console/assets/old-1.js"
check 'no installed program has the path build/run in it' sh -c "! grep -l build/run '$d'/usr/sbin/* '$d'/usr/bin/* '$d'/usr/lib/liblars.so.1 | grep ."
version=$(sed -n 's/^.define LARS_VERSION "\(.*\)"$/\1/p' src/base/version.h)
if [ -d ../docs ]; then
    check 'the pages of the installation name the packages of this version' sh -c "! grep -E '_[0-9.]+_amd64' ../docs/*/operate/*.md | grep -v '_${version}_amd64'"
fi
# The Java archives, with a JDK and without.
if command -v javac >/dev/null; then
    for f in lars.jar lars-$version.jar lars-$version-sources.jar lars-$version-javadoc.jar lars-$version.pom; do
        check "usr/share/java/$f" test -e "$d/usr/share/java/$f"
    done
    check 'lars.jar is that of this version' sh -c "[ \"\$(readlink '$d/usr/share/java/lars.jar')\" = lars-$version.jar ]"
    check 'a program is compiled with the installed lars.jar' javac -cp "$d/usr/share/java/lars.jar" -d "$tmp/class" test/InstallProbe.java
else echo 'skip - the Java archives: no javac'; fi
check 'without a JDK a line names the package, and the rest is installed' sh -c "make -s BUILD='$build' JDK= install-java DESTDIR='$tmp/bare' PREFIX=/usr >'$tmp/line' && grep -q 'no JDK.*default-jdk-headless' '$tmp/line' && [ ! -e '$tmp/bare' ]"
needs() { readelf -d "$d/usr/$1" | sed -n 's/.*NEEDED.*\[lib\([^.]*\)[.].*/\1/p' | tr '\n' ' '; }
check 'larsctl links no HTTP server' sh -c "case '$(needs bin/larsctl)' in *microhttpd*) exit 1 ;; esac"
check 'lars-agentd links no database' sh -c "case '$(needs sbin/lars-agentd)' in *maria*|*mysql*|*curl*|*jansson*) exit 1 ;; esac"
check 'liblars links protobuf-c and the C library' sh -c "[ -z \"\$(echo '$(needs lib/liblars.so.1)' | tr ' ' '\n' | grep -vxE 'protobuf-c|m|c|ld-.*|')\" ]"

for p in lars-dnsd lars-reportd lars-autoscaler lars-agentd lars-console lars-gateway showcase-node; do
    unit=$d/usr/lib/systemd/system/$p.service
    check "$p.service starts the installed program with its configuration" grep -qx "ExecStart=/usr/sbin/$p -c /etc/lars/$p.ini" "$unit"
    if command -v systemd-analyze >/dev/null; then
        check "systemd-analyze gives $p.service an exposure of at most 1.5" systemd-analyze security --offline=true --threshold=15 "$unit"
    else
        echo "skip - exposure of $p.service: no systemd-analyze"
    fi
done
# The nodes inherit the restrictions of lars-slotd, so it has fewer.
check 'lars-slotd.service starts the installed program with its configuration' grep -qx 'ExecStart=/usr/sbin/lars-slotd -c /etc/lars/lars-slotd.ini' "$d/usr/lib/systemd/system/lars-slotd.service"
check 'a restart of lars-slotd.service leaves its nodes running' grep -qx KillMode=process "$d/usr/lib/systemd/system/lars-slotd.service"
for m in man8/lars-dnsd.8 man8/lars-reportd.8 man8/lars-autoscaler.8 man8/lars-agentd.8 man8/lars-console.8 man8/lars-gateway.8 man8/lars-slotd.8 man8/showcase-node.8 man1/larsctl.1 man1/showcase-import.1 man1/lars-load.1; do
    check "$m has all sections" sh -c "for s in NAME SYNOPSIS OPTIONS CONFIGURATION 'EXIT STATUS'; do grep -qx \".SH \$s\" '$d/usr/share/man/$m' || exit 1; done"
    if command -v man >/dev/null; then
        check "man formats $m without a warning" sh -c "man --warnings -E UTF-8 -l -Tutf8 -Z '$d/usr/share/man/$m' 2>&1 >/dev/null | { ! grep .; }"
    fi
done
# What a unit names is there: its user, its group and its folders; its group may read the
# configuration, and what the program keeps is in the folder that systemd makes for it.
of_unit() { sed -n "s/^$2=//p" "$d/usr/lib/systemd/system/$1.service"; } # SERVICE KEY
has_user() { for u in $(of_unit "$1" User) $(of_unit "$1" Group) $(of_unit "$1" SupplementaryGroups); do grep -q "^[ug] $u " "$d"/usr/lib/sysusers.d/lars-*.conf || { echo "$u"; return 1; }; done; }
keeps_in_its_folder() { # each path in /var/lib and /var/log of the configuration is in a folder of the unit
    for path in $(sed -n 's/^[a-z_]* = \(\/var\/l[a-z]*\/[^ ]*\)$/\1/p' "$d/etc/lars/$1.ini"); do
        for own in $(of_unit "$1" StateDirectory | sed 's|^|/var/lib/|') $(of_unit "$1" LogsDirectory | sed 's|^|/var/log/|') $(of_unit "$1" ReadWritePaths | tr -d -); do
            case $path/ in "$own"/*) continue 2 ;; esac
        done
        echo "$path"; return 1
    done
}
for p in lars-dnsd lars-reportd lars-autoscaler lars-agentd lars-console lars-gateway lars-slotd showcase-node; do
    check "systemd-sysusers makes the user and the groups of $p.service" has_user $p
    check "the group of $p.service may read its configuration" grep -qxE "z /etc/lars/$p.ini (0640 root $(of_unit $p Group)|0644 root root)" "$d"/usr/lib/tmpfiles.d/lars-*.conf
    check "$p keeps its files in folders that its unit makes" keeps_in_its_folder $p
done
if [ -d ../docs ]; then
    for f in "$d"/usr/lib/sysusers.d/*.conf; do
        check "both pages of the installation make the users and folders of ${f##*/}" sh -c "for p in ../docs/zh/operate/install.md ../docs/en/operate/install.md; do
            for c in sysusers tmpfiles; do grep 'systemd-'\$c ../docs/\${p#../docs/} | grep -qw '${f##*/}' || { echo \$p \$c; exit 1; }; done; done"
    done
fi
# The programs start from the installed files: only the root of the paths, the ports and what
# an operator writes are others.
moved() { # SERVICE: its configuration in $tmp/SERVICE.ini
    sed -e "s#= /\(usr\|etc\|var\|run\)/#= $d/\1/#" -e 's/^listen = .*/listen = 127.0.0.1:0/' "$d/etc/lars/$1.ini" >"$tmp/$1.ini"
    mkdir -p "$d/var/lib/lars-site" "$d/var/lib/lars-gateway" "$d/var/log/lars-gateway" "$d/run/lars"
}
starts() { timeout 60 "$d/usr/sbin/$1" -c "$tmp/$1.ini" --check-config; }
refused() { starts "$1" >"$tmp/why" 2>&1 && return 1; cat "$tmp/why"; grep -qF -- "$2" "$tmp/why"; }
moved showcase-node
check 'showcase-node starts from the installed pages' starts showcase-node
mv "$d/usr/share/lars/site/layout.html" "$tmp/"
check 'without one of them it names the file' refused showcase-node "$d/usr/share/lars/site/layout.html"
mv "$tmp/layout.html" "$d/usr/share/lars/site/"
moved lars-gateway
check 'lars-gateway names the file of the rules, which an operator writes' refused lars-gateway "$d/etc/lars/gateway-rules.ini"
printf '[rule site]\nhost = expo.example.edu\npath = /\nmodule = 1/2\n' >"$d/etc/lars/gateway-rules.ini"
check 'with the rules of its page lars-gateway starts from the installed configuration' starts lars-gateway
rm "$d/etc/lars/gateway-rules.ini"
check 'showcase-import accepts the installed samples' sh -c "timeout 60 '$d/usr/bin/showcase-import' -c '$d/etc/lars/showcase-import.ini' -s '$tmp/none' -e 2027 '$d/usr/share/lars/site/samples/exhibits.csv' '$d/usr/share/lars/site/samples/pictures' 2>&1 | grep -q '40 exhibits'"
# The drills name what is installed, and kill-nodes runs the larsctl in PATH.
drills=usr/share/lars/drills
for f in "$d/$drills"/*.ini; do
    check "larsctl accepts the installed ${f##*/}" sh -c "'$d/usr/bin/larsctl' -c '$d/etc/lars/larsctl.ini' drill run '$f' '$tmp/drill' | grep -q 'the script is right; nothing was done'"
    check "and it has a file for each path" sh -c "grep -o '/usr/share/[^ ]*' '$f' | while read -r p; do test -s '$d'\"\$p\" || exit 1; done"
done
check 'no drill has a path of the source tree' sh -c "! grep -E 'build/|make run|final/|sh drills/' '$d/$drills'/*"
check 'the paths are those of make run' [ "$(head -n 2 "$d/$drills/paths" | tr '\n' ' ')$(wc -l <"$d/$drills/paths")" = '/zh/?n=1 /en/?n=2 5000' ]
check 'the installed render finds templates and schema, and renders both zones and the arbiter' sh -c "'$d/usr/share/lars/two-zones/render' '$d/usr/share/lars/two-zones/values.ini' '$tmp/zones' && [ -s '$tmp/zones/a/db.cnf' ] && [ -s '$tmp/zones/b/setup.sql' ] && [ -s '$tmp/zones/c/garbd.cfg' ]"
check 'each key and password is for its owner only' sh -c "! find '$tmp/zones' -perm /007 | grep ."
mkdir "$tmp/path"; sleep 60 & first=$!; sleep 60 & second=$!
printf '#!/bin/sh\n[ "$*" = "-o csv host slots here" ] && printf "slot,pid,state\\n1,0,failed\\n2,%s,ready\\n3,%s,ready\\n"\n' $first $second >"$tmp/path/larsctl"; chmod +x "$tmp/path/larsctl"
check 'the installed kill-nodes kills no more nodes than N' sh -c "[ \"\$(PATH='$tmp/path':\$PATH '$d/$drills/kill-nodes' here 1)\" = 'killed $first' ]"
wait $first; check 'with SIGKILL' [ $? = 137 ]
check 'and no other' kill $second; wait $second
check 'without a larsctl in PATH it says so' sh -c "LARSCTL_PROGRAM=larsctl-none '$d/$drills/kill-nodes' here 2>&1 | grep -q 'there is no larsctl-none; add its folder to PATH'"
# An operator renders the example of a fleet with what is installed.
printf '[larsctl]\nfleet = %s/usr/share/lars/fleet\n' "$d" >"$tmp/ctl.ini"
check 'the installed larsctl renders the example of a fleet' sh -c "'$d/usr/bin/larsctl' -c '$tmp/ctl.ini' fleet render '$d/usr/share/lars/fleet/fleet.ini' '$tmp/fleet' && [ -s '$tmp/fleet/a1/db/db.cnf' ] && grep -q '^pages = /usr/share/lars/console\$' '$tmp/fleet/a1/conf/lars-console.ini'"
# Each installed file is in one Debian package.
make -s BUILD="$build" install DESTDIR="$tmp/deb" PREFIX=/usr LIBDIR=/usr/lib/x UNITDIR=/lib/systemd/system >/dev/null 2>&1
packaged() {
    sed 's/[ \t].*//; s/\${DEB_HOST_MULTIARCH}/x/; s#^/##' deploy/debian/*.install | sort >"$tmp/patterns"
    (cd "$tmp/deb" && find . ! -type d | sed 's#^\./##' | sort) | while read -r f; do
        n=0
        while read -r pattern; do case $f in $pattern | $pattern/*) n=$((n + 1)) ;; esac; done <"$tmp/patterns"
        [ $n = 1 ] || echo "$f is in $n packages"
    done >"$tmp/not_once"
    cat "$tmp/not_once"; [ ! -s "$tmp/not_once" ]
}
check 'each installed file is in one Debian package' packaged
check 'the sources of the packages have all that their build needs' sh -c "make -s BUILD='$tmp/packages' deb-sources && env -u BUILD -u MAKEFLAGS -u MAKELEVEL make -n -C '$tmp'/packages/deb/lars-* all api java man completion"
if [ -d ../docs ]; then
    for f in deploy/debian/*.install; do
        p=${f##*/}; p=${p%.install}
        check "docs/tools/install-test purges $p" sh -c "grep -q 'dpkg --purge .*\b$p\b' ../docs/tools/install-test"
    done
fi
complete() { # WORD...: prints what bash offers for the last word
    bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); "_${1//-/_}"; echo "${COMPREPLY[*]}"' \
        "$d/usr/share/bash-completion/completions/$1" "$@"
}
offers() { # WANTED WORD...: bash offers WANTED for the last word
    want=$1; shift; got=$(complete "$@"); echo "$got"; case " $got " in *" $want "*) ;; *) return 1 ;; esac
}
check 'completion offers an option of a daemon' offers --print-config lars-dnsd --p
check 'completion offers a command of larsctl' offers route larsctl ro
check 'completion offers the second word of a command behind options' offers drain larsctl -c x route dr
exit $bad
