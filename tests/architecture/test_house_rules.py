"""Files stay short, and nothing in the repository knows the machine or the registry it was made with."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 500  # lines; 400 is the aim (CONTRIBUTING.md), beyond this a file is cut in two
MACHINE = re.compile(r"(?<![\w./~-])/(work|root|tmp|home/\w+|mnt)/")
REGISTRY = re.compile(
    r"https?://[^\s/\"')]*(pypi|pythonhosted|artifactory|nexus|devpi|npmjs)|--?(extra-)?index-url|--find-links", re.I
)


def tracked() -> list[Path]:
    """Every text file of the repository: what git holds or would take in; all of src, tests, docs without git."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        answer = subprocess.run(
            [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        paths = [ROOT / name for name in answer.stdout.split("\0") if name]
    else:
        paths = [path for folder in ("src", "tests", "docs", "bench") for path in (ROOT / folder).rglob("*")]
    return [path for path in paths if path.is_file() and path.suffix not in {".png", ".pyc"}]


def test_no_source_file_is_longer_than_five_hundred_lines() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "src").rglob("*.py")
    }

    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST}


@pytest.mark.parametrize(("pattern", "what"), [(MACHINE, "a path of one machine"), (REGISTRY, "a package registry")])
def test_no_file_names(pattern: re.Pattern[str], what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]

    assert not found, f"{what} is named"


def test_every_hook_runs_a_tool_of_the_environment() -> None:
    """Nothing is fetched when somebody commits."""
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")

    assert set(re.findall(r"repo:\s*(\S+)", text)) == {"local"}
    assert set(re.findall(r"language:\s*(\S+)", text)) == {"system"}
    assert all(entry.startswith(".venv/bin/") for entry in re.findall(r"entry:\s*(\S+)", text))
