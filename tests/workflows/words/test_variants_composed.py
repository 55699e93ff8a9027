"""Every variant of the packs, written out for a real person of the books whom it is for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from people_cast import NOW, ended, person, staff

from rekindle.act import letters, tone
from rekindle.act.letters import Letter, When
from rekindle.errors import BadInput
from rekindle.journal.models import ContentItem, OwnLetter
from rekindle.relationships.models import (
    Episode,
    Feedback,
    Goal,
    Milestone,
    Promise,
    Referral,
    Relationship,
    StakeholderRole,
)
from rekindle.relationships.vocabulary import Commercial, MilestoneKind, Stage
from rekindle.workflows.compose import compose
from rekindle.workflows.words import own_letters

EACH = [(one, place) for one in letters.letters() for place in range(len(one.variants))]
NAMES = [f"{one.code}-{place + 1}" for one, place in EACH]
ROLE_NEEDED = {"supplies_us": "vendor", "writes_about_us": "journalist"}


def somebody(when: When, *, language: str, kinds: list[str], stage: str, terms: str) -> Relationship:
    """One person of whom everything is known that a letter may name, on a day that is theirs."""
    is_over = when is When.ENDED
    one = person(
        "Cleo Marchetti", email="cleo@example.org", country="GB", language=language, owner=staff(name="Dana Frey"),
        commercial=Commercial.ENDED if is_over else Commercial.LIVE,
        extra={"rekindle_not_before": "2026-03-01T00:00:00+00:00"},
    )  # fmt: skip
    Relationship.objects.filter(pk=one.pk).update(
        life=2 if when is When.RETURNED else 1, terms=terms or "good",
        stage=stage or (Stage.OLD_FRIENDS.value if is_over else Stage.ONGOING.value),
    )  # fmt: skip
    one.refresh_from_db()
    Episode.objects.create(
        relationship=one, number=1, began_on=date(2021, 3, 12), last_seen_on=date(2025, 1, 9), pulses=40
    )
    if is_over:
        ended(one, on=date(2025, 2, 1))
    for kind in kinds:
        StakeholderRole.objects.create(party=one.party, kind=kind)
    Goal.objects.create(relationship=one, text="a half marathon")
    Promise.objects.create(relationship=one, text="the deposit of March", due_on=date(2026, 3, 20))
    Feedback.objects.create(
        relationship=one, kind="open", words="The showers are cold", given_at=datetime(2024, 11, 5, tzinfo=UTC),
        closed_at=datetime(2025, 12, 5, tzinfo=UTC), answer="the boiler is new.",
    )  # fmt: skip
    for day, title, on in (
        (MilestoneKind.BIRTHDAY, "", date(1994, 3, 12)),
        (MilestoneKind.GRADUATION, "your degree", date(2026, 3, 12)),
    ):
        Milestone.objects.create(
            party=one.party, kind=day.value, title=title, on=on, precision="day", may_remember=True
        )
    Referral.objects.create(referrer=one.party, name="Otto Neu")
    ContentItem.objects.create(title="Six stretches", words="Ten minutes a day.", language=language)
    return one


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("one", "place"), EACH, ids=NAMES)
def test_a_variant_is_written_out_for_a_person_it_is_for(one: Letter, place: int, language: str) -> None:
    variant = one.variants[place]
    kinds = sorted(variant.kinds)[:1] or [ROLE_NEEDED[need] for need in one.needs if need in ROLE_NEEDED]
    stage, terms = next(iter(sorted(variant.stages)), ""), next(iter(sorted(variant.terms)), "")
    to = somebody(one.when, language=language, kinds=kinds, stage=stage, terms=terms)
    said = compose(to, one.code, at=NOW)
    assert said.chosen["words"]["because"] == f"variant {place + 1} fits what they are to us"
    assert said.words.text.startswith("Hello Cleo Marchetti," if language == "en" else "Guten Tag Cleo Marchetti,")
    assert "Dana Frey\nOak Street Gym" in said.words.text
    alone = sentences(variant.text[language]) - sentences(one.text[language])
    assert any(part in said.words.text for part in alone)
    assert "{" not in said.words.text + said.words.subject
    found = tone.findings(
        said.words.text, subject=said.words.subject, touch_class=said.touch_class,
        first_after_end=one.when is When.ENDED, signer="Dana Frey", houses={"Oak Street Gym"},
    )  # fmt: skip
    assert not [finding for finding in found if finding.stops]


def sentences(text: str) -> set[str]:
    """The stretches of a wording in which no fact stands."""
    return {part.strip() for part in re.split(r"\{[{%].*?[%}]\}|\n|[.:] ", text) if len(part.strip()) > 12}


@pytest.mark.parametrize("code", ["season_card", "birthday", "congratulations", "thank_you_referral"])
@pytest.mark.parametrize("kind", ["employee", "vendor"])
def test_who_worked_with_us_and_left_is_not_called_a_customer(code: str, kind: str) -> None:
    to = somebody(When.ENDED, language="en", kinds=[kind], stage="", terms="good")
    text = compose(to, code, at=NOW).words.text
    assert ("no longer work" in text) or (code == "birthday" and kind == "vendor")
    assert not tone.findings(
        text, touch_class=letters.letter(code).touch_class, first_after_end=True, houses={"Oak Street Gym"}
    )


def test_a_letter_that_the_house_alone_signs_is_refused_while_it_is_written_and_told_where_it_stands_already() -> None:
    from rekindle.accounts.roles import Role
    from rekindle.workflows.words import desk

    owner = staff(Role.OWNER, name="Olive Owner")
    to = somebody(When.LIVE, language="en", kinds=[], stage="", terms="good")
    body = own_letters.body_of(own_letters.letter_now("thanks"))
    body["text"] = {**body["text"], "de": "Guten Tag {{ name }},\n\ndanke.\n\nIhr Team von {{ house }}\n"}
    with pytest.raises(BadInput, match="no human signs it"):
        own_letters.keep(body, by=owner)
    body["text"]["de"] = "Guten Tag {{ name }},\n\ndanke.\n\nViele Grüße\nMaria Schulz\n"
    own_letters.keep(body, by=owner)
    OwnLetter.objects.create(
        code="still_here", number=1,
        body={**own_letters.body_of(own_letters.letter_now("still_here")), "variants": [],
              "text_message": {"en": "Hello {{ name }}.\n{{ signer }}"},
              "text": {"en": "Hello {{ name }},\n\nwe are here.\n\n{{ house }}\n"}},
    )  # fmt: skip
    rows = {row.letter.code: row for row in desk.covered(language="en")[1]}
    assert rows["still_here"].unsigned == ("en",)
    assert rows["thanks"].unsigned == ()
    with pytest.raises(BadInput, match="no human signs"):
        compose(to, "still_here", at=NOW)
