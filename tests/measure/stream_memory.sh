#!/usr/bin/env bash
# Streams 200,000 instances over a sealed connection and fails when the peak of memory grows by more than 32 MiB.
set -euo pipefail
cd "$(dirname "$0")/../.."
output=$(cargo run --locked --release --quiet --example stream_instances -- "${1:-200000}")
printf '%s\n' "$output"
grown=$(printf '%s\n' "$output" | sed -n 's/^peak memory grew by \([0-9]*\) KiB.*/\1/p')
[ -n "$grown" ] && [ "$grown" -le 32768 ]
