"""The pages as people meet them: a new owner's first hour, the same without scripts, and every page for everyone.

All in one file, so that they share one Chromium and one house that is lived in.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, StorageState, expect

if TYPE_CHECKING:
    from conftest import Visit
    from house import House, Owner

from shop import BAD_ROWS, PEOPLE
from watch import faults_of, too_wide

PHONE = {"width": 390, "height": 844}
SMALLEST = {"width": 360, "height": 640}
DESK = {"width": 1440, "height": 900}
WIDTHS = (360, 390, 700, 834, 1024, 1440)
NIGHT_IS_OVER = re.compile(r"^The night of ")


def rooms(page: Page, house: House) -> list[str]:
    """Every kind of page of a house that is lived in, as paths: with somebody at risk and somebody who is gone."""
    page.goto(f"{house.url}/people/?stage=at_risk")
    at_risk = page.locator("table.people th a").first.get_attribute("href")
    page.goto(f"{house.url}/people/?stage=presumed_breakup")
    gone = page.locator("table.people th a").first.get_attribute("href")
    assert at_risk is not None
    assert gone is not None
    return [
        "/", "/?whose=all", "/people/", "/people/?q=zzzz", at_risk, gone, f"{gone}why-not/", f"{at_risk}story/",
        "/take-in/", "/take-in/1/", "/take-in/1/undo/", "/take-in/3/", "/nights/", "/nights/1/", "/why/",
        "/trust-the-numbers/", "/playbooks/", "/playbooks/new/", "/woo/", "/calendar/", "/milestones/", "/paper/",
        "/content/", "/content/letters/", "/referrals/", "/inbound/", "/who-spoke/", "/coverage/", "/say-and-do/",
        "/settings/mailbox/", "/settings/webhooks-out/", "/settings/",
        "/settings/staff/", "/settings/me/", "/accounts/password/", "/accounts/second-factor/",
    ]  # fmt: skip


def wide_at(page: Page, url: str) -> list[str]:
    """At which of the widths that page reaches out of its window, and with what."""
    page.goto(url)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"at {width}: {what}" for what in too_wide(page)]
    return found


def take_till_in(page: Page, house: House, file: Path) -> None:
    """Choose the file, look at the columns, read them as a dry run, take it in: the wizard from end to end."""
    page.goto(f"{house.url}/take-in/")
    page.get_by_label("The files").set_input_files(file)
    page.get_by_label("Where are they from?").fill("till")
    page.get_by_role("button", name="Look at the files").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this what the columns hold?")
    page.get_by_label("What happened, where no column says it").fill("purchase")
    page.get_by_role("button", name="Read them, as a dry run").click()
    settle(page, "This is what would be taken in")
    page.get_by_role("button", name="Take it in").click()
    settle(page, "It is taken in")


def settle(page: Page, title: str | re.Pattern[str]) -> None:
    """Wait until the page itself says, in its title line, that the work has ended."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title, timeout=60_000)


def test_a_new_owner_gets_from_the_link_to_the_first_answered_person_and_back(
    visit: Visit, empty_house: House, owner: Owner, purchases: tuple[Path, int]
) -> None:
    file, rows = purchases
    with visit(empty_house, signed_in=False, viewport=DESK, expected=frozenset({410})) as page:
        page.goto(empty_house.link())
        owner.set_up(page)
        expect(page.get_by_role("status")).to_contain_text(f"Welcome, {owner.name}.")
        expect(page.get_by_role("region", name="First steps").get_by_role("listitem")).to_have_count(3)
        page.goto(empty_house.link())
        expect(page.get_by_role("heading", level=1)).to_have_text("This link no longer works")

        page.goto(empty_house.url)
        page.get_by_role("link", name="Take your history in").click()
        page.get_by_label("The files").set_input_files(file)
        page.get_by_role("button", name="Look at the files").click()
        day = page.get_by_role("row", name="bought_at")
        expect(day.get_by_role("combobox")).to_have_value("occurred_at")
        expect(day.locator("code").first).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:00$"))
        expect(day.locator(".help")).not_to_be_empty()
        page.get_by_label("What happened, where no column says it").fill("purchase")
        page.get_by_role("button", name="Read them, as a dry run").click()
        settle(page, "This is what would be taken in")
        expect(page.locator("main")).to_contain_text(f"{rows:,} = {rows - BAD_ROWS:,} + 0 + {BAD_ROWS}")
        expect(page.get_by_role("link", name="Save the refused rows")).to_be_visible()
        page.goto(f"{empty_house.url}/people/")
        expect(page.get_by_role("heading", name="Nobody here yet")).to_be_visible()  # a dry run keeps nothing
        page.go_back()
        page.get_by_role("button", name="Take it in").click()
        settle(page, "It is taken in")
        load = page.url

        page.get_by_role("button", name="Start the night").click()
        settle(page, NIGHT_IS_OVER)
        expect(page.locator("main .lede")).to_contain_text(f"{PEOPLE} people were read")
        page.get_by_role("navigation", name="Desks").get_by_role("link", name="Today").click()
        card = page.locator("article.task").first
        expect(card.locator(".facts li").first).to_have_text(re.compile(r"\d.*\.$"))
        expect(card.locator(".say")).to_have_text(re.compile("^“.+”$"))

        task = card.get_attribute("id")
        who = card.get_by_role("heading").get_by_role("link").inner_text()
        card.get_by_role("button", name="Done").click()
        expect(page.locator(f"#{task}")).to_contain_text("done.")
        page.locator(f"#{task}").get_by_role("button", name="Undo").click()
        expect(page.locator(f"#{task}").get_by_role("link", name=who)).to_be_visible()

        page.goto(load)
        page.get_by_role("link", name="Take it back…").click()
        page.get_by_role("button", name="Take it back").click()
        settle(page, "This load was taken back")
        page.goto(f"{empty_house.url}/people/")
        expect(page.get_by_role("link", name=who)).to_have_count(0)
    assert empty_house.close() == 0


def test_a_person_page_shows_lives_outlook_signs_story_and_answers_why_not(
    visit: Visit, lived_in: House, keys: StorageState
) -> None:
    with visit(lived_in, viewport=DESK) as page:
        page.goto(f"{lived_in.url}/people/?stage=at_risk")
        page.locator("table.people th a").first.click()
        expect(page.locator("svg.ribbon rect.piece").first).to_be_visible()
        expect(page.locator("svg.ribbon title").first).not_to_be_empty()
        believed = page.locator("section.card", has=page.get_by_role("heading", name="What we believe"))
        expect(believed.locator("dd").first).to_have_text(re.compile(r"\d+ ?%.*\d+ ?% – \d+ ?%"))
        expect(
            page.locator("section.card", has=page.get_by_role("heading", name="Signs")).locator("li")
        ).not_to_have_count(0)
        expect(page.locator("#story li").first).to_be_visible()
        page.locator("#story").get_by_role("link", name="money").click()
        expect(page.locator("#story [aria-current=true]")).to_have_text("money")
        page.get_by_text("Why not? Ask about one touch").click()
        page.get_by_label("What for").select_option("promotional")
        page.get_by_role("button", name="Ask the rules").click()
        expect(page.locator("#why-not-answer .notice")).to_contain_text("No.")
        assert page.url.count("why-not") == 0  # the answer came into the page


def test_without_scripts_one_signs_in_takes_in_takes_back_and_answers(
    visit: Visit, lived_in: House, keys: StorageState, owner: Owner, tmp_path: Path
) -> None:
    more = tmp_path / "market-stall.csv"
    more.write_text("customer,bought_at,total,currency\nM1,2026-03-01,12.50,EUR\nM2,2026-03-02,8.00,EUR\n")
    with visit(lived_in, signed_in=False, java_script_enabled=False, viewport=PHONE) as page:
        page.goto(f"{lived_in.url}/people/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Good to see you")
        owner.sign_in(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("People")
        take_till_in(page, lived_in, more)
        page.get_by_role("link", name="Take it back…").click()
        page.get_by_role("button", name="Take it back").click()
        settle(page, "This load was taken back")

        page.goto(f"{lived_in.url}/?whose=all")
        task = page.locator("article.task").first
        who = task.get_by_role("heading").get_by_role("link").inner_text()
        task.get_by_role("button", name="Done").click()
        expect(page.get_by_role("status")).to_contain_text(f"{who}: done.")
        page.get_by_role("button", name=f"Undo {who}").click()
        expect(page.get_by_role("status")).to_contain_text(f"{who} is open again.")
        page.locator("article.task").get_by_role("heading").get_by_role("link", name=who).first.click()
        page.get_by_text("Why not? Ask about one touch").click()
        page.get_by_role("button", name="Ask the rules").click()
        expect(page.locator("#why-not-answer .notice")).not_to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_complains_calls_out_or_shuts_anybody_out(
    visit: Visit, lived_in: House, keys: StorageState, scheme: str
) -> None:
    faults: dict[str, list[str]] = {}
    with visit(lived_in, viewport=DESK, color_scheme=scheme) as page:
        for path in rooms(page, lived_in):
            page.goto(lived_in.url + path)
            page.evaluate("for (const e of document.querySelectorAll('main details')) e.open = true")
            faults[path] = faults_of(page)
    assert {path: found for path, found in faults.items() if found} == {}


def test_no_page_is_wider_than_its_window(visit: Visit, lived_in: House, keys: StorageState) -> None:
    with visit(lived_in, viewport=DESK) as page:
        wide = {path: wide_at(page, lived_in.url + path) for path in rooms(page, lived_in)}
    assert {path: found for path, found in wide.items() if found} == {}


def test_the_columns_of_a_load_fit_every_window(
    visit: Visit, lived_in: House, keys: StorageState, tmp_path: Path
) -> None:
    stall = tmp_path / "a market stall with a long name, every Saturday.csv"
    stall.write_text(
        "customer,bought_at,total,currency\nM1,2026-03-01 13:00:00,12.50,EUR\nM2,2026-03-02 08:10:00,8.00,EUR\n"
    )
    with visit(lived_in, viewport=DESK) as page:
        page.goto(f"{lived_in.url}/take-in/")
        page.get_by_label("The files").set_input_files(stall)
        page.get_by_role("button", name="Look at the files").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Is this what the columns hold?")
        assert faults_of(page) == []
        assert wide_at(page, page.url) == []


@pytest.mark.parametrize("path", ["/accounts/sign-in/", "/lost-password/", "/set-up/nothing/", "/nowhere/"])
def test_the_doors_are_open_to_everyone(visit: Visit, lived_in: House, path: str) -> None:
    with visit(lived_in, signed_in=False, viewport=SMALLEST, expected=frozenset({404, 410})) as page:
        page.goto(lived_in.url + path)
        assert faults_of(page) == []
        assert too_wide(page) == []


def test_the_keyboard_alone_finds_a_person_and_answers(visit: Visit, lived_in: House, keys: StorageState) -> None:
    with visit(lived_in, viewport=DESK) as page:
        page.goto(f"{lived_in.url}/?whose=all")
        who = page.locator("article.task").first.get_by_role("heading").get_by_role("link").inner_text()
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to the page")
        page.keyboard.press("Enter")
        seen = [focus_of(page) for _ in range(12)]
        assert any(words.startswith("Done") for words, _ in seen)
        assert [words for words, ring in seen if not ring] == []  # whoever has the focus shows it

        page.keyboard.press("/")
        expect(page.get_by_label("Find anyone")).to_be_focused()
        page.keyboard.type(who.split()[0])
        page.keyboard.press("Enter")
        expect(page.locator("table.people").get_by_role("link", name=who).first).to_be_visible()
        page.keyboard.press("Control+k")
        expect(page.get_by_label("Find anyone")).to_be_focused()


def focus_of(page: Page) -> tuple[str, bool]:
    """Press Tab; (words of what has the focus now, whether a ring or line shows it)."""
    page.keyboard.press("Tab")
    found: list[object] = page.evaluate(
        """() => { const e = document.activeElement, s = getComputedStyle(e);
          return [(e.textContent || e.getAttribute("aria-label") || e.name || e.tagName).trim(),
                  (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== "none"]; }"""
    )
    return str(found[0]), bool(found[1])


def test_todays_list_prints_the_people_and_leaves_the_buttons_out(
    visit: Visit, lived_in: House, keys: StorageState
) -> None:
    with visit(lived_in, viewport=DESK) as page:
        page.goto(f"{lived_in.url}/?whose=all")
        page.emulate_media(media="print")
        expect(page.locator("article.task").get_by_role("heading").first).to_be_visible()
        expect(page.locator("header.bar")).to_be_hidden()
        expect(page.locator("article.task").first.get_by_role("button", name="Done")).to_be_hidden()


def test_today_the_list_and_the_person_say_the_same_is_at_stake(
    visit: Visit, lived_in: House, keys: StorageState
) -> None:
    with visit(lived_in, viewport=DESK) as page:
        page.goto(f"{lived_in.url}/?whose=all")
        card = page.locator("article.task").first
        amount = card.locator(".stake summary").inner_text().removesuffix(" at stake")
        assert re.search(r"\d", amount), amount
        card.get_by_role("heading").get_by_role("link").click()
        believed = page.locator("section.card", has=page.get_by_role("heading", name="What we believe"))
        expect(believed.locator("dt:text-is('at stake') + dd")).to_have_text(amount)
        who, place = page.get_by_role("heading", level=1).inner_text(), urlsplit(page.url).path
        page.goto(f"{lived_in.url}/people/?q={quote(who)}")  # several may be called so: the address tells them apart
        row = page.locator("table.people tr", has=page.locator(f'a[href="{place}"]'))
        expect(row.locator("td").last).to_have_text(amount)
