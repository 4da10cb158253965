# How a script of several steps ends when it is asked to. They source it; it is not run.
# shellcheck shell=bash

# The program under way, which runs in the background: a shell hears signals while it waits, and not
# while a program is in the foreground. (What runs in the background hears no Ctrl-C, so TERM it is.)
child=''

stop() { # STATUS
  trap '' INT TERM
  if [ -n "$child" ]; then
    # A training saves its checkpoint.
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  echo 'stopped; the same command goes on from here' >&2
  exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM

# Run a program and wait for it.
stoppable() { # COMMAND...
  local status=0
  "$@" &
  child=$!
  wait "$child" || status=$?
  child=''
  return "$status"
}
