"""The plans themselves: installed once, versions that never change, on, off, paused, and who may do it."""

from __future__ import annotations

import pytest
from people_cast import staff
from playbook_cast import WOO

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.act import playbooks
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry, Playbook, PlaybookVersion
from rekindle.workflows.playbooks import books

pytestmark = pytest.mark.django_db


def test_what_comes_with_the_product_is_installed_once_and_is_off(manager: User) -> None:
    packs = len(playbooks.packs())

    assert books.install() == packs
    assert books.install() == 0
    assert {row.state for row in books.listed()} == {"off"}
    assert PlaybookVersion.objects.count() == packs


def test_every_letter_of_what_comes_with_the_product_is_there(manager: User) -> None:
    classes = books.letter_classes()

    assert [plan.code for plan in playbooks.packs() if playbooks.check(plan, classes=classes)] == []


def test_an_own_version_is_never_overwritten(manager: User, plain: object) -> None:
    books.install()
    mine = books.new_version(WOO, by=manager, note="slower")

    assert books.install() == 0
    assert books.playbook("woo").current == mine
    assert (mine.number, mine.note, books.is_as_it_comes(mine)) == (2, "slower", False)


def test_a_newer_pack_takes_the_place_of_an_older_one(manager: User) -> None:
    books.install()
    version = books.playbook("press").current
    assert version is not None
    PlaybookVersion.objects.filter(pk=version.pk).update(body={**version.body, "version": "0"})

    assert books.install() == 1
    assert [change.version.number for change in books.history("press")] == [2, 1]


def test_the_history_tells_what_changed(manager: User, plain: object) -> None:
    books.new_version(WOO, by=manager)
    books.new_version(WOO.replace("wait_days: 30", "wait_days: 40"), by=manager)

    newest, first = books.history("woo")

    assert (
        "-- wait_days: 30" in newest.lines
        or "-  wait_days: 30" in newest.lines
        or any(line.startswith("-") and "wait_days: 30" in line for line in newest.lines)
    )
    assert any(line.startswith("+") and "wait_days: 40" in line for line in newest.lines)
    assert first.lines == ()


def test_the_text_of_a_version_says_the_same_when_it_is_read_again(manager: User) -> None:
    books.install()
    for row in books.listed():
        assert row.current is not None
        assert playbooks.read(books.text(row.current)).body == row.current.body


def test_nothing_changed_is_no_version_and_two_authors_are_told(manager: User, plain: object) -> None:
    first = books.new_version(WOO, by=manager)
    with pytest.raises(Conflict, match="nothing is different"):
        books.new_version(WOO, by=manager)
    books.new_version(WOO.replace("wait_days: 30", "wait_days: 40"), by=manager)
    with pytest.raises(Conflict, match="kept meanwhile"):
        books.new_version(WOO.replace("wait_days: 30", "wait_days: 50"), by=manager, after=first.number)


def test_a_plan_with_a_letter_that_is_not_there_is_no_version(manager: User, plain: object) -> None:
    with pytest.raises(BadInput, match=r"steps\.0\.letter.*there is no letter 'none'"):
        books.new_version(WOO.replace("letter: after_quiet", "letter: none"), by=manager)
    assert not Playbook.objects.exists()


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.ANALYST])
def test_only_owner_and_manager_change_plans(role: Role, manager: User, plain: object) -> None:
    somebody = staff(role)
    books.new_version(WOO, by=manager)
    for deed in (books.turn_on, books.turn_off, books.pause, books.resume):
        with pytest.raises(Refused):
            deed("woo", by=somebody)
    with pytest.raises(Refused):
        books.new_version(WOO.replace("30", "40"), by=somebody)


def test_each_turn_is_written_down_once(manager: User, plain: object) -> None:
    books.new_version(WOO, by=manager)
    for deed in (books.turn_on, books.turn_on, books.pause, books.pause, books.resume, books.turn_off, books.turn_off):
        deed("woo", by=manager)

    verbs = AuditEntry.objects.filter(subject="playbook:woo").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == [
        "playbook.version", "playbook.on", "playbook.paused", "playbook.resumed", "playbook.off",
    ]  # fmt: skip


def test_what_is_off_cannot_be_paused_and_what_is_paused_not_turned_on(manager: User, plain: object) -> None:
    books.new_version(WOO, by=manager)
    for deed in (books.pause, books.resume):
        with pytest.raises(Conflict):
            deed("woo", by=manager)
    books.turn_on("woo", by=manager)
    books.pause("woo", by=manager)
    with pytest.raises(Conflict):
        books.turn_on("woo", by=manager)
    with pytest.raises(NotFound):
        books.turn_on("nothing", by=manager)
