#!/bin/sh
# Usage: launch.sh PID_FILE COMMAND...   Records its pid, then becomes the command.
# The record lets `down` find the process when the supervisor itself was killed.
# A program that ended within a second of its start waits a second, so that one that cannot start does not spin.
pid_file=$1
shift
just_started=$(find "$pid_file" -newermt '1 second ago' 2>/dev/null)
echo $$ >"$pid_file"
[ -z "$just_started" ] || sleep 1
exec "$@"
