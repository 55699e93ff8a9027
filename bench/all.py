"""Every bench at a size that takes minutes, one after the other; each file says how to run it larger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BENCHES = (
    ("bgnbd.py", "--alone", "1000000"),
    ("purchases.py",),
    ("summaries.py", "--events", "2000000"),
    ("take_in.py", "--rows", "1000000"),
    ("night.py", "--people", "100000"),
    ("gate.py",),
    ("paretonbd.py", "--people", "23570", "--alone", "1000000"),
    ("contracts.py",),
    ("lifetime_value.py",),
    ("hazard.py", "--seeds", "0"),
    ("backtest.py", "--people", "20000"),
    ("outbox.py", "--messages", "1000"),
    ("ingest.py", "--seconds", "2", "--runs", "3"),
    ("restart.py", "--messages", "200000"),
    ("looked_after.py",),
    ("playbooks.py", "--people", "100000"),
    ("rendering.py", "--people", "20000"),
    ("pymc_marketing.py", "--draws", "200", "--models", "bgnbd"),
)

if __name__ == "__main__":
    for name, *words in BENCHES:
        print(f"\n── {name} {' '.join(words)}", flush=True)
        subprocess.run([sys.executable, str(FOLDER / name), *words], check=True)
