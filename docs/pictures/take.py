"""Take the pictures of README.md anew, from a demo that is already built.

    REKINDLE_HOME=.rekindle .venv/bin/python docs/pictures/take.py

Works on a copy of the home folder, in which it makes an owner to sign in with; the demo itself stays as it is. Serves
the pages of this checkout on a free port of the loopback and looks at them in the Chromium on the PATH. Needs what
`make test` installs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
EMAIL, PASSWORD = "aoife@northgate.example.org", "a quiet morning swim"  # of the copy, thrown away after
WIDE, PHONE = (1440, 900), (390, 844)


def main() -> None:
    """Copy, serve, look, leave."""
    demo = Path(os.environ.get("REKINDLE_HOME", ".rekindle")).resolve()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "home"
        shutil.copytree(demo, copy)
        site = _serve(copy)
        _look(site)


def _serve(home: Path) -> str:
    """The pages of that home in a thread of this process; gives their address."""
    os.environ["REKINDLE_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "rekindle.settings"
    import django

    django.setup()
    import waitress

    from rekindle.workflows import staff, start

    start.prepare()
    link = staff.owner_link()
    staff.set_up(link, email=EMAIL, name="Aoife Brennan", password=PASSWORD, time_zone="Europe/Dublin")
    from rekindle.wsgi import application

    server = waitress.create_server(application, host="127.0.0.1", port=0, ident=None)
    threading.Thread(target=server.run, daemon=True).start()
    return f"http://127.0.0.1:{server.effective_port}"


def _look(site: str) -> None:
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("There is no Chromium on the PATH; install the package chromium.")
    flags = ["--disable-background-networking", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=flags)
        page = _signed_in(browser, site, size=WIDE, scheme="light")
        page.screenshot(path=HERE / "today.png")
        page.goto(f"{site}/people/?stage=phoenix")
        page.click("main a[href^='/people/'][href$='/']:not([href='/people/'])")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=HERE / "person.png")
        page.goto(f"{site}/nights/")
        page.screenshot(path=HERE / "night.png")
        page = _signed_in(browser, site, size=PHONE, scheme="dark")
        page.screenshot(path=HERE / "today-phone.png")
        browser.close()


def _signed_in(browser: Browser, site: str, *, size: tuple[int, int], scheme: str) -> Page:
    """Today, in a window of that size."""
    width, height = size
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page.goto(f"{site}/accounts/sign-in/")
    page.fill("input[name=login]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{site}/")
    return page


if __name__ == "__main__":
    main()
