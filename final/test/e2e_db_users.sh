#!/bin/sh
# e2e_db_users.sh -- the users of the database that common/sql/users.sql creates: each may
# do its work, and none can change or delete rows of the audit.
set -u
cd "$(dirname "$0")/.."
[ -z "${LARS_MODE:-}" ] || { echo "skip - users of the database: not under $LARS_MODE"; exit 0; }
build=${BUILD:-build}; dir=$(mktemp -d); bad=0
trap 'sh common/mariadb wipe "$dir" >/dev/null 2>&1; rm -f "$dir.ini" "$dir.out" "$dir.grants" "$dir.mine"' EXIT
check() { # WHAT COMMAND...
    what=$1; shift
    if "$@" >"$dir.out" 2>&1; then echo "ok - $what"; else echo "not ok - $what: $(head -c 300 "$dir.out")"; bad=1; fi
}
sh common/mariadb start "$dir" >/dev/null || { echo 'not ok - the server starts'; exit 1; }
sh common/users "$dir"
as() { # USER SQL
    mariadb --no-defaults --socket="$dir/sock" --user="$1" --password="$1" lars_dns -N -e "$2"
}
denied() { as "$1" "$2" >"$dir.out" 2>&1 && return 1; cat "$dir.out"; grep -q 'denied' "$dir.out"; }
admin() { mariadb --no-defaults --socket="$dir/sock" --user="$(id -un)" -N -e "$1"; }
for u in lars_web lars_web_ro lars_ctl lars_scale; do
    for t in Audit RouteLog; do
        check "$u reads $t" as $u "SELECT COUNT(*) FROM $t"
        check "$u cannot change $t" denied $u "UPDATE $t SET at = at WHERE id = 0"
        check "$u cannot delete from $t" denied $u "DELETE FROM $t WHERE id = 0"
        check "$u cannot empty $t" denied $u "TRUNCATE $t"
    done
    check "$u cannot drop a trigger" denied $u 'DROP TRIGGER route_data_insert'
done
for u in lars_web lars_ctl; do check "$u adds to the audit" as $u "INSERT INTO Audit (actor, via, action, result) VALUES ('a', 'b', 'c', 'd')"; done
check 'lars_web_ro changes no route' denied lars_web_ro 'DELETE FROM RouteData WHERE modid = 0'
check 'lars_web_ro adds nothing to the audit' denied lars_web_ro "INSERT INTO Audit (actor, via, action, result) VALUES ('a', 'b', 'c', 'd')"
check 'lars_web_ro ends no session' denied lars_web_ro 'DELETE FROM Session'
check 'lars_web_ro notes that a session is in use' as lars_web_ro 'UPDATE Session SET seen_at = NOW(3) WHERE user = 0'
check 'lars_web adds no user of the console' denied lars_web "INSERT INTO User (name, pwhash, role) VALUES ('x', '', 'admin')"
check 'lars_ctl takes the lease of a demonstration' as lars_ctl "INSERT INTO Lease (name, holder, until_at) VALUES ('demo', 1, NOW(3)) ON DUPLICATE KEY UPDATE holder = 1"
check 'lars_ctl takes no lease away by deleting it' denied lars_ctl 'DELETE FROM Lease'
check 'lars_scale gives no lease back by deleting it' denied lars_scale 'DELETE FROM Lease'
check 'lars_scale changes no decision that is recorded' denied lars_scale 'UPDATE ScaleDecision SET note = 1'
check 'lars_scale changes no policy' denied lars_scale 'UPDATE ScalePolicy SET max_zone = 1'
check 'lars_scale ends no freeze' denied lars_scale 'DELETE FROM Freeze'
check 'lars_scale changes no state of slots' denied lars_scale 'DELETE FROM ScaleSlot'
ctl() { "$build/larsctl" -c "$dir.ini" "$@"; }
for u in lars_ctl lars_web; do
    printf '[db]\nsocket = %s/sock\nuser = %s\npassword = %s\n' "$dir" $u $u >"$dir.ini"
    check "as $u a node is added" ctl route add 9 9 127.0.0.1:80
    check "as $u a node is drained" ctl -y route drain 9 9 127.0.0.1:80
    check "as $u a module is named" ctl module set 9 9 a b
    check "as $u a policy is set" ctl policy set 9 9 rule=hash
    check "as $u a policy is deleted" ctl policy delete 9 9
    check "as $u a change is confirmed" ctl route confirm 9 9
    check "as $u an alarm is silenced" ctl alarm silence node_down 5 because 9/9
    check "as $u a node is removed" ctl -y route remove 9 9 127.0.0.1:80
    check "as $u a link of a wall is made" ctl wall link 1
    check "as $u links of walls are ended" ctl wall end
done
names_it() { ctl db check >"$dir.out" 2>&1 && return 1; grep -q "right is missing: .*[dD]enied.*load users.sql again" "$dir.out"; }
# Of each GRANT of users.sql, one right after the other is taken from each user.
grep -o '^GRANT [^S].* ON lars_dns[.][A-Z].*' common/sql/users.sql | tr -d ';,' | while read -r _ rest; do
    what=${rest%% ON *}; of=${rest#* ON }; table=${of%% *}
    for u in ${of#* TO }; do echo "${u%@*} $table $what"; done
done >"$dir.grants"
for u in lars_web lars_web_ro lars_ctl lars_scale; do
    printf '[db]\nsocket = %s/sock\nuser = %s\npassword = %s\n' "$dir" $u $u >"$dir.ini"
    check "as $u db check finds the schema whole" ctl db check
    grep "^$u " "$dir.grants" >"$dir.mine"
    check "$u has grants" test -s "$dir.mine"
    while read -r _ table what; do
        case $what in *'('*) set -- "$what" ;; *) set -- $what ;; esac
        for right; do
            admin "REVOKE $right ON $table FROM $u@localhost"
            check "as $u db check names the lack of $right on $table" names_it
            admin "GRANT $right ON $table TO $u@localhost"
        done
    done <"$dir.mine"
    check "as $u db check is content again" ctl db check
done
admin "DROP TRIGGER lars_dns.route_data_insert"
printf '[db]\nsocket = %s/sock\nuser = lars_web\npassword = lars_web\n' "$dir" >"$dir.ini"
misses_it() { ctl db check >"$dir.out" 2>&1; grep -q 'trigger route_data_insert is missing' "$dir.out"; }
check 'as lars_web db check names a trigger that is missing' misses_it
sh common/mariadb sql "$dir" <common/sql/triggers.sql
printf '[db]\nsocket = %s/sock\nuser = lars_ctl\npassword = lars_ctl\n' "$dir" >"$dir.ini"
check 'as lars_ctl a user of the console is added' ctl user add op.li admin
check 'as lars_ctl its role is changed' ctl user role op.li viewer
admin "DROP USER lars_ctl@localhost"
check 'users.sql can be loaded again' sh common/mariadb sql "$dir" <common/sql/users.sql
check 'and keeps passwords' as lars_web 'SELECT 1'
check 'a new user is locked until it has a password' sh -c "[ \"\$(mariadb --no-defaults --socket='$dir/sock' --user=\$(id -un) -N -e \"SELECT JSON_VALUE(Priv, '\$.account_locked') FROM mysql.global_priv WHERE User = 'lars_ctl'\")\" = 1 ]"
exit $bad
