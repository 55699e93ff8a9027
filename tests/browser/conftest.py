"""A house that runs and a Chromium that visits it. Skipped, with a message, where there is no Chromium."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

# House, shop and watch lie beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from house import House, Owner
from shop import write_names, write_purchases
from watch import Watch

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
PATIENCE_MS = 15_000  # with one page, on a slow machine


class Visit(Protocol):
    """Opens one window on a house; what the browser complained of in it fails the test when the window closes."""

    def __call__(
        self, house: House, *, signed_in: bool = True, expected: frozenset[int] = frozenset(), **context: Any
    ) -> AbstractContextManager[Page]: ...


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program: the one named by REKINDLE_TEST_CHROMIUM, else one on the PATH."""
    named = os.environ.get("REKINDLE_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on the PATH: install the package chromium, or set REKINDLE_TEST_CHROMIUM")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium a module, gone before the next begins: Playwright's loop and Django's books share no thread."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0  # as root Chromium refuses to put itself in its sandbox
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium, args=[*QUIET, *(["--no-sandbox"] if is_root else [])]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def purchases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """(file, rows) of the shop's till, up to yesterday: a night reads up to now."""
    file = tmp_path_factory.mktemp("shop") / "till.csv"
    return file, write_purchases(file, last=datetime.now(UTC).date() - timedelta(days=1))


@pytest.fixture
def empty_house(chromium: str, tmp_path: Path) -> Iterator[House]:
    """An open house where nobody has been yet."""
    with _open(House(tmp_path / "house")) as house:
        yield house


@pytest.fixture(scope="module")
def lived_in(chromium: str, tmp_path_factory: pytest.TempPathFactory, purchases: tuple[Path, int]) -> Iterator[House]:
    """An open house: purchases (load 1) and names (2) taken in, a night lived, a load (3) waiting as a dry run."""
    house = House(tmp_path_factory.mktemp("lived-in") / "house")
    names = house.folder / "names.csv"
    write_names(names)
    house.run("take-in", str(purchases[0]), "--as", "events", "--kind", "purchase", "--source", "till")
    house.run("take-in", str(names), "--as", "people", "--source", "till")
    house.run("nightly")
    house.run("take-in", str(purchases[0]), "--as", "events", "--kind", "purchase", "--source", "web shop", "--dry-run")
    with _open(house):
        yield house


@contextmanager
def _open(house: House) -> Iterator[House]:
    house.open()
    try:
        yield house
    finally:
        if house.is_open:
            house.close()


@pytest.fixture(scope="module")
def owner() -> Owner:
    """Whom the set-up link makes the owner."""
    return Owner()


@pytest.fixture(scope="module")
def keys(browser: Browser, lived_in: House, owner: Owner) -> StorageState:
    """The cookies of the owner of the house that is lived in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(lived_in.link())
    owner.set_up(page)
    page.wait_for_url(f"{lived_in.url}/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Visit:
    """A window on a house."""

    @contextmanager
    def opened(
        house: House, *, signed_in: bool = True, expected: frozenset[int] = frozenset(), **context: Any
    ) -> Iterator[Page]:
        if signed_in:
            context["storage_state"] = request.getfixturevalue("keys")
        window = browser.new_context(**context)
        watch = Watch(house=house.url, expected=expected)
        watch.over(window)
        window.set_default_timeout(PATIENCE_MS)
        try:
            yield window.new_page()
        finally:
            window.close()
        assert not watch.complaints

    return opened
