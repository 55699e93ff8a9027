"""What must not be imported where: Django in the engine, heavy libraries before a command runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "rekindle"
ENGINE = ("observe", "understand", "decide", "simulate")
HEAVY = ("django", "numpy", "pyarrow", "duckdb", "scipy", "ibis", "deltalake")


def loaded_after(code: str) -> set[str]:
    """The top-level packages a fresh interpreter has imported after running the code."""
    report = "import json as _json, sys as _sys; print(_json.dumps(sorted(_sys.modules)), file=_sys.stderr)"
    answer = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
    )
    modules: list[str] = json.loads(answer.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in modules}


def modules_of(folder: str) -> list[str]:
    return sorted(
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in (SOURCE / folder).rglob("*.py")
    )


@pytest.mark.parametrize("folder", ENGINE)
def test_the_engine_never_imports_django(folder: str) -> None:
    modules = modules_of(folder)

    assert len(modules) > 1
    assert "django" not in loaded_after("\n".join(f"import {name}" for name in modules))


def test_the_words_and_the_stages_need_nothing_heavy() -> None:
    loaded = loaded_after("import rekindle.relationships.vocabulary, rekindle.relationships.stages, rekindle.errors")

    assert loaded.isdisjoint(HEAVY)


def test_help_imports_nothing_heavy() -> None:
    begun = time.perf_counter()
    loaded = loaded_after(
        "import sys\nfrom rekindle.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as end:\n    assert not end.code"
    )
    print(f"rekindle --help: {time.perf_counter() - begun:.2f} s in a fresh process")

    assert loaded.isdisjoint(HEAVY)
