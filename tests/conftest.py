"""What every test stands on: a home folder of its own, the books on SQLite or PostgreSQL, the real data.

Runs before Django is set up, so that no test ever touches the home of a real business. With
REKINDLE_TEST_BOOKS=postgresql the same tests run on a PostgreSQL started for them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as of_properties

# A busy machine makes any one example slow; what a property takes is no property of the code.
of_properties.register_profile("house", deadline=None)
of_properties.load_profile("house")

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

_IS_MAIN = "PYTEST_XDIST_WORKER" not in os.environ
_home = Path(tempfile.mkdtemp(prefix="rekindle-test-"))
os.environ["REKINDLE_HOME"] = str(_home)
os.environ["DJANGO_SETTINGS_MODULE"] = "rekindle.settings"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads cost small fits more than they give
_server = None
if os.environ.get("REKINDLE_TEST_BOOKS") == "postgresql":
    if _IS_MAIN:
        from postgres import Postgres

        _server = Postgres.start()
        os.environ["REKINDLE_DATABASE_URL"] = _server.url
else:
    os.environ.pop("REKINDLE_DATABASE_URL", None)

import django  # noqa: E402  # only now: settings read the environment above

django.setup()


def pytest_unconfigure() -> None:
    if _server is not None:
        _server.stop()
    shutil.rmtree(_home, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite in a file, as in life: a database in memory knows neither WAL nor a second process."""
    from django.conf import settings

    books = settings.DATABASES["default"]
    if books["ENGINE"].endswith("sqlite3"):
        books.setdefault("TEST", {})["NAME"] = str(_home / "test-books.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def _flush_may_empty_the_audit_trail() -> Iterator[None]:
    """Between tests that commit, the tables are emptied: the triggers that forbid it stand aside for that moment."""
    from django.db import connection

    plain = connection.ops.execute_sql_flush

    def flush(statements: list[str]) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = replica")
                plain(statements)
                cursor.execute("SET session_replication_role = DEFAULT")
                return
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f'DROP TRIGGER "{name}"')
            plain(statements)
            for _, sql in triggers:
                cursor.execute(sql)

    connection.ops.execute_sql_flush = flush
    yield
    connection.ops.execute_sql_flush = plain


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder for one test: history, loads and keys start empty. (The books are rolled back by pytest-django.)"""
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real customer histories; tests that need it are skipped, with a message, where it is absent."""
    folder = Path(os.environ.get("REKINDLE_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not present at {folder}; set REKINDLE_TEST_DATA to the folder that holds it")
    return folder
