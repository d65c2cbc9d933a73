# Sourced by the tests of examples: a folder $work that is deleted at the end,
# and, after start_server BUILD, a server at $server.
set -euo pipefail

work=$(mktemp -d)
server_pid=''
clean_up() {
  if [[ -n $server_pid ]]; then kill "$server_pid" && wait "$server_pid" || true; fi
  rm -rf "$work"
}
trap clean_up EXIT

start_server() {
  local line
  mkfifo "$work/ready"
  "$1/bin/metastep-server" --listen=127.0.0.1:0 --state-dir="$work/state" \
    --exit-with-parent >"$work/ready" &
  server_pid=$!
  read -r line <"$work/ready"
  [[ $line =~ \"port\":([0-9]+) ]]
  server=127.0.0.1:${BASH_REMATCH[1]}
}
