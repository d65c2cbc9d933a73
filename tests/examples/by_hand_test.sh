#!/usr/bin/env bash
# Runs the shell block of examples/grpc_any_language.md as it is written.
#
# Usage: by_hand_test.sh ROOT BUILD
source "$(dirname "$0")/with_server.sh"
root=$1 build=$2

start_server "$build"
cd "$work"
ln -s "$root/proto" proto
awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' \
  "$root/examples/grpc_any_language.md" >steps.sh
server=$server bash -euo pipefail steps.sh
# -0.5, -1 and 2 in float32, as protoc writes bytes.
grep -F 'update: "\000\000\000\277\000\000\200\277\000\000\000@"' step
