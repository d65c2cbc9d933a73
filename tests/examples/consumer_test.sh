#!/usr/bin/env bash
# Installs the client library of a build into an empty prefix, builds
# examples/cpp against that prefix alone, and runs it against a server.
#
# Usage: consumer_test.sh ROOT BUILD COMPILER FLAGS
source "$(dirname "$0")/with_server.sh"
root=$1 build=$2 compiler=$3 flags=$4

cmake --install "$build" --prefix "$work/prefix" --component client-dev >/dev/null
# Away from the source tree, which must not be needed.
cp -r "$root/examples/cpp" "$work/example"
cmake -S "$work/example" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags"
cmake --build "$work/build"

start_server "$build"
output=$("$work/build/minimise" "$server")
echo "$output"
[[ $output =~ ^'OK; theta[0] = '(2\.99|3\.00) ]]
