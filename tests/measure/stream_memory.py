#!/usr/bin/env python3
"""Whether streaming 200,000 instances keeps memory flat: runs the example `stream_instances` and checks its peak.

The example talks to a simulated host in a process of its own, over a sealed connection.
"""

import pathlib
import re
import subprocess
import sys

INSTANCES = 200_000
MOST_MEBIBYTES = 32
ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> None:
    command = ["cargo", "run", "--release", "--example", "stream_instances", "--", str(INSTANCES)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    print(done.stdout.strip())
    grown = re.search(r"peak memory grew by (\d+) KiB", done.stdout)
    if f"{INSTANCES} instances" not in done.stdout or grown is None:
        sys.exit("the example did not bring all instances, or does not know its memory")
    mebibytes = int(grown[1]) / 1024
    print(f"growth {mebibytes:.1f} MiB (goal {MOST_MEBIBYTES} MiB)")
    sys.exit(mebibytes > MOST_MEBIBYTES)


if __name__ == "__main__":
    main()
