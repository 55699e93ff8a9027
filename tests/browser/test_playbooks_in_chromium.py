"""Playbooks as people meet them: one written, looked at, kept, turned on and paused; every page open to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from conftest import Visit
    from house import House, Owner

from watch import faults_of, too_wide

DESK = {"width": 1440, "height": 900}
WIDTHS = (360, 834, 1440)
PAGES = ("/playbooks/", "/playbooks/new/", "/playbooks/my_plan/", "/playbooks/my_plan/turn/?to=off",
         "/playbooks/my_plan/edit/", "/playbooks/my_plan/dry-run/", "/woo/", "/woo/?show=stopped",
         "/calendar/")  # fmt: skip


def faults(page: Page, url: str) -> list[str]:
    """What shuts somebody out of that page, with everything unfolded, and where it is wider than its window."""
    page.goto(url)
    page.evaluate("for (const e of document.querySelectorAll('main details')) e.open = true")
    found = faults_of(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"at {width}: {what}" for what in too_wide(page)]
    page.set_viewport_size(DESK)
    return found


def test_a_playbook_is_written_looked_at_kept_turned_on_and_paused(
    visit: Visit, empty_house: House, owner: Owner
) -> None:
    with visit(empty_house, signed_in=False, viewport=DESK) as page:
        page.goto(empty_house.link())
        owner.set_up(page)
        page.goto(f"{empty_house.url}/playbooks/new/")
        words = page.get_by_label("The plan, as YAML")
        plan = words.input_value()
        words.fill(plan.replace("task: call", "task: shout"))
        page.get_by_role("button", name="Run it dry").click()
        expect(page.get_by_role("alert")).to_contain_text("Line 13")
        expect(words).to_have_value(plan.replace("task: call", "task: shout"))  # nothing that was written is lost
        words.fill(plan)
        page.get_by_role("button", name="Run it dry").click()
        expect(page.get_by_role("heading", name="As it would be drawn")).to_be_visible()
        page.get_by_role("button", name="Keep as a new version").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What it is called off")
        page.get_by_role("link", name="Turn it on…").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Turn it on?")
        page.get_by_role("button", name="Turn it on").click()
        expect(page.get_by_role("status")).to_contain_text("It is on.")
        page.get_by_role("link", name="Pause it…").click()
        page.get_by_role("button", name="Pause it").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What it is called paused")
        page.locator("#in-it").get_by_role("link", name="Finished").click()
        expect(page.locator("#in-it")).to_contain_text("Nobody has come to its end yet.")
        assert page.url.count("state=") == 0  # the list came into the page

        shut_out: dict[str, list[str]] = {}
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shut_out |= {f"{scheme} {path}": faults(page, empty_house.url + path) for path in PAGES}
        assert {path: found for path, found in shut_out.items() if found} == {}
