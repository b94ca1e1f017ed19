#!/usr/bin/env bash
# Passwords from the keyring of the system: GNOME Keyring on a bus of its own, filled with secret-tool.
#
#     tests/interop/keyring.sh HVR      with an hvr built with --features keyring
set -euo pipefail

if [ -z "${HVR_KEYRING_BUS:-}" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  # The keyring and its sockets live and end with this folder.
  export HVR_KEYRING_BUS=1 HOME=$folder XDG_DATA_HOME=$folder XDG_RUNTIME_DIR=$folder XDG_CONFIG_HOME=$folder
  unset DISPLAY WAYLAND_DISPLAY
  timeout 120 dbus-run-session -- "$0" "$@"
  exit
fi

hvr=$1
printf 'keyring' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
"$hvr" simulate -o jsonl >"$HOME/host" 2>"$HOME/host.log" &
host=$!
trap 'kill $host' EXIT
for _ in $(seq 100); do [ -s "$HOME/host" ] && break; sleep 0.1; done
read -r url user password < <(python3 -c '
import json, sys
host = json.loads(sys.stdin.readline())
print(host["url"], host["user"], host["password"])' <"$HOME/host")

ask() { "$hvr" wsman identify -H "$url" -u "$user" --password-keyring -vv >"$HOME/said" 2>&1; }
says() {
  grep -qF -- "$1" "$HOME/said" || { echo "not said: $1" >&2; cat "$HOME/said" >&2; exit 1; }
  if grep -qF -- "$password" "$HOME/said"; then echo 'the password is shown' >&2; exit 1; fi
}
store() { printf '%s' "$1" | secret-tool store --label=hvr service "$2" username "$user"; }

# No entry: where it was looked for, and how to make one.
status=0; ask || status=$?
[ "$status" = 2 ]; says "has no entry of $user for hvr:127.0.0.1 or hvr"; says "secret-tool store --label=hvr service hvr:127.0.0.1"
# One for all hosts.
store "$password" hvr; ask; says 'Microsoft Corporation'
# One for this host counts more, and is the only one that is tried.
store 'wrong-horse' hvr:127.0.0.1
status=0; ask || status=$?
[ "$status" = 7 ]
store "$password" hvr:127.0.0.1; secret-tool clear service hvr username "$user"; ask; says 'Microsoft Corporation'
# A profile can say so, too.
mkdir "$HOME/hvr"
printf 'default = "a"\n[profiles.a]\nhost = "%s"\nuser = "%s"\npassword_keyring = true\n' "$url" "${user//\\/\\\\}" >"$HOME/hvr/config.toml"
"$hvr" wsman identify >"$HOME/said"; says 'Microsoft Corporation'
# And without a keyring.
status=0; DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent ask || status=$?
[ "$status" = 2 ]; says 'no keyring answers'
echo 'keyring: passwords come from it, and nothing of them is shown'
