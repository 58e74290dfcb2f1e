#!/usr/bin/env bash
# One call in ten is cancelled after 500 ms: pg_stat_statements has nine calls, and none that took 100 ms.
#
# Version: PostgreSQL 15.18 with pg_stat_statements 1.10 (Debian 15.18-0+deb12u1).
# Guess before the run: a statement that the server cancels has run, so it is a call, and its 500 ms are the maximum.
# Seen: nine calls of `pg_sleep(0.01)` and one of `pg_sleep(3)`, the same statement to the view, with statement_timeout
#   at 500 ms: calls 9, max_exec_time 11 to 36 ms.  The tenth is in no column, and no row of its own tells of it; only
#   `xact_rollback` of pg_stat_database counts one.  A division by zero is left out alike.
# So the slower a query becomes, the better it looks there once time-outs cut it off; count rollbacks beside it, or
#   the errors that clients saw.
set -euo pipefail
work=$(mktemp -d)
chmod 755 "$work"
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$work/pg/data" -m immediate stop > /dev/null 2>&1 || true; rm -rf "$work"' EXIT
cd "$work"
[ -d /usr/lib/postgresql/15 ] || apt-get install --yes --quiet postgresql > /dev/null
bin=/usr/lib/postgresql/15/bin
mkdir pg
[ "$(id -u)" != 0 ] || chown postgres pg
cd pg
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as "$bin/initdb" -D data -A trust -U tester > /dev/null
cat > "$work/more.conf" <<CONF
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_preload_libraries = 'pg_stat_statements'
CONF
cat "$work/more.conf" >> data/postgresql.conf
as timeout 60 "$bin/pg_ctl" -D data -w -l log start > /dev/null
ask() { timeout 20 psql --host 127.0.0.1 --port "$port" --username tester --dbname postgres -qAt "$@"; }
ask -c "create extension pg_stat_statements; create table stock (item int); insert into stock values (1)"
rolled_back=$(ask -c "select xact_rollback from pg_stat_database where datname = 'postgres'")
for _ in 1 2 3 4 5 6 7 8 9; do ask -c "select pg_sleep(0.01)"; done > /dev/null
! ask -c "set statement_timeout = 500" -c "select pg_sleep(3)" 2> cancelled
! ask -c "select 1 / item from stock where item = 1" -c "select 1 / (item - 1) from stock" > /dev/null 2>> cancelled
cat cancelled
seen=$(ask -c "select calls, max_exec_time < 100 from pg_stat_statements where query like 'select pg_sleep%'")
divided=$(ask -c "select count(*) from pg_stat_statements where query like '%item - %'")
rollbacks="select xact_rollback from pg_stat_database where datname = 'postgres'"
until now=$(ask -c "$rollbacks"); [ "$now" -ge $((rolled_back + 2)) ]; do
  sleep 0.5
done
ask -c "select calls, round(max_exec_time) || ' ms' from pg_stat_statements where query like 'select pg_sleep%'"
echo "calls and whether all were below 100 ms: $seen; rows of the division: $divided; rolled back: $((now - rolled_back))"
grep -q "statement timeout" cancelled
grep -q "division by zero" cancelled
[ "$seen" = "9|t" ]
[ "$divided" = 0 ]
