#!/usr/bin/env bash
# A client runs one script that increments 1,000 keys: Redis has 1,001 commands more, and their time twice.
#
# Version: redis-server 7.0.15 (Debian 5:7.0.15-1~deb12u10), redis-cli of the same.
# Guess before the run: total_commands_processed is what clients asked for, so one EVAL is one.
# Seen: it grows by 1,001 for one EVAL, and by one for the INFO that asks.  In `info commandstats` the time of each INCR
#   is in cmdstat_incr and once more in cmdstat_eval, so that the sum over all commands is more than the server worked.
# So "commands per second" of two versions of a program cannot be compared when one of them uses scripts; count calls of
#   eval and evalsha, or requests in the client.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v redis-server > /dev/null || apt-get install --yes --quiet redis-server > /dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 60 redis-server --port "$port" --bind 127.0.0.1 --save "" > server.txt &
server=$!
ask() { timeout 10 redis-cli -p "$port" "$@" | tr -d '\r'; }
until [ "$(ask ping 2> /dev/null)" = PONG ]; do sleep 0.1; done
processed() { ask info stats | sed -n 's/^total_commands_processed://p'; }
spent() { ask info commandstats | sed -n "s/^cmdstat_$1:.*usec=\([0-9]*\),.*/\1/p"; }
before=$(processed)
ask eval "for key = 1, 1000 do redis.call('incr', key) end return 'done'" 0
more=$(($(processed) - before))
echo "commands more for one EVAL and one INFO: $more"
[ "$more" = 1002 ]
inner=$(spent incr)
outer=$(spent eval)
echo "time of INCR $inner us, of EVAL with them $outer us"
[ "$inner" -gt 0 ]
[ "$outer" -ge "$inner" ]
