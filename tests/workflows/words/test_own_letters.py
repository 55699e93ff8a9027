"""Letters of the house: in versions, in front of the packs', and never selling where nothing is sold."""

from __future__ import annotations

from typing import Any

import pytest
from people_cast import staff

from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import AuditEntry, OwnLetter
from rekindle.workflows.words import own_letters


@pytest.fixture
def owner() -> Any:
    return staff(Role.OWNER, name="Olive Owner")


def changed(**parts: Any) -> dict[str, Any]:
    return own_letters.body_of(own_letters.letter_now("thanks")) | parts


def test_an_own_version_stands_in_front_and_the_pack_behind_it(owner: Any) -> None:
    first = own_letters.keep(changed(subject={"en": "A word of thanks"}), by=owner)
    assert own_letters.letter_now("thanks").subject["en"] == "A word of thanks"
    assert own_letters.letter_now("thanks").version == "4"  # the pack's is 3
    again = own_letters.keep(changed(), by=owner)
    assert again.pk == first.pk
    own_letters.keep(changed(subject={"en": "Thanks!"}), by=owner)
    assert own_letters.letter_now("thanks").version == "5"
    assert own_letters.withdraw("thanks", by=owner) == 2
    assert own_letters.letter_now("thanks").subject["en"] == "Thank you"
    assert AuditEntry.objects.filter(verb__startswith="letter.").count() == 3
    with pytest.raises(NotFound):
        own_letters.withdraw("thanks", by=owner)


def test_a_letter_of_a_new_name_is_a_letter_like_the_others(owner: Any) -> None:
    own_letters.keep(changed(letter="spring_greeting"), by=owner)
    assert "spring_greeting" in {one.code for one in own_letters.letters_now()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Hello {{ nmae }}", "no fact called 'nmae'"),
        ("{% for x in name %}{% endfor %}", "no place to be filled"),
        ("Order now, 20 % off", "sells"),
        ("We are award-winning", "sells"),
    ],
)
def test_what_cannot_be_said_is_refused_when_it_is_written(owner: Any, words: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        own_letters.keep(changed(text={"en": words}), by=owner)
    assert said in str(refused.value).lower()
    assert not OwnLetter.objects.exists()


def test_an_offer_may_sell(owner: Any) -> None:
    own_letters.keep(changed(**{"class": "promotional"}, text={"en": "20 % off for {{ name }}"}), by=owner)


def test_who_may_not_change_settings_writes_no_letter_of_the_house() -> None:
    with pytest.raises(Refused):
        own_letters.keep(changed(), by=staff(Role.AGENT))
