#!/usr/bin/env bash
# statement_timeout = 0.4, meant as seconds: PostgreSQL takes it, and has no time-out at all.
#
# Version: PostgreSQL 15.18 (Debian 15.18-0+deb12u1).
# Guess before the run: an error, as the setting is a whole number of milliseconds, or 1 ms, the least there is.
# Seen: `set statement_timeout = 0.4` and `= 0.5` are taken without a notice, `show` has 0, which is no time-out, and
#   a query of 1 s is done; 0.6 is 1 ms and cancels it.  lock_timeout and
#   idle_in_transaction_session_timeout are alike, and so is "0.0004s".
# So a time-out that was to be short is the only one that never ends anything; write the unit, '400ms', and ask
#   `show` what became of it.
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
printf '%s\n' "port = $port" "listen_addresses = '127.0.0.1'" "unix_socket_directories = ''" >> data/postgresql.conf
as timeout 60 "$bin/pg_ctl" -D data -w -l log start > /dev/null
ask() { timeout 20 psql --host 127.0.0.1 --port "$port" --username tester --dbname postgres -qAt "$@" 2>&1; }
set_to() { # NAME VALUE WHAT `show` then says
  seen=$(ask -c "set $1 = $2" -c "show $1")
  echo "$1 = $2: $seen"
  [ "$seen" = "$3" ]
}
for name in statement_timeout lock_timeout idle_in_transaction_session_timeout; do
  set_to "$name" 0.4 0
  set_to "$name" 0.5 0
  set_to "$name" "'0.0004s'" 0
  set_to "$name" 0.6 1ms
  set_to "$name" "'400ms'" 400ms
done
seen=$(ask -c "set statement_timeout = 0.4" -c "select 'done' from pg_sleep(1)")
echo "a query of 1 s with 0.4: $seen"
[ "$seen" = "done" ]
! seen=$(ask -c "set statement_timeout = 0.6" -c "select 'done' from pg_sleep(1)")
echo "with 0.6: $seen"
[ "$seen" = "ERROR:  canceling statement due to statement timeout" ]
