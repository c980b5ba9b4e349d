#!/bin/sh
# e2e_mariadb.sh -- common/mariadb status: one line for each thing that can be wrong with a
# database, with its mend.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - the database's status: not under $LARS_MODE"; exit 0; }
dir=$(mktemp -d); rc=0
trap 'sh common/mariadb wipe "$dir" >/dev/null 2>&1' EXIT
sql() { mariadb --no-defaults --socket="$dir/sock" --user="$(id -un)" -e "$1"; }
status() { # TEXT WHAT
    said=$(sh common/mariadb status "$dir" 2>&1)
    case $said in *"$1"*) echo "ok - $2" ;; *) echo "not ok - $2: said $said"; rc=1 ;; esac
}
status 'not running; mend: common/mariadb start' 'a server that does not run'
sh common/mariadb start "$dir" >/dev/null || { echo 'not ok - it starts'; exit 1; }
status 'mariadb: ok' 'nothing wrong'
sql "ALTER USER lars@localhost IDENTIFIED BY 'other'"
status 'user lars cannot log in' 'a wrong password'
sh common/mariadb stop "$dir"; sh common/mariadb start "$dir" >/dev/null
status 'mariadb: ok' 'the mend works'
sql 'DROP TRIGGER lars_dns.route_data_insert'
all=$(grep -c "CREATE OR REPLACE TRIGGER" common/sql/triggers.sql)
status "triggers missing ($((all - 1)) of $all)" 'a missing trigger'
sh common/mariadb sql "$dir" <common/sql/triggers.sql
sql 'ALTER TABLE lars_dns.ServerCallStatus DROP COLUMN overload'
status 'schema old (' 'an old schema'
sql 'DROP DATABASE lars_dns'
status 'schema absent' 'no schema'
sh common/mariadb sql "$dir" <common/sql/schema.sql
status "triggers missing (0 of $all)" 'the mend of that works too'
sh common/mariadb wipe "$dir"
exit $rc
