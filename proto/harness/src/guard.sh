#!/bin/sh
# Runs a private RabbitMQ node until nobody has held the lock for a while, then takes everything away.
# A test that is killed lets go of the lock too, so that no node outlives its tests.
# $1 folder of the node, $2 lock file, $3 tenths of a second without a holder, $4 server script, $5 file to forget
exec 9>>"$2"
free=0 script=
while :; do
    # a file `down` says that a test killed the node and wants it dead
    if [ ! -e "$1/down" ] && { [ -z "$script" ] || ! kill -0 "$script" 2>/dev/null; }; then
        "$4" >>"$1/out" 2>&1 9>&- </dev/null &
        script=$!
    fi
    if flock -n 9; then
        free=$((free + 1))
        [ "$free" -ge "$3" ] && break
        flock -u 9
    else
        free=0
    fi
    sleep 0.1
done
# the lock stays held until all is gone: a newcomer waits and then starts its own node
[ -n "$5" ] && rm -f "$5"
kill -9 "$script" "$(cat "$1/pid")" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    epmd -port "$ERL_EPMD_PORT" -kill 2>/dev/null | grep -q Killed && break
    sleep 0.2
done
rm -rf "$1"
