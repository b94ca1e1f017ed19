#!/usr/bin/env python3
"""How long `hvr --version` takes and how much memory it holds: median and worst of 200 runs.

Without an argument the release build is measured, and made first; else the binary that is named. The peak of memory counts
that of the process that starts it, this python's; a small program that starts hvr sees less.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

RUNS = 200
MILLISECONDS, MEBIBYTES = 5.0, 10.0
ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(binary: str) -> tuple[float, float]:
    """Milliseconds from fork to exit, and peak resident MiB."""
    start = time.perf_counter()
    child = os.posix_spawn(
        binary, [binary, "--version"], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )
    _, status, usage = os.wait4(child, 0)
    elapsed = (time.perf_counter() - start) * 1000
    if status != 0:
        sys.exit(f"{binary} --version ended with {status}")
    return elapsed, usage.ru_maxrss / 1024


def main() -> None:
    if len(sys.argv) > 1:
        binary = os.path.abspath(sys.argv[1])
    else:
        subprocess.run(["cargo", "build", "--release", "--bin", "hvr"], cwd=ROOT, check=True)
        binary = str(ROOT / "target/release/hvr")
    run(binary)  # the file is in memory from here on
    times, sizes = zip(*(run(binary) for _ in range(RUNS)))
    median, size = statistics.median(times), max(sizes)
    print(f"hvr --version: median {median:.2f} ms, worst {max(times):.2f} ms (goal {MILLISECONDS:.0f} ms)")
    print(f"peak resident: {size:.1f} MiB (goal {MEBIBYTES:.0f} MiB)")
    sys.exit(median > MILLISECONDS or size > MEBIBYTES)


if __name__ == "__main__":
    main()
