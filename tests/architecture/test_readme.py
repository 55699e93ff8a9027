"""The examples of README.md, run against the real files: every line shown and every day named is what comes out."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from rekindle.cli import loads

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Example:
    """One fenced block: a command, and the lines a reader is told to expect of it."""

    words: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def file(self) -> str:
        return self.words[2]


def _examples() -> list[Example]:
    blocks = re.findall(r"^```console\n\$ (rekindle [^\n]+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [
        Example(tuple(shlex.split(command)), tuple(_plain(line) for line in output.splitlines() if line.strip()))
        for command, output in blocks
    ]


def _plain(line: str) -> str:
    return " ".join(line.split())


def test_both_examples_are_found() -> None:
    assert [example.file for example in _examples()] == ["CDNOW_master.txt", "online_retail.parquet"]
    assert all(example.lines for example in _examples())


@pytest.mark.parametrize("example", _examples(), ids=lambda example: example.file)
def test_an_example_comes_out_as_it_is_shown(
    example: Example,
    shared_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command is run once, with `--json`; the lines are what the command prints of that same document."""
    found = sorted(shared_data.rglob(example.file))
    if not found:
        pytest.skip(f"{example.file} is not under {shared_data}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REKINDLE_", "DJANGO_"))}
    answer = subprocess.run(
        [str(Path(sys.executable).with_name("rekindle")), *example.words[1:], "--json"],
        cwd=found[0].parent,
        env={**environment, "REKINDLE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    monkeypatch.setenv("COLUMNS", "120")
    loads.show(document)
    printed = {_plain(line) for line in capsys.readouterr().out.splitlines()}

    assert set(example.lines) <= printed
    assert f"{document['first'][:10]} to {document['last'][:10]}" in _plain(README)


def test_the_readme_opens_with_a_picture_and_the_two_commands() -> None:
    lines = [line for line in README.splitlines() if line.strip()]

    assert lines[0].startswith("![")
    assert [line.split()[1] for line in lines if re.match(r"    make \w", line)] == ["run", "test"]


def test_every_command_and_option_the_papers_show_exists() -> None:
    """Commands in README and guide are checked by name, so that no example outlives an option."""
    import typer.main

    from rekindle.cli.main import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(?:\s{4,}|\$ )(?:.*?/)?rekindle ([a-z-]+)([^\n#|&]*)", README + guide, re.MULTILINE)

    assert len(shown) > 10
    for name, rest in shown:
        options = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, name
