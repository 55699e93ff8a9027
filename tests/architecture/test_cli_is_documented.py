"""docs/cli.md and the program say the same: commands, arguments, options, defaults and JSON keys."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rekindle.cli.main import app
from rekindle.workflows import check

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group

# Where the keys of each command's JSON document are written down: file and function or method.
KEYS = {
    "explain": [("workflows/outbox/explain.py", "explain")],
    "take-in": [
        ("cli/loads.py", "take_in"),
        ("workflows/take_in.py", "_counted"),
        ("workflows/staging.py", "read_into"),
    ],
    "nightly": [("workflows/nightly.py", "document")],
    "today": [("workflows/today.py", "as_json")],
    "person": [
        ("workflows/person.py", "as_json"),
        ("workflows/person.py", "_episode_json"),
        ("workflows/person.py", "_outlook_json"),
        ("workflows/person.py", "_decision_json"),
        ("workflows/in_words.py", "as_json"),
        ("workflows/after_breakup.py", "as_json"),
    ],
    "why-not": [("workflows/why_not.py", "as_json")],
    "fits": [("cli/reading.py", "fits")],
    "backtest": [("workflows/backtest.py", "_document"), ("understand/drift.py", "to_json")],
    "do": [("workflows/deeds/table.py", "as_json")],
    "export": [("workflows/export.py", "everything")],
}


def section(command: str) -> str:
    found = re.search(rf"^### rekindle {command}$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def keys_of(file: str, function: str) -> set[str]:
    """The string keys of every dict that is written out in the functions of that name."""
    tree = ast.parse((ROOT / "src" / "rekindle" / file).read_text(encoding="utf-8"))
    return {
        key.value
        for body in ast.walk(tree)
        if isinstance(body, ast.FunctionDef) and body.name == function
        for found in ast.walk(body)
        if isinstance(found, ast.Dict)
        for key in found.keys
        if isinstance(key, ast.Constant)
    }


def options_of(command: str) -> set[str]:
    return {
        option
        for parameter in COMMANDS[command].params
        if parameter.param_type_name == "option"
        for option in parameter.opts
    } - {"--help"}


def test_every_command_has_a_section_and_no_other_has() -> None:
    assert set(re.findall(r"^### rekindle (\S+)$", PAGE, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_is_documented_and_no_other_is(command: str) -> None:
    table = set(re.findall(r"^\| `(--[\w-]+)", section(command), re.MULTILINE))

    assert table == options_of(command)
    assert set(re.findall(r"--[a-z][\w-]*", section(command))) <= options_of(command)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_argument_is_in_the_usage_line(command: str) -> None:
    usage = section(command).strip().splitlines()[0]
    arguments = [parameter.metavar for parameter in COMMANDS[command].params if parameter.param_type_name == "argument"]

    assert usage.startswith(f"rekindle {command}")
    assert [name for name in arguments if name not in usage] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_needed_option_is_said_to_be_needed(command: str) -> None:
    needed = {
        parameter.opts[0]
        for parameter in COMMANDS[command].params
        if parameter.required and parameter.param_type_name == "option"
    }

    assert set(re.findall(r"^\| `(--[\w-]+)[^|]*` \| needed", section(command), re.MULTILINE)) == needed


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_default_is_told(command: str) -> None:
    untold = [
        f"{parameter.opts[0]}: {parameter.default}"
        for parameter in COMMANDS[command].params
        if parameter.param_type_name == "option"
        and isinstance(parameter.default, int | str)
        and not isinstance(parameter.default, bool)
        and not re.search(
            rf"^\| `{parameter.opts[0]}\b.*efault `?{parameter.default}\b", section(command), re.MULTILINE
        )
    ]

    assert not untold


@pytest.mark.parametrize("command", sorted(KEYS))
def test_every_json_key_is_documented(command: str) -> None:
    keys = set().union(*(keys_of(*place) for place in KEYS[command]))

    assert keys
    assert not sorted(key for key in keys if f"`{key}`" not in section(command))


def test_every_command_with_json_has_its_keys_looked_up() -> None:
    by_hand = {"undo", "check"}  # undo writes its document in the command; check's is asked for below

    assert {name for name in COMMANDS if "--json" in options_of(name)} == set(KEYS) | by_hand


def test_every_question_of_check_is_documented() -> None:
    source = (ROOT / "src" / "rekindle" / "workflows" / "check.py").read_text(encoding="utf-8")
    questions = {question.__name__.strip("_") for question in check._QUESTIONS}

    assert questions <= set(re.findall(r'Finding\(\s*"(\w+)"', source))
    assert not sorted(name for name in questions if f"`{name}`" not in section("check"))


def test_the_exit_codes_are_documented() -> None:
    assert re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE) == ["0", "1", "2"]
    assert "`--debug`" in PAGE


def test_the_guide_lists_the_fields_of_every_kind_of_load() -> None:
    from rekindle.observe.fields import FIELDS, REQUIRED

    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", guide, re.MULTILINE))
    needed = dict(re.findall(r"^\| `(\w+)` \| (?:`\w+`(?:, )?)+ \| (.+) \|$", guide, re.MULTILINE))

    for kind, fields in FIELDS.items():
        assert re.findall(r"`(\w+)`", told[kind.value]) == [field.name for field in fields]
        assert tuple(re.findall(r"`(\w+)`", needed[kind.value])) == REQUIRED.get(kind, ())
    for name in {field.name for fields in FIELDS.values() for field in fields}:
        assert re.search(rf"^\| `{name}` \| \S", guide, re.MULTILINE), name


def test_the_facts_about_a_file_that_map_takes_are_documented() -> None:
    from rekindle.observe.fields import SETTINGS

    assert not [name for name in SETTINGS if f"`{name}=" not in section("take-in")]
