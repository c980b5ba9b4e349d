#!/bin/sh
# e2e_mariadb.sh -- common/mariadb status names each fault of a database and its mend.
set -u
[ -z "${LARS_MODE:-}" ] || { echo "skip - status of the database: not run under $LARS_MODE"; exit 0; }
dir=$(mktemp -d); rc=0
trap 'sh common/mariadb wipe "$dir" >/dev/null 2>&1' EXIT
sql() { mariadb --no-defaults --socket="$dir/sock" --user="$(id -un)" -e "$1"; }
status() { # TEXT WHAT
    said=$(sh common/mariadb status "$dir" 2>&1)
    case $said in *"$1"*) echo "ok - $2" ;; *) echo "not ok - $2: printed $said"; rc=1 ;; esac
}
status 'not running; mend: common/mariadb start' 'a server that is not running'
# `sleep` never asks for the exit status of the shell's child, so that one stays as a zombie.
sh -c 'true & echo $! >"$0/pid"; exec sleep 60' "$dir" & parent=$!
n=0; until grep -q '^State:.*Z' "/proc/$(cat "$dir/pid" 2>/dev/null)/status" 2>/dev/null || [ $n -ge 500 ]; do n=$((n + 1)); sleep 0.02; done
status 'not running; mend: common/mariadb start' 'a server that was killed, and whose parent has not noticed'
kill $parent; rm -f "$dir/pid"
sh common/mariadb start "$dir" >/dev/null || { echo 'not ok - the server starts'; exit 1; }
status 'mariadb: ok' 'a complete database'
sql "ALTER USER lars@localhost IDENTIFIED BY 'other'"
status 'user lars cannot log in' 'a wrong password'
sh common/mariadb stop "$dir"; sh common/mariadb start "$dir" >/dev/null
status 'mariadb: ok' 'the mended login'
sql 'DROP TRIGGER lars_dns.route_data_insert'
all=$(grep -c "CREATE OR REPLACE TRIGGER" common/sql/triggers.sql)
status "triggers missing ($((all - 1)) of $all)" 'a missing trigger'
sh common/mariadb sql "$dir" <common/sql/triggers.sql
sql 'ALTER TABLE lars_dns.ServerCallStatus DROP COLUMN overload'
status 'schema outdated (' 'a missing column'
sql 'DROP DATABASE lars_dns'
status 'schema missing' 'a missing schema'
sh common/mariadb sql "$dir" <common/sql/schema.sql
status "triggers missing (0 of $all)" 'the mended schema'
check() { what=$1; shift; if "$@"; then echo "ok - $what"; else echo "not ok - $what"; rc=1; fi; }
ended() { ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" = Z ]; }
pid=$(cat "$dir/pid")
kill -STOP "$pid"
sh common/mariadb wipe "$dir"
check 'wipe ends a server that hangs' ended "$pid"
check 'wipe deletes the folder' [ ! -e "$dir" ]
mkdir "$dir"; sh common/mariadb start "$dir" >/dev/null 2>&1 & start=$!
n=0; while [ ! -s "$dir/pid" ] && [ $n -lt 1000 ]; do n=$((n + 1)); sleep 0.02; done
pid=$(cat "$dir/pid")
kill -KILL $start; sh common/mariadb wipe "$dir"
check 'wipe ends a server that has just been started' ended "$pid"
check 'wipe then deletes the folder as well' [ ! -e "$dir" ]
exit $rc
