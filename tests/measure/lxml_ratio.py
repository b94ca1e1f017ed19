#!/usr/bin/env python3
"""How fast a PullResponse becomes instances, beside lxml's bare tree on the same bytes.

Needs lxml (`pip install lxml`). Runs the benchmark, which writes its bytes, and parses them with lxml.etree in the
same minute; prints both speeds and their ratio, best of each.
"""

import gc
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from lxml import etree

ROUNDS = 7
GOAL = 4.0
ROOT = pathlib.Path(__file__).resolve().parents[2]


def ours(file: str) -> float:
    """MB/s of the way to instances, from the output of the benchmark."""
    command = ["cargo", "bench", "--no-default-features", "--bench", "pull_response"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "HVR_BENCH_FILE": file}, check=True, capture_output=True, text=True
    )
    print(done.stdout.strip())
    line = re.search(r"^Page, every property of each\s+best\s+(\d+) MB/s", done.stdout, re.MULTILINE)
    if line is None:
        sys.exit("the benchmark printed no speed")
    return float(line[1])


def lxml_tree(data: bytes) -> float:
    """MB/s of lxml.etree.fromstring, limits lifted, tree dropped outside the clock."""
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False)
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        # As the benchmark does: time on a processor, so that other work on the machine is no part of it.
        start = time.thread_time()
        tree = etree.fromstring(data, parser)
        best = min(best, time.thread_time() - start)
        del tree
    return len(data) / 1e6 / best


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "pull.xml")
        speed = ours(file)
        data = pathlib.Path(file).read_bytes()
    tree = lxml_tree(data)
    version = ".".join(map(str, etree.LXML_VERSION))
    print(f"lxml {version}, bare tree                best {tree:6.0f} MB/s")
    print(f"instances / lxml's bare tree       {speed / tree:.1f} (goal {GOAL:.0f})")
    sys.exit(speed / tree < GOAL)


if __name__ == "__main__":
    main()
