#!/usr/bin/env python3
"""Reads the bytes of the benchmark `pull_response` with lxml's bare tree, in the same run, and prints the ratio.

    pip install lxml; python3 tests/measure/lxml_ratio.py
"""

import os
import re
import subprocess
import tempfile
import time

from lxml import etree

with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "reply.xml")
    command = ["cargo", "bench", "--locked", "--bench", "pull_response"]
    output = subprocess.run(command, env={**os.environ, "HVR_BENCH_FILE": file}, check=True, capture_output=True, text=True)
    print(output.stdout.strip())
    with open(file, "rb") as reply:
        data = reply.read()

times = []
parser = etree.XMLParser(huge_tree=True)
for _ in range(7):
    started = time.perf_counter()
    tree = etree.fromstring(data, parser)
    times.append(time.perf_counter() - started)
    del tree
times.sort()
lxml = [len(data) / 1e6 / seconds for seconds in (times[0], times[len(times) // 2])]
print(f"lxml, bare tree                    best {lxml[0]:6.0f} MB/s   median {lxml[1]:6.0f} MB/s")
line = re.search(r"Page.*best\s+(\d+) MB/s\s+median\s+(\d+) MB/s", output.stdout)
ours = [float(line.group(1)), float(line.group(2))]
print(f"instances / lxml's bare tree       best {ours[0] / lxml[0]:.2f}   median {ours[1] / lxml[1]:.2f}")
