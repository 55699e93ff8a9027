"""The harness of the peer runs and counts: what it finds is told in docs/outbox.md, never asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.mark.skipif(find_spec("post_office") is None, reason="django-post_office is not installed")
def test_a_killed_peer_reaches_everybody_and_is_counted(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("peer.py")), "--messages", "150", "--kills", "2"]
    environment = {**os.environ, "REKINDLE_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] == 2
    assert found["heard"] + found["never_heard"] == 150
    assert found["heard_twice_or_more"] <= found["heard"]
