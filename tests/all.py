"""`make test`: everything that must hold, one after the other, and at the end what was skipped and why.

1. lint, types, import contracts
2. the whole suite with the books in SQLite
3. the suite of the books again on PostgreSQL
4. the pages in a real Chromium (part of step 2 when one is found; this script looks for it, and installs Debian's
   where it may)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BOOKS = ["tests/accounts", "tests/relationships", "tests/journal", "tests/workflows", "tests/web", "tests/cli"]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

skipped: list[str] = []


def run(title: str, *command: str, **environment: str) -> bool:
    """One part; its output goes straight through."""
    print(f"\n── {title}", flush=True)
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)
    print(f"── {title}: {'ok' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - begun:.0f} s", flush=True)
    return done.returncode == 0


def find_chromium() -> str | None:
    """A Chromium on the PATH, installed from Debian's packages when there is none and we have the right to."""
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        print("── installing Chromium from Debian's packages", flush=True)
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(command, env=environment, check=False, **quiet)
        return shutil.which("chromium")
    return None


def main() -> int:
    parts = [
        run("lint", str(BIN / "ruff"), "check", "."),
        run("format", str(BIN / "ruff"), "format", "--check", "."),
        run("types", str(BIN / "mypy")),
        run("import contracts", str(BIN / "lint-imports")),
    ]
    chromium = find_chromium()
    if chromium is None:
        skipped.append("the browser tests: no Chromium on the PATH (install the package chromium and run again)")
    if not (ROOT.parent / "shared" / "data").is_dir() and "REKINDLE_TEST_DATA" not in os.environ:
        skipped.append("the tests on real histories: set REKINDLE_TEST_DATA to the folder that holds them")
    workers = str(min(4, os.cpu_count() or 1))
    suite = [str(BIN / "python"), "-m", "pytest", "-q", "-n", workers, "--dist", "loadfile"]
    parts.append(run("suite on SQLite", *suite, REKINDLE_TEST_CHROMIUM=chromium or ""))
    if sys.platform == "linux" or sys.platform == "darwin":
        books = [folder for folder in BOOKS if (ROOT / folder).is_dir()]
        parts.append(run("books on PostgreSQL", *suite, *books, REKINDLE_TEST_BOOKS="postgresql"))
    for reason in skipped:
        print(f"skipped: {reason}")
    print("all parts passed" if all(parts) else "some parts FAILED, see above")
    return 0 if all(parts) else 1


if __name__ == "__main__":
    sys.exit(main())
