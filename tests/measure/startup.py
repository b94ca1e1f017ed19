#!/usr/bin/env python3
"""Times `hvr --version` as a whole process: 50 runs, wall time and peak of resident memory.

    cargo build --release; python3 tests/measure/startup.py
"""

import os
import statistics
import subprocess
import time

HVR = os.path.join(os.path.dirname(__file__), "../../target/release/hvr")
times, peaks = [], []
for _ in range(50):
    started = time.perf_counter()
    child = subprocess.Popen([HVR, "--version"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    times.append((time.perf_counter() - started) * 1000)
    assert status == 0
    peaks.append(usage.ru_maxrss / 1024)
print(f"hvr --version: best {min(times):.1f} ms, median {statistics.median(times):.1f} ms, peak {max(peaks):.1f} MiB")
